import { mkdir, readFile } from 'node:fs/promises';
import path from 'node:path';
import { openBlobCheckpoints } from '../azure/event-hubs/blob-checkpoints.ts';
import {
  listFileCheckpoints,
  type OnDamaged,
  type OpenCheckpoints,
  openFileCheckpoints,
  type WrittenCheckpoint,
} from '../azure/event-hubs/checkpoints.ts';
import type {
  Checkpoint,
  CheckpointPlace,
  CheckpointStore,
  PartitionOwnership,
  StartPosition,
} from '../azure/event-hubs/event-types.ts';
import type { ServiceClock } from '../azure/service-clock.ts';
import type { HubSettings } from '../contract/hub-settings.ts';
import { ConnectorError, toConnectorError } from '../errors/connector-error.ts';
import { isDirectory, isMissing, replaceFile, setAside } from '../lib/files.ts';
import type { Log } from '../observe/log.ts';
import type { ThingworxClient } from '../thingworx/client.ts';

interface CheckpointsOptions {
  readonly settings: HubSettings;
  readonly stateDirectory: string;
  readonly hubThing: string;
  readonly client: ThingworxClient;
  readonly clock?: ServiceClock;
  readonly log: Log;
}

/** The open checkpoints of a hub Thing. */
interface HubCheckpoints {
  readonly store: CheckpointStore;
  /** Where a partition goes on whose checkpoint was damaged; undefined when it was not. Rejects as calls to ThingWorx do. */
  recoveredPosition(place: CheckpointPlace, stream: string): Promise<StartPosition | undefined>;
  close(): Promise<void>;
}

/**
 * The checkpoints of one hub Thing: in a blob container that sidecars share, or in files of this sidecar. The files also hold a copy of the
 * checkpoints in the container. When the settings name another place, the known checkpoints are written there before reading begins:
 * otherwise reading would begin at `startPosition` and skip messages. A damaged checkpoint is kept beside its place and logged once.
 */
export async function openCheckpoints(options: CheckpointsOptions): Promise<HubCheckpoints> {
  const { settings, stateDirectory, hubThing, log } = options;
  const { storageConnectionString, checkpointContainer } = settings;
  const directory = path.join(stateDirectory, 'checkpoints', encodeURIComponent(hubThing));
  const damaged = new Set<string>();
  const onDamaged: OnDamaged = (place, kept) => {
    const key = partitionOf(place);
    if (!damaged.has(key))
      log.warn(
        { code: 'CHECKPOINTS_UNREADABLE', partitionId: place.partitionId, kept },
        'The checkpoint of the partition is damaged and was set aside. Reading goes on after the last message that the hub Thing has applied.',
      );
    damaged.add(key);
  };
  const target = storageConnectionString
    ? await openBlobCheckpoints({
        connection: storageConnectionString,
        container: checkpointContainer,
        onDamaged,
        clock: options.clock,
      })
    : await openFileCheckpoints({ directory, onDamaged });
  try {
    await moveCheckpoints(target, { directory, settings, log, onDamaged });
  } catch (thrown) {
    await target.close();
    throw thrown;
  }
  const copied = storageConnectionString ? new CopiedCheckpoints(target, directory, log) : undefined;
  return {
    store: copied ?? target.store,
    recoveredPosition: async (place, stream) =>
      damaged.has(partitionOf(place)) ? await appliedPosition(options, place.partitionId, stream) : undefined,
    close: () => (copied ?? target).close(),
  };
}

/** A lane takes what the source gives at once beyond its limit; this is more than that. */
const READ_AHEAD = 1_000;

/**
 * Where a partition without a usable checkpoint goes on: after the high-water mark of the hub Thing, less what a lane may have had in flight then,
 * since notifications and dead letters follow the values. The hub Thing drops what it has applied.
 */
async function appliedPosition(
  { client, hubThing, settings }: CheckpointsOptions,
  partition: string,
  stream: string,
): Promise<StartPosition> {
  const batch = { stream, partition, through: -1, things: [] };
  const answer = (await client.invoke(hubThing, 'ReceiveUpdates', { batch })) as { appliedThrough?: number };
  const after = (answer.appliedThrough ?? -1) - settings.messagesInFlightPerPartition - READ_AHEAD;
  return after < 0 ? { from: 'earliest' } : { from: 'sequenceNumber', after };
}

/** Where the checkpoints of a hub Thing were last, in a file beside their copy. */
const LOCATION_FILE = 'location.json';

/**
 * Writes the known checkpoints into the store when it is not the one used before. A checkpoint that was written there later stays: another
 * sidecar reads the partition. A consumer group that is new at `latest` begins at the checkpoints of the group before.
 */
async function moveCheckpoints(
  target: OpenCheckpoints,
  {
    directory,
    settings,
    log,
    onDamaged,
  }: { directory: string; settings: HubSettings; log: Log; onDamaged: OnDamaged },
): Promise<void> {
  const file = path.join(directory, LOCATION_FILE);
  const before = await readLocation(file);
  const all = await listFileCheckpoints(directory, onDamaged);
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
      await target.move(position);
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

function placeOf({ fullyQualifiedNamespace, eventHubName, consumerGroup }: CheckpointPlace): string {
  return JSON.stringify([fullyQualifiedNamespace, eventHubName, consumerGroup]);
}

function partitionOf(place: CheckpointPlace): string {
  return `${placeOf(place)} ${place.partitionId}`.toLowerCase();
}

/** Undefined before the first time, and when the file is damaged: then all checkpoints count as moved. */
async function readLocation(file: string): Promise<string | undefined> {
  try {
    const { location } = (JSON.parse(await readFile(file, 'utf8')) ?? {}) as { location?: unknown };
    return typeof location === 'string' ? location : undefined;
  } catch (thrown) {
    if (isMissing(thrown) || thrown instanceof SyntaxError) return undefined;
    if (!isDirectory(thrown))
      throw new ConnectorError('CHECKPOINTS_UNREADABLE', `${file} cannot be read.`, { cause: thrown });
    await setAside(file);
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
  async close(): Promise<void> {
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
    this.#pending.set(partitionOf(checkpoint), checkpoint);
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
      // The copy was read when the checkpoints were opened; it is only written here.
      this.#copy ??= await openFileCheckpoints({ directory: this.#directory, onDamaged: () => undefined });
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
