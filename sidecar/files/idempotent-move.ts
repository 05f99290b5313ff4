import { setTimeout } from 'node:timers/promises';
import type { BlobGetPropertiesResponse, BlobServiceClient, BlockBlobClient } from '@azure/storage-blob';
import { statusOf, storageCode } from '../azure/storage.ts';
import { ConnectorError } from '../errors/connector-error.ts';
import { conditionsOf } from './blob-container.ts';
import { blobName, containerName, shortened } from './paths.ts';
import { storageError } from './storage-calls.ts';
import { copyBlob, endCopy } from './transfer.ts';
import type { FileLocation, IdempotentMove } from './types.ts';

/** No script waits for the result. */
const TIME_MS = 600_000;
const POLL_INTERVAL_MS = 1_000;
/** Metadata of a moved file: the idempotency key of the move, and the ETag of the copied version. */
const KEY_METADATA = 'relocation';
/** The source or the target has changed since it was read. */
const CHANGED_MEANWHILE = new Set([
  'BlobNotFound',
  'CannotVerifyCopySource',
  'BlobAlreadyExists',
  'ConditionNotMet',
  'SourceConditionNotMet',
  'TargetConditionNotMet',
]);
/** Last-Modified of a blob has a resolution of one second. */
const TIME_RESOLUTION_MS = 1_000;

/** A possible target of the move, and the blob that exists there. */
interface Candidate {
  readonly path: string;
  readonly blob: BlockBlobClient;
  readonly found: BlobGetPropertiesResponse | undefined;
}

/**
 * Copies the file with the idempotency key in its metadata, then deletes the version that was copied. A repetition, after a crash or at the
 * same time, finds the key and continues after the copy. So there is always exactly one copy.
 */
export async function moveOnce(
  service: BlobServiceClient,
  move: IdempotentMove,
  signal: AbortSignal,
): Promise<FileLocation> {
  const { from, to, fallbackPath, idempotencyKey } = move;
  const action = `Moving ${shortened(from.path)} to ${shortened(to.path)}`;
  const source = service
    .getContainerClient(containerName(from.container))
    .getBlockBlobClient(blobName(from.path));
  const target = service.getContainerClient(containerName(to.container));
  const untilMs = Date.now() + TIME_MS;
  let isGone = false;
  try {
    while (Date.now() < untilMs) {
      const candidates: Candidate[] = [];
      for (const path of [to.path, fallbackPath]) {
        const blob = target.getBlockBlobClient(blobName(path));
        candidates.push({ path: `/${blob.name}`, blob, found: await readProperties(blob, signal) });
      }
      const moved = candidates.find(({ found }) => keyOf(found)?.idempotencyKey === idempotencyKey);
      if (moved) {
        if (!(await isComplete(moved, signal))) continue;
        await removeSource(source, keyOf(moved.found)?.etag ?? '', signal);
        return { container: to.container, path: moved.path };
      }
      if (isGone) throw new ConnectorError('FILE_NOT_FOUND', `${action}: the file no longer exists.`);
      const free = candidates.find(({ found }) => found === undefined);
      if (!free)
        throw new ConnectorError('FILE_EXISTS', `${action}: files with both possible names exist already.`);
      isGone = !(await copy(source, free.blob, move, action, signal));
    }
    throw new ConnectorError('FILES_UNFINISHED', `${action}: not complete after ${TIME_MS / 1000} seconds.`);
  } catch (thrown) {
    const error = storageError(thrown, action, new URL(target.url).host);
    if (error.code !== 'CONTAINER_NOT_FOUND' || from.container === to.container) throw error;
    throw new ConnectorError(
      'CONTAINER_NOT_FOUND',
      `${action}: the container ${to.container} does not exist.`,
      {
        details: { target: true },
      },
    );
  }
}

/** Undefined if the blob does not exist. */
async function readProperties(
  blob: BlockBlobClient,
  signal: AbortSignal,
): Promise<BlobGetPropertiesResponse | undefined> {
  try {
    return await blob.getProperties({ abortSignal: signal });
  } catch (thrown) {
    if (statusOf(thrown) === 404 && storageCode(thrown) !== 'ContainerNotFound') return undefined;
    throw thrown;
  }
}

function keyOf(
  found: BlobGetPropertiesResponse | undefined,
): { readonly idempotencyKey: string; readonly etag: string } | undefined {
  const [idempotencyKey, etag] = found?.metadata?.[KEY_METADATA]?.split(' ') ?? [];
  return idempotencyKey === undefined || etag === undefined
    ? undefined
    : { idempotencyKey, etag: `"${etag}"` };
}

/** A copy that an ended process started completes without it. The remains of a failed copy are deleted. */
async function isComplete({ blob, found }: Candidate, signal: AbortSignal): Promise<boolean> {
  const { copyId, copyStatus = 'success' } = found ?? {};
  if (copyId === undefined || copyStatus === 'success') return true;
  if (copyStatus === 'pending') await setTimeout(POLL_INTERVAL_MS, undefined, { signal });
  else await endCopy(blob, copyId, signal);
  return false;
}

/**
 * True if the target exists now, possibly written by another process; false if the source does not exist, possibly moved by another process.
 * The next read of the candidates shows which.
 */
async function copy(
  source: BlockBlobClient,
  to: BlockBlobClient,
  { idempotencyKey, written, from }: IdempotentMove,
  action: string,
  signal: AbortSignal,
): Promise<boolean> {
  const found = await readProperties(source, signal).catch((thrown: unknown) => {
    if (storageCode(thrown) === 'ContainerNotFound') return undefined;
    throw thrown;
  });
  if (!found) return false;
  const isLater = (found.lastModified?.getTime() ?? 0) >= written.atMs + TIME_RESOLUTION_MS;
  // A later change of the metadata alone keeps the size.
  if (isLater && found.contentLength !== written.bytes) {
    throw new ConnectorError('FILE_REPLACED', `A later file has replaced ${from.path}.`);
  }
  const metadata = {
    ...found.metadata,
    [KEY_METADATA]: `${idempotencyKey} ${(found.etag ?? '').replaceAll('"', '')}`,
  };
  const conditions = { ifNoneMatch: '*' };
  try {
    await copyBlob({ from: source, to, found, conditions, metadata, action, timeMs: TIME_MS }, signal);
  } catch (thrown) {
    if (!CHANGED_MEANWHILE.has(storageCode(thrown) ?? '')) throw thrown;
  }
  return true;
}

/** A source that is deleted or has changed is not an error. */
async function removeSource(source: BlockBlobClient, etag: string, signal: AbortSignal): Promise<void> {
  try {
    await source.delete({
      abortSignal: signal,
      deleteSnapshots: 'include',
      conditions: conditionsOf({ ifMatch: etag }),
    });
  } catch (thrown) {
    const status = statusOf(thrown);
    if (status !== 404 && status !== 412) throw thrown;
  }
}
