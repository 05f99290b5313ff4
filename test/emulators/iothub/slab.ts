/**
 * One file of a partition's log. Records lie one after the other:
 *
 *     u32 length of the message | f64 sequence number | f64 offset | f64 enqueued time (ms) | encoded message
 *
 * The offset of a record is its position in the partition's whole log, so the place of a record in its file is
 * offset - baseOffset. A slab is written to from memory, then sealed; a sealed slab is read back when somebody needs it.
 */
import { closeSync, openSync, readFileSync, truncateSync, writeSync } from 'node:fs';
import { type FileHandle, open, readFile, unlink } from 'node:fs/promises';
import { join } from 'node:path';

export const RECORD_HEADER_BYTES = 28;

export interface LogRecord {
  sequenceNumber: number;
  offset: number;
  enqueuedTimeMs: number;
  /** The offset of the record after this one. */
  nextOffset: number;
  /** The encoded AMQP message; a view into the slab. */
  message: Buffer;
}

export class Slab {
  readonly baseOffset: number;
  readonly path: string;
  baseSequence: number;
  firstTimeMs = 0;
  lastTimeMs = 0;
  /** Bytes in use, and how many of them are on disk. */
  usedBytes = 0;
  flushedBytes = 0;
  sealed = false;
  /** The bytes while they are in memory: always until flushed, afterwards as the cache decides. */
  buffer: Buffer | undefined;
  #loading: Promise<Buffer> | undefined;
  #file: FileHandle | undefined;

  constructor(directory: string, baseOffset: number, baseSequence: number) {
    this.baseOffset = baseOffset;
    this.baseSequence = baseSequence;
    this.path = join(directory, `${String(baseOffset).padStart(16, '0')}.slab`);
  }

  get endOffset(): number {
    return this.baseOffset + this.usedBytes;
  }
  get flushedOffset(): number {
    return this.baseOffset + this.flushedBytes;
  }

  /** The bytes of a slab that may have left memory. */
  async load(): Promise<Buffer> {
    if (this.buffer) return this.buffer;
    this.#loading ??= readFile(this.path);
    try {
      this.buffer = await this.#loading;
      return this.buffer;
    } finally {
      this.#loading = undefined;
    }
  }

  /** Puts a record behind the last one; the caller has made sure that it fits into the buffer. */
  write(place: Omit<LogRecord, 'message' | 'nextOffset'>, message: Buffer): void {
    const buffer = this.buffer as Buffer;
    let at = this.usedBytes;
    at = buffer.writeUInt32BE(message.length, at);
    at = buffer.writeDoubleBE(place.sequenceNumber, at);
    at = buffer.writeDoubleBE(place.offset, at);
    at = buffer.writeDoubleBE(place.enqueuedTimeMs, at);
    message.copy(buffer, at);
    if (this.usedBytes === 0) this.firstTimeMs = place.enqueuedTimeMs;
    this.lastTimeMs = place.enqueuedTimeMs;
    this.usedBytes = at + message.length;
  }

  /** Nothing will be written behind the last record any more. */
  seal(): void {
    this.sealed = true;
    if (this.flushedBytes === this.usedBytes) this.#close();
  }

  /** Writes what is not on disk yet; only one call at a time. */
  async flush(): Promise<void> {
    const to = this.usedBytes;
    this.#file ??= await open(this.path, 'a');
    await this.#file.appendFile((this.buffer as Buffer).subarray(this.flushedBytes, to));
    this.flushedBytes = to;
    if (this.sealed && this.flushedBytes === this.usedBytes) this.#close();
  }

  /** Writes the rest at once, when the emulator stops. */
  flushSync(): void {
    this.#close();
    if (this.flushedBytes === this.usedBytes || !this.buffer) return;
    const file = openSync(this.path, 'a');
    writeSync(file, this.buffer, this.flushedBytes, this.usedBytes - this.flushedBytes);
    closeSync(file);
    this.flushedBytes = this.usedBytes;
  }

  /** Lets go of the file; what is written stays. */
  #close(): void {
    const file = this.#file;
    this.#file = undefined;
    void file?.close();
  }

  async remove(): Promise<void> {
    this.buffer = undefined;
    this.#close();
    await unlink(this.path).catch(() => undefined);
  }
}

/** Reads the record at a position, or undefined at the end or in a torn tail. */
export function recordAt(buffer: Buffer, position: number, endBytes: number): LogRecord | undefined {
  const start = position + RECORD_HEADER_BYTES;
  if (start > endBytes) return undefined;
  const length = buffer.readUInt32BE(position);
  if (start + length > endBytes) return undefined;
  const offset = buffer.readDoubleBE(position + 12);
  return {
    sequenceNumber: buffer.readDoubleBE(position + 4),
    offset,
    nextOffset: offset + RECORD_HEADER_BYTES + length,
    enqueuedTimeMs: buffer.readDoubleBE(position + 20),
    message: buffer.subarray(start, start + length),
  };
}

/** Takes up a file from an earlier run. A record cut off by a kill in the middle of the write is removed. */
export function reopenSlab(
  directory: string,
  baseOffset: number,
): { slab: Slab; last: LogRecord | undefined } {
  const slab = new Slab(directory, baseOffset, 0);
  const buffer = readFileSync(slab.path);
  let position = 0;
  let last: LogRecord | undefined;
  for (;;) {
    const record = recordAt(buffer, position, buffer.length);
    if (!record) break;
    if (position === 0) {
      slab.baseSequence = record.sequenceNumber;
      slab.firstTimeMs = record.enqueuedTimeMs;
    }
    slab.lastTimeMs = record.enqueuedTimeMs;
    last = record;
    position += RECORD_HEADER_BYTES + record.message.length;
  }
  if (position < buffer.length) truncateSync(slab.path, position);
  slab.usedBytes = position;
  slab.flushedBytes = position;
  slab.sealed = true;
  return { slab, last };
}
