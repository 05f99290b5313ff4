import { setTimeout } from 'node:timers/promises';
import type { BlobGetPropertiesResponse, BlockBlobClient } from '@azure/storage-blob';
import { ConnectorError } from '../errors/connector-error.ts';
import { statusOf } from './failure.ts';
import { FOLDER_METADATA, factsOf, isFolder } from './listing.ts';
import { blobName, folderName, shortened } from './paths.ts';
import { conditionsOf, type Place } from './place.ts';
import { tagsOf } from './properties.ts';
import type { FileFacts } from './types.ts';

/** Shorter than the 20 s that a script waits. */
const TIME_MS = 15_000;
const PARALLEL_DELETES = 16;
/** What Azure promises to take as the address of the source of a copy. */
const MAX_SOURCE_ADDRESS = 2048;
/** How servers refuse longer ones. */
const TOO_LONG = new Set([400, 414, 431]);

/** Copies on the server. The version that was looked at is the one that is copied, with its properties, metadata and tags. */
export async function copyFile(
  place: Place,
  source: string,
  target: string,
  overwrite: boolean,
  signal: AbortSignal,
): Promise<FileFacts> {
  const from = place.blob(source);
  const to = place.blob(target);
  const action = `Copying ${shortened(source)} to ${shortened(target)}`;
  return place.attempt(action, async () => {
    const found = await from.getProperties({ abortSignal: signal });
    const facts = factsOf(from.name, found);
    if (facts.kind === 'folder') throw new ConnectorError('FILE_NOT_FOUND', `${source} is a folder.`);
    if (from.name === to.name) {
      if (overwrite) return facts;
      throw new ConnectorError('FILE_EXISTS', `${action}: it is the same file.`);
    }
    const conditions = overwrite ? {} : { ifNoneMatch: '*' };
    await copyBlob({ from, to, found, action, conditions, timeMs: TIME_MS }, signal);
    return facts;
  });
}

/** A copy within one account. */
export interface BlobCopy {
  readonly from: BlockBlobClient;
  readonly to: BlockBlobClient;
  /** The version to copy. */
  readonly found: BlobGetPropertiesResponse;
  readonly conditions: { readonly ifNoneMatch?: string };
  /** In place of the metadata that the file has. */
  readonly metadata?: Readonly<Record<string, string>>;
  readonly action: string;
  /** How long it may take. */
  readonly timeMs: number;
}

/**
 * Resolves when the copy is complete. Rejects as the SDK does, and with FILES_UNFINISHED when the time is over; what Azure leaves of a copy
 * that did not succeed, an empty blob, is taken away then.
 */
export async function copyBlob(copy: BlobCopy, signal: AbortSignal): Promise<void> {
  const { from, to, found, conditions, metadata, action, timeMs } = copy;
  const tags = await tagsOf(from, found, signal);
  const poller = await to
    .beginCopyFromURL(from.url, {
      abortSignal: signal,
      intervalInMs: 100,
      conditions,
      sourceConditions: { ...(found.etag === undefined ? {} : { ifMatch: found.etag }) },
      ...(metadata === undefined ? {} : { metadata: { ...metadata } }),
      ...(tags === undefined ? {} : { tags }),
    })
    .catch((thrown) => {
      if (from.url.length <= MAX_SOURCE_ADDRESS || !TOO_LONG.has(statusOf(thrown) ?? 0)) throw thrown;
      throw new ConnectorError(
        'PATH_INVALID',
        `${action}: Azure copies and moves files whose address has up to ${MAX_SOURCE_ADDRESS} characters; this one has ${from.url.length}.`,
        { cause: thrown },
      );
    });
  const limit = AbortSignal.any([signal, AbortSignal.timeout(timeMs)]);
  try {
    for (;;) {
      await poller.poll({ abortSignal: limit });
      if (poller.isDone()) return;
      await setTimeout(100, undefined, { signal: limit });
    }
  } catch (thrown) {
    // Whoever gave up does not wait: the copy ends by itself.
    if (signal.aborted) throw thrown;
    const { copyId = '' } = poller.getOperationState() as { copyId?: string };
    if ((await endCopy(to, copyId, signal)) === 'success') return;
    if (!limit.aborted) throw thrown;
    throw new ConnectorError(
      'FILES_UNFINISHED',
      `${action}: the storage account did not finish in ${timeMs / 1000} seconds; the copy was given up.`,
    );
  }
}

/** Ends a copy unless it has ended, and deletes what an unsuccessful one leaves. Resolves to how it ended. */
export async function endCopy(
  to: BlockBlobClient,
  copyId: string,
  signal: AbortSignal,
): Promise<string | undefined> {
  // Refused when the copy has ended meanwhile.
  await to.abortCopyFromURL(copyId, { abortSignal: signal }).catch(() => undefined);
  const left = await to.getProperties({ abortSignal: signal });
  if (left.copyId !== copyId) return undefined;
  if (left.copyStatus === 'aborted' || left.copyStatus === 'failed')
    await to.delete({ abortSignal: signal, conditions: conditionsOf({ ifMatch: left.etag }) });
  return left.copyStatus;
}

/** Copies, then deletes the very version that was copied: what somebody writes in between is never lost. */
export async function moveFile(
  place: Place,
  source: string,
  target: string,
  overwrite: boolean,
  signal: AbortSignal,
): Promise<void> {
  const facts = await copyFile(place, source, target, overwrite, signal);
  if (blobName(source) === blobName(target)) return;
  await place.attempt(`Deleting ${source} after it was copied to ${target}`, () =>
    place.blob(source).delete({
      abortSignal: signal,
      deleteSnapshots: 'include',
      conditions: { ifMatch: facts.etag },
    }),
  );
}

/** An empty blob that says it is a folder. A folder that exists is no error. */
export async function createFolder(place: Place, path: string, signal: AbortSignal): Promise<void> {
  const name = folderName(path);
  if (name === '') return;
  const blob = place.container.getBlockBlobClient(name);
  await place.attempt(`Creating the folder ${path}`, async () => {
    try {
      await blob.upload('', 0, {
        abortSignal: signal,
        conditions: { ifNoneMatch: '*' },
        metadata: FOLDER_METADATA,
      });
    } catch (thrown) {
      if (statusOf(thrown) !== 409 && statusOf(thrown) !== 412) throw thrown;
      const { metadata } = await blob.getProperties({ abortSignal: signal });
      if (!isFolder(metadata)) throw new ConnectorError('FILE_EXISTS', `${path} is a file.`);
    }
  });
}

/** Deletes files, then folders from the innermost outwards, as accounts with real folders need it. */
export async function deleteFolder(place: Place, path: string, signal: AbortSignal): Promise<void> {
  const name = folderName(path);
  if (name === '') {
    throw new ConnectorError(
      'PATH_INVALID',
      'The root cannot be deleted; DeleteContainer deletes the container.',
    );
  }
  const limit = AbortSignal.any([signal, AbortSignal.timeout(TIME_MS)]);
  let deleted = 0;
  const remove = async (blob: BlockBlobClient) => {
    const { succeeded } = await blob.deleteIfExists({ abortSignal: limit, deleteSnapshots: 'include' });
    if (succeeded) deleted += 1;
  };
  try {
    await place.attempt(`Deleting the folder ${path}`, async () => {
      const folders = [];
      let running: Promise<void>[] = [];
      const options = { abortSignal: limit, includeMetadata: true, prefix: `${name}/` };
      for await (const item of place.container.listBlobsFlat(options)) {
        const blob = place.container.getBlockBlobClient(item.name);
        if (isFolder(item.metadata)) {
          folders.push(blob);
          continue;
        }
        running.push(remove(blob));
        if (running.length >= PARALLEL_DELETES) {
          await Promise.all(running);
          running = [];
        }
      }
      await Promise.all(running);
      for (const folder of folders.reverse()) await remove(folder);
      await removeMarker(place, name, remove, limit);
    });
  } catch (thrown) {
    if (!limit.aborted || signal.aborted) throw thrown;
    throw new ConnectorError(
      'FILES_UNFINISHED',
      `${path}: ${deleted} files are deleted and more are left; call it again.`,
      { details: { deleted } },
    );
  }
  if (deleted === 0) throw new ConnectorError('FILE_NOT_FOUND', `There is no folder ${path}.`);
}

/** The folder itself, when it is more than a part of names; a file of the same name is not touched. */
async function removeMarker(
  place: Place,
  name: string,
  remove: (blob: BlockBlobClient) => Promise<void>,
  signal: AbortSignal,
): Promise<void> {
  const marker = place.container.getBlockBlobClient(name);
  try {
    const { metadata } = await marker.getProperties({ abortSignal: signal });
    if (isFolder(metadata)) await remove(marker);
  } catch (thrown) {
    if (statusOf(thrown) !== 404) throw thrown;
  }
}
