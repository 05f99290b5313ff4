import type { ContainerClient } from '@azure/storage-blob';
import { ConnectorError } from '../../errors/connector-error.ts';
import { azureError } from '../azure-error.ts';
import type { ServiceClock } from '../service-clock.ts';
import { ensureContainer, openStorage, type StorageOptions } from '../storage.ts';
import type { OnDamaged, OpenCheckpoints, WrittenCheckpoint } from './checkpoints.ts';
import type { Checkpoint, CheckpointStore, PartitionOwnership } from './event-types.ts';

interface BlobCheckpointOptions extends StorageOptions {
  /** Connection string, address with a SAS, or account address (storage.ts). */
  readonly connection: string;
  readonly container: string;
  readonly onDamaged: OnDamaged;
  /** Learns the time of the service from its answers. */
  readonly clock?: ServiceClock | undefined;
  readonly timeoutMs?: number;
  readonly signal?: AbortSignal;
}

/**
 * Checkpoints and ownership in a blob container, in the form of the SDK's store: empty blobs named
 * `<namespace>/<event hub>/<group>/{checkpoint,ownership}/<partition>` with the data as metadata, which other Event Hubs tools read too.
 * Creates the container. Several sidecars can share the partitions of a hub through it.
 *
 * Throws CONNECTION_STRING_INVALID, AZURE_UNAUTHORIZED, AZURE_UNREACHABLE, AZURE_REJECTED (container name), AZURE_TIMEOUT.
 */
export async function openBlobCheckpoints(options: BlobCheckpointOptions): Promise<OpenCheckpoints> {
  const service = await openStorage(options.connection, options);
  const container = service.getContainerClient(options.container);
  await ensureContainer(container, options);
  const { BlobCheckpointStore } = await import('@azure/eventhubs-checkpointstore-blob');
  const store = new BlobCheckpoints(container, new BlobCheckpointStore(container), options);
  const { origin, pathname } = new URL(container.url);
  return {
    store,
    location: `${origin}${pathname}`,
    listWritten: (...place) => store.listWritten(...place),
    move: (checkpoint) => store.move(checkpoint),
    close: async () => undefined,
  };
}

/** What a checkpoint blob was when this process last read or wrote it. */
interface KnownBlob {
  readonly etag: string | undefined;
  readonly sequenceNumber: number;
}

type CallOptions = Parameters<CheckpointStore['updateCheckpoint']>[1];

const MAX_ATTEMPTS = 3;

/**
 * Claims are the SDK's. Checkpoints are written here, because the SDK writes them without a condition: a sidecar that was frozen would put an
 * old checkpoint over the later one of the sidecar that reads the partition now. Each write replaces only the blob that this process knows, and
 * never a later position.
 */
class BlobCheckpoints implements CheckpointStore {
  readonly #container: ContainerClient;
  readonly #ownership: CheckpointStore;
  readonly #onDamaged: OnDamaged;
  readonly #clock: ServiceClock | undefined;
  readonly #known = new Map<string, KnownBlob>();

  constructor(
    container: ContainerClient,
    ownership: CheckpointStore,
    { onDamaged, clock }: Pick<BlobCheckpointOptions, 'onDamaged' | 'clock'>,
  ) {
    this.#container = container;
    this.#ownership = ownership;
    this.#onDamaged = onDamaged;
    this.#clock = clock;
  }

  /**
   * The SDK compares the time of a record, which is the service's, with the clock of this machine. The age of a record is therefore taken from the
   * answer that holds it. A record that names no owner is damaged; it is left out, and the next claim replaces it.
   */
  async listOwnership(
    namespace: string,
    eventHub: string,
    group: string,
    { abortSignal }: CallOptions = {},
  ): Promise<PartitionOwnership[]> {
    const prefix = folderOf(namespace, eventHub, group, 'ownership');
    const abort = abortSignal ? { abortSignal } : {};
    const owners: PartitionOwnership[] = [];
    let sentAtMs = performance.now();
    for await (const page of this.#container
      .listBlobsFlat({ prefix, includeMetadata: true, ...abort })
      .byPage()) {
      this.#clock?.observe(page.date, sentAtMs);
      for (const { name, metadata, properties } of page.segment.blobItems) {
        const ownerId = metadata?.['ownerid'];
        if (ownerId === undefined) continue;
        const ageMs = (page.date ?? new Date()).getTime() - properties.lastModified.getTime();
        owners.push({
          fullyQualifiedNamespace: namespace,
          eventHubName: eventHub,
          consumerGroup: group,
          partitionId: name.slice(prefix.length),
          ownerId,
          lastModifiedTimeInMs: Date.now() - ageMs,
          ...(properties.etag === undefined ? {} : { etag: properties.etag }),
        });
      }
      sentAtMs = performance.now();
    }
    return owners;
  }

  /** With the version as the list of blobs has it: a header has it in quotation marks. */
  async claimOwnership(
    ...claim: Parameters<CheckpointStore['claimOwnership']>
  ): Promise<PartitionOwnership[]> {
    const claimed = await this.#ownership.claimOwnership(...claim);
    return claimed.map(({ etag, ...owner }) => ({
      ...owner,
      ...(etag === undefined ? {} : { etag: etag.replaceAll('"', '') }),
    }));
  }

  listCheckpoints(...place: Parameters<CheckpointStore['listCheckpoints']>): Promise<Checkpoint[]> {
    return this.listWritten(...place);
  }

  async listWritten(
    namespace: string,
    eventHub: string,
    group: string,
    { abortSignal }: CallOptions = {},
  ): Promise<WrittenCheckpoint[]> {
    const prefix = folderOf(namespace, eventHub, group, 'checkpoint');
    const checkpoints: WrittenCheckpoint[] = [];
    const options = { prefix, includeMetadata: true, ...(abortSignal ? { abortSignal } : {}) };
    try {
      for await (const { name, metadata, properties } of this.#container.listBlobsFlat(options)) {
        const position = positionIn(metadata);
        const place = {
          fullyQualifiedNamespace: namespace,
          eventHubName: eventHub,
          consumerGroup: group,
          partitionId: name.slice(prefix.length),
        };
        this.#known.set(name, { etag: properties.etag, sequenceNumber: position?.sequenceNumber ?? -1 });
        if (position)
          checkpoints.push({ ...place, ...position, writtenAtMs: properties.lastModified.getTime() });
        else this.#onDamaged(place, `${this.#container.containerName}/${name}`);
      }
    } catch (thrown) {
      throw azureError(thrown, {
        action: `Reading the checkpoints in ${this.#container.containerName}`,
        host: new URL(this.#container.url).host,
      });
    }
    return checkpoints;
  }

  /** Rejects with PARTITION_TAKEN when the blob holds a later position: another sidecar reads the partition. */
  async updateCheckpoint(checkpoint: Checkpoint, { abortSignal }: CallOptions = {}): Promise<void> {
    const name = blobOf(checkpoint);
    let known = this.#known.get(name);
    for (let attempt = 1; ; attempt += 1) {
      // A partition that is read from its beginning again replaces what its new owner has read.
      const isReset = attempt === 1 && checkpoint.sequenceNumber === -1;
      if (known && known.sequenceNumber > checkpoint.sequenceNumber && !isReset)
        throw taken(checkpoint, known);
      try {
        await this.#write(name, checkpoint, known, abortSignal);
        return;
      } catch (thrown) {
        const { statusCode } = thrown as { statusCode?: number };
        // Another write came first. It may be this one, sent twice because its answer was lost.
        if (attempt === MAX_ATTEMPTS || ![404, 409, 412].includes(statusCode ?? 0)) throw thrown;
        known = await this.#read(name, abortSignal);
      }
    }
  }

  /** Writes a checkpoint that comes from another place, whatever stands here. */
  async move(checkpoint: Checkpoint): Promise<void> {
    const name = blobOf(checkpoint);
    await this.#write(name, checkpoint, await this.#read(name, undefined), undefined);
  }

  async #write(
    name: string,
    { offset, sequenceNumber }: Checkpoint,
    known: KnownBlob | undefined,
    abortSignal: CallAbort,
  ): Promise<void> {
    const blob = this.#container.getBlockBlobClient(name);
    const metadata = { sequencenumber: String(sequenceNumber), offset };
    const abort = abortSignal ? { abortSignal } : {};
    const { etag } = known?.etag
      ? await blob.setMetadata(metadata, { ...abort, conditions: { ifMatch: known.etag } })
      : await blob.upload('', 0, { ...abort, metadata, conditions: { ifNoneMatch: '*' } });
    this.#known.set(name, { etag, sequenceNumber });
  }

  async #read(name: string, abortSignal: CallAbort): Promise<KnownBlob | undefined> {
    try {
      const { etag, metadata } = await this.#container
        .getBlobClient(name)
        .getProperties(abortSignal ? { abortSignal } : {});
      return { etag, sequenceNumber: positionIn(metadata)?.sequenceNumber ?? -1 };
    } catch (thrown) {
      if ((thrown as { statusCode?: number }).statusCode === 404) return undefined;
      throw thrown;
    }
  }
}

type CallAbort = NonNullable<CallOptions>['abortSignal'];

function folderOf(
  namespace: string,
  eventHub: string,
  group: string,
  kind: 'checkpoint' | 'ownership',
): string {
  // Lower case as in the SDK's store: these names are case-insensitive.
  return `${[namespace, eventHub, group].join('/').toLowerCase()}/${kind}/`;
}

function blobOf(checkpoint: Checkpoint): string {
  const { fullyQualifiedNamespace, eventHubName, consumerGroup, partitionId } = checkpoint;
  return `${folderOf(fullyQualifiedNamespace, eventHubName, consumerGroup, 'checkpoint')}${partitionId}`;
}

function positionIn(
  metadata: Readonly<Record<string, string>> | undefined,
): { offset: string; sequenceNumber: number } | undefined {
  const { offset, sequencenumber = '' } = metadata ?? {};
  if (!offset || !/^-?\d+$/.test(sequencenumber)) return undefined;
  return { offset, sequenceNumber: Number(sequencenumber) };
}

function taken({ partitionId, sequenceNumber }: Checkpoint, known: KnownBlob): ConnectorError {
  return new ConnectorError(
    'PARTITION_TAKEN',
    `The checkpoint of partition ${partitionId} (sequence number ${sequenceNumber}) was not written: another reader has written a later one ` +
      `(${known.sequenceNumber}).`,
  );
}
