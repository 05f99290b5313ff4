import { brotliDecompressSync, gunzipSync, inflateRawSync, inflateSync } from 'node:zlib';
import { toBase64 } from '../coerce/text.ts';
import type { Compression, Encoding } from './encoding.ts';
import { Undecodable } from './undecodable.ts';

/** No JSON text and no CBOR item begins so: a compressed body is recognised even when no property says so. */
export function looksLikeGzip(body: Uint8Array): boolean {
  return body[0] === 0x1f && body[1] === 0x8b && body[2] === 8;
}

/** Undoes compressions and base64, the last first, never holding more than `maxInflatedBytes` of output. */
export function inflate(
  body: Uint8Array,
  layers: Encoding['layers'],
  maxInflatedBytes: number,
): Uint8Array | Undecodable {
  let bytes = body;
  for (const layer of layers.toReversed()) {
    try {
      bytes =
        layer === 'base64' ? fromBase64(bytes) : undo(bytes, layer, { maxOutputLength: maxInflatedBytes });
    } catch (thrown) {
      return (thrown as NodeJS.ErrnoException).code === 'ERR_BUFFER_TOO_LARGE'
        ? new Undecodable(
            'BODY_TOO_LARGE',
            `The body is larger than the limit of ${maxInflatedBytes} bytes when it is decompressed (setting maxInflatedBytes).`,
          )
        : new Undecodable(
            'BODY_NOT_COMPRESSED',
            `The body is not valid ${layer} data. Correct what the device sets, or state the encoding in a mapping rule, such as "encoding": "none".`,
          );
    }
  }
  return bytes;
}

function fromBase64(bytes: Uint8Array): Uint8Array {
  const text = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('latin1');
  const plain = toBase64(text);
  if (typeof plain !== 'string') throw new SyntaxError('not base64');
  return Buffer.from(plain, 'base64');
}

function undo(bytes: Uint8Array, compression: Compression, options: { maxOutputLength: number }): Uint8Array {
  switch (compression) {
    case 'gzip':
      return gunzipSync(bytes, options);
    case 'br':
      return brotliDecompressSync(bytes, options);
    case 'deflate':
      // HTTP's deflate is zlib; senders that leave its header out are common
      return hasZlibHeader(bytes) ? inflateSync(bytes, options) : inflateRawSync(bytes, options);
  }
}

/** RFC 1950: compression method 8, and a check sum over the two bytes. */
function hasZlibHeader(bytes: Uint8Array): boolean {
  const [first = 0, second = 0] = bytes;
  return (first & 0x0f) === 8 && (first * 256 + second) % 31 === 0;
}
