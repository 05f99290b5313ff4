import { createHash, type Hash, randomUUID } from 'node:crypto';
import type { Readable } from 'node:stream';
import type { BlockBlobClient } from '@azure/storage-blob';
import type { UploadOptions, UploadPiece, UploadState } from '../contract/storage.ts';
import { ConnectorError } from '../errors/connector-error.ts';
import { contentTypeOf } from './content.ts';
import { readRange } from './download.ts';
import { storageCode } from './failure.ts';
import { conditionsOf, type Place } from './place.ts';

/** With 50,000 blocks, the most that a blob has, files of up to 195 GiB. */
const BLOCK_BYTES = 4 * 1024 * 1024;
/** Blocks under way at once; with the one being filled they are all the memory that an upload takes. */
const PARALLEL_BLOCKS = 3;
/** Names the resumable upload that made a blob, for a client that did not see the last answer. */
const UPLOAD_METADATA = 'uploadid';

/** Sums of resumable uploads from their beginning, as long as one process has seen all of it. */
export class Sums {
  readonly #running = new Map<string, { readonly hash: Hash; readonly at: number }>();

  take(key: string, offset: number): Hash | undefined {
    const found = this.#running.get(key);
    this.#running.delete(key);
    if (offset === 0) return createHash('md5');
    return found?.at === offset ? found.hash : undefined;
  }

  keep(key: string, hash: Hash | undefined, at: number): void {
    if (!hash) return;
    this.#running.set(key, { hash, at });
    // Without its sum an upload is checked by reading it again: nothing is lost but time.
    const oldest = this.#running.size > 100 ? this.#running.keys().next().value : undefined;
    if (oldest !== undefined) this.#running.delete(oldest);
  }
}

/** A whole file from a stream: visible when all of it has arrived and its MD5 is right, and not before. */
export async function uploadFile(
  place: Place,
  path: string,
  body: Readable,
  options: UploadOptions,
  signal: AbortSignal,
): Promise<UploadState> {
  const blob = place.blob(path);
  return place.attempt(`Uploading ${path}`, async () => {
    await precheck(blob, options, signal);
    const hash = createHash('md5');
    const buffers = new Buffers();
    const staged = new Staged(blob, { ids: blockIds(randomUUID()), from: 0, buffers, signal });
    let first: Buffer | undefined;
    try {
      for await (const block of blocksOf(body, buffers)) {
        hash.update(block);
        if (first) await staged.add(first);
        first = staged.bytes === 0 && !first ? block : undefined;
        if (!first) await staged.add(block);
      }
      await staged.settle();
    } finally {
      await staged.settle().catch(() => undefined);
    }
    const size = staged.bytes + (first?.byteLength ?? 0);
    const md5 = hash.digest();
    if (options.size !== undefined && size !== options.size) throw incomplete(path, size, options.size);
    verify(path, md5, options.contentMd5);
    const settings = commitSettings(path, options, md5, signal);
    const answer =
      staged.bytes === 0
        ? await blob.upload(first ?? Buffer.alloc(0), size, settings)
        : await blob.commitBlockList(staged.ids, settings);
    return { received: size, etag: answer.etag ?? '', contentMd5: md5.toString('base64') };
  });
}

/**
 * One piece of an upload that can be resumed. What has arrived is known by Azure alone, as uncommitted blocks, so that neither a new
 * start of the sidecar nor another sidecar loses it; Azure forgets them after a week.
 */
export async function uploadPiece(
  place: Place,
  path: string,
  body: Readable,
  piece: UploadPiece,
  sums: Sums,
  signal: AbortSignal,
): Promise<UploadState> {
  const blob = place.blob(path);
  return place.attempt(`Uploading ${path}`, async () => {
    if (piece.offset === 0) await precheck(blob, piece, signal);
    const ids = blockIds(piece.uploadId);
    const before = await receivedBlocks(blob, ids, signal);
    if (before.state.etag !== undefined) return before.state;
    if (before.state.received !== piece.offset) {
      throw new ConnectorError(
        'UPLOAD_OFFSET_WRONG',
        `${path}: ${before.state.received} bytes have arrived, so the next piece begins there and not at ${piece.offset}.`,
        { details: { received: before.state.received } },
      );
    }
    const key = `${blob.url} ${piece.uploadId}`;
    const hash = sums.take(key, piece.offset);
    const buffers = new Buffers();
    const staged = new Staged(blob, { ids, from: piece.offset, buffers, signal });
    try {
      for await (const block of blocksOf(body, buffers)) {
        hash?.update(block);
        await staged.add(block);
      }
    } finally {
      // What is under way still counts: the client goes on behind it.
      await staged.settle().catch(() => undefined);
    }
    await staged.settle();
    if (staged.bytes !== piece.length) throw incomplete(path, staged.bytes, piece.length);
    const received = piece.offset + staged.bytes;
    if (received < piece.size) {
      sums.keep(key, hash, received);
      return { received };
    }
    const md5 = hash?.digest();
    if (md5) verify(path, md5, piece.contentMd5);
    const settings = commitSettings(path, piece, md5, signal, { [UPLOAD_METADATA]: ids.name });
    const answer = await blob.commitBlockList([...before.ids, ...staged.ids], settings);
    const etag = answer.etag ?? '';
    if (!md5 && piece.contentMd5) await verifyStored(blob, path, piece, etag, signal);
    const known = md5?.toString('base64') ?? piece.contentMd5;
    return { received, etag, ...(known === undefined ? {} : { contentMd5: known }) };
  });
}

export async function uploadState(
  place: Place,
  path: string,
  uploadId: string,
  signal: AbortSignal,
): Promise<UploadState> {
  const blob = place.blob(path);
  const { state } = await place.attempt(`Looking at the upload of ${path}`, () =>
    receivedBlocks(blob, blockIds(uploadId), signal),
  );
  return state;
}

/** The ids of an upload's blocks: all of one length, as Azure wants, with the offset in them. */
interface BlockIds {
  readonly name: string;
  at(offset: number): string;
  offsetOf(id: string): number | undefined;
}

function blockIds(uploadId: string): BlockIds {
  const name = createHash('sha256').update(uploadId).digest('hex').slice(0, 16);
  return {
    name,
    at: (offset) => Buffer.from(`${name}${String(offset).padStart(16, '0')}`).toString('base64'),
    offsetOf: (id) => {
      const text = Buffer.from(id, 'base64').toString('latin1');
      return text.startsWith(name) && /^\d{16}$/.test(text.slice(16)) ? Number(text.slice(16)) : undefined;
    },
  };
}

interface StagedOptions {
  readonly ids: BlockIds;
  /** Where the first block belongs. */
  readonly from: number;
  readonly buffers: Buffers;
  readonly signal: AbortSignal;
}

/** Blocks on their way to Azure, a few at a time. */
class Staged {
  readonly ids: string[] = [];
  bytes = 0;
  readonly #blob: BlockBlobClient;
  readonly #options: StagedOptions;
  readonly #running = new Set<Promise<unknown>>();
  #failed: { readonly error: unknown } | undefined;

  constructor(blob: BlockBlobClient, options: StagedOptions) {
    this.#blob = blob;
    this.#options = options;
  }

  /** Resolves when there is room for the next block. Rejects with the failure of any block so far. */
  async add(block: Buffer): Promise<void> {
    const { ids, from, buffers, signal } = this.#options;
    const id = ids.at(from + this.bytes);
    this.ids.push(id);
    this.bytes += block.byteLength;
    const sending = this.#blob
      .stageBlock(id, block, block.byteLength, {
        abortSignal: signal,
        transactionalContentMD5: createHash('md5').update(block).digest(),
      })
      .catch((error: unknown) => {
        this.#failed ??= { error };
      })
      .finally(() => {
        this.#running.delete(sending);
        buffers.give(block);
      });
    this.#running.add(sending);
    if (this.#running.size >= PARALLEL_BLOCKS) await Promise.race(this.#running);
    if (this.#failed) throw this.#failed.error;
  }

  async settle(): Promise<void> {
    await Promise.all(this.#running);
    if (this.#failed) throw this.#failed.error;
  }
}

/** Buffers of one block, used again: garbage of this size would outgrow the memory that is really needed. */
class Buffers {
  readonly #free: Buffer[] = [];

  take(): Buffer {
    return this.#free.pop() ?? Buffer.allocUnsafeSlow(BLOCK_BYTES);
  }

  /** Takes back what `take` gave, or the beginning of it. */
  give(block: Buffer): void {
    this.#free.push(Buffer.from(block.buffer));
  }
}

async function* blocksOf(body: Readable, buffers: Buffers): AsyncGenerator<Buffer> {
  let block = buffers.take();
  let bytes = 0;
  try {
    // The request stays open: its answer must still go out when something fails.
    for await (const chunk of body.iterator({ destroyOnReturn: false })) {
      const given = chunk as Buffer;
      for (let at = 0; at < given.byteLength; ) {
        const copied = given.copy(block, bytes, at);
        at += copied;
        bytes += copied;
        if (bytes < BLOCK_BYTES) continue;
        yield block;
        block = buffers.take();
        bytes = 0;
      }
    }
  } catch (cause) {
    if (cause instanceof ConnectorError) throw cause;
    throw new ConnectorError(
      'UPLOAD_INCOMPLETE',
      'The connection ended before all of the body had arrived.',
      {
        cause,
      },
    );
  }
  if (bytes > 0) yield block.subarray(0, bytes);
}

/** The blocks of an upload that follow each other from the beginning. */
async function receivedBlocks(
  blob: BlockBlobClient,
  ids: BlockIds,
  signal: AbortSignal,
): Promise<{ state: UploadState; ids: string[] }> {
  let blocks: readonly { name: string; size: number }[] = [];
  try {
    blocks = (await blob.getBlockList('uncommitted', { abortSignal: signal })).uncommittedBlocks ?? [];
  } catch (thrown) {
    if (storageCode(thrown) !== 'BlobNotFound') throw thrown;
  }
  const own = blocks
    .flatMap(({ name, size }) => {
      const offset = ids.offsetOf(name);
      return offset === undefined ? [] : [{ name, size, offset }];
    })
    .sort((a, b) => a.offset - b.offset);
  if (own.length === 0) {
    const done = await finished(blob, ids, signal);
    if (done) return { state: done, ids: [] };
  }
  let received = 0;
  const names: string[] = [];
  for (const { name, size, offset } of own) {
    if (offset !== received) break;
    names.push(name);
    received += size;
  }
  return { state: { received }, ids: names };
}

/** The end of an upload whose last answer got lost. */
async function finished(
  blob: BlockBlobClient,
  ids: BlockIds,
  signal: AbortSignal,
): Promise<UploadState | undefined> {
  try {
    const found = await blob.getProperties({ abortSignal: signal });
    if (found.metadata?.[UPLOAD_METADATA] !== ids.name) return undefined;
    return { received: found.contentLength ?? 0, etag: found.etag ?? '' };
  } catch (thrown) {
    if ((thrown as { statusCode?: unknown }).statusCode === 404) return undefined;
    throw thrown;
  }
}

/** Fails before gigabytes have travelled when the condition does not hold already. */
async function precheck(blob: BlockBlobClient, options: UploadOptions, signal: AbortSignal): Promise<void> {
  if (!options.ifMatch && !options.ifNoneMatch) return;
  try {
    const found = await blob.getProperties({ abortSignal: signal });
    const same = (header: string) => header === '*' || header.split(/\s*,\s*/).includes(found.etag ?? '');
    if (options.ifNoneMatch === '*') {
      throw new ConnectorError('FILE_EXISTS', 'A file of that name exists already.');
    }
    if ((options.ifMatch && !same(options.ifMatch)) || (options.ifNoneMatch && same(options.ifNoneMatch))) {
      throw new ConnectorError('PRECONDITION_FAILED', 'The file is not the one that the ETag names.');
    }
  } catch (thrown) {
    if ((thrown as { statusCode?: unknown }).statusCode !== 404) throw thrown;
    if (options.ifMatch) throw new ConnectorError('PRECONDITION_FAILED', 'There is no file with that ETag.');
  }
}

function commitSettings(
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

function verify(path: string, md5: Buffer, expected: string | undefined): void {
  if (expected === undefined || md5.equals(Buffer.from(expected, 'base64'))) return;
  throw new ConnectorError('CHECKSUM_MISMATCH', `${path}: what arrived has another MD5 than was said.`);
}

/** Reads a file that this process did not see whole; a wrong one is taken away again. */
async function verifyStored(
  blob: BlockBlobClient,
  path: string,
  piece: UploadPiece,
  etag: string,
  signal: AbortSignal,
): Promise<void> {
  const hash = createHash('md5');
  for (let offset = 0; offset < piece.size; offset += BLOCK_BYTES) {
    hash.update(await readRange(blob, offset, Math.min(BLOCK_BYTES, piece.size - offset), etag, signal));
  }
  try {
    verify(path, hash.digest(), piece.contentMd5);
  } catch (error) {
    await blob.delete({ conditions: { ifMatch: etag }, abortSignal: signal });
    throw error;
  }
}

function incomplete(path: string, bytes: number, expected: number): ConnectorError {
  return new ConnectorError('UPLOAD_INCOMPLETE', `${path}: ${bytes} of ${expected} bytes have arrived.`);
}
