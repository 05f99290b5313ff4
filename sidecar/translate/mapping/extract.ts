import { parseNumeral } from '../coerce/number.ts';
import { toBase64 } from '../coerce/text.ts';
import { show, Wrong } from '../coerce/wrong.ts';
import { Flaw } from './path.ts';
import { compileRegex } from './regex.ts';
import type { PropertyMapping } from './schema.ts';

/** Takes a part of a value: what a device packs into text or bytes. Returns a Wrong, never throws. */
type Extractor = (value: unknown) => unknown;

type Bytes = NonNullable<Exclude<PropertyMapping, string>['bytes']>;

/** The number at a place within bytes, which are base64 or hexadecimal text, or a byte string of CBOR. */
export function bytesReader({ at, type, encoding = 'base64' }: Bytes): Extractor {
  const [, kind = '', bits = '', order] = /^(u?int|float)(\d+)(le|be)?$/.exec(type) ?? [];
  const size = Number(bits) / 8;
  return (value) => {
    const bytes = bytesOf(value, encoding);
    if (bytes === undefined) return new Wrong('VALUE_WRONG_TYPE', `${show(value)} is not ${encoding} text`);
    const start = at < 0 ? bytes.length + at : at;
    if (start < 0 || start + size > bytes.length) {
      return new Wrong(
        'VALUE_OUT_OF_RANGE',
        `${show(value)} has ${bytes.length} bytes; there is no ${type} at ${at}`,
      );
    }
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    return readNumber(view, start, kind, size, order !== 'be');
  };
}

function bytesOf(value: unknown, encoding: 'base64' | 'hex'): Uint8Array | undefined {
  if (value instanceof Uint8Array) return value;
  if (typeof value !== 'string') return undefined;
  if (encoding === 'hex') {
    const digits = value.replace(/^0x/i, '').replace(/[\s:-]/g, '');
    return digits.length % 2 === 0 && /^[0-9a-f]*$/i.test(digits) ? Buffer.from(digits, 'hex') : undefined;
  }
  const text = toBase64(value);
  return typeof text === 'string' ? Buffer.from(text, 'base64') : undefined;
}

function readNumber(
  view: DataView,
  at: number,
  kind: string,
  size: number,
  little: boolean,
): number | bigint {
  if (kind === 'float') return size === 4 ? view.getFloat32(at, little) : view.getFloat64(at, little);
  const signed = kind === 'int';
  switch (size) {
    case 1:
      return signed ? view.getInt8(at) : view.getUint8(at);
    case 2:
      return signed ? view.getInt16(at, little) : view.getUint16(at, little);
    case 4:
      return signed ? view.getInt32(at, little) : view.getUint32(at, little);
    default:
      return signed ? view.getBigInt64(at, little) : view.getBigUint64(at, little);
  }
}

/**
 * Instructions of the expression times characters of the text: some 40 milliseconds. An ordinary expression has 10 to 50 instructions, one
 * with nested counts a thousand.
 */
const MAX_STEPS = 2_000_000;

/** The first group of a regular expression, or its whole match. */
export function matcher(pattern: string): Extractor | Flaw {
  const regex = compileRegex(pattern, '');
  if (regex instanceof Flaw) return regex;
  const maxLength = Math.floor(MAX_STEPS / Math.max(regex.size, 1));
  return (value) => {
    if (typeof value === 'object') return new Wrong('VALUE_WRONG_TYPE', `${show(value)} is not text`);
    const text = String(value);
    if (text.length > maxLength) {
      return new Wrong(
        'VALUE_OUT_OF_RANGE',
        `${show(value)} is longer than the ${maxLength} characters that ${JSON.stringify(pattern.slice(0, 100))} may be matched with`,
      );
    }
    const found = regex.find(text, 0);
    if (found === undefined) {
      return new Wrong('VALUE_WRONG_TYPE', `${show(value)} does not match ${JSON.stringify(pattern)}`);
    }
    const [whole, ...groups] = found.groups;
    return groups.length === 0 ? whole : (groups.find((group) => group !== undefined) ?? null);
  };
}

/** A number with the decimal mark as key: thousands in groups of three, an exponent, and a unit of up to 20 characters behind it. */
const WRITTEN = {
  '.': /^([+-]?(?:\d{1,3}(?:[,'\u2019 \u00a0\u202f]\d{3})+|\d*)(?:\.\d*)?(?:[eE][+-]?\d{1,3})?)\s*(?:[\p{L}\p{S}%'"][^.,:;]{0,19})?$/u,
  ',': /^([+-]?(?:\d{1,3}(?:[.'\u2019 \u00a0\u202f]\d{3})+|\d*)(?:,\d*)?(?:[eE][+-]?\d{1,3})?)\s*(?:[\p{L}\p{S}%'"][^.,:;]{0,19})?$/u,
} as const;
const MAX_WRITTEN = 100;

/** The number that a text says with a decimal mark, marks between thousands, and a unit. A number is itself. */
export function numberReader(mark: '.' | ','): Extractor {
  return (value) => {
    if (typeof value === 'number' || typeof value === 'bigint') return value;
    const text = typeof value === 'string' && value.length <= MAX_WRITTEN ? value.trim() : '';
    const digits = WRITTEN[mark].exec(text)?.[1] ?? '';
    const number = parseNumeral(
      mark === ','
        ? digits.replace(/[.'\u2019 \u00a0\u202f]/g, '').replace(',', '.')
        : digits.replace(/[,'\u2019 \u00a0\u202f]/g, ''),
    );
    return (
      number ??
      new Wrong(
        'VALUE_WRONG_TYPE',
        `${show(value)} is not a number with the decimal mark ${JSON.stringify(mark)}`,
      )
    );
  };
}
