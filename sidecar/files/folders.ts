import type { BlockBlobClient } from '@azure/storage-blob';
import { statusOf } from '../azure/storage.ts';
import { ConnectorError } from '../errors/connector-error.ts';
import type { BlobContainer } from './blob-container.ts';
import { FOLDER_METADATA, isFolder } from './listing.ts';
import { folderName } from './paths.ts';

/** Shorter than the timeout of a script, 20 s. */
const TIME_MS = 15_000;
const PARALLEL_DELETES = 16;

/** Creates an empty blob that is marked as a folder. An existing folder is no error. */
export async function createFolder(
  container: BlobContainer,
  path: string,
  signal: AbortSignal,
): Promise<void> {
  const name = folderName(path);
  if (name === '') return;
  const blob = container.client.getBlockBlobClient(name);
  await container.attempt(`Creating the folder ${path}`, async () => {
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

/** Deletes files, then folders from the innermost outwards, as accounts with a hierarchical namespace require. */
export async function deleteFolder(
  container: BlobContainer,
  path: string,
  signal: AbortSignal,
): Promise<void> {
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
    await container.attempt(`Deleting the folder ${path}`, async () => {
      const folders = [];
      let running: Promise<void>[] = [];
      const options = { abortSignal: limit, includeMetadata: true, prefix: `${name}/` };
      for await (const item of container.client.listBlobsFlat(options)) {
        const blob = container.client.getBlockBlobClient(item.name);
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
      await removeMarker(container, name, remove, limit);
    });
  } catch (thrown) {
    if (!limit.aborted || signal.aborted) throw thrown;
    throw new ConnectorError(
      'FILES_UNFINISHED',
      `${path}: ${deleted} files have been deleted and more remain; call the operation again.`,
      { details: { deleted } },
    );
  }
  if (deleted === 0) throw new ConnectorError('FILE_NOT_FOUND', `The folder ${path} does not exist.`);
}

/** Deletes the blob of the folder itself, if there is one. A file of the same name is not touched. */
async function removeMarker(
  container: BlobContainer,
  name: string,
  remove: (blob: BlockBlobClient) => Promise<void>,
  signal: AbortSignal,
): Promise<void> {
  const marker = container.client.getBlockBlobClient(name);
  try {
    const { metadata } = await marker.getProperties({ abortSignal: signal });
    if (isFolder(metadata)) await remove(marker);
  } catch (thrown) {
    if (statusOf(thrown) !== 404) throw thrown;
  }
}
