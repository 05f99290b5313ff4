import { createHash, randomUUID } from 'node:crypto';
import type { Readable } from 'node:stream';
import type { BlockBlobClient } from '@azure/storage-blob';
import { statusOf } from '../azure/storage.ts';
import { ConnectorError } from '../errors/connector-error.ts';
import { type BlobContainer, conditionsOf } from './blob-container.ts';
import { BLOCK_BYTES, BlockStager, BufferPool, blockIds, blocksOf, MAX_BLOCKS } from './blocks.ts';
import { contentTypeOf } from './content.ts';
import { withRetries } from './storage-calls.ts';
import type { UploadOptions, UploadState } from './types.ts';

/** The largest blob with blocks of 4 MiB. */
export const MAX_BYTES = MAX_BLOCKS * BLOCK_BYTES;

/** Uploads a whole file from a stream. It becomes visible when all data are received and the MD5 matches, and not before. */
export async function uploadFile(
  container: BlobContainer,
  path: string,
  body: Readable,
  options: UploadOptions,
  signal: AbortSignal,
): Promise<UploadState> {
  const blob = container.blob(path);
  return container.attempt(`Uploading ${path}`, async () => {
    if ((options.size ?? 0) > MAX_BYTES) throw tooLarge(path, options.size ?? 0);
    await precheck(blob, options, signal);
    const hash = createHash('md5');
    const buffers = new BufferPool(options.size);
    const stager = new BlockStager(blob, {
      ids: blockIds(randomUUID()),
      from: { offset: 0, total: 0 },
      buffers,
      signal,
    });
    let first: Buffer | undefined;
    try {
      for await (const block of blocksOf(body, buffers, hash, signal)) {
        if (first) await stager.add(first);
        first = stager.bytes === 0 && !first ? block : undefined;
        if (!first) await stager.add(block);
      }
      await stager.finish();
    } finally {
      await stager.finish().catch(() => undefined);
    }
    const size = stager.bytes + (first?.byteLength ?? 0);
    const md5 = hash.digest();
    if (options.size !== undefined && size !== options.size) throw incomplete(path, size, options.size);
    verify(path, md5, options.contentMd5);
    const settings = commitSettings(path, options, md5, signal);
    const commit = () => blob.commitBlockList(stager.ids, settings);
    // A retry with a condition would fail on the result of the first attempt if only its response was lost.
    const isConditional = Boolean(options.ifMatch || options.ifNoneMatch);
    const answer =
      stager.bytes === 0
        ? await blob.upload(first ?? Buffer.alloc(0), size, settings)
        : await (isConditional ? commit() : withRetries(commit, signal));
    return { received: size, etag: answer.etag ?? '', contentMd5: md5.toString('base64') };
  });
}

/** Checks the conditions before the transfer of the data. */
export async function precheck(
  blob: BlockBlobClient,
  options: UploadOptions,
  signal: AbortSignal,
): Promise<void> {
  if (!options.ifMatch && !options.ifNoneMatch) return;
  try {
    const found = await blob.getProperties({ abortSignal: signal });
    const same = (header: string) => header === '*' || header.split(/\s*,\s*/).includes(found.etag ?? '');
    if (options.ifNoneMatch === '*') {
      throw new ConnectorError('FILE_EXISTS', 'A file of that name exists already.');
    }
    if ((options.ifMatch && !same(options.ifMatch)) || (options.ifNoneMatch && same(options.ifNoneMatch))) {
      throw new ConnectorError('PRECONDITION_FAILED', 'The file does not have the given ETag.');
    }
  } catch (thrown) {
    if (statusOf(thrown) !== 404) throw thrown;
    if (options.ifMatch) throw new ConnectorError('PRECONDITION_FAILED', 'There is no file with that ETag.');
  }
}

export function commitSettings(
  path: string,
  options: UploadOptions,
  md5: Buffer | undefined,
  signal: AbortSignal,
  metadata: Readonly<Record<string, string>> = {},
) {
  const contentMd5 = md5 ?? (options.contentMd5 ? Buffer.from(options.contentMd5, 'base64') : undefined);
  return {
    abortSignal: signal,
    conditions: conditionsOf(options),
    metadata: { ...options.metadata, ...metadata },
    blobHTTPHeaders: {
      blobContentType: options.contentType ?? contentTypeOf(path),
      ...(contentMd5 === undefined ? {} : { blobContentMD5: contentMd5 }),
    },
  };
}

export function verify(path: string, md5: Buffer, expected: string | undefined): void {
  if (expected === undefined || md5.equals(Buffer.from(expected, 'base64'))) return;
  throw new ConnectorError('CHECKSUM_MISMATCH', `${path}: the received data do not match the given MD5.`);
}

export function incomplete(path: string, bytes: number, expected: number): ConnectorError {
  return new ConnectorError('UPLOAD_INCOMPLETE', `${path}: received ${bytes} of ${expected} bytes.`);
}

export function tooLarge(path: string, bytes: number): ConnectorError {
  return new ConnectorError(
    'FILE_TOO_LARGE',
    `${path} has ${bytes} bytes; the limit for a stream is ${MAX_BYTES} bytes.`,
    { details: { bytes, maxBytes: MAX_BYTES } },
  );
}
