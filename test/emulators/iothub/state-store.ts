/**
 * What the hub must not forget: named collections of JSON values. With a directory every change is a line of a journal
 * that is written before the change is answered, so that a killed emulator finds its devices again; without one the
 * collections live in memory alone.
 */
import { closeSync, existsSync, mkdirSync, openSync, readFileSync, renameSync, writeSync } from 'node:fs';
import { join } from 'node:path';

export class Collection<T> {
  readonly #values = new Map<string, T>();
  readonly #changed: (key: string, value: T | undefined) => void;

  constructor(changed: (key: string, value: T | undefined) => void) {
    this.#changed = changed;
  }

  get size(): number {
    return this.#values.size;
  }
  get(key: string): T | undefined {
    return this.#values.get(key);
  }
  has(key: string): boolean {
    return this.#values.has(key);
  }
  keys(): Iterable<string> {
    return this.#values.keys();
  }
  values(): Iterable<T> {
    return this.#values.values();
  }
  entries(): Iterable<[string, T]> {
    return this.#values.entries();
  }
  set(key: string, value: T): void {
    this.#values.set(key, value);
    this.#changed(key, value);
  }
  delete(key: string): boolean {
    const existed = this.#values.delete(key);
    if (existed) this.#changed(key, undefined);
    return existed;
  }
  /** Puts a value read from the journal without writing it again. */
  restore(key: string, value: T | undefined): void {
    if (value === undefined) this.#values.delete(key);
    else this.#values.set(key, value);
  }
}

/** collection, key, value; a line without value deletes the key. */
type Line = [collection: string, key: string, value?: unknown];

export class StateStore {
  readonly #directory: string | undefined;
  readonly #collections = new Map<string, Collection<unknown>>();
  #file: number | undefined;
  #lines = 0;

  constructor(directory?: string) {
    this.#directory = directory;
  }

  /** The same collection for the same name; its values are there once start() has returned. */
  collection<T>(name: string): Collection<T> {
    let collection = this.#collections.get(name);
    if (!collection) {
      collection = new Collection<unknown>((key, value) => this.#write(name, key, value));
      this.#collections.set(name, collection);
    }
    return collection as Collection<T>;
  }

  start(): void {
    if (!this.#directory || this.#file !== undefined) return;
    mkdirSync(this.#directory, { recursive: true });
    const path = this.#path();
    if (existsSync(path)) this.#read(path);
    this.#compact();
  }

  stop(): void {
    if (this.#file === undefined) return;
    closeSync(this.#file);
    this.#file = undefined;
  }

  #path(): string {
    return join(this.#directory ?? '', 'state.jsonl');
  }

  #read(path: string): void {
    for (const text of readFileSync(path, 'utf8').split('\n')) {
      if (text === '') continue;
      let line: Line;
      try {
        line = JSON.parse(text) as Line;
      } catch {
        // Only the last line can be torn, by a kill in the middle of the write; its change was never answered.
        continue;
      }
      this.collection(line[0]).restore(line[1], line[2]);
    }
  }

  #write(name: string, key: string, value: unknown): void {
    if (this.#file === undefined) return;
    const line: Line = value === undefined ? [name, key] : [name, key, value];
    writeSync(this.#file, `${JSON.stringify(line)}\n`);
    this.#lines += 1;
    if (this.#lines > 2000 + 4 * this.#size()) this.#compact();
  }

  #size(): number {
    let size = 0;
    for (const collection of this.#collections.values()) size += collection.size;
    return size;
  }

  /** Writes the living values into a new file and takes it as the journal. */
  #compact(): void {
    const path = this.#path();
    const next = openSync(`${path}.next`, 'w');
    this.#lines = 0;
    for (const [name, collection] of this.#collections) {
      for (const [key, value] of collection.entries()) {
        writeSync(next, `${JSON.stringify([name, key, value] satisfies Line)}\n`);
        this.#lines += 1;
      }
    }
    renameSync(`${path}.next`, path);
    if (this.#file !== undefined) closeSync(this.#file);
    this.#file = next;
  }
}
