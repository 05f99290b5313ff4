import type { TranslationLimits } from '../types.ts';
import { Undecodable } from './undecodable.ts';

/** A bignum longer than this is no measurement, and slow to write as text. */
const MAX_BIGNUM_BYTES = 128;

/** Thrown and caught within this file: the one way out of nested items. */
class Malformed {
  readonly undecodable: Undecodable;

  constructor(undecodable: Undecodable) {
    this.undecodable = undecodable;
  }
}

const BREAK = Symbol('break');

/**
 * Decodes one CBOR item (RFC 8949) from an untrusted sender: nothing is allocated on the word of a length that the
 * bytes do not bear out, depth and number of members are bounded while reading, and every key stays the key it is.
 *
 * Maps become objects (keys text or integer; of a key that comes twice the last counts, as in JSON), byte strings
 * Uint8Array, integers beyond ±(2^53 - 1) and bignums BigInt, epoch times (tag 1) Date, decimal fractions and
 * bigfloats numbers. Of other tags the content is taken.
 */
export function decodeCbor(bytes: Uint8Array, limits: TranslationLimits): unknown {
  const reader = new Reader(bytes, limits);
  try {
    const value = reader.item(0);
    if (value === BREAK) throw malformed('a break without a beginning');
    if (!reader.atEnd) throw malformed('bytes after the end of the item');
    return value;
  } catch (thrown) {
    if (thrown instanceof Malformed) return thrown.undecodable;
    return new Undecodable('BODY_NOT_CBOR', 'The body is not valid CBOR.');
  }
}

function malformed(what: string): Malformed {
  return new Malformed(new Undecodable('BODY_NOT_CBOR', `The body is not valid CBOR: ${what}.`));
}

class Reader {
  readonly #bytes: Uint8Array;
  readonly #view: DataView;
  readonly #limits: TranslationLimits;
  readonly #text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });
  #position = 0;
  #keys = 0;

  constructor(bytes: Uint8Array, limits: TranslationLimits) {
    // a plain view: slices of a Buffer would be Buffers
    this.#bytes = new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.#limits = limits;
  }

  get atEnd(): boolean {
    return this.#position === this.#bytes.length;
  }

  item(depth: number): unknown {
    const initial = this.#byte();
    const major = initial >> 5;
    const info = initial & 0x1f;
    if (major === 7) return this.#simple(info);
    if (info === 31) return this.#indefinite(major, depth);
    const argument = this.#argument(info);
    switch (major) {
      case 0:
        return argument;
      case 1:
        return typeof argument === 'bigint' || argument === Number.MAX_SAFE_INTEGER
          ? -1n - BigInt(argument)
          : -1 - argument;
      case 2:
        return this.#take(argument);
      case 3:
        return this.#decodeText(this.#take(argument));
      case 4:
        return this.#array(this.#memberCount(argument, depth), depth);
      case 5:
        return this.#map(this.#memberCount(argument, depth), depth);
      default:
        return this.#tagged(argument, depth);
    }
  }

  #byte(): number {
    const byte = this.#bytes[this.#position];
    if (byte === undefined) throw malformed('it ends too early');
    this.#position++;
    return byte;
  }

  #advance(count: number): number {
    const start = this.#position;
    if (count > this.#bytes.length - start) throw malformed('it ends too early');
    this.#position += count;
    return start;
  }

  #argument(info: number): number | bigint {
    if (info < 24) return info;
    if (info === 24) return this.#byte();
    if (info === 25) return this.#view.getUint16(this.#advance(2));
    if (info === 26) return this.#view.getUint32(this.#advance(4));
    if (info !== 27) throw malformed('a reserved length');
    const value = this.#view.getBigUint64(this.#advance(8));
    return value <= Number.MAX_SAFE_INTEGER ? Number(value) : value;
  }

  #take(length: number | bigint): Uint8Array {
    if (typeof length === 'bigint') throw malformed('it ends too early');
    const start = this.#advance(length);
    return this.#bytes.subarray(start, start + length);
  }

  #decodeText(bytes: Uint8Array): string {
    try {
      return this.#text.decode(bytes);
    } catch {
      throw malformed('a text is not valid UTF-8');
    }
  }

  /** Every member takes at least a byte, so a count beyond what is left is a lie, told before anything is allocated. */
  #memberCount(argument: number | bigint, depth: number): number {
    this.#enter(depth);
    if (argument > this.#bytes.length - this.#position) throw malformed('it ends too early');
    return Number(argument);
  }

  #enter(depth: number): void {
    const { maxDepth } = this.#limits;
    if (depth < maxDepth) return;
    throw new Malformed(
      new Undecodable('BODY_TOO_DEEP', `The body is nested deeper than the limit of ${maxDepth} levels.`),
    );
  }

  #count(): void {
    const { maxKeys } = this.#limits;
    if (++this.#keys <= maxKeys) return;
    throw new Malformed(
      new Undecodable(
        'BODY_TOO_MANY_KEYS',
        `The body has more than the limit of ${maxKeys} keys and elements.`,
      ),
    );
  }

  /** `count` undefined: until a break. */
  #array(count: number | undefined, depth: number): unknown[] {
    const list: unknown[] = [];
    for (let i = 0; count === undefined || i < count; i++) {
      const item = this.item(depth + 1);
      if (item === BREAK) {
        if (count === undefined) return list;
        throw malformed('a break within a definite array');
      }
      this.#count();
      list.push(item);
    }
    return list;
  }

  #map(count: number | undefined, depth: number): object {
    const members: Record<string, unknown> = {};
    for (let i = 0; count === undefined || i < count; i++) {
      const key = this.item(depth + 1);
      if (key === BREAK && count === undefined) return members;
      const value = this.item(depth + 1);
      if (key === BREAK || value === BREAK) throw malformed('a break within a map');
      this.#count();
      setMember(members, keyText(key), value);
    }
    return members;
  }

  #indefinite(major: number, depth: number): unknown {
    if (major === 4 || major === 5) {
      this.#enter(depth);
      return major === 4 ? this.#array(undefined, depth) : this.#map(undefined, depth);
    }
    if (major !== 2 && major !== 3) throw malformed('a reserved length');
    const chunks: Uint8Array[] = [];
    for (let initial = this.#byte(); initial !== 0xff; initial = this.#byte()) {
      if (initial >> 5 !== major || (initial & 0x1f) === 31) throw malformed('a chunk of another kind');
      const chunk = this.#take(this.#argument(initial & 0x1f));
      if (major === 3) this.#decodeText(chunk);
      chunks.push(chunk);
    }
    const whole = new Uint8Array(Buffer.concat(chunks));
    return major === 2 ? whole : this.#decodeText(whole);
  }

  #simple(info: number): unknown {
    switch (info) {
      case 20:
        return false;
      case 21:
        return true;
      case 22:
      case 23:
        return null;
      case 25:
        return halfFloat(this.#view.getUint16(this.#advance(2)));
      case 26:
        return this.#view.getFloat32(this.#advance(4));
      case 27:
        return this.#view.getFloat64(this.#advance(8));
      case 31:
        return BREAK;
      default:
        throw malformed('a simple value without meaning');
    }
  }

  #tagged(tag: number | bigint, depth: number): unknown {
    this.#enter(depth);
    const content = this.item(depth + 1);
    if (content === BREAK) throw malformed('a break after a tag');
    switch (tag) {
      case 1:
        return epochDate(content);
      case 2:
        return bignum(content);
      case 3:
        return -1n - bignum(content);
      case 4:
        return scaled(content, 10);
      case 5:
        return scaled(content, 2);
      default:
        return content;
    }
  }
}

/** Assignment would call the setter of `__proto__`; a definition makes it a member like any other. */
function setMember(members: Record<string, unknown>, key: string, value: unknown): void {
  if (key === '__proto__') {
    Object.defineProperty(members, key, { value, enumerable: true, configurable: true, writable: true });
  } else {
    members[key] = value;
  }
}

function keyText(key: unknown): string {
  if (typeof key === 'string') return key;
  if (typeof key === 'number' || typeof key === 'bigint') return String(key);
  throw malformed('a map key is neither text nor a number');
}

function epochDate(content: unknown): Date {
  const date = new Date(typeof content === 'number' ? Math.floor(content * 1000) : Number.NaN);
  if (Number.isNaN(date.getTime())) throw malformed('an epoch time is not a number of seconds');
  return date;
}

function bignum(content: unknown): bigint {
  if (!(content instanceof Uint8Array) || content.length > MAX_BIGNUM_BYTES) {
    throw malformed(`a bignum is not a byte string of at most ${MAX_BIGNUM_BYTES} bytes`);
  }
  return content.length === 0 ? 0n : BigInt(`0x${Buffer.from(content).toString('hex')}`);
}

function scaled(content: unknown, base: 2 | 10): number {
  if (!Array.isArray(content) || content.length !== 2) throw malformed('a fraction is not a pair');
  const [exponent, mantissa] = content;
  if (typeof exponent !== 'number' || (typeof mantissa !== 'number' && typeof mantissa !== 'bigint')) {
    throw malformed('a fraction is not a pair of integers');
  }
  return base === 10 ? Number(`${mantissa}e${exponent}`) : Number(mantissa) * 2 ** exponent;
}

/** RFC 8949 appendix D. */
function halfFloat(half: number): number {
  const exponent = (half >> 10) & 0x1f;
  const mantissa = half & 0x3ff;
  const magnitude =
    exponent === 0
      ? mantissa * 2 ** -24
      : exponent === 31
        ? mantissa === 0
          ? Number.POSITIVE_INFINITY
          : Number.NaN
        : (mantissa + 1024) * 2 ** (exponent - 25);
  return half & 0x8000 ? -magnitude : magnitude;
}
