import { mkdir, readFile } from 'node:fs/promises';
import path from 'node:path';
import {
  listFileCheckpoints,
  type OpenCheckpoints,
  openBlobCheckpoints,
  openFileCheckpoints,
  type WrittenCheckpoint,
} from '../azure/event-hubs/checkpoints.ts';
import type { Checkpoint, CheckpointStore, PartitionOwnership } from '../azure/event-hubs/event-types.ts';
import type { HubSettings } from '../contract/hub-settings.ts';
import { ConnectorError, toConnectorError } from '../errors/connector-error.ts';
import { isMissing, replaceFile } from '../lib/files.ts';
import type { Log } from '../observe/log.ts';

interface CheckpointsOptions {
  readonly settings: HubSettings;
  readonly stateDirectory: string;
  readonly hubThing: string;
  readonly log: Log;
}

/**
 * The checkpoints of one hub Thing: in a blob container that sidecars share, or in files of this sidecar. The files also hold a copy of the
 * checkpoints in the container. When the settings name another place, the known checkpoints are written there before reading begins:
 * otherwise reading would begin at `startPosition` and skip messages.
 */
export async function openCheckpoints(
  options: CheckpointsOptions,
): Promise<{ store: CheckpointStore; close: () => Promise<void> }> {
  const { settings, stateDirectory, hubThing, log } = options;
  const { storageConnectionString, checkpointContainer } = settings;
  const directory = path.join(stateDirectory, 'checkpoints', encodeURIComponent(hubThing));
  const target = storageConnectionString
    ? await openBlobCheckpoints({ connection: storageConnectionString, container: checkpointContainer })
    : await openFileCheckpoints({ directory });
  try {
    await moveCheckpoints(target, { directory, settings, log });
  } catch (thrown) {
    await target.close();
    throw thrown;
  }
  return storageConnectionString ? new CopiedCheckpoints(target, directory, log).open() : target;
}

/** Where the checkpoints of a hub Thing were last, in a file beside their copy. */
const LOCATION_FILE = 'location.json';

/**
 * Writes the known checkpoints into the store when it is not the one used before. A checkpoint that was written there later stays: another
 * sidecar reads the partition. A consumer group that is new at `latest` begins at the checkpoints of the group before.
 */
async function moveCheckpoints(
  target: OpenCheckpoints,
  { directory, settings, log }: { directory: string; settings: HubSettings; log: Log },
): Promise<void> {
  const file = path.join(directory, LOCATION_FILE);
  const before = await readLocation(file);
  const all = await listFileCheckpoints(directory);
  const wanted = all.concat(
    settings.startPosition === 'latest' ? ofNewGroup(all, settings.consumerGroup) : [],
  );
  const isMoved = before !== target.location;
  let moved = 0;
  for (const [place, checkpoints] of Map.groupBy(wanted, placeOf)) {
    const [namespace, eventHub, group] = JSON.parse(place) as [string, string, string];
    const isNewGroup = !all.some((checkpoint) => placeOf(checkpoint) === place);
    if (!isMoved && !isNewGroup) continue;
    const present = await target.listWritten(namespace, eventHub, group);
    for (const checkpoint of checkpoints) {
      const there = present.find(({ partitionId }) => partitionId === checkpoint.partitionId);
      if (there && (isNewGroup || there.writtenAtMs >= checkpoint.writtenAtMs)) continue;
      const { writtenAtMs: _, ...position } = checkpoint;
      await target.store.updateCheckpoint(position);
      moved += 1;
    }
  }
  if (moved > 0 || (isMoved && all.length > 0))
    log.info(
      { checkpoints: all.length, written: moved, from: before, to: target.location },
      'The checkpoints are in another place now. Reading continues from the known ones.',
    );
  if (!isMoved) return;
  await mkdir(directory, { recursive: true, mode: 0o700 });
  await replaceFile(file, `${JSON.stringify({ version: 1, location: target.location })}\n`);
}

/** The checkpoints that a consumer group without any gets from another group of its event hub: that which was written last. */
function ofNewGroup(all: readonly WrittenCheckpoint[], consumerGroup: string): WrittenCheckpoint[] {
  const group = consumerGroup.toLowerCase();
  const hubOf = ({ fullyQualifiedNamespace, eventHubName }: Checkpoint) =>
    JSON.stringify([fullyQualifiedNamespace, eventHubName]);
  return [...Map.groupBy(all, hubOf).values()].flatMap((ofHub) => {
    if (ofHub.some((checkpoint) => checkpoint.consumerGroup === group)) return [];
    const last = ofHub.reduce((a, b) => (b.writtenAtMs > a.writtenAtMs ? b : a));
    return ofHub
      .filter((checkpoint) => checkpoint.consumerGroup === last.consumerGroup)
      .map((checkpoint) => ({ ...checkpoint, consumerGroup: group }));
  });
}

function placeOf({ fullyQualifiedNamespace, eventHubName, consumerGroup }: Checkpoint): string {
  return JSON.stringify([fullyQualifiedNamespace, eventHubName, consumerGroup]);
}

/** Undefined before the first time, and when the file is damaged: then all checkpoints count as moved. */
async function readLocation(file: string): Promise<string | undefined> {
  let text: string;
  try {
    text = await readFile(file, 'utf8');
  } catch (thrown) {
    if (isMissing(thrown)) return undefined;
    throw new ConnectorError('CHECKPOINTS_UNREADABLE', `${file} cannot be read.`, { cause: thrown });
  }
  try {
    const { location } = JSON.parse(text) as { location?: unknown };
    return typeof location === 'string' ? location : undefined;
  } catch {
    return undefined;
  }
}

/** A crash loses no more of the copy than this. What is read again then is dropped as a repeat. */
const COPY_INTERVAL_MS = 10_000;

/** A checkpoint store of which a copy is kept in files. A copy that cannot be written does not stop reading. */
class CopiedCheckpoints implements CheckpointStore {
  readonly #target: OpenCheckpoints;
  readonly #directory: string;
  readonly #log: Log;
  /** Not copied yet, by place and partition. */
  readonly #pending = new Map<string, Checkpoint>();
  readonly #listed = new Map<string, readonly [string, string, string]>();
  #copy: OpenCheckpoints | undefined;
  #writing: Promise<void> = Promise.resolve();
  #timer: NodeJS.Timeout | undefined;
  #failing = false;

  constructor(target: OpenCheckpoints, directory: string, log: Log) {
    this.#target = target;
    this.#directory = directory;
    this.#log = log;
  }

  open(): { store: CheckpointStore; close: () => Promise<void> } {
    return { store: this, close: () => this.#close() };
  }

  listOwnership(...place: Parameters<CheckpointStore['listOwnership']>): Promise<PartitionOwnership[]> {
    return this.#target.store.listOwnership(...place);
  }

  claimOwnership(...claim: Parameters<CheckpointStore['claimOwnership']>): Promise<PartitionOwnership[]> {
    return this.#target.store.claimOwnership(...claim);
  }

  async updateCheckpoint(...update: Parameters<CheckpointStore['updateCheckpoint']>): Promise<void> {
    await this.#target.store.updateCheckpoint(...update);
    this.#note(update[0]);
  }

  async listCheckpoints(...place: Parameters<CheckpointStore['listCheckpoints']>): Promise<Checkpoint[]> {
    const checkpoints = await this.#target.store.listCheckpoints(...place);
    const [namespace, eventHub, group] = place;
    this.#listed.set(JSON.stringify([namespace, eventHub, group]), [namespace, eventHub, group]);
    for (const checkpoint of checkpoints) this.#note(checkpoint);
    return checkpoints;
  }

  /** Copies the last checkpoints of all partitions, also of those that other sidecars read. */
  async #close(): Promise<void> {
    for (const place of this.#listed.values()) {
      const abortSignal = AbortSignal.timeout(CLOSE_TIMEOUT_MS);
      await this.listCheckpoints(...place, { abortSignal }).catch(() => undefined);
    }
    await this.#write();
    clearTimeout(this.#timer);
    await this.#copy?.close();
    await this.#target.close();
  }

  #note(checkpoint: Checkpoint): void {
    this.#pending.set(`${placeOf(checkpoint)} ${checkpoint.partitionId}`, checkpoint);
    this.#timer ??= setTimeout(() => void this.#write(), COPY_INTERVAL_MS).unref();
  }

  #write(): Promise<void> {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#writing = this.#writing.then(() => this.#writeNow());
    return this.#writing;
  }

  async #writeNow(): Promise<void> {
    try {
      this.#copy ??= await openFileCheckpoints({ directory: this.#directory });
      for (const [key, checkpoint] of [...this.#pending]) {
        await this.#copy.store.updateCheckpoint(checkpoint);
        if (this.#pending.get(key) === checkpoint) this.#pending.delete(key);
      }
      this.#failing = false;
    } catch (thrown) {
      if (!this.#failing)
        this.#log.warn(
          { err: toConnectorError(thrown) },
          'The local copy of the checkpoints cannot be written. Reading continues.',
        );
      this.#failing = true;
    }
  }
}

const CLOSE_TIMEOUT_MS = 5_000;
