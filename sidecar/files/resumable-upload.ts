import { createHash, type Hash } from 'node:crypto';
import type { Readable } from 'node:stream';
import type { BlockBlobClient } from '@azure/storage-blob';
import { statusOf, storageCode } from '../azure/storage.ts';
import { ConnectorError } from '../errors/connector-error.ts';
import type { BlobContainer } from './blob-container.ts';
import {
  BLOCK_BYTES,
  type BlockIds,
  BlockStager,
  BufferPool,
  blockIds,
  blocksOf,
  MAX_BLOCKS,
} from './blocks.ts';
import { readRange } from './download.ts';
import type { UploadChunk, UploadState } from './types.ts';
import { commitSettings, incomplete, MAX_BYTES, precheck, tooLarge, verify } from './upload.ts';

/** Metadata with the id of the resumable upload, for a client that lost the last response. */
const UPLOAD_METADATA = 'uploadid';

/** State of the resumable uploads in this process, beside the blocks in Azure. Its loss costs time but no data. */
export class ResumableUploads {
  /** Running hashes of uploads that this process has received from the start. */
  readonly #hashes = new Map<string, { readonly hash: Hash; readonly at: number }>();
  /** The running chunk of each upload. */
  readonly #running = new Map<string, { readonly stop: AbortController; readonly end: Promise<unknown> }>();
  /** Uploads whose checksum did not match. */
  readonly #invalid = new Set<string>();

  /**
   * Runs one chunk of an upload at a time. A new chunk stops the running one, which is usually a broken connection that has not been
   * detected yet and would keep the client waiting for minutes.
   */
  async runLatest<T>(key: string, signal: AbortSignal, run: (signal: AbortSignal) => Promise<T>): Promise<T> {
    const before = this.#running.get(key);
    const stop = new AbortController();
    const stopped = () => stop.signal.throwIfAborted();
    const work = (async () => {
      before?.stop.abort(new ConnectorError('AZURE_CONFLICT', 'Another request continues this upload.'));
      await before?.end;
      stopped();
      return run(AbortSignal.any([signal, stop.signal])).catch((thrown) => {
        stopped();
        throw thrown;
      });
    })();
    const mine = { stop, end: work.catch(() => undefined) };
    this.#running.set(key, mine);
    try {
      return await work;
    } finally {
      if (this.#running.get(key) === mine) this.#running.delete(key);
    }
  }

  takeHash(key: string, offset: number): Hash | undefined {
    const found = this.#hashes.get(key);
    this.#hashes.delete(key);
    if (offset === 0) return createHash('md5');
    return found?.at === offset ? found.hash : undefined;
  }

  keepHash(key: string, hash: Hash | undefined, at: number): void {
    if (!hash) return;
    this.#hashes.set(key, { hash, at });
    // Without its hash an upload is verified by reading it again.
    bound(this.#hashes);
  }

  /** The received blocks are unusable: committing them with a later chunk would replace the existing file. */
  markInvalid(key: string): void {
    this.#invalid.add(key);
    bound(this.#invalid);
  }

  isInvalid(key: string): boolean {
    return this.#invalid.has(key);
  }

  /** The upload starts again, so an earlier mismatch no longer counts. */
  restart(key: string): void {
    this.#invalid.delete(key);
  }
}

const MAX_KNOWN = 100;

function bound(known: Map<string, unknown> | Set<string>): void {
  const oldest = known.size > MAX_KNOWN ? known.keys().next().value : undefined;
  if (oldest !== undefined) known.delete(oldest);
}

/**
 * Receives one chunk of a resumable upload. Only Azure stores the progress, as uncommitted blocks, so that neither a restart of the sidecar
 * nor a change to another sidecar loses it. Azure deletes uncommitted blocks after a week.
 */
export async function uploadChunk(
  container: BlobContainer,
  path: string,
  body: Readable,
  chunk: UploadChunk,
  uploads: ResumableUploads,
  signal: AbortSignal,
): Promise<UploadState> {
  const blob = container.blob(path);
  if (chunk.size > MAX_BYTES) throw tooLarge(path, chunk.size);
  const key = `${blob.url} ${chunk.uploadId}`;
  return container.attempt(`Uploading ${path}`, () =>
    uploads.runLatest(key, signal, (mine) =>
      receiveChunk(blob, path, body, chunk, { uploads, key, signal: mine }),
    ),
  );
}

async function receiveChunk(
  blob: BlockBlobClient,
  path: string,
  body: Readable,
  chunk: UploadChunk,
  { uploads, key, signal }: { uploads: ResumableUploads; key: string; signal: AbortSignal },
): Promise<UploadState> {
  if (chunk.offset > 0 && uploads.isInvalid(key)) {
    throw new ConnectorError(
      'CHECKSUM_MISMATCH',
      `${path}: the uploaded data do not match the given MD5; start again with another Upload-Id.`,
    );
  }
  if (chunk.offset === 0) await precheck(blob, chunk, signal);
  const ids = blockIds(chunk.uploadId);
  const before = await receivedBlocks(blob, ids, chunk.size, signal);
  if (before.received !== chunk.offset) {
    const done = before.received === 0 ? await finished(blob, ids, signal) : undefined;
    // The same upload whose last response was lost, but not another file under a reused Upload-Id.
    if (done?.received === chunk.size && (!chunk.contentMd5 || chunk.contentMd5 === done.contentMd5))
      return done;
    throw new ConnectorError(
      'UPLOAD_OFFSET_WRONG',
      `${path}: ${before.received} bytes have been received; the next chunk must start there, not at ${chunk.offset}.`,
      { details: { received: before.received } },
    );
  }
  if (before.ids.length + Math.ceil(chunk.length / BLOCK_BYTES) > MAX_BLOCKS) {
    throw new ConnectorError(
      'FILE_TOO_LARGE',
      `${path} would have more than ${MAX_BLOCKS} blocks; send it in larger uploads, multiples of ${BLOCK_BYTES} bytes.`,
    );
  }
  if (chunk.offset === 0) uploads.restart(key);
  const hash = uploads.takeHash(key, chunk.offset);
  const buffers = new BufferPool(chunk.length);
  const from = { offset: chunk.offset, total: chunk.size };
  const stager = new BlockStager(blob, { ids, from, buffers, signal });
  try {
    for await (const block of blocksOf(body, buffers, hash, signal)) {
      // A block beyond the chunk would count as received.
      const bytes = stager.bytes + block.byteLength;
      if (bytes > chunk.length) throw tooLong(path, bytes, chunk.length);
      await stager.add(block);
    }
  } finally {
    // Blocks in transfer still count: the client continues after them.
    await stager.finish().catch(() => undefined);
  }
  await stager.finish();
  if (stager.bytes !== chunk.length) throw incomplete(path, stager.bytes, chunk.length);
  const received = chunk.offset + stager.bytes;
  if (received < chunk.size) {
    uploads.keepHash(key, hash, received);
    return { received };
  }
  const md5 = hash?.digest();
  try {
    if (md5) verify(path, md5, chunk.contentMd5);
  } catch (error) {
    uploads.markInvalid(key);
    throw error;
  }
  const settings = commitSettings(path, chunk, md5, signal, { [UPLOAD_METADATA]: ids.name });
  const answer = await blob.commitBlockList([...before.ids, ...stager.ids], settings);
  const etag = answer.etag ?? '';
  if (!md5 && chunk.contentMd5) await verifyStored(blob, path, chunk, etag, signal);
  const known = md5?.toString('base64') ?? chunk.contentMd5;
  return { received, etag, ...(known === undefined ? {} : { contentMd5: known }) };
}

export async function uploadState(
  container: BlobContainer,
  path: string,
  uploadId: string,
  signal: AbortSignal,
): Promise<UploadState> {
  const blob = container.blob(path);
  const ids = blockIds(uploadId);
  return container.attempt(`Looking at the upload of ${path}`, async () => {
    const { received, count } = await receivedBlocks(blob, ids, undefined, signal);
    const done = count === 0 ? await finished(blob, ids, signal) : undefined;
    return done ?? { received };
  });
}

/** The contiguous blocks of an upload from its start. Without a total: of the file size with the most progress. */
async function receivedBlocks(
  blob: BlockBlobClient,
  ids: BlockIds,
  total: number | undefined,
  signal: AbortSignal,
): Promise<{ received: number; ids: string[]; count: number }> {
  let blocks: readonly { name: string; size: number }[] = [];
  try {
    blocks = (await blob.getBlockList('uncommitted', { abortSignal: signal })).uncommittedBlocks ?? [];
  } catch (thrown) {
    if (storageCode(thrown) !== 'BlobNotFound') throw thrown;
  }
  const bySize = new Map<number, { name: string; size: number; offset: number }[]>();
  for (const { name, size } of blocks) {
    const own = ids.positionOf(name);
    if (!own || (total !== undefined && own.total !== total)) continue;
    const list = bySize.get(own.total) ?? [];
    if (list.length === 0) bySize.set(own.total, list);
    list.push({ name, size, offset: own.offset });
  }
  let furthest = { received: 0, ids: [] as string[], count: 0 };
  for (const [size, list] of bySize) {
    const found = contiguous(
      list.sort((a, b) => a.offset - b.offset),
      size,
    );
    if (found.received >= furthest.received) furthest = { ...found, count: list.length };
  }
  return furthest;
}

function contiguous(
  blocks: readonly { name: string; size: number; offset: number }[],
  total: number,
): { received: number; ids: string[] } {
  let received = 0;
  const ids: string[] = [];
  for (const { name, size, offset } of blocks) {
    // An upload is complete when its blocks are committed, which happens with its last byte. After an interruption between the two the
    // client has to send the last block again.
    if (offset !== received || offset + size >= total) break;
    ids.push(name);
    received += size;
  }
  return { received, ids };
}

/** The final state of an upload whose last response was lost. */
async function finished(
  blob: BlockBlobClient,
  ids: BlockIds,
  signal: AbortSignal,
): Promise<UploadState | undefined> {
  try {
    const found = await blob.getProperties({ abortSignal: signal });
    if (found.metadata?.[UPLOAD_METADATA] !== ids.name) return undefined;
    const contentMd5 = found.contentMD5 && Buffer.from(found.contentMD5).toString('base64');
    return {
      received: found.contentLength ?? 0,
      etag: found.etag ?? '',
      ...(contentMd5 ? { contentMd5 } : {}),
    };
  } catch (thrown) {
    if (statusOf(thrown) === 404) return undefined;
    throw thrown;
  }
}

/** Verifies a file that this process did not receive completely by reading it. Deletes the file if it does not match. */
async function verifyStored(
  blob: BlockBlobClient,
  path: string,
  chunk: UploadChunk,
  etag: string,
  signal: AbortSignal,
): Promise<void> {
  const hash = createHash('md5');
  for (let offset = 0; offset < chunk.size; offset += BLOCK_BYTES) {
    hash.update(await readRange(blob, offset, Math.min(BLOCK_BYTES, chunk.size - offset), etag, signal));
  }
  try {
    verify(path, hash.digest(), chunk.contentMd5);
  } catch (error) {
    await blob.delete({ conditions: { ifMatch: etag }, abortSignal: signal });
    throw error;
  }
}

function tooLong(path: string, bytes: number, expected: number): ConnectorError {
  return new ConnectorError(
    'REQUEST_INVALID',
    `${path}: received ${bytes} bytes or more for a chunk of ${expected} bytes according to its Content-Range.`,
  );
}
