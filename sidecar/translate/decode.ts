import { isUtf8 } from 'node:buffer';
import { decodeCbor } from './decode/cbor.ts';
import { type Encoding, encodingOf, unknownEncoding } from './decode/encoding.ts';
import { inflate, looksLikeGzip } from './decode/inflate.ts';
import { parseJson, parseJsonLines, parseLenientJson } from './decode/json.ts';
import { decodeText, likelyCharset } from './decode/text.ts';
import { Undecodable } from './decode/undecodable.ts';
import type { ReceivedMessage, TranslationLimits } from './types.ts';

/**
 * How a body is to be read: 'auto' goes by the content type, the others whatever it says. 'lines' is JSON by the line; 'lenient' forgives
 * slips (decode/json.ts).
 */
export type BodyFormat = 'auto' | 'json' | 'lenient' | 'lines' | 'cbor' | 'text' | 'base64';

/** How a mapping rule says that a body is to be read. */
export interface BodyForm {
  readonly format: BodyFormat;
  /** Overrules what the message's properties say; undefined: they count. */
  readonly encoding?: Encoding | undefined;
}

export const AUTO: BodyForm = { format: 'auto' };

/** Takes the size that decoding found. */
export interface BodySize {
  bytes: number;
}

/** The first bytes of self-described CBOR (RFC 8949, 3.4.6). */
const CBOR_MARK = [0xd9, 0xd9, 0xf7];

const CBOR_TYPE = /^application\/(?:[\w.-]+\+)?cbor(?:\s*;|$)/i;

/**
 * The value of a message's body, or an Undecodable. Never throws; allocates no more than the limits allow. Key
 * `__proto__` is an own member like any other; of a key that comes twice in one object the last counts.
 *
 * @param exact read integers that a double cannot hold as BigInt (slower; JSON only, CBOR always does)
 * @param size gets the size of a body whose compression is undone
 */
export function decodeBody(
  message: ReceivedMessage,
  limits: TranslationLimits,
  { format, encoding: stated }: BodyForm = AUTO,
  exact = false,
  size?: BodySize,
): unknown {
  const { body, contentEncoding, contentType } = message;
  if (body.length > limits.maxBodyBytes) {
    return new Undecodable(
      'BODY_TOO_LARGE',
      `The body has ${body.length} bytes; the limit is ${limits.maxBodyBytes} (setting maxBodyBytes).`,
    );
  }
  // the common case first: plain UTF-8 JSON with properties that say so, or none
  if (
    (body[0] === 0x7b || body[0] === 0x5b) &&
    body[1] !== 0 &&
    format === 'auto' &&
    !exact &&
    isPlain(message)
  ) {
    const text = stated === undefined ? utf8Text(body) : undefined;
    if (text !== undefined) return parseJson(text, limits, false);
  }
  const declared = stated ?? encodingOf(contentEncoding, contentType);
  // a rule that says how the body is read is believed more than properties that cannot be right
  const overrule = stated === undefined && format !== 'auto';
  if (declared.unknown !== undefined && !overrule) return unknownEncoding(declared.unknown);
  const layers = declared.layers.length === 0 && looksLikeGzip(body) ? (['gzip'] as const) : declared.layers;
  const inflated = inflate(body, layers, limits.maxInflatedBytes);
  const isFalse = inflated instanceof Undecodable && inflated.code === 'BODY_NOT_COMPRESSED';
  const bytes = isFalse && overrule ? body : inflated;
  if (bytes instanceof Undecodable) return bytes;
  if (size) size.bytes = bytes.length;
  if (format === 'base64') return Buffer.from(bytes).toString('base64');
  if (bytes.length === 0) return format === 'text' ? '' : new Undecodable('BODY_EMPTY', 'The body is empty.');
  const isCbor = CBOR_TYPE.test(contentType ?? '') || CBOR_MARK.every((byte, i) => bytes[i] === byte);
  if (format === 'cbor' || (format === 'auto' && isCbor)) return decodeCbor(bytes, limits);
  const { charset } = declared;
  const text = decodeText(bytes, charset ?? jsonCharset(bytes, format), overrule);
  if (format === 'text' || text instanceof Undecodable) return text;
  if (format === 'lenient') return parseLenientJson(text, limits, exact);
  if (format === 'lines') return parseJsonLines(text, limits, exact);
  const value = parseJson(text, limits, exact);
  return value instanceof Undecodable && charset !== undefined && !UTF_8.test(charset) && !overrule
    ? withCharset(value, charset)
    : value;
}

const UTF_8 = /^utf-?8$/;

/** JSON that says no charset and is no UTF-8 shows by its zero bytes what it is. */
function jsonCharset(bytes: Uint8Array, format: BodyFormat): string | undefined {
  return format === 'text' || (bytes[0] !== 0 && bytes[1] !== 0)
    ? undefined
    : likelyCharset(bytes, undefined);
}

function withCharset({ code, reason }: Undecodable, charset: string): Undecodable {
  return new Undecodable(
    code,
    `${reason} It was read as ${charset.toUpperCase()}, which its properties name; if they are wrong, correct what the device sets or state the encoding in a mapping rule, such as "encoding": "utf-8".`,
  );
}

/** Properties that name UTF-8 JSON, by the few spellings that senders use; all others take the long way. */
function isPlain({ contentType, contentEncoding }: ReceivedMessage): boolean {
  return (
    (contentEncoding === undefined || contentEncoding === 'utf-8' || contentEncoding === 'UTF-8') &&
    (contentType === undefined ||
      contentType === 'application/json' ||
      contentType === 'application/json; charset=utf-8' ||
      contentType === 'application/json;charset=utf-8')
  );
}

/** Undefined when the bytes are not UTF-8. */
function utf8Text(body: Uint8Array): string | undefined {
  if (!isUtf8(body)) return undefined;
  const buffer = Buffer.isBuffer(body) ? body : Buffer.from(body.buffer, body.byteOffset, body.byteLength);
  return buffer.toString('utf8');
}
