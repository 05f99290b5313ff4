import { isUtf8 } from 'node:buffer';
import { Undecodable } from './undecodable.ts';

const UTF_32 = /^utf[-_]?32(le|be)?$/;
const UTF_16 = /^(utf[-_]?16(le|be)?|unicode)$/;
const UTF_8 = /^(utf[-_]?8|us-ascii|ascii)$/;

/** Whether a label names a charset: one of the WHATWG encoding standard, or UTF-16 or UTF-32. */
export function isKnownCharset(label: string): boolean {
  if (UTF_8.test(label) || UTF_16.test(label) || UTF_32.test(label)) return true;
  try {
    return new TextDecoder(label) !== undefined;
  } catch {
    return false;
  }
}

/**
 * The text of a body, or why it is none. A byte order mark decides over the charset, and is removed.
 *
 * @param overrule a charset that the bytes contradict is not believed: bytes of UTF-8 that are said to be UTF-16, and the reverse
 */
export function decodeText(
  body: Uint8Array,
  charset: string | undefined,
  overrule = false,
): string | Undecodable {
  const form = byteOrderMark(body) ?? formOf(overrule ? likelyCharset(body, charset) : charset, body);
  const bytes = body.subarray(form.skip);
  if (form.width === 4) return decodeUtf32(bytes, form.littleEndian);
  try {
    return new TextDecoder(form.label, { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    return notText(form.label, charset);
  }
}

function notText(label: string, charset: string | undefined): Undecodable {
  const cause = charset === undefined ? '' : `, which is the charset that its properties name`;
  return new Undecodable(
    'BODY_NOT_TEXT',
    `The body is not valid ${label.toUpperCase()} text${cause}. Correct what the device sets, or state the encoding in a mapping rule, such as "encoding": "utf-8".`,
  );
}

/**
 * The charset that the bytes of a JSON text, or of any text with a character of ASCII, must have. Such text in UTF-16 or UTF-32 holds zero
 * bytes, and in UTF-8 none (RFC 4627, 3).
 */
export function likelyCharset(body: Uint8Array, charset: string | undefined): string | undefined {
  const [a, b, c, d] = body;
  if (a === 0 && b === 0 && c === 0) return 'utf-32be';
  if (b === 0 && c === 0 && d === 0) return 'utf-32le';
  if (a === 0 && b !== 0 && b !== undefined) return 'utf-16be';
  if (a !== 0 && b === 0) return 'utf-16le';
  return isUtf8(body) ? undefined : charset;
}

interface Form {
  readonly label: string;
  readonly width: 1 | 2 | 4;
  readonly littleEndian: boolean;
  readonly skip: number;
}

/** Byte order marks of UTF-32 begin as those of UTF-16 do, so they are looked for first. */
function byteOrderMark(b: Uint8Array): Form | undefined {
  if (b[0] === 0xef && b[1] === 0xbb && b[2] === 0xbf) return form('utf-8', 1, true, 3);
  if (b[0] === 0xff && b[1] === 0xfe) {
    return b.length >= 4 && b[2] === 0 && b[3] === 0
      ? form('utf-32', 4, true, 4)
      : form('utf-16le', 2, true, 2);
  }
  if (b[0] === 0 && b[1] === 0 && b[2] === 0xfe && b[3] === 0xff) return form('utf-32', 4, false, 4);
  return b[0] === 0xfe && b[1] === 0xff ? form('utf-16be', 2, false, 2) : undefined;
}

/**
 * Without a mark, "utf-16" and "utf-32" do not say the byte order: the standards say big-endian, .NET writes
 * little-endian. JSON begins with an ASCII character, so its zero bytes tell.
 */
function formOf(charset: string | undefined, b: Uint8Array): Form {
  if (charset === undefined || UTF_8.test(charset)) return form('utf-8', 1, true, 0);
  if (UTF_32.test(charset)) {
    return form('utf-32', 4, charset.endsWith('le') || (!charset.endsWith('be') && b[0] !== 0), 0);
  }
  if (UTF_16.test(charset)) {
    const little = charset.endsWith('le') || (!charset.endsWith('be') && b[0] !== 0);
    return form(little ? 'utf-16le' : 'utf-16be', 2, little, 0);
  }
  return form(charset, 1, true, 0);
}

function form(label: string, width: 1 | 2 | 4, littleEndian: boolean, skip: number): Form {
  return { label, width, littleEndian, skip };
}

/** TextDecoder has no UTF-32. */
function decodeUtf32(bytes: Uint8Array, littleEndian: boolean): string | Undecodable {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const wrong = notText('utf-32', 'utf-32');
  if (bytes.length % 4 !== 0) return wrong;
  const parts: string[] = [];
  for (let i = 0; i < bytes.length; i += 4) {
    const point = view.getUint32(i, littleEndian);
    if (point > 0x10ffff || (point >= 0xd800 && point <= 0xdfff)) return wrong;
    parts.push(String.fromCodePoint(point));
  }
  return parts.join('');
}
