import { randomBytes } from 'node:crypto';
import { mkdir, readdir, readFile, rm } from 'node:fs/promises';
import path from 'node:path';
import { isDirectory, isMissing, replaceFile, setAside } from './files.ts';

/** Records that survive the process: those of this sidecar on its disk, or those of a group in the storage account. */
export interface RecordStore<T extends { readonly id: string }> {
  /** The readable records, sorted by id, and the names of damaged ones, which are passed over. */
  load(): Promise<{ records: T[]; unreadable: string[] }>;
  /** The record as it is now; undefined when there is none. */
  read(id: string): Promise<T | undefined>;
  /** Stores a new record. One that exists stays as it is. */
  create(record: T): Promise<void>;
  /** Creates or replaces a record. Only who leads may do that. */
  write(record: T): Promise<void>;
  remove(id: string): Promise<void>;
}

/** Texts of many lines, each of which belongs to a record. */
export interface LineStore {
  append(id: string, lines: readonly string[]): Promise<void>;
  /** Leaves the first lines, and none of which a crash has cut. */
  cut(id: string, lines: number): Promise<void>;
  /** Lines from a number on, the first being 0. */
  read(id: string, from: number, limit: number): Promise<string[]>;
  /** What it takes of the disk of this sidecar. */
  diskBytes(id: string): Promise<number>;
  remove(id: string): Promise<void>;
}

/** Records on disk, one file `<id>.json` each, replaced atomically and durably. Throws the errors of the operating system. */
export class Records<T extends { readonly id: string }> implements RecordStore<T> {
  readonly directory: string;
  readonly #isRecord: (value: T | null) => boolean;
  #made = false;

  /** `isRecord` checks the JSON value of a file. Ids must be safe in a file name. */
  constructor(directory: string, isRecord: (value: T | null) => boolean) {
    this.directory = directory;
    this.#isRecord = isRecord;
  }

  /** Damaged files are set aside, under the names that it gives. */
  async load(): Promise<{ records: T[]; unreadable: string[] }> {
    const records: T[] = [];
    const unreadable: string[] = [];
    for (const name of (await this.#names()).sort()) {
      const file = path.join(this.directory, name);
      const text = await readFile(file, 'utf8').catch((thrown: unknown) => {
        if (isDirectory(thrown)) return '';
        throw thrown;
      });
      const record = this.#parse(text);
      if (record && name === `${record.id}.json`) records.push(record);
      else unreadable.push(path.basename(await setAside(file)));
    }
    return { records, unreadable };
  }

  async read(id: string): Promise<T | undefined> {
    try {
      return this.#parse(await readFile(this.#file(id), 'utf8'));
    } catch (error) {
      if (isMissing(error)) return undefined;
      throw error;
    }
  }

  async create(record: T): Promise<void> {
    await this.write(record);
  }

  async write(record: T): Promise<void> {
    await this.#make();
    await replaceFile(this.#file(record.id), `${JSON.stringify(record)}\n`);
  }

  async remove(id: string): Promise<void> {
    await rm(this.#file(id), { force: true });
  }

  async #make(): Promise<void> {
    if (this.#made) return;
    await mkdir(this.directory, { recursive: true, mode: 0o700 });
    this.#made = true;
  }

  async #names(): Promise<string[]> {
    try {
      return (await readdir(this.directory)).filter((name) => name.endsWith('.json'));
    } catch (error) {
      if (isMissing(error)) return [];
      throw error;
    }
  }

  #parse(text: string): T | undefined {
    try {
      const record = JSON.parse(text) as T | null;
      return this.#isRecord(record) ? (record ?? undefined) : undefined;
    } catch {
      return undefined;
    }
  }

  #file(id: string): string {
    return path.join(this.directory, `${id}.json`);
  }
}

/** Whether all of them are texts, for the check of a record. */
export function areTexts(...values: readonly unknown[]): boolean {
  return values.every((value) => typeof value === 'string');
}

/** `<time to the millisecond>-<random>`: sorts by time, and is safe in a path, a file name and a message id. */
export function newId(timeMs: number): string {
  const time = new Date(timeMs).toISOString().replaceAll(/[^0-9]/g, '');
  return `${time}-${randomBytes(4).toString('hex')}`;
}
