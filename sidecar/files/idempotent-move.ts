import { setTimeout } from 'node:timers/promises';
import type { BlobGetPropertiesResponse, BlobServiceClient, BlockBlobClient } from '@azure/storage-blob';
import { ConnectorError } from '../errors/connector-error.ts';
import { conditionsOf } from './blob-container.ts';
import { blobName, containerName, shortened } from './paths.ts';
import { statusOf, storageCode, storageError } from './storage-calls.ts';
import { copyBlob, endCopy } from './transfer.ts';
import type { FileLocation, IdempotentMove } from './types.ts';

/** Nobody waits for it with a script. */
const TIME_MS = 600_000;
const LOOK_INTERVAL_MS = 1_000;
/** On a file that was moved: the idempotencyKey of the move, and the version of the source that was copied. */
const MARK_METADATA = 'relocation';
/** Somebody has written, moved or deleted the target or the source since it was looked at. */
const OVERTAKEN = new Set([
  'BlobNotFound',
  'CannotVerifyCopySource',
  'BlobAlreadyExists',
  'ConditionNotMet',
  'SourceConditionNotMet',
  'TargetConditionNotMet',
]);
/** HTTP has seconds, and so has the time of the last change of a blob. */
const TIME_RESOLUTION_MS = 1_000;

/** A place that a file may have been moved to, and what is there. */
interface Candidate {
  readonly path: string;
  readonly blob: BlockBlobClient;
  readonly found: BlobGetPropertiesResponse | undefined;
}

/**
 * Copies with a idempotencyKey, then deletes the very version that was copied. Whoever tries again, after a crash or beside this one, finds the idempotencyKey and
 * goes on behind it, so that there is never a second copy and never none.
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
        candidates.push({ path: `/${blob.name}`, blob, found: await look(blob, signal) });
      }
      const moved = candidates.find(({ found }) => markOf(found)?.idempotencyKey === idempotencyKey);
      if (moved) {
        if (!(await isComplete(moved, signal))) continue;
        await removeSource(source, markOf(moved.found)?.etag ?? '', signal);
        return { container: to.container, path: moved.path };
      }
      if (isGone) throw new ConnectorError('FILE_NOT_FOUND', `${action}: the file is not there any more.`);
      const free = candidates.find(({ found }) => found === undefined);
      if (!free) throw new ConnectorError('FILE_EXISTS', `${action}: other files have both names.`);
      isGone = !(await copy(source, free.blob, move, action, signal));
    }
    throw new ConnectorError('FILES_UNFINISHED', `${action}: it was not done in ${TIME_MS / 1000} seconds.`);
  } catch (thrown) {
    const error = storageError(thrown, action, new URL(target.url).host);
    if (error.code !== 'CONTAINER_NOT_FOUND' || from.container === to.container) throw error;
    throw new ConnectorError('CONTAINER_NOT_FOUND', `${action}: there is no container ${to.container}.`, {
      details: { target: true },
    });
  }
}

/** Undefined when there is no such blob. */
async function look(
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

function markOf(
  found: BlobGetPropertiesResponse | undefined,
): { readonly idempotencyKey: string; readonly etag: string } | undefined {
  const [idempotencyKey, etag] = found?.metadata?.[MARK_METADATA]?.split(' ') ?? [];
  return idempotencyKey === undefined || etag === undefined
    ? undefined
    : { idempotencyKey, etag: `"${etag}"` };
}

/** A copy of a process that has died over it ends by itself; what an unsuccessful one left is taken away. */
async function isComplete({ blob, found }: Candidate, signal: AbortSignal): Promise<boolean> {
  const { copyId, copyStatus = 'success' } = found ?? {};
  if (copyId === undefined || copyStatus === 'success') return true;
  if (copyStatus === 'pending') await setTimeout(LOOK_INTERVAL_MS, undefined, { signal });
  else await endCopy(blob, copyId, signal);
  return false;
}

/**
 * True when something is in the place, be it by somebody who was faster; false when there is no source, which somebody who was faster may
 * have moved. What it is shows at the next look.
 */
async function copy(
  source: BlockBlobClient,
  to: BlockBlobClient,
  { idempotencyKey, written, from }: IdempotentMove,
  action: string,
  signal: AbortSignal,
): Promise<boolean> {
  const found = await look(source, signal).catch((thrown: unknown) => {
    if (storageCode(thrown) === 'ContainerNotFound') return undefined;
    throw thrown;
  });
  if (!found) return false;
  const isLater = (found.lastModified?.getTime() ?? 0) >= written.atMs + TIME_RESOLUTION_MS;
  // Somebody may have set metadata since.
  if (isLater && found.contentLength !== written.bytes) {
    throw new ConnectorError('FILE_REPLACED', `A later file has taken the place of ${from.path}.`);
  }
  const metadata = {
    ...found.metadata,
    [MARK_METADATA]: `${idempotencyKey} ${(found.etag ?? '').replaceAll('"', '')}`,
  };
  const conditions = { ifNoneMatch: '*' };
  try {
    await copyBlob({ from: source, to, found, conditions, metadata, action, timeMs: TIME_MS }, signal);
  } catch (thrown) {
    if (!OVERTAKEN.has(storageCode(thrown) ?? '')) throw thrown;
  }
  return true;
}

/** A source that is gone, or another version by now, is left. */
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
