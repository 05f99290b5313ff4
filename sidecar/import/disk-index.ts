import { createReadStream } from 'node:fs';
import { type FileHandle, mkdir, open } from 'node:fs/promises';
import path from 'node:path';
import { createInterface } from 'node:readline';

/** An entry as it was added, with its number: the first has 0. */
export interface Indexed<T> {
  readonly number: number;
  readonly value: T;
}

const FLUSH_BYTES = 256 * 1024;
const FIRST_SLOTS = 1 << 12;

/**
 * Entries by key, in a file: an import of a million devices must not keep what it knows of each in memory. The memory has a hash and a
 * place in the file, some 25 bytes per entry. A key may have several entries. The file only grows, so that `bytes` is a position to which
 * it can be cut back after a crash.
 */
export class DiskIndex<T> {
  readonly #file: string;
  readonly #keyOf: (value: T) => string;
  #handle: FileHandle | undefined;
  /** Where each entry ends in the file, by number. */
  #ends = new Uint32Array(FIRST_SLOTS);
  /** Open addressing: number + 1 of an entry, 0 for a free slot. */
  #slots = new Uint32Array(FIRST_SLOTS * 2);
  #hashes = new Uint32Array(FIRST_SLOTS);
  #size = 0;
  #bytes = 0;
  #pending: string[] = [];
  #pendingBytes = 0;

  constructor(file: string, keyOf: (value: T) => string) {
    this.#file = file;
    this.#keyOf = keyOf;
  }

  get size(): number {
    return this.#size;
  }

  /** The length of the file with everything that was added. */
  get bytes(): number {
    return this.#bytes;
  }

  /** Opens the file with its first bytes; the rest is cut off. Gives false when it has fewer or is damaged: it is then empty. */
  async start(bytes = 0): Promise<boolean> {
    await mkdir(path.dirname(this.#file), { recursive: true, mode: 0o700 });
    this.#handle = await open(this.#file, 'a+', 0o600);
    if ((await this.#handle.stat()).size >= bytes) {
      await this.#handle.truncate(bytes);
      try {
        for await (const { text, value } of this.#lines()) this.#note(value, Buffer.byteLength(text) + 1);
        return true;
      } catch (thrown) {
        if (!(thrown instanceof SyntaxError)) throw thrown;
      }
    }
    await this.#handle.truncate(0);
    this.#slots.fill(0);
    this.#size = 0;
    this.#bytes = 0;
    return false;
  }

  /** Idempotent. */
  async stop(): Promise<void> {
    const handle = this.#handle;
    this.#handle = undefined;
    await handle?.close();
  }

  async add(value: T): Promise<void> {
    const line = `${JSON.stringify(value)}\n`;
    const bytes = Buffer.byteLength(line);
    this.#note(value, bytes);
    this.#pending.push(line);
    this.#pendingBytes += bytes;
    if (this.#pendingBytes >= FLUSH_BYTES) await this.flush();
  }

  /** Writes what was added, durably. */
  async flush(): Promise<void> {
    if (this.#pending.length === 0) return;
    const text = this.#pending.join('');
    this.#pending = [];
    this.#pendingBytes = 0;
    await this.#handle?.appendFile(text);
    await this.#handle?.datasync();
  }

  /** The entries of the keys, in the order in which they were added. Keys without entries are left out. */
  async find(keys: readonly string[]): Promise<Map<string, Indexed<T>[]>> {
    await this.flush();
    const found = new Map<string, Indexed<T>[]>();
    for (const key of new Set(keys)) {
      const numbers = this.#candidates(key);
      if (numbers.length === 0) continue;
      const entries = await Promise.all(
        numbers.map(async (number) => ({ number, value: await this.#read(number) })),
      );
      const own = entries.filter(({ value }) => this.#keyOf(value) === key);
      if (own.length > 0) found.set(key, own);
    }
    return found;
  }

  /** The entries from a number on, in the order in which they were added. */
  async *from(first: number): AsyncGenerator<Indexed<T>, void> {
    await this.flush();
    let number = first;
    for await (const { value } of this.#lines(this.#startOf(first))) {
      yield { number, value };
      number += 1;
    }
  }

  async *#lines(start = 0): AsyncGenerator<{ text: string; value: T }, void> {
    const stream = createReadStream(this.#file, { start });
    try {
      for await (const text of createInterface({ input: stream, crlfDelay: Number.POSITIVE_INFINITY }))
        yield { text, value: JSON.parse(text) as T };
    } finally {
      stream.destroy();
    }
  }

  #candidates(key: string): number[] {
    const hash = hashOf(key);
    const numbers: number[] = [];
    for (let slot = hash % this.#slots.length; ; slot = (slot + 1) % this.#slots.length) {
      const number = (this.#slots[slot] as number) - 1;
      if (number < 0) return numbers.sort((a, b) => a - b);
      if (this.#hashes[number] === hash) numbers.push(number);
    }
  }

  #startOf(number: number): number {
    return number === 0 ? 0 : (this.#ends[number - 1] as number);
  }

  async #read(number: number): Promise<T> {
    const start = this.#startOf(number);
    const bytes = Buffer.alloc((this.#ends[number] as number) - start);
    await this.#handle?.read(bytes, 0, bytes.length, start);
    return JSON.parse(bytes.toString('utf8')) as T;
  }

  #note(value: T, bytes: number): void {
    if (this.#size === this.#hashes.length) this.#grow();
    const number = this.#size;
    this.#bytes += bytes;
    this.#ends[number] = this.#bytes;
    this.#hashes[number] = hashOf(this.#keyOf(value));
    this.#size += 1;
    this.#place(number);
  }

  #place(number: number): void {
    let slot = (this.#hashes[number] as number) % this.#slots.length;
    while (this.#slots[slot] !== 0) slot = (slot + 1) % this.#slots.length;
    this.#slots[slot] = number + 1;
  }

  #grow(): void {
    const ends = new Uint32Array(this.#ends.length * 2);
    ends.set(this.#ends);
    this.#ends = ends;
    const hashes = new Uint32Array(this.#hashes.length * 2);
    hashes.set(this.#hashes);
    this.#hashes = hashes;
    this.#slots = new Uint32Array(this.#slots.length * 2);
    for (let number = 0; number < this.#size; number += 1) this.#place(number);
  }
}

/** FNV-1a with a final mix: ids that differ in their last digits are spread over all slots. */
function hashOf(text: string): number {
  let hash = 0x811c9dc5;
  for (let index = 0; index < text.length; index += 1)
    hash = Math.imul(hash ^ text.charCodeAt(index), 0x01000193);
  hash ^= hash >>> 16;
  hash = Math.imul(hash, 0x7feb352d);
  hash ^= hash >>> 15;
  return hash >>> 0;
}
