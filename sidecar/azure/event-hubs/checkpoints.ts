import { mkdir, readdir, readFile } from 'node:fs/promises';
import path from 'node:path';
import { ConnectorError } from '../../errors/connector-error.ts';
import { FileLock } from '../../lib/file-lock.ts';
import { isMissing, replaceFile, systemCode } from '../../lib/files.ts';
import { azureError } from '../azure-error.ts';
import { ensureContainer, openStorage, type StorageOptions } from '../storage.ts';
import type { Checkpoint, CheckpointStore, PartitionOwnership } from './event-types.ts';

/** A checkpoint with the time when it was written. */
export interface WrittenCheckpoint extends Checkpoint {
  readonly writtenAtMs: number;
}

/** An open checkpoint store. */
export interface OpenCheckpoints {
  readonly store: CheckpointStore;
  /** Where the checkpoints are, without secrets: two stores with one location hold the same checkpoints. */
  readonly location: string;
  /** The checkpoints of a consumer group with their times. Rejects as `listCheckpoints` does. */
  listWritten(namespace: string, eventHub: string, group: string): Promise<WrittenCheckpoint[]>;
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
 * Checkpoints and ownership in a blob container, with the store of the SDK: empty blobs named
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
  const inner = new BlobCheckpointStore(container);
  const store: CheckpointStore = {
    listOwnership: (...place) => inner.listOwnership(...place),
    claimOwnership: (...claim) => inner.claimOwnership(...claim),
    updateCheckpoint: (...checkpoint) => inner.updateCheckpoint(...checkpoint),
    listCheckpoints: async (...place) => {
      try {
        return await inner.listCheckpoints(...place);
      } catch (thrown) {
        // The SDK throws plain errors for a blob whose metadata is missing or not a number.
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
  const { origin, pathname } = new URL(container.url);
  return {
    store,
    location: `${origin}${pathname}`,
    listWritten: async (...place) => {
      const checkpoints = await store.listCheckpoints(...place);
      const prefix = `${place.join('/').toLowerCase()}/checkpoint/`;
      const times = new Map<string, number>();
      try {
        for await (const { name, properties } of container.listBlobsFlat({ prefix }))
          times.set(name.slice(prefix.length), properties.lastModified.getTime());
      } catch (thrown) {
        throw azureError(thrown, { action: `Reading the checkpoints in ${options.container}` });
      }
      return checkpoints.map((checkpoint) => ({
        ...checkpoint,
        writtenAtMs: times.get(checkpoint.partitionId) ?? 0,
      }));
    },
    close: async () => undefined,
  };
}

/** The location of checkpoints in the state directory, which may be moved. */
const LOCAL = 'the state directory';

export interface FileCheckpointOptions {
  /** Created when it does not exist. */
  readonly directory: string;
}

/**
 * Checkpoints of a single sidecar in a local directory: `<directory>/<namespace>/<event hub>/<group>/<partition>.json`, each
 * `{"version":1,"offset":"..","sequenceNumber":n,"writtenAt":".."}`, replaced atomically and flushed to the disk. Ownership needs no file:
 * the holder of the directory lock owns all partitions.
 *
 * Throws CHECKPOINTS_IN_USE when another sidecar holds the directory, CHECKPOINTS_UNWRITABLE when it cannot be created. A file that cannot be
 * read makes `listCheckpoints` throw CHECKPOINTS_UNREADABLE: the partition is not read until the file is repaired or removed.
 */
export async function openFileCheckpoints(options: FileCheckpointOptions): Promise<OpenCheckpoints> {
  const directory = path.resolve(options.directory);
  let lock: FileLock | undefined;
  try {
    lock = await FileLock.acquire(path.join(directory, 'lock'));
  } catch (thrown) {
    throw unwritable(directory, thrown);
  }
  if (!lock)
    throw new ConnectorError('CHECKPOINTS_IN_USE', `${directory} is in use by another sidecar that runs.`);
  const store = new FileCheckpoints(directory, lock);
  return {
    store,
    location: LOCAL,
    listWritten: (...place) => store.listCheckpoints(...place),
    close: () => store.close(),
  };
}

class FileCheckpoints implements CheckpointStore {
  readonly #directory: string;
  readonly #lock: FileLock;
  readonly #ownership = new OwnershipTable();
  /** The last write of each file: writes of one partition run one after the other, in the order of the calls. */
  readonly #writes = new Map<string, Promise<void>>();
  readonly #made = new Set<string>();

  constructor(directory: string, lock: FileLock) {
    this.#directory = directory;
    this.#lock = lock;
  }

  async listOwnership(): Promise<PartitionOwnership[]> {
    this.#checkLock();
    return this.#ownership.list();
  }

  async claimOwnership(claims: PartitionOwnership[]): Promise<PartitionOwnership[]> {
    this.#checkLock();
    return this.#ownership.claim(claims);
  }

  listCheckpoints(namespace: string, eventHub: string, group: string): Promise<WrittenCheckpoint[]> {
    return listGroup(this.#directory, namespace, eventHub, group);
  }

  async updateCheckpoint(checkpoint: Checkpoint): Promise<void> {
    this.#checkLock();
    const directory = placeIn(
      this.#directory,
      checkpoint.fullyQualifiedNamespace,
      checkpoint.eventHubName,
      checkpoint.consumerGroup,
    );
    const file = path.join(directory, `${encodeURIComponent(checkpoint.partitionId)}.json`);
    const { offset, sequenceNumber } = checkpoint;
    const text = `${JSON.stringify({ version: 1, offset, sequenceNumber, writtenAt: new Date().toISOString() })}\n`;
    const before = this.#writes.get(file) ?? Promise.resolve();
    const write = before.catch(() => undefined).then(() => this.#replace(directory, file, text));
    this.#writes.set(file, write);
    await write;
  }

  async close(): Promise<void> {
    await Promise.allSettled(this.#writes.values());
    await this.#lock.release();
  }

  async #replace(directory: string, file: string, text: string): Promise<void> {
    try {
      if (!this.#made.has(directory)) {
        await mkdir(directory, { recursive: true, mode: 0o700 });
        this.#made.add(directory);
      }
      await replaceFile(file, text);
    } catch (thrown) {
      this.#made.delete(directory);
      throw unwritable(file, thrown);
    }
  }

  #checkLock(): void {
    if (this.#lock.isLost)
      throw new ConnectorError(
        'CHECKPOINTS_IN_USE',
        `${this.#directory} was closed, or another sidecar took it.`,
      );
  }
}

/**
 * All checkpoints in a local directory, of all event hubs and consumer groups; their names are in lower case. Needs no lock.
 *
 * Throws CHECKPOINTS_UNREADABLE.
 */
export async function listFileCheckpoints(directory: string): Promise<WrittenCheckpoint[]> {
  const checkpoints: WrittenCheckpoint[] = [];
  for (const namespace of await foldersIn(directory))
    for (const eventHub of await foldersIn(placeIn(directory, namespace)))
      for (const group of await foldersIn(placeIn(directory, namespace, eventHub)))
        checkpoints.push(...(await listGroup(directory, namespace, eventHub, group)));
  return checkpoints;
}

async function listGroup(
  root: string,
  namespace: string,
  eventHub: string,
  group: string,
): Promise<WrittenCheckpoint[]> {
  const directory = placeIn(root, namespace, eventHub, group);
  let names: string[];
  try {
    names = await readdir(directory);
  } catch (thrown) {
    if (isMissing(thrown)) return [];
    throw unreadable(directory, systemCode(thrown));
  }
  const files = names.filter((name) => name.endsWith('.json'));
  return await Promise.all(
    files.map(async (name) => ({
      fullyQualifiedNamespace: namespace,
      eventHubName: eventHub,
      consumerGroup: group,
      partitionId: decodeURIComponent(name.slice(0, -'.json'.length)),
      ...(await readCheckpoint(path.join(directory, name))),
    })),
  );
}

function placeIn(directory: string, ...names: readonly string[]): string {
  // Lower case as in the blob store: these names are case-insensitive.
  return path.join(directory, ...names.map((name) => encodeURIComponent(name.toLowerCase())));
}

/** The names of folders, decoded. */
async function foldersIn(directory: string): Promise<string[]> {
  try {
    const entries = await readdir(directory, { withFileTypes: true });
    return entries.filter((entry) => entry.isDirectory()).map(({ name }) => decodeURIComponent(name));
  } catch (thrown) {
    if (isMissing(thrown)) return [];
    throw unreadable(directory, systemCode(thrown));
  }
}

async function readCheckpoint(
  file: string,
): Promise<Pick<WrittenCheckpoint, 'offset' | 'sequenceNumber' | 'writtenAtMs'>> {
  let text: string;
  try {
    text = await readFile(file, 'utf8');
  } catch (thrown) {
    throw unreadable(file, systemCode(thrown));
  }
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw unreadable(file, 'the file is not JSON');
  }
  const { version, offset, sequenceNumber, writtenAt } = (value ?? {}) as Record<string, unknown>;
  if (version !== 1) throw unreadable(file, 'its version is not 1');
  if (typeof offset !== 'string' || offset === '' || !Number.isSafeInteger(sequenceNumber)) {
    throw unreadable(file, 'offset or sequenceNumber is missing or of the wrong type');
  }
  const writtenAtMs = Date.parse(String(writtenAt));
  return {
    offset,
    sequenceNumber: sequenceNumber as number,
    writtenAtMs: Number.isNaN(writtenAtMs) ? 0 : writtenAtMs,
  };
}

function unreadable(file: string, why: string): ConnectorError {
  return new ConnectorError('CHECKPOINTS_UNREADABLE', `The checkpoint ${file} cannot be read: ${why}.`);
}

function unwritable(file: string, thrown: unknown): ConnectorError {
  return new ConnectorError('CHECKPOINTS_UNWRITABLE', `${file} cannot be written: ${systemCode(thrown)}.`, {
    cause: thrown,
  });
}

/** Checkpoints and ownership in memory, for one reader: for replays. */
export function createMemoryCheckpoints(): CheckpointStore {
  const checkpoints = new Map<string, Checkpoint>();
  const ownership = new OwnershipTable();
  return {
    listOwnership: async () => ownership.list(),
    claimOwnership: async (claims) => ownership.claim(claims),
    listCheckpoints: async () => [...checkpoints.values()],
    updateCheckpoint: async (checkpoint) => {
      checkpoints.set(checkpoint.partitionId, checkpoint);
    },
  };
}

/** Ownership of partitions for a single reader: a claim always succeeds. */
class OwnershipTable {
  readonly #owners = new Map<string, PartitionOwnership>();
  #version = 0;

  list(): PartitionOwnership[] {
    return [...this.#owners.values()].map((owner) => ({ ...owner }));
  }

  claim(claims: readonly PartitionOwnership[]): PartitionOwnership[] {
    return claims.map((claim) => {
      this.#version += 1;
      const owner = { ...claim, lastModifiedTimeInMs: Date.now(), etag: String(this.#version) };
      this.#owners.set(claim.partitionId, owner);
      return { ...owner };
    });
  }
}
