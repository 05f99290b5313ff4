import { isUtf8 } from 'node:buffer';
import { decodeCbor } from './decode/cbor.ts';
import { decodeText, encodingOf } from './decode/encoding.ts';
import { inflate, looksLikeGzip } from './decode/inflate.ts';
import { checkShape } from './decode/limits.ts';
import { Undecodable } from './decode/undecodable.ts';
import { readJson } from './exact-json.ts';
import type { ReceivedMessage, TranslationLimits } from './types.ts';

/** How a body is to be read: 'auto' goes by the content type, the others whatever it says. */
export type BodyFormat = 'auto' | 'json' | 'cbor' | 'text' | 'base64';

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
  format: BodyFormat = 'auto',
  exact = false,
  size?: BodySize,
): unknown {
  const { body, contentEncoding, contentType } = message;
  if (body.length > limits.maxBodyBytes) {
    return new Undecodable(
      'BODY_TOO_LARGE',
      `The body has ${body.length} bytes; the limit is ${limits.maxBodyBytes}.`,
    );
  }
  // the common case first: plain UTF-8 JSON with properties that say so, or none
  if ((body[0] === 0x7b || body[0] === 0x5b) && format === 'auto' && !exact && isPlain(message)) {
    return parseJson(utf8Text(body), limits, false);
  }
  const encoding = encodingOf(contentEncoding, contentType);
  if (encoding instanceof Undecodable) return encoding;
  const compressions =
    encoding.compressions.length === 0 && looksLikeGzip(body) ? (['gzip'] as const) : encoding.compressions;
  const bytes = inflate(body, compressions, limits.maxInflatedBytes);
  if (bytes instanceof Undecodable) return bytes;
  if (size) size.bytes = bytes.length;
  if (format === 'base64') return Buffer.from(bytes).toString('base64');
  if (bytes.length === 0) return new Undecodable('BODY_EMPTY', 'The body is empty.');
  const isCbor = CBOR_TYPE.test(contentType ?? '') || CBOR_MARK.every((byte, i) => bytes[i] === byte);
  if (format === 'cbor' || (format === 'auto' && isCbor)) return decodeCbor(bytes, limits);
  const text = decodeText(bytes, encoding.charset);
  return format === 'text' || text instanceof Undecodable ? text : parseJson(text, limits, exact);
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

const NOT_UTF8 = new Undecodable('BODY_NOT_TEXT', 'The body is not valid UTF-8 text.');

function utf8Text(body: Uint8Array): string | Undecodable {
  if (!isUtf8(body)) return NOT_UTF8;
  const buffer = Buffer.isBuffer(body) ? body : Buffer.from(body.buffer, body.byteOffset, body.byteLength);
  return buffer.toString('utf8');
}

function parseJson(text: string | Undecodable, limits: TranslationLimits, exact: boolean): unknown {
  if (typeof text !== 'string') return text;
  let value: unknown;
  try {
    value = readJson(text, exact);
  } catch (thrown) {
    return new Undecodable(
      'BODY_NOT_JSON',
      `The body is not valid JSON: ${thrown instanceof SyntaxError ? thrown.message.slice(0, 200) : 'it cannot be read'}.`,
    );
  }
  return isFlat(text, limits) ? value : (checkShape(value, limits) ?? value);
}

/** A short text without a second bracket needs no walk over its value. */
function isFlat(text: string, limits: TranslationLimits): boolean {
  return text.length < limits.maxKeys && text.indexOf('{', 1) === -1 && text.indexOf('[', 1) === -1;
}
