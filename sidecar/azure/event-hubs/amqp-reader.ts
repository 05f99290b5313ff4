import type { InternedString, InternedStrings } from './interned-strings.ts';

/** Thrown for every encoding that this reader does not support; the library's reader then reads the whole. */
export const UNKNOWN = Symbol('unknown encoding');

const MAX_HIGH_WORD = 2_097_153;

/** Methods of Node's Buffer that its types leave out: `toString` without the check of its arguments, which takes as long as the copy. */
interface SlicingBuffer extends Buffer {
  utf8Slice(start: number, end: number): string;
  asciiSlice(start: number, end: number): string;
}

/** Takes single entries of a map. */
interface EntryTaker {
  takes(key: string, value: unknown): boolean;
}

/** Reads AMQP 1.0 values (part 1.6) of the kinds that IoT Hub sends; throws UNKNOWN at any other and at the end of the bytes. */
export class AmqpReader {
  readonly #buffer: SlicingBuffer;
  readonly #names: InternedStrings;
  readonly #timesAsNumbers: boolean;
  /** Where the next value begins. */
  at: number;

  /** Time stamps are dates, as rhea has them, or numbers of milliseconds since 1970. */
  constructor(buffer: Buffer, names: InternedStrings, at = 0, timesAsNumbers = false) {
    this.#buffer = buffer as SlicingBuffer;
    this.#names = names;
    this.#timesAsNumbers = timesAsNumbers;
    this.at = at;
  }

  /** A map with strings as keys. Entries that `taker` takes are left out. */
  map(map: Record<string, unknown> = {}, taker?: EntryTaker): Record<string, unknown> {
    const code = this.byte();
    let size: number;
    let count: number;
    const start = this.at;
    if (code === 0xc1) {
      size = this.byte() + 1;
      count = this.byte();
    } else if (code === 0xd1) {
      size = this.#uint32() + 4;
      count = this.#uint32();
    } else throw UNKNOWN;
    for (let pair = 0; pair + 1 < count; pair += 2) {
      const known = this.#knownName();
      const key = known?.text ?? this.value();
      // rhea decides what happens with keys that are not strings, and with __proto__.
      if (typeof key !== 'string' || key === '__proto__') throw UNKNOWN;
      const value = (known?.hasFewValues ? this.#knownName()?.text : undefined) ?? this.value();
      if (!taker?.takes(key, value)) map[key] = value;
    }
    if (count % 2 !== 0 || this.at !== start + size) throw UNKNOWN;
    return map;
  }

  /** Passes over a list or map. */
  skip(): void {
    const code = this.byte();
    if (code === 0xc0 || code === 0xc1) this.#advance(this.byte());
    else if (code === 0xd0 || code === 0xd1) this.#advance(this.#uint32());
    else if (code !== 0x45) throw UNKNOWN;
  }

  /** A list of at most `maxLength` values; trailing values may be missing. */
  list(maxLength: number): unknown[] {
    const code = this.byte();
    if (code === 0x45) return [];
    let size: number;
    let count: number;
    const start = this.at;
    if (code === 0xc0) {
      size = this.byte() + 1;
      count = this.byte();
    } else if (code === 0xd0) {
      size = this.#uint32() + 4;
      count = this.#uint32();
    } else throw UNKNOWN;
    if (count > maxLength) throw UNKNOWN;
    const values = new Array<unknown>(count);
    for (let index = 0; index < count; index += 1) values[index] = this.value();
    if (this.at !== start + size) throw UNKNOWN;
    return values;
  }

  /** An interned string, if a short string follows; otherwise nothing is read. */
  #knownName(): InternedString | undefined {
    const code = this.#buffer[this.at];
    if (code !== 0xa1 && code !== 0xa3) return undefined;
    const start = this.at + 2;
    const end = start + (this.#buffer[this.at + 1] ?? 0);
    if (end > this.#buffer.length) throw UNKNOWN;
    const known = this.#names.find(this.#buffer, start, end);
    if (known !== undefined) this.at = end;
    return known;
  }

  binary(): Buffer {
    const code = this.byte();
    if (code === 0xa0) return this.#slice(this.byte());
    if (code === 0xb0) return this.#slice(this.#uint32());
    throw UNKNOWN;
  }

  value(): unknown {
    const buffer = this.#buffer;
    const code = this.byte();
    switch (code) {
      case 0xa1:
        return this.#text(this.byte());
      case 0xa3:
        return this.#symbol(this.byte());
      case 0xb1:
        return this.#text(this.#uint32());
      case 0xb3:
        return this.#symbol(this.#uint32());
      case 0x40:
        return null;
      case 0x41:
        return true;
      case 0x42:
        return false;
      case 0x43:
      case 0x44:
        return 0;
      case 0x50:
      case 0x52:
      case 0x53:
        return this.byte();
      case 0x51:
      case 0x54:
      case 0x55:
        return (this.byte() << 24) >> 24;
      case 0x60:
        this.#advance(2);
        return buffer.readUInt16BE(this.at - 2);
      case 0x61:
        this.#advance(2);
        return buffer.readInt16BE(this.at - 2);
      case 0x70:
        return this.#uint32();
      case 0x71:
        this.#advance(4);
        return buffer.readInt32BE(this.at - 4);
      case 0x72:
        this.#advance(4);
        return buffer.readFloatBE(this.at - 4);
      case 0x82:
        this.#advance(8);
        return buffer.readDoubleBE(this.at - 8);
      case 0x80:
        return this.#ulong();
      case 0x81:
        return this.#long();
      case 0x83:
        return this.#timesAsNumbers ? this.#long() : new Date(this.#long());
      case 0xa0:
        return this.#slice(this.byte());
      case 0xb0:
        return this.#slice(this.#uint32());
      case 0x98:
        return this.#slice(16);
      default:
        throw UNKNOWN;
    }
  }

  /** rhea returns bytes instead of a number beyond 2^53; such values are left to it. */
  #long(): number {
    this.#advance(8);
    const high = this.#buffer.readInt32BE(this.at - 8);
    if (high >= MAX_HIGH_WORD || high <= -MAX_HIGH_WORD) throw UNKNOWN;
    return high * 4_294_967_296 + this.#buffer.readUInt32BE(this.at - 4);
  }

  #ulong(): number {
    this.#advance(8);
    const high = this.#buffer.readUInt32BE(this.at - 8);
    if (high >= MAX_HIGH_WORD) throw UNKNOWN;
    return high * 4_294_967_296 + this.#buffer.readUInt32BE(this.at - 4);
  }

  #text(length: number): string {
    const start = this.at;
    this.#advance(length);
    return this.#buffer.utf8Slice(start, this.at);
  }

  /** Symbols repeat: content types, keys. */
  #symbol(length: number): string {
    const start = this.at;
    this.#advance(length);
    return this.#names.find(this.#buffer, start, this.at)?.text ?? this.#buffer.asciiSlice(start, this.at);
  }

  #slice(length: number): Buffer {
    const start = this.at;
    this.#advance(length);
    return this.#buffer.subarray(start, this.at);
  }

  byte(): number {
    const value = this.#buffer[this.at];
    if (value === undefined) throw UNKNOWN;
    this.at += 1;
    return value;
  }

  #uint32(): number {
    this.#advance(4);
    return this.#buffer.readUInt32BE(this.at - 4);
  }

  #advance(bytes: number): void {
    this.at += bytes;
    if (this.at > this.#buffer.length) throw UNKNOWN;
  }
}
