import { Undecodable } from './undecodable.ts';

export type Compression = 'gzip' | 'deflate' | 'br';

/** How a body is encoded, as its properties say. */
export interface Encoding {
  /** In the order in which they were applied; undone from the last to the first. */
  readonly compressions: readonly Compression[];
  /** A label of the WHATWG encoding standard, or one of UTF-16 and UTF-32; undefined: UTF-8 unless a BOM says else. */
  readonly charset: string | undefined;
}

const PLAIN: Encoding = { compressions: [], charset: undefined };

const COMPRESSIONS: Readonly<Record<string, Compression | undefined>> = {
  gzip: 'gzip',
  'x-gzip': 'gzip',
  deflate: 'deflate',
  br: 'br',
  brotli: 'br',
};

/** More codings on one body than anyone needs are a bomb, not an encoding. */
const MAX_CODINGS = 3;

/**
 * Reads `content-encoding` and the charset of `content-type`. IoT Hub documents contentEncoding as a charset (utf-8,
 * utf-16, utf-32); HTTP and OPC Publisher put compressions there; both may stand side by side, parted by , ; or space.
 */
export function encodingOf(
  contentEncoding: string | undefined,
  contentType: string | undefined,
): Encoding | Undecodable {
  const typeCharset =
    contentType === undefined || !contentType.includes('=') ? undefined : charsetOf(contentType);
  if (contentEncoding === undefined && typeCharset === undefined) return PLAIN;
  const compressions: Compression[] = [];
  let charset = typeCharset;
  for (const token of (contentEncoding ?? '').toLowerCase().split(/[,;\s]+/)) {
    if (token === '' || token === 'identity') continue;
    const compression = Object.hasOwn(COMPRESSIONS, token) ? COMPRESSIONS[token] : undefined;
    if (compression !== undefined) {
      compressions.push(compression);
      continue;
    }
    charset = token.replace(/^charset=/, '');
    if (!isKnownCharset(charset)) return unknown(charset);
  }
  if (compressions.length > MAX_CODINGS) return unknown(contentEncoding ?? '');
  if (charset !== undefined && !isKnownCharset(charset)) return unknown(charset);
  return { compressions, charset };
}

function unknown(token: string): Undecodable {
  return new Undecodable(
    'BODY_ENCODING_UNKNOWN',
    `The content encoding ${JSON.stringify(token.slice(0, 60))} is not known; ` +
      'expected is a charset such as utf-8, utf-16 or utf-32, or gzip, deflate or br.',
  );
}

function charsetOf(contentType: string): string | undefined {
  return /;\s*charset\s*=\s*"?([^";\s]+)"?/i.exec(contentType)?.[1]?.toLowerCase();
}

const UTF_32 = /^utf[-_]?32(le|be)?$/;
const UTF_16 = /^(utf[-_]?16(le|be)?|unicode)$/;
const UTF_8 = /^(utf[-_]?8|us-ascii|ascii)$/;

function isKnownCharset(label: string): boolean {
  if (UTF_8.test(label) || UTF_16.test(label) || UTF_32.test(label)) return true;
  try {
    return new TextDecoder(label) !== undefined;
  } catch {
    return false;
  }
}

/** The text of a body, or why it is none. A byte order mark decides over the charset, and is removed. */
export function decodeText(body: Uint8Array, charset: string | undefined): string | Undecodable {
  const form = byteOrderMark(body) ?? formOf(charset, body);
  const bytes = body.subarray(form.skip);
  if (form.width === 4) return decodeUtf32(bytes, form.littleEndian);
  try {
    return new TextDecoder(form.label, { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    return new Undecodable('BODY_NOT_TEXT', `The body is not valid ${form.label.toUpperCase()} text.`);
  }
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
  const wrong = new Undecodable('BODY_NOT_TEXT', 'The body is not valid UTF-32 text.');
  if (bytes.length % 4 !== 0) return wrong;
  const parts: string[] = [];
  for (let i = 0; i < bytes.length; i += 4) {
    const point = view.getUint32(i, littleEndian);
    if (point > 0x10ffff || (point >= 0xd800 && point <= 0xdfff)) return wrong;
    parts.push(String.fromCodePoint(point));
  }
  return parts.join('');
}
