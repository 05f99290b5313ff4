import type { Checkpoint, CheckpointStore } from '@azure/event-hubs';
import type { ConnectorError } from '../../errors/connector-error.ts';
import type { Log } from '../../observe/log.ts';
import type { EventReceiver } from '../../settings.ts';
import type { ReceivedMessage } from '../../translate/types.ts';
import type { EventHubEndpoint } from './event-hub-client.ts';

export type { Checkpoint, CheckpointStore, PartitionOwnership } from '@azure/event-hubs';

/** A partition of a consumer group. */
export type CheckpointPlace = Omit<Checkpoint, 'offset' | 'sequenceNumber'>;

/** Where reading begins in a partition without a checkpoint. */
export type StartPosition =
  | { readonly from: 'latest' }
  | { readonly from: 'earliest' }
  /** Events enqueued after the time, ms since 1970. */
  | { readonly from: 'time'; readonly timeMs: number }
  /** The event after this one. */
  | { readonly from: 'sequenceNumber'; readonly after: number }
  | { readonly from: 'offset'; readonly after: string };

/** The end of a partition, as the service last reported it. */
export interface LastEnqueued {
  /** -1 when the partition has never had an event. */
  readonly sequenceNumber: number;
  readonly beginningSequenceNumber: number;
  readonly enqueuedOnMs: number;
  /** When the sidecar read it. */
  readonly readAtMs: number;
}

/**
 * Why a partition was closed.
 * - stopped: the source is stopping; a last checkpoint is still accepted, ownership is released afterwards.
 * - lost: another sidecar owns the partition now and reads the events in flight; checkpoints are refused.
 * - failed: the link broke for good or `onBatch` rejected; the partition opens again from its last checkpoint, with exponential backoff.
 * - reopened: `reopen` was called; the partition opens again from its last checkpoint within about a second.
 */
export type CloseReason = 'stopped' | 'lost' | 'failed' | 'reopened';

export interface EventSourceHandlers {
  /**
   * The next messages of a partition, in order; one call at a time per partition. There are none when none came for a second: a lane that has
   * failed meanwhile rejects then.
   *
   * Backpressure: while the promise is pending, no credit is added, so at most `prefetchCount` messages wait in memory. They are received
   * in the meantime. A lane that sends one batch while it translates the next resolves when it has queued the messages, and leaves
   * the promise pending while its queue is full.
   *
   * A rejection closes the partition as 'failed'. It opens again from its last checkpoint after a pause: no event is lost, and the events
   * since the checkpoint are delivered again.
   */
  onBatch(partitionId: string, messages: readonly ReceivedMessage[]): Promise<void>;
  /**
   * Called before the first batch of a partition that this sidecar now owns. Reading begins after the sequence number `beginsAfter`: -1 from
   * the beginning, undefined when it is not known (a start by time or offset).
   */
  onPartitionOpen(partitionId: string, beginsAfter: number | undefined): Promise<void> | void;
  /** Called after the last batch. Awaited (up to `closeTimeoutMs`), so that a lane can finish and write its last checkpoint. */
  onPartitionClose(partitionId: string, reason: CloseReason): Promise<void> | void;
  /**
   * Called with each error; the source recovers. `partitionId` is undefined for errors of load balancing and of the checkpoint store. The
   * same error is reported at every attempt; compare codes before logging.
   */
  onError(partitionId: string | undefined, error: ConnectorError): void;
}

export interface EventSourceOptions {
  readonly endpoint: EventHubEndpoint;
  readonly consumerGroup: string;
  /** What reads the partitions. Default `own`. */
  readonly receiver?: EventReceiver;
  /** Is told when the SDK's receiver is used although the own one is wanted. */
  readonly log?: Log;
  /** The consumer group in the identity of the stream; the one that is read unless given. A replay names messages as the lanes do. */
  readonly identityGroup?: string;
  readonly handlers: EventSourceHandlers;
  /** Checkpoints and ownership. Default: in memory (replays). */
  readonly checkpoints?: CheckpointStore;
  /** Has no default: the default of the SDK (latest) skips events that arrived before the first start. */
  readonly startPosition: StartPosition;
  /**
   * Where a partition goes on whose checkpoint was damaged. Undefined: it has none, and begins at its start position. Asked only when a partition
   * has no checkpoint.
   */
  readonly recoveredPosition?: (place: CheckpointPlace, stream: string) => Promise<StartPosition | undefined>;
  /** Start positions of single partitions; they take precedence over `startPosition`. */
  readonly startPositions?: Readonly<Record<string, StartPosition>>;
  /** Only these partitions. All by default. */
  readonly partitions?: readonly string[];
  /** Most events of one `onBatch`. Default 300. */
  readonly maxBatchSize?: number;
  /** Most events received ahead per partition. Default and minimum: `maxBatchSize`. More is not faster and takes memory. */
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
   * The load balancing loop of the SDK uses the checkpoint store every `updateIntervalMs`. When it has not done so for this time, it counts as
   * hung and the connection is replaced. Default 15000, at least ten intervals.
   */
  readonly silenceMs?: number;
  /** Timeout of one connection attempt or request. Default 30000. */
  readonly timeoutMs?: number;
  /** How long `stop` and `reopen` wait for `onPartitionClose`. Default 10000. */
  readonly closeTimeoutMs?: number;
  readonly signal?: AbortSignal;
}

export interface EventSource {
  readonly partitionIds: readonly string[];
  /**
   * Identity of the event stream, eight hexadecimal digits: a hash of the endpoint host, the entity path, the consumer group and the creation
   * time of the hub. A hub that was deleted and created again under the same name is another stream.
   */
  readonly streamIdentity: string;
  /**
   * Why this sidecar receives nothing: the service has not answered for 15 seconds, or it has owned no partition for that long although others do
   * not own them all. Undefined while it receives, or need not.
   */
  trouble(): ConnectorError | undefined;
  /** The partitions that this sidecar reads at present. */
  ownedPartitions(): readonly string[];
  /** Whether no other sidecar owns the partition, as far as known. */
  isFree(partitionId: string): boolean;
  /** The last known end of a partition; undefined before the first response. Lag = its sequence number - the last accepted one. */
  lastEnqueued(partitionId: string): LastEnqueued | undefined;
  /** Reads the ends of the owned partitions (or of one) from the service. Throws ConnectorError. */
  readLastEnqueued(partitionId?: string, signal?: AbortSignal): Promise<void>;
  /**
   * Writes the checkpoint of a partition. False: this sidecar no longer owns the partition, and the checkpoint was not written. Throws
   * ConnectorError when the store fails; the caller retries with its next checkpoint.
   */
  checkpoint(
    partitionId: string,
    position: { readonly sequenceNumber: number; readonly offset: string },
  ): Promise<boolean>;
  /**
   * Whether this sidecar may still deliver messages of the partition. Asks the store when that is doubtful: the caller says so, or this process did
   * not run for some seconds, and another sidecar may own the partition now.
   */
  stillOwns(partitionId: string, isDoubtful: boolean): Promise<boolean>;
  /** Closes one partition, or the whole connection, and opens it again from the last checkpoint. */
  reopen(partitionId?: string): Promise<void>;
  /** Stops receiving, lets lanes finish (onPartitionClose), releases ownership, closes the connection. Idempotent. */
  stop(): Promise<void>;
}
