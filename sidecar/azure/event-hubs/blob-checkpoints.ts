import type { ContainerClient } from '@azure/storage-blob';
import { ConnectorError } from '../../errors/connector-error.ts';
import { azureError } from '../azure-error.ts';
import { openStorage, type StorageOptions } from '../storage.ts';
import type { CheckpointStore } from './event-types.ts';

/** An open checkpoint store and how to let go of it. */
export interface OpenCheckpoints {
  readonly store: CheckpointStore;
  /** Idempotent. */
  close(): Promise<void>;
}

export interface BlobCheckpointOptions extends StorageOptions {
  /** Connection string, address with a SAS, or account address (storage.ts). */
  readonly connection: string;
  readonly container: string;
  readonly timeoutMs?: number;
  readonly signal?: AbortSignal;
}

/**
 * Checkpoints and ownership in a blob container, by the SDK's own store: empty blobs named
 * `<namespace>/<event hub>/<group>/{checkpoint,ownership}/<partition>` with the data as metadata, which other Event Hubs tools read too.
 * Creates the container. Any number of sidecars share the partitions of a hub through it.
 *
 * Throws CONNECTION_STRING_INVALID, AZURE_UNAUTHORIZED, AZURE_UNREACHABLE, AZURE_REJECTED (container name), AZURE_TIMEOUT.
 */
export async function openBlobCheckpoints(options: BlobCheckpointOptions): Promise<OpenCheckpoints> {
  const service = await openStorage(options.connection, options);
  const container = service.getContainerClient(options.container);
  await ensureContainer(container, options);
  const { BlobCheckpointStore } = await import('@azure/eventhubs-checkpointstore-blob');
  const inner = new BlobCheckpointStore(container);
  const store: CheckpointStore = {
    listOwnership: (...place) => inner.listOwnership(...place),
    claimOwnership: (...claim) => inner.claimOwnership(...claim),
    updateCheckpoint: (...checkpoint) => inner.updateCheckpoint(...checkpoint),
    listCheckpoints: async (...place) => {
      try {
        return await inner.listCheckpoints(...place);
      } catch (thrown) {
        // A blob whose metadata is gone or no number: the SDK throws plain errors for it.
        if (thrown instanceof Error && /metadata property/.test(thrown.message)) {
          throw new ConnectorError(
            'CHECKPOINTS_UNREADABLE',
            `Container ${options.container}: ${thrown.message}.`,
          );
        }
        throw thrown;
      }
    },
  };
  return { store, close: async () => undefined };
}

/** Creates the container unless it exists. A SAS that may list but not create is enough when it exists. */
export async function ensureContainer(
  container: ContainerClient,
  options: { readonly timeoutMs?: number; readonly signal?: AbortSignal },
): Promise<void> {
  const timeout = AbortSignal.timeout(options.timeoutMs ?? 30_000);
  const abortSignal = options.signal ? AbortSignal.any([options.signal, timeout]) : timeout;
  const context = {
    action: `Opening the container ${container.containerName}`,
    host: new URL(container.url).host,
  };
  const attempt = async (work: Promise<unknown>): Promise<ConnectorError | undefined> => {
    try {
      await work;
      return undefined;
    } catch (thrown) {
      return azureError(timeout.aborted ? timeout.reason : thrown, context);
    }
  };
  const refusal = await attempt(container.createIfNotExists({ abortSignal }));
  if (!refusal) return;
  if (refusal.code !== 'AZURE_UNAUTHORIZED') throw refusal;
  const absence = await attempt(container.listBlobsFlat({ abortSignal }).byPage({ maxPageSize: 1 }).next());
  if (absence) throw absence.code === 'AZURE_NOT_FOUND' ? absence : refusal;
}
