import type { CheckpointStore } from '@azure/event-hubs';
import type { ConnectorError } from '../../errors/connector-error.ts';
import type { ReceivedMessage } from '../../translate/types.ts';
import type { EventHubEndpoint } from './endpoint.ts';

export type { Checkpoint, CheckpointStore, PartitionOwnership } from '@azure/event-hubs';

/** Where to begin in a partition that has no checkpoint. */
export type StartPosition =
  | { readonly from: 'latest' }
  | { readonly from: 'earliest' }
  /** Events enqueued after the time, ms since 1970. */
  | { readonly from: 'time'; readonly timeMs: number }
  /** The event after this one. */
  | { readonly from: 'sequenceNumber'; readonly after: number }
  | { readonly from: 'offset'; readonly after: string };

/** What the service last said about the end of a partition. */
export interface LastEnqueued {
  /** -1 in a partition that never had an event. */
  readonly sequenceNumber: number;
  readonly beginningSequenceNumber: number;
  readonly enqueuedOnMs: number;
  /** When the sidecar learned it. */
  readonly readAtMs: number;
}

/**
 * Why a partition was closed.
 * - stopped: the source is stopping; a last checkpoint is still accepted, ownership is released afterwards.
 * - lost: another sidecar owns the partition now; whatever is in flight belongs to it, checkpoints are refused.
 * - failed: the link broke for good or `onBatch` rejected; the partition opens again from its last checkpoint, after a growing pause.
 * - reopened: `reopen` was called; the partition opens again from its last checkpoint within about a second.
 */
export type CloseReason = 'stopped' | 'lost' | 'failed' | 'reopened';

export interface EventSourceHandlers {
  /**
   * The next messages of a partition, in order, never empty; one call at a time per partition.
   *
   * While the promise is pending the SDK asks for nothing more than what its link already has credit for, so at most
   * `prefetchCount` events wait in memory: that is the backpressure. Those are received and decoded meanwhile, so the next batch is
   * at hand when the promise resolves. A lane that wants to send one batch while it translates the next resolves as soon as it has
   * taken the messages into a queue of its own, and leaves the promise pending when that queue is full.
   *
   * A rejection closes the partition as 'failed': it opens again from its last checkpoint after a pause, so nothing is lost and events
   * since the checkpoint repeat.
   */
  onBatch(partitionId: string, messages: readonly ReceivedMessage[]): Promise<void>;
  /**
   * Before the first batch of a partition that this sidecar now owns, which is read after the sequence number `beginsAfter`: -1 from its
   * beginning, undefined when that is not known (a start by time or offset).
   */
  onPartitionOpen(partitionId: string, beginsAfter: number | undefined): Promise<void> | void;
  /** After the last batch. Awaited (up to `closeTimeoutMs`), so that a lane can finish and write its last checkpoint. */
  onPartitionClose(partitionId: string, reason: CloseReason): Promise<void> | void;
  /**
   * Something failed and the source goes on by itself; `partitionId` is undefined for the balancing of partitions and the checkpoint
   * store. The same error is reported again at every attempt: whoever logs it compares codes.
   */
  onError(partitionId: string | undefined, error: ConnectorError): void;
}

export interface EventSourceOptions {
  readonly endpoint: EventHubEndpoint;
  readonly consumerGroup: string;
  readonly handlers: EventSourceHandlers;
  /** Checkpoints and ownership; without it positions live in memory only (replays). */
  readonly checkpoints?: CheckpointStore;
  /** Never defaulted: the SDK's own default, latest, loses what arrived before the first start. */
  readonly startPosition: StartPosition;
  /** Start positions of single partitions, before `startPosition`. */
  readonly startPositions?: Readonly<Record<string, StartPosition>>;
  /** Only these partitions. All by default. */
  readonly partitions?: readonly string[];
  /** Most events of one `onBatch`. Default 300. */
  readonly maxBatchSize?: number;
  /** Most events received ahead per partition, at least and by default `maxBatchSize`. More is no faster, and what waits costs memory and the time to clear it up. */
  readonly prefetchCount?: number;
  /** Name of this sidecar in the ownership records. Default random. */
  readonly ownerId?: string;
  /** Interval of balancing and of ownership renewal: each writes one blob per owned partition. Default 750. */
  readonly updateIntervalMs?: number;
  /** Age at which an ownership that was not renewed can be taken. Default 5000. */
  readonly ownershipExpiryMs?: number;
  /** How often the end of each owned partition is read, for lag. Default 5000; 0: only when asked. */
  readonly lagIntervalMs?: number;
  /**
   * Silence of the SDK's balancing loop, which speaks every `updateIntervalMs`, after which it is taken to hang and the connection is
   * replaced. Default 15000, at least ten intervals.
   */
  readonly silenceMs?: number;
  /** Bound of one attempt to connect or to ask. Default 30000. */
  readonly timeoutMs?: number;
  /** How long `stop` and `reopen` wait for `onPartitionClose`. Default 10000. */
  readonly closeTimeoutMs?: number;
  readonly signal?: AbortSignal;
}

export interface EventSource {
  readonly partitionIds: readonly string[];
  /**
   * Short identity of the event stream: endpoint host, entity path, consumer group and the time the hub was created, so that a hub
   * that was deleted and created again under its name is another stream. Eight hexadecimal digits.
   */
  readonly streamIdentity: string;
  /** The partitions that this sidecar reads at present. */
  ownedPartitions(): readonly string[];
  /** What is known of the end of a partition, or undefined before the first answer. Lag = its sequence number - the last one accepted. */
  lastEnqueued(partitionId: string): LastEnqueued | undefined;
  /** Asks the service for the ends of the owned partitions (or of one). Throws ConnectorError. */
  readLastEnqueued(partitionId?: string, signal?: AbortSignal): Promise<void>;
  /**
   * Writes the checkpoint of a partition. False when this sidecar does not own the partition any more: the checkpoint was not written
   * and must not be. Throws ConnectorError when the store fails; the caller tries again with its next checkpoint.
   */
  checkpoint(
    partitionId: string,
    position: { readonly sequenceNumber: number; readonly offset: string },
  ): Promise<boolean>;
  /** Closes one partition, or the whole connection, and opens it again from the last checkpoint. */
  reopen(partitionId?: string): Promise<void>;
  /** Stops receiving, lets lanes finish (onPartitionClose), releases ownership, closes the connection. Idempotent. */
  stop(): Promise<void>;
}
