import { isUtf8 } from 'node:buffer';
import { EndsEarly, MAX_RECORD_BYTES, malformed } from './malformed.ts';

const MAX_VARINT_BYTES = 10;
/** Elements of all arrays and maps of one record: more than a message has, few enough to be counted through. */
const MAX_ELEMENTS = 200_000;
const MAX_DEPTH = 64;

/** Reads Avro's primitive types (Avro 1.11, Binary Encoding) from bytes that may end anywhere. Throws EndsEarly then. */
export class AvroCursor {
  readonly #bytes: Buffer;
  #at = 0;
  #elements = 0;
  #depth = 0;

  constructor(bytes: Buffer) {
    this.#bytes = bytes;
  }

  /** How many bytes were read. */
  get at(): number {
    return this.#at;
  }

  boolean(): boolean {
    const byte = this.#byte();
    if (byte > 1) throw malformed('has a boolean that is neither true nor false');
    return byte === 1;
  }

  /** A BigInt when a double cannot hold it. */
  long(): number | bigint {
    let value = 0;
    let unit = 1;
    const begin = this.#at;
    for (let count = 1; ; count += 1) {
      const byte = this.#byte();
      value += (byte & 0x7f) * unit;
      unit *= 128;
      if (byte < 0x80) break;
      if (count === MAX_VARINT_BYTES) throw malformed('has a number of more than 64 bits');
    }
    if (value > Number.MAX_SAFE_INTEGER) return this.#bigLong(begin);
    return value % 2 === 0 ? value / 2 : -(value + 1) / 2;
  }

  /** A size or count: a long that is none is a sign of damage. */
  size(): number {
    const value = this.long();
    if (typeof value === 'bigint') throw malformed('has a size that no file has');
    return value;
  }

  float(): number {
    return this.#take(4).readFloatLE(0);
  }

  double(): number {
    return this.#take(8).readDoubleLE(0);
  }

  /** A copy: the bytes at hand are given back with the chunk they came in. */
  bytes(): Buffer {
    return Buffer.from(this.#take(this.#length()));
  }

  string(): string {
    const bytes = this.#take(this.#length());
    if (!isUtf8(bytes)) throw malformed('has a text that is not UTF-8');
    return bytes.toString('utf8');
  }

  fixed(size: number): Buffer {
    return Buffer.from(this.#take(size));
  }

  /** Calls `item` for each element of an array or map, which come in blocks. */
  elements(item: () => void): void {
    for (let count = this.size(); count !== 0; count = this.size()) {
      // A negative count is followed by the size of the block in bytes.
      if (count < 0) this.size();
      this.#elements += Math.abs(count);
      if (this.#elements > MAX_ELEMENTS)
        throw malformed(`has a record with more than ${MAX_ELEMENTS} elements`);
      for (let left = Math.abs(count); left > 0; left -= 1) item();
    }
  }

  nested<T>(read: () => T): T {
    this.#depth += 1;
    if (this.#depth > MAX_DEPTH) throw malformed(`has a record that is nested more than ${MAX_DEPTH} deep`);
    const value = read();
    this.#depth -= 1;
    return value;
  }

  #length(): number {
    const length = this.size();
    if (length < 0 || length > MAX_RECORD_BYTES) throw malformed(`has a value of ${length} bytes`);
    return length;
  }

  #bigLong(begin: number): number | bigint {
    let value = 0n;
    for (let at = begin, shift = 0n; at < this.#at; at += 1, shift += 7n)
      value |= BigInt((this.#bytes[at] as number) & 0x7f) << shift;
    const signed = BigInt.asIntN(64, (value >> 1n) ^ -(value & 1n));
    const number = Number(signed);
    return Number.isSafeInteger(number) ? number : signed;
  }

  #byte(): number {
    const byte = this.#bytes[this.#at];
    if (byte === undefined) throw new EndsEarly();
    this.#at += 1;
    return byte;
  }

  #take(count: number): Buffer {
    if (this.#at + count > this.#bytes.length) throw new EndsEarly();
    this.#at += count;
    return this.#bytes.subarray(this.#at - count, this.#at);
  }
}
