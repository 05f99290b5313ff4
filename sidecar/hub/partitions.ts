import type { CloseReason, EventSource, EventSourceHandlers } from '../azure/event-hubs/event-types.ts';
import type { PartitionStatus } from '../contract/status.ts';
import type { ConnectorError } from '../errors/connector-error.ts';
import { Lane, type LaneOptions } from '../ingest/lanes/lane.ts';
import type { Log } from '../observe/log.ts';
import type { PartitionTimes } from '../observe/metrics.ts';
import type { ReceivedMessage } from '../translate/types.ts';
import { STALLED_AFTER_MS, type StuckPartition } from './stall-watch.ts';

/** Makes the callback that a part of a lane calls with the error that blocks it, and with undefined when it continues. */
export type Waiting = (part: string) => (error: ConnectorError | undefined) => void;

export interface PartitionsOptions {
  /** Everything of a lane but what depends on its partition. */
  readonly laneOptions: (
    waiting: Waiting,
  ) => Omit<LaneOptions, 'partitionId' | 'stream' | 'checkpoint' | 'stillOwned' | 'onUnwritten'>;
  readonly owner: string;
  /** Called with the error that blocks a lane. Called without an error when the lane continues or has ended. */
  readonly onBlocked: (who: string, error: ConnectorError | undefined) => void;
  /** Called with the first error when checkpoints cannot be written, and without one when those of all partitions are written again. */
  readonly onUnwritten: (error: ConnectorError | undefined) => void;
  readonly onError: (partitionId: string | undefined, error: ConnectorError) => void;
  /**
   * Called when this sidecar reads the first partition, and when it gives it up. What one sidecar of a group does for all is done by the one that
   * reads it. A partition that is read again soon changes nothing.
   */
  readonly onLeading: (leads: boolean) => void;
  /** Called with the messages of a partition of a stream. */
  readonly onReceived: (stream: string, partitionId: string, messages: readonly ReceivedMessage[]) => void;
  readonly log: Log;
}

/** With the last checkpoints and the release of the partitions, a stop takes a second. */
const DRAIN_TIMEOUT_MS = 700;

/**
 * A lane that settles nothing for this long and reports no error hangs, whatever it waits for: every known wait has a deadline and reports. The
 * longest of them is a call to ThingWorx.
 */
const HANGING_AFTER_MS = 60_000;
/** The same for a lane that has reported why it waits: its attempts may hang too, but an outage may also last. */
const BLOCKED_AFTER_MS = 300_000;

interface OpenLane {
  readonly lane: Lane;
  /** The parts of the lane that are blocked now. */
  readonly blocked: ReadonlySet<string>;
  readonly openedAtMs: number;
  readonly beginsAfter: number | undefined;
}

/** The lanes of one event source: a lane for each partition that this sidecar owns. */
export class Partitions implements EventSourceHandlers {
  readonly #options: PartitionsOptions;
  readonly #lanes = new Map<string, OpenLane>();
  /** Since when partitions have messages that do not move, across openings. */
  readonly #stuckSinceMs = new Map<string, number>();
  /** Up to where partitions were settled when they were last read here. */
  readonly #settled = new Map<string, number>();
  /** When this sidecar last wrote a checkpoint of each partition. */
  readonly #checkpointedAtMs = new Map<string, number>();
  /** Partitions that were closed by an error and have received nothing since. They are opened again and again, which is logged once. */
  readonly #failing = new Set<string>();
  /** Partitions whose checkpoints cannot be written now. */
  readonly #unwritten = new Set<string>();
  #source: EventSource | undefined;
  #sourceReady: Promise<EventSource>;
  #setSource: (source: EventSource) => void = () => undefined;

  constructor(options: PartitionsOptions) {
    this.#options = options;
    this.#sourceReady = new Promise((resolve) => {
      this.#setSource = resolve;
    });
  }

  /** The source that calls these handlers; partitions may open before it is known. */
  attach(source: EventSource): void {
    this.#source = source;
    this.#setSource(source);
  }

  async onPartitionOpen(partitionId: string, beginsAfter: number | undefined): Promise<void> {
    const source = await this.#sourceReady;
    const blocked = new Set<string>();
    const waiting: Waiting = (part) => (error) => {
      const who = `${part} ${partitionId}`;
      if (error) blocked.add(who);
      else blocked.delete(who);
      this.#options.onBlocked(who, error);
    };
    const lane = new Lane({
      ...this.#options.laneOptions(waiting),
      partitionId,
      stream: source.streamIdentity,
      checkpoint: async (position) => {
        const isOwned = await source.checkpoint(partitionId, position);
        if (isOwned) this.#checkpointedAtMs.set(partitionId, Date.now());
        return isOwned;
      },
      stillOwned: (isDoubtful) => source.stillOwns(partitionId, isDoubtful),
      onUnwritten: (error) => this.#noteUnwritten(partitionId, error),
    });
    lane.start();
    this.#lanes.set(partitionId, { lane, blocked, openedAtMs: Date.now(), beginsAfter });
    if (this.#isFirst(partitionId)) this.#options.onLeading(true);
    if (!this.#failing.has(partitionId)) this.#options.log.info({ partitionId }, 'Reading the partition.');
  }

  async onBatch(partitionId: string, messages: readonly ReceivedMessage[]): Promise<void> {
    if (messages.length > 0 && this.#failing.delete(partitionId))
      this.#options.log.info({ partitionId }, 'Reading the partition again.');
    this.#options.onReceived(this.#source?.streamIdentity ?? '', partitionId, messages);
    await this.#lanes.get(partitionId)?.lane.accept(messages);
  }

  async onPartitionClose(partitionId: string, reason: CloseReason): Promise<void> {
    const open = this.#lanes.get(partitionId);
    if (!open) return;
    this.#lanes.delete(partitionId);
    const isGivenUp = reason === 'lost' || reason === 'stopped';
    if (isGivenUp && this.#isFirst(partitionId)) this.#options.onLeading(false);
    // Reset the stall timer: another sidecar owned the partition.
    if (reason === 'lost') this.#stuckSinceMs.delete(partitionId);
    // Its checkpoints are written by another one now. In the other cases the next lane of the partition reports.
    if (reason === 'lost') this.#noteUnwritten(partitionId, undefined);
    await open.lane.stop({
      drain: reason === 'stopped',
      lost: reason === 'lost',
      timeoutMs: DRAIN_TIMEOUT_MS,
    });
    const settled = settledThrough(open);
    if (reason === 'lost' || settled === undefined) this.#settled.delete(partitionId);
    else this.#settled.set(partitionId, settled);
    // A lane that ends while it is blocked does not report that it continues.
    for (const who of open.blocked) this.#options.onBlocked(who, undefined);
    const isKnown = reason === 'failed' && this.#failing.has(partitionId);
    if (reason === 'failed') this.#failing.add(partitionId);
    else this.#failing.delete(partitionId);
    if (!isKnown) this.#options.log.info({ partitionId, reason }, 'No longer reading the partition.');
  }

  onError(partitionId: string | undefined, error: ConnectorError): void {
    this.#options.onError(partitionId, error);
  }

  #isFirst(partitionId: string): boolean {
    return partitionId === this.#source?.partitionIds[0];
  }

  #noteUnwritten(partitionId: string, error: ConnectorError | undefined): void {
    const before = this.#unwritten.size;
    if (error) this.#unwritten.add(partitionId);
    else this.#unwritten.delete(partitionId);
    const after = this.#unwritten.size;
    if ((before === 0) !== (after === 0)) this.#options.onUnwritten(error);
  }

  /** Messages after the last settled one, by partition. Partitions that others read, or of which nothing is known, are left out. */
  lagByPartition(): Map<string, number> {
    const lags = new Map<string, number>();
    for (const partitionId of new Set([...this.#settled.keys(), ...this.#lanes.keys()])) {
      const open = this.#lanes.get(partitionId);
      const lag = open ? this.#lag(partitionId, open) : this.#lagOfUnread(partitionId);
      if (lag !== undefined) lags.set(partitionId, lag);
    }
    return lags;
  }

  /** When messages and checkpoints of each partition that is read were last seen. */
  timesByPartition(): Map<string, PartitionTimes> {
    return new Map(
      [...this.#lanes].map(([partitionId, { lane }]) => [
        partitionId,
        {
          lastMessageMs: lane.position?.enqueuedTimeMs,
          lastCheckpointMs: this.#checkpointedAtMs.get(partitionId),
        },
      ]),
    );
  }

  status(): PartitionStatus[] {
    return (this.#source?.partitionIds ?? []).map((partition) => {
      const open = this.#lanes.get(partition);
      const lane = open?.lane;
      const enqueuedTimeMs = lane?.position?.enqueuedTimeMs;
      return {
        partition,
        owner: lane ? this.#options.owner : '',
        offset: lane?.position?.offset ?? '',
        sequenceNumber: lane?.position?.sequenceNumber ?? -1,
        lag: (open ? this.#lag(partition, open) : this.#lagOfUnread(partition)) ?? 0,
        inFlight: lane?.unsettled ?? 0,
        ...(enqueuedTimeMs === undefined ? {} : { lastEnqueuedTime: new Date(enqueuedTimeMs).toISOString() }),
      };
    });
  }

  /** The partition whose messages have not moved for longest; Undefined when all move. Must be called every few seconds. */
  stuck(): StuckPartition | undefined {
    let longest: StuckPartition | undefined;
    for (const [partitionId, open] of this.#lanes) {
      const sinceMs = this.#stuckSince(partitionId, open);
      if (sinceMs !== undefined && (!longest || sinceMs < longest.sinceMs))
        longest = { partitionId, sinceMs, lag: this.#lag(partitionId, open) };
    }
    return longest;
  }

  /**
   * Reopens partitions that have messages but receive none, because every SDK of this family has stalled in the field, and lanes that hang on
   * messages that they have received.
   */
  async reviveStalled(): Promise<void> {
    for (const [partitionId, open] of this.#lanes) {
      const sinceMs = this.#stuckSince(partitionId, open);
      if (sinceMs === undefined) continue;
      const quietMs = Date.now() - Math.max(sinceMs, open.openedAtMs);
      if (quietMs < patienceMs(open)) continue;
      this.#options.log.warn(
        { partitionId, quietMs, lag: this.#lag(partitionId, open) },
        'The messages of the partition do not move; reopening it.',
      );
      await this.#source?.reopen(partitionId);
    }
  }

  /** Since when messages of the partition have been waiting without that one has moved, across openings. */
  #stuckSince(partitionId: string, open: OpenLane): number | undefined {
    if (this.#lag(partitionId, open) === 0) {
      this.#stuckSinceMs.delete(partitionId);
      return undefined;
    }
    const { lane } = open;
    const before = this.#stuckSinceMs.get(partitionId) ?? Date.now();
    // Reopening a partition is not progress: the timer runs until a message is settled or a Thing is created.
    const movedAtMs = Math.max(lane.position ? lane.progressAtMs : 0, lane.createdAtMs ?? 0);
    const sinceMs = Math.max(before, movedAtMs);
    this.#stuckSinceMs.set(partitionId, sinceMs);
    return sinceMs;
  }

  /** Of a partition that nobody reads, as in an outage of the storage account: its messages wait all the same. */
  #lagOfUnread(partitionId: string): number | undefined {
    const settled = this.#settled.get(partitionId);
    const end = this.#source?.lastEnqueued(partitionId);
    if (settled === undefined || !end || this.#source?.isFree(partitionId) !== true) return undefined;
    return Math.max(0, end.sequenceNumber - Math.max(settled, end.beginningSequenceNumber - 1));
  }

  #lag(partitionId: string, open: OpenLane): number {
    const { lane } = open;
    const end = this.#source?.lastEnqueued(partitionId);
    const settled = settledThrough(open);
    // After a start by time or offset the lag is unknown before the first message; count what is in flight.
    if (!end || settled === undefined) return lane.unsettled;
    // Messages that the hub no longer retains cannot arrive.
    const after = Math.max(settled, end.beginningSequenceNumber - 1);
    return Math.max(0, end.sequenceNumber - after, lane.unsettled);
  }
}

/** The last settled message; undefined after a start by time or offset, before the first one. */
function settledThrough({ lane, beginsAfter }: OpenLane): number | undefined {
  return lane.position?.sequenceNumber ?? beginsAfter;
}

/** How long the messages of a lane may stand still before its partition is opened again. */
function patienceMs({ lane, blocked }: OpenLane): number {
  if (blocked.size > 0) return BLOCKED_AFTER_MS;
  return lane.unsettled > 0 ? HANGING_AFTER_MS : STALLED_AFTER_MS;
}
