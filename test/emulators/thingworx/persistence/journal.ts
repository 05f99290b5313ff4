import { createReadStream, createWriteStream, type WriteStream } from 'node:fs';
import { mkdir, open, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import type { Extensions } from '../import/extensions.ts';
import type { Collection, Entity, Vtq } from '../model/entity.ts';
import { PasswordCipher } from '../password-cipher.ts';
import type { Journal, Platform } from '../platform.ts';
import type { PlatformValue } from '../values.ts';
import { StateCodec } from './codec.ts';

interface ValueRecord {
  thing: string;
  property: string;
  stream?: string;
  value: unknown;
  timeMs: number;
  quality: string;
}

/** Lines of the journal. */
type JournalRecord =
  | { put: unknown; tables?: unknown }
  | { remove: [Collection, string] }
  | { value: ValueRecord }
  | { history: ValueRecord }
  | { extension: string; bytes: string }
  | { extensionRemoved: string }
  | { collections: unknown };

/** Journal size at which it is written anew from what is in memory. */
const compactAtBytes = 256 * 1024 * 1024;

/** Reads or creates the key that encrypts the passwords in a data directory. */
export async function readCipher(directory: string): Promise<PasswordCipher> {
  await mkdir(directory, { recursive: true });
  const file = join(directory, 'key');
  try {
    return new PasswordCipher(new Uint8Array(await readFile(file)));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') {
      throw error;
    }
    const cipher = new PasswordCipher();
    await writeFile(file, cipher.key, { mode: 0o600 });
    return cipher;
  }
}

/**
 * Keeps the state on disk: a file of JSON lines that is read at the start, written anew then, and appended to. What is not
 * persistent on the platform is not in it. The last lines may be missing after a crash of the process.
 */
export class FileJournal implements Journal {
  private readonly file: string;
  private readonly platform: Platform;
  private readonly extensions: Extensions;
  private readonly codec: StateCodec;
  private output: WriteStream | undefined;
  private lines: string[] = [];
  private scheduled = false;
  private readonly dirty = new Set<Entity>();
  private size = 0;
  private compacting: Promise<void> | undefined;

  constructor(directory: string, platform: Platform, extensions: Extensions) {
    this.file = join(directory, 'journal.jsonl');
    this.platform = platform;
    this.extensions = extensions;
    this.codec = new StateCodec(platform.cipher);
  }

  /** Brings the state back, then begins to record. */
  async start(): Promise<void> {
    await this.replay();
    await this.compact();
    this.platform.journal = this;
    this.platform.store.onChange((entity, change) => {
      if (change === 'remove') {
        this.dirty.delete(entity);
        this.write({ remove: [entity.collection, entity.name] });
      } else {
        this.dirty.add(entity);
        this.schedule();
      }
    });
  }

  private async replay(): Promise<void> {
    const packages = new Map<string, Buffer>();
    let input: Awaited<ReturnType<typeof open>>;
    try {
      input = await open(this.file);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') {
        return;
      }
      throw error;
    }
    await input.close();
    for await (const line of createInterface({
      input: createReadStream(this.file),
      crlfDelay: Number.POSITIVE_INFINITY,
    })) {
      let record: JournalRecord;
      try {
        record = JSON.parse(line) as JournalRecord;
      } catch {
        // The line that was being written when the process ended.
        continue;
      }
      this.apply(record, packages);
    }
    for (const bytes of packages.values()) {
      await this.extensions.restore(bytes);
    }
  }

  private apply(record: JournalRecord, packages: Map<string, Buffer>): void {
    const { platform } = this;
    if ('put' in record) {
      platform.store.put(this.codec.decode(record.put) as Entity);
    } else if ('remove' in record) {
      platform.store.remove(...record.remove);
      if (record.remove[0] === 'Things') {
        platform.history.dropThing(record.remove[1]);
        platform.history.dropStream(record.remove[1]);
      }
    } else if ('value' in record) {
      platform.properties.restore(record.value.thing, record.value.property, this.entry(record.value));
    } else if ('history' in record) {
      const { stream = '', thing, property } = record.history;
      platform.history.append(stream, thing, property, this.entry(record.history));
    } else if ('extension' in record) {
      packages.set(record.extension, Buffer.from(record.bytes, 'base64'));
    } else if ('extensionRemoved' in record) {
      packages.delete(record.extensionRemoved);
    } else {
      platform.permissions.restoreCollections(this.codec.decode(record.collections));
    }
  }

  private entry(record: ValueRecord): Vtq {
    return {
      value: this.codec.decode(record.value) as PlatformValue,
      timeMs: record.timeMs,
      quality: record.quality,
    };
  }

  private record(thing: string, property: string, entry: Vtq, stream?: string): ValueRecord {
    return {
      thing,
      property,
      ...(stream === undefined ? {} : { stream }),
      value: this.codec.encode(entry.value),
      timeMs: entry.timeMs,
      quality: entry.quality,
    };
  }

  private putRecord(entity: Entity): JournalRecord {
    const originals = this.platform.volatileTables.get(entity.name);
    if (entity.collection !== 'Things' || originals === undefined) {
      return { put: this.codec.encode(entity) };
    }
    const tables = new Map(entity.tables);
    for (const [name, table] of originals) {
      if (table === undefined) {
        tables.delete(name);
      } else {
        tables.set(name, table);
      }
    }
    return { put: this.codec.encode({ ...entity, tables }) };
  }

  private *everything(): Generator<JournalRecord> {
    const { platform } = this;
    for (const entity of platform.store.everything()) {
      yield this.putRecord(entity);
    }
    for (const [name, one] of this.extensions.installed) {
      yield { extension: name, bytes: one.bytes.toString('base64') };
    }
    yield { collections: this.codec.encode(platform.permissions.collectionRights()) };
    for (const { thing, property, entry } of platform.properties.persistent()) {
      yield { value: this.record(thing, property, entry) };
    }
    for (const { stream, thing, property, entry } of platform.history.all()) {
      yield { history: this.record(thing, property, entry, stream) };
    }
  }

  /** Writes the journal anew from memory and replaces the old one in one step. */
  private async compact(): Promise<void> {
    await this.closeOutput();
    this.lines = [];
    this.dirty.clear();
    const fresh = `${this.file}.new`;
    await rm(fresh, { force: true });
    const output = createWriteStream(fresh, { mode: 0o600 });
    this.size = 0;
    for (const record of this.everything()) {
      const line = `${JSON.stringify(record)}\n`;
      this.size += line.length;
      if (!output.write(line)) {
        await new Promise<void>((resolve) => output.once('drain', () => resolve()));
      }
    }
    await new Promise<void>((resolve, reject) => {
      output.once('error', reject);
      output.end(resolve);
    });
    await rename(fresh, this.file);
    this.output = createWriteStream(this.file, { flags: 'a', mode: 0o600 });
    this.output.on('error', (error) => this.report(error));
  }

  private report(error: unknown): void {
    this.platform.logs.write('ErrorLog', {
      level: 'ERROR',
      content: `The journal cannot be written: ${error instanceof Error ? error.message : error}`,
      origin: 'c.t.p.Journal',
    });
  }

  private write(record: JournalRecord): void {
    this.lines.push(JSON.stringify(record));
    this.schedule();
  }

  private schedule(): void {
    if (!this.scheduled) {
      this.scheduled = true;
      setImmediate(() => this.flush());
    }
  }

  private flush(): void {
    this.scheduled = false;
    if (this.compacting !== undefined) {
      return;
    }
    for (const entity of this.dirty) {
      this.lines.push(JSON.stringify(this.putRecord(entity)));
    }
    this.dirty.clear();
    if (this.lines.length === 0) {
      return;
    }
    const text = `${this.lines.join('\n')}\n`;
    this.lines = [];
    this.size += text.length;
    this.output?.write(text);
    if (this.size > compactAtBytes) {
      this.requestCompaction();
    }
  }

  /** While the journal is written anew, changes wait in memory: the new one contains those up to now. */
  private requestCompaction(): void {
    this.compacting ??= this.compact()
      .catch((error: unknown) => this.report(error))
      .finally(() => {
        this.compacting = undefined;
        this.flush();
      });
  }

  value(thing: string, property: string, entry: Vtq): void {
    this.write({ value: this.record(thing, property, entry) });
  }

  history(stream: string, thing: string, property: string, entry: Vtq): void {
    this.write({ history: this.record(thing, property, entry, stream) });
  }

  extension(name: string, bytes: Buffer): void {
    this.write({ extension: name, bytes: bytes.toString('base64') });
  }

  extensionRemoved(name: string): void {
    this.write({ extensionRemoved: name });
  }

  collections(): void {
    this.write({ collections: this.codec.encode(this.platform.permissions.collectionRights()) });
  }

  purged(): void {
    this.requestCompaction();
  }

  private async closeOutput(): Promise<void> {
    const output = this.output;
    this.output = undefined;
    if (output !== undefined) {
      await new Promise<void>((resolve) => output.end(() => resolve()));
    }
  }

  async stop(): Promise<void> {
    await this.compacting;
    this.flush();
    await this.closeOutput();
  }
}
