import { setTimeout } from 'node:timers/promises';
import type { BlobGetPropertiesResponse, BlockBlobClient } from '@azure/storage-blob';
import { statusOf } from '../azure/storage.ts';
import { ConnectorError } from '../errors/connector-error.ts';
import { type BlobContainer, conditionsOf } from './blob-container.ts';
import { factsOf } from './listing.ts';
import { blobName, shortened } from './paths.ts';
import { tagsOf } from './properties.ts';
import type { FileFacts } from './types.ts';

/** Shorter than the timeout of a script, 20 s. */
const TIME_MS = 15_000;
/** The longest source URL of a copy that Azure guarantees to accept. */
const MAX_SOURCE_ADDRESS = 2048;
/** The status of servers that refuse longer URLs. */
const TOO_LONG = new Set([400, 414, 431]);

/** Copies on the server: exactly the version that was read before, with its properties, metadata and tags. */
export async function copyFile(
  container: BlobContainer,
  source: string,
  target: string,
  overwrite: boolean,
  signal: AbortSignal,
): Promise<FileFacts> {
  const from = container.blob(source);
  const to = container.blob(target);
  const action = `Copying ${shortened(source)} to ${shortened(target)}`;
  return container.attempt(action, async () => {
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
interface BlobCopy {
  readonly from: BlockBlobClient;
  readonly to: BlockBlobClient;
  /** The version to copy. */
  readonly found: BlobGetPropertiesResponse;
  readonly conditions: { readonly ifNoneMatch?: string };
  /** Replaces the metadata of the file. */
  readonly metadata?: Readonly<Record<string, string>>;
  readonly action: string;
  /** The time limit. */
  readonly timeMs: number;
}

/**
 * Resolves when the copy is complete. Rejects with the errors of the SDK, and with FILES_UNFINISHED at the time limit. Deletes the empty blob
 * that Azure leaves of an unsuccessful copy.
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
        `${action}: Azure copies and moves files with a URL of up to ${MAX_SOURCE_ADDRESS} characters; this one has ${from.url.length}.`,
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
    // The caller has gone; the copy ends without it.
    if (signal.aborted) throw thrown;
    const { copyId = '' } = poller.getOperationState() as { copyId?: string };
    if ((await endCopy(to, copyId, signal)) === 'success') return;
    if (!limit.aborted) throw thrown;
    throw new ConnectorError(
      'FILES_UNFINISHED',
      `${action}: the storage account did not finish in ${timeMs / 1000} seconds; the copy was cancelled.`,
    );
  }
}

/** Aborts a copy unless it has ended, and deletes the remains of an unsuccessful one. Resolves to the copy status. */
export async function endCopy(
  to: BlockBlobClient,
  copyId: string,
  signal: AbortSignal,
): Promise<string | undefined> {
  // Fails if the copy has ended meanwhile.
  await to.abortCopyFromURL(copyId, { abortSignal: signal }).catch(() => undefined);
  const left = await to.getProperties({ abortSignal: signal });
  if (left.copyId !== copyId) return undefined;
  if (left.copyStatus === 'aborted' || left.copyStatus === 'failed')
    await to.delete({ abortSignal: signal, conditions: conditionsOf({ ifMatch: left.etag }) });
  return left.copyStatus;
}

/** Copies, then deletes exactly the version that was copied: a write in between is never lost. */
export async function moveFile(
  container: BlobContainer,
  source: string,
  target: string,
  overwrite: boolean,
  signal: AbortSignal,
): Promise<void> {
  const facts = await copyFile(container, source, target, overwrite, signal);
  if (blobName(source) === blobName(target)) return;
  await container.attempt(`Deleting ${source} after it was copied to ${target}`, () =>
    container.blob(source).delete({
      abortSignal: signal,
      deleteSnapshots: 'include',
      conditions: { ifMatch: facts.etag },
    }),
  );
}
