import { mkdir, readdir, readFile } from 'node:fs/promises';
import path from 'node:path';
import { ConnectorError } from '../../errors/connector-error.ts';
import { FileLock } from '../../lib/file-lock.ts';
import { isDirectory, isMissing, replaceFile, setAside, systemCode } from '../../lib/files.ts';
import type { Checkpoint, CheckpointPlace, CheckpointStore, PartitionOwnership } from './event-types.ts';

/** A checkpoint with the time when it was written. */
export interface WrittenCheckpoint extends Checkpoint {
  readonly writtenAtMs: number;
}

/** Called with a checkpoint that is damaged, and where its content is now. The partition counts as one without a checkpoint. */
export type OnDamaged = (place: CheckpointPlace, kept: string) => void;

/** An open checkpoint store. */
export interface OpenCheckpoints {
  readonly store: CheckpointStore;
  /** Where the checkpoints are, without secrets: two stores with one location hold the same checkpoints. */
  readonly location: string;
  /** The checkpoints of a consumer group with their times. Rejects as `listCheckpoints` does. */
  listWritten(namespace: string, eventHub: string, group: string): Promise<WrittenCheckpoint[]>;
  /** Writes a checkpoint that comes from another place, also over a later position. */
  move(checkpoint: Checkpoint): Promise<void>;
  /** Idempotent. */
  close(): Promise<void>;
}

/** The location of checkpoints in the state directory, which may be moved. */
const LOCAL = 'the state directory';

export interface FileCheckpointOptions {
  /** Created when it does not exist. */
  readonly directory: string;
  readonly onDamaged: OnDamaged;
}

/**
 * Checkpoints of a single sidecar in a local directory: `<directory>/<namespace>/<event hub>/<group>/<partition>.json`, each
 * `{"version":1,"offset":"..","sequenceNumber":n,"writtenAt":".."}`, replaced atomically and flushed to the disk. Ownership needs no file:
 * the holder of the directory lock owns all partitions.
 *
 * A file that is damaged is renamed to `<partition>.json.damaged-<time>` and reported; as long as it lies there without a checkpoint beside it, the
 * partition is reported with every listing. A file that the operating system does not let the sidecar read is no damage.
 *
 * Throws CHECKPOINTS_IN_USE when another sidecar holds the directory, CHECKPOINTS_UNWRITABLE when it cannot be created. `listCheckpoints` throws
 * CHECKPOINTS_UNREADABLE when a file cannot be read.
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
  const store = new FileCheckpoints(directory, lock, options.onDamaged);
  return {
    store,
    location: LOCAL,
    listWritten: (...place) => store.listCheckpoints(...place),
    move: (checkpoint) => store.updateCheckpoint(checkpoint),
    close: () => store.close(),
  };
}

class FileCheckpoints implements CheckpointStore {
  readonly #directory: string;
  readonly #lock: FileLock;
  readonly #onDamaged: OnDamaged;
  readonly #ownership = new OwnershipTable();
  /** The last write of each file: writes of one partition run one after the other, in the order of the calls. */
  readonly #writes = new Map<string, Promise<void>>();
  readonly #made = new Set<string>();

  constructor(directory: string, lock: FileLock, onDamaged: OnDamaged) {
    this.#directory = directory;
    this.#lock = lock;
    this.#onDamaged = onDamaged;
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
    return listGroup(this.#directory, [namespace, eventHub, group], this.#onDamaged);
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
export async function listFileCheckpoints(
  directory: string,
  onDamaged: OnDamaged,
): Promise<WrittenCheckpoint[]> {
  const checkpoints: WrittenCheckpoint[] = [];
  for (const namespace of await foldersIn(directory))
    for (const eventHub of await foldersIn(placeIn(directory, namespace)))
      for (const group of await foldersIn(placeIn(directory, namespace, eventHub)))
        checkpoints.push(...(await listGroup(directory, [namespace, eventHub, group], onDamaged)));
  return checkpoints;
}

const FILE_END = '.json';
const DAMAGED = /\.json\.damaged-.*$/;

async function listGroup(
  root: string,
  place: readonly [namespace: string, eventHub: string, group: string],
  onDamaged: OnDamaged,
): Promise<WrittenCheckpoint[]> {
  const directory = placeIn(root, ...place);
  let names: string[];
  try {
    names = await readdir(directory);
  } catch (thrown) {
    if (isMissing(thrown)) return [];
    throw unreadable(directory, systemCode(thrown));
  }
  const [fullyQualifiedNamespace, eventHubName, consumerGroup] = place;
  const placeOf = (partition: string): CheckpointPlace => ({
    fullyQualifiedNamespace,
    eventHubName,
    consumerGroup,
    partitionId: decodeURIComponent(partition),
  });
  const checkpoints: WrittenCheckpoint[] = [];
  const damaged = new Map<string, string>();
  for (const name of names) if (DAMAGED.test(name)) damaged.set(name.replace(DAMAGED, ''), name);
  for (const name of names) {
    if (!name.endsWith(FILE_END)) continue;
    const partition = name.slice(0, -FILE_END.length);
    const file = path.join(directory, name);
    const position = await readCheckpoint(file);
    if (position) {
      damaged.delete(partition);
      checkpoints.push({ ...placeOf(partition), ...position });
    } else damaged.set(partition, path.basename(await setAside(file).catch(unreadableFile(file))));
  }
  for (const [partition, name] of damaged) onDamaged(placeOf(partition), path.join(directory, name));
  return checkpoints;
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

/** Undefined when the file is damaged. */
async function readCheckpoint(
  file: string,
): Promise<Pick<WrittenCheckpoint, 'offset' | 'sequenceNumber' | 'writtenAtMs'> | undefined> {
  let content: unknown;
  try {
    content = JSON.parse(await readFile(file, 'utf8'));
  } catch (thrown) {
    if (thrown instanceof SyntaxError || isDirectory(thrown)) return undefined;
    throw unreadable(file, systemCode(thrown));
  }
  const { version, offset, sequenceNumber, writtenAt } = (content ?? {}) as Record<string, unknown>;
  if (version !== 1 || typeof offset !== 'string' || offset === '') return undefined;
  if (!Number.isSafeInteger(sequenceNumber)) return undefined;
  const writtenAtMs = Date.parse(String(writtenAt));
  return {
    offset,
    sequenceNumber: sequenceNumber as number,
    writtenAtMs: Number.isNaN(writtenAtMs) ? 0 : writtenAtMs,
  };
}

function unreadableFile(file: string): (thrown: unknown) => never {
  return (thrown) => {
    throw unreadable(file, systemCode(thrown));
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
