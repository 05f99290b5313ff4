import { isKnownCharset } from './text.ts';
import { Undecodable } from './undecodable.ts';

export type Compression = 'gzip' | 'deflate' | 'br';

/** How a body is encoded, as its properties or a mapping rule say. */
export interface Encoding {
  /** In the order in which they were applied; undone from the last to the first. */
  readonly layers: readonly (Compression | 'base64')[];
  /** A label of the WHATWG encoding standard, or one of UTF-16 and UTF-32; undefined: UTF-8 unless a BOM says else. */
  readonly charset: string | undefined;
  /** What the properties name and nobody knows. */
  readonly unknown?: string | undefined;
}

const PLAIN: Encoding = { layers: [], charset: undefined };

const COMPRESSIONS: Readonly<Record<string, Compression | undefined>> = {
  gzip: 'gzip',
  'x-gzip': 'gzip',
  deflate: 'deflate',
  br: 'br',
  brotli: 'br',
};

/** Names that say that nothing was done. */
const NOTHING: ReadonlySet<string> = new Set(['', 'identity', 'none', 'binary', '7bit', '8bit']);

/** More codings on one body than anyone needs are a bomb, not an encoding. */
const MAX_CODINGS = 3;

/** What an encoding may be, for reasons and problems. */
export const KNOWN_ENCODINGS = 'a charset such as utf-8, utf-16 or utf-32, and gzip, deflate or br';

/**
 * Reads `content-encoding` and the charset of `content-type`. IoT Hub documents contentEncoding as a charset (utf-8,
 * utf-16, utf-32); HTTP and OPC Publisher put compressions there; both may stand side by side, parted by , ; or space.
 */
export function encodingOf(contentEncoding: string | undefined, contentType: string | undefined): Encoding {
  const typeCharset =
    contentType === undefined || !contentType.includes('=') ? undefined : charsetOf(contentType);
  if (contentEncoding === undefined && typeCharset === undefined) return PLAIN;
  const { layers, charset = typeCharset, unknown } = tokensOf(contentEncoding ?? '', false);
  const known = charset === undefined || isKnownCharset(charset);
  return { layers, charset: known ? charset : undefined, unknown: unknown ?? (known ? undefined : charset) };
}

/** The encoding that a mapping rule states; undefined when it names something that is not known. `base64` may stand in it. */
export function statedEncoding(text: string): Encoding | undefined {
  const encoding = tokensOf(text, true);
  return encoding.unknown === undefined ? encoding : undefined;
}

function tokensOf(text: string, withBase64: boolean): Encoding {
  const layers: (Compression | 'base64')[] = [];
  let charset: string | undefined;
  let unknown: string | undefined;
  for (const token of text.toLowerCase().split(/[,;\s]+/)) {
    if (NOTHING.has(token)) continue;
    const compression = Object.hasOwn(COMPRESSIONS, token) ? COMPRESSIONS[token] : undefined;
    const label = token.replace(/^charset=/, '');
    if (compression !== undefined) layers.push(compression);
    else if (withBase64 && token === 'base64') layers.push('base64');
    else if (isKnownCharset(label)) charset = label;
    else unknown ??= label;
  }
  if (layers.length > MAX_CODINGS) unknown ??= text;
  return { layers: layers.slice(0, MAX_CODINGS), charset, unknown };
}

/** Why a body with an unknown encoding is not read. */
export function unknownEncoding(token: string): Undecodable {
  return new Undecodable(
    'BODY_ENCODING_UNKNOWN',
    `The content encoding ${JSON.stringify(token.slice(0, 60))} is not known; expected is ${KNOWN_ENCODINGS}. ` +
      'Correct what the device sets, or state the encoding in a mapping rule, such as "encoding": "utf-8" or "encoding": "base64".',
  );
}

function charsetOf(contentType: string): string | undefined {
  return /;\s*charset\s*=\s*"?([^";\s]+)"?/i.exec(contentType)?.[1]?.toLowerCase();
}
