import { createHash, type Hash } from 'node:crypto';
import { IncomingMessage } from 'node:http';
import { Readable } from 'node:stream';
import type { BlockBlobClient } from '@azure/storage-blob';
import { ConnectorError } from '../errors/connector-error.ts';
import { freePiece, ThreadTurns } from './pieces.ts';
import { withRetries } from './storage-calls.ts';

export const BLOCK_BYTES = 4 * 1024 * 1024;
/** The maximum number of blocks of a blob: with blocks of 4 MiB, files of up to 195 GiB. */
export const MAX_BLOCKS = 50_000;
/** The size of one write to the storage account. */
const SLICE_BYTES = 256 * 1024;
/** Blocks in transfer at the same time. With the block that is being filled they are all the memory of an upload. */
const PARALLEL_BLOCKS = 3;

/** The position of a block, as encoded in its id. */
interface BlockPosition {
  readonly offset: number;
  /** The size of the whole file; 0 if the upload is not resumable. */
  readonly total: number;
}

/** The ids of an upload's blocks, all of the same length as Azure requires. */
export interface BlockIds {
  readonly name: string;
  at(block: BlockPosition): string;
  /** Undefined for a block of another upload. */
  positionOf(id: string): BlockPosition | undefined;
}

export function blockIds(uploadId: string): BlockIds {
  const name = createHash('sha256').update(uploadId).digest('hex').slice(0, 16);
  const digits = (value: number) => value.toString(36).padStart(8, '0');
  return {
    name,
    at: ({ offset, total }) => Buffer.from(`${name}${digits(offset)}${digits(total)}`).toString('base64'),
    positionOf: (id) => {
      const [, own, offset = '', total = ''] =
        /^(.{16})([0-9a-z]{8})([0-9a-z]{8})$/.exec(Buffer.from(id, 'base64').toString('latin1')) ?? [];
      if (own !== name) return undefined;
      return { offset: Number.parseInt(offset, 36), total: Number.parseInt(total, 36) };
    },
  };
}

interface StagerOptions {
  readonly ids: BlockIds;
  /** The position of the first block. */
  readonly from: BlockPosition;
  readonly buffers: BufferPool;
  readonly signal: AbortSignal;
}

/** Stages blocks in Azure, a few at a time. */
export class BlockStager {
  readonly ids: string[] = [];
  bytes = 0;
  readonly #blob: BlockBlobClient;
  readonly #options: StagerOptions;
  readonly #running = new Set<Promise<unknown>>();
  #failed: { readonly error: unknown } | undefined;

  constructor(blob: BlockBlobClient, options: StagerOptions) {
    this.#blob = blob;
    this.#options = options;
  }

  /** Resolves when the next block can be added. Rejects with the failure of any earlier block. */
  async add(block: Buffer): Promise<void> {
    const { ids, from, buffers, signal } = this.#options;
    const id = ids.at({ ...from, offset: from.offset + this.bytes });
    this.ids.push(id);
    this.bytes += block.byteLength;
    const stage = () =>
      this.#blob.stageBlock(id, () => slicesOf(block), block.byteLength, { abortSignal: signal });
    const sending = withRetries(stage, signal)
      .catch((error: unknown) => {
        this.#failed ??= { error };
      })
      .finally(() => {
        this.#running.delete(sending);
        buffers.release(block);
      });
    this.#running.add(sending);
    if (this.#running.size >= PARALLEL_BLOCKS) await Promise.race(this.#running);
    if (this.#failed) throw this.#failed.error;
  }

  async finish(): Promise<void> {
    await Promise.all(this.#running);
    if (this.#failed) throw this.#failed.error;
  }
}

/** The slices of a block: a TLS connection encrypts all of one write at once, and keeps the result in memory. */
function slicesOf(block: Buffer): Readable {
  function* slices(): Generator<Buffer> {
    for (let at = 0; at < block.byteLength; at += SLICE_BYTES) yield block.subarray(at, at + SLICE_BYTES);
  }
  return Readable.from(slices());
}

/** Reuses buffers of one block: garbage of this size would take far more memory than is needed. */
export class BufferPool {
  readonly #free: Buffer[] = [];
  readonly #bytes: number;

  /** `size`: the expected bytes, if known. For less than a block the buffer holds one byte more, so that a longer body is noticed in its first block. */
  constructor(size: number = BLOCK_BYTES) {
    this.#bytes = Math.min(size + 1, BLOCK_BYTES);
  }

  acquire(): Buffer {
    return this.#free.pop() ?? Buffer.allocUnsafeSlow(this.#bytes);
  }

  /** Takes a buffer of `acquire`, or the beginning of one. */
  release(block: Buffer): void {
    this.#free.push(Buffer.from(block.buffer));
  }
}

/** Splits the body into blocks. The hash gets the data in small pieces, so that it never holds up other work for long. Rejects with the reason of the signal, even if no more data arrive. */
export async function* blocksOf(
  body: Readable,
  buffers: BufferPool,
  hash: Hash | undefined,
  signal: AbortSignal,
): AsyncGenerator<Buffer> {
  // The HTTP parser copies each piece of a request for its one reader. Other streams may keep theirs.
  const areOwn = body instanceof IncomingMessage;
  const turns = new ThreadTurns();
  let block = buffers.acquire();
  let bytes = 0;
  try {
    // The request stays open, so that an error response can still be sent.
    const chunks = body.iterator({ destroyOnReturn: false });
    for (;;) {
      const { value, done } = await nextOf(chunks, signal);
      if (done) break;
      const given = value as Buffer;
      const { byteLength } = given;
      hash?.update(given);
      for (let at = 0; at < byteLength; ) {
        const copied = given.copy(block, bytes, at);
        at += copied;
        bytes += copied;
        if (bytes < block.byteLength) continue;
        yield block;
        block = buffers.acquire();
        bytes = 0;
      }
      if (areOwn) freePiece(given);
      await turns.after(byteLength);
    }
  } catch (cause) {
    if (cause instanceof ConnectorError) throw cause;
    throw new ConnectorError(
      'UPLOAD_INCOMPLETE',
      'The connection ended before the whole body was received.',
      { cause },
    );
  }
  if (bytes > 0) yield block.subarray(0, bytes);
}

/** Does not use Promise.race with one promise of the signal: that would retain every chunk until the end. */
function nextOf<T>(chunks: AsyncIterator<T>, signal: AbortSignal): Promise<IteratorResult<T>> {
  return new Promise((resolve, reject) => {
    const stop = () => reject(signal.reason);
    if (signal.aborted) stop();
    signal.addEventListener('abort', stop, { once: true });
    chunks
      .next()
      .then(resolve, reject)
      .finally(() => signal.removeEventListener('abort', stop));
  });
}
