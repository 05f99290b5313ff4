import { ConnectorError } from '../../errors/connector-error.ts';
import { withDeadline } from '../../lib/concurrency.ts';
import { azureError } from '../azure-error.ts';
import type {
  Checkpoint,
  CheckpointPlace,
  CheckpointStore,
  PartitionOwnership,
  StartPosition,
} from './event-types.ts';

/** The end of a partition. */
export interface PartitionEnd {
  readonly lastEnqueuedSequenceNumber: number;
  readonly lastEnqueuedOffset: string;
  readonly lastEnqueuedOnUtc: Date;
  readonly beginningSequenceNumber: number;
}

interface GuardOptions {
  readonly inner: CheckpointStore;
  readonly ownerId: string;
  /** Only these partitions are claimed; all when undefined. */
  readonly partitions: ReadonlySet<string> | undefined;
  readonly timeoutMs: number;
  /** How long the processor rests between two rounds while this sidecar reads all partitions. */
  readonly restMs: number;
  partitionIds(): readonly string[];
  startPositionOf(partitionId: string): StartPosition;
  /** Where a partition goes on whose checkpoint was damaged; undefined when it has none. */
  recoveredPosition(place: CheckpointPlace): Promise<StartPosition | undefined>;
  partitionEnd(partitionId: string): Promise<PartitionEnd>;
  onAhead(partitionId: string, error: ConnectorError): void;
  /** Reading begins without a checkpoint, and the messages that the hub keeps up to this sequence number are not read. */
  onSkip(partitionId: string, through: number, end: PartitionEnd): void;
}

/** The offset before the first event of a partition. */
const BEGINNING = '-1';

/**
 * A checkpoint store between the event processor of the SDK and the real store. It adds what the processor lacks:
 *
 * - A partition whose reader has ended is claimed again in the next round, not when its ownership expires; after a failure it is claimed when
 *   the backoff has passed. The same holds for what this sidecar owned when it was killed: its owner id is the same after a restart.
 * - `latest` is pinned: the end of the partition at the first start becomes its first checkpoint. Otherwise every reconnect and every restart
 *   before the first event would start at the new end and skip the events in between.
 * - A checkpoint beyond the end of its partition was written for another hub with the same name. The SDK would wait there forever. It is
 *   reported, and reading begins at the start of the partition.
 * - The position where reading begins is known before the first event, so that lag and stalls are visible from the start.
 * - When reading begins without a checkpoint, the messages before the start position are counted and reported.
 * - While this sidecar reads all partitions there is nothing to claim, and rounds are rarer: each costs a request to the service and several calls to
 *   the store. When a partition ends, the next round begins at once.
 * - Calls have a timeout, and their errors are ConnectorErrors.
 */
export class GuardedCheckpoints implements CheckpointStore {
  readonly #options: GuardOptions;
  readonly #pausedUntilMs = new Map<string, number>();
  readonly #begins = new Map<string, number>();
  /** When ownership of a partition was last claimed or renewed here, and the version of its record then. */
  readonly #claimed = new Map<string, { readonly atMs: number; readonly etag: string | undefined }>();
  /** The owners that the store last named, by partition. */
  #owners: ReadonlyMap<string, string> = new Map();
  #place: readonly [string, string, string] | undefined;
  #lastClaimed: string | undefined;
  /** The last claim of each partition; resolved when it was answered. */
  readonly #claiming = new Map<string, Promise<unknown>>();
  #endRest: (() => void) | undefined;
  #pendingCalls = 0;
  #lastCallMs = performance.now();
  #stopping = false;

  constructor(options: GuardOptions) {
    this.#options = options;
  }

  /** Time of the last call of the processor, on the clock of `performance.now()`. It calls in every round; when it does not for long, it hangs. */
  get silentSinceMs(): number {
    return this.#pendingCalls > 0 ? performance.now() : this.#lastCallMs;
  }

  /** The sequence number after which the partition is read; undefined when it is not known, after a start by time or offset. */
  beginsAfter(partitionId: string): number | undefined {
    return this.#begins.get(partitionId);
  }

  /** Allows the partition to be claimed again at once, or after a pause. */
  release(partitionId: string, pauseMs = 0): void {
    this.#pausedUntilMs.set(partitionId, performance.now() + pauseMs);
    this.#endRest?.();
  }

  /** From now on the processor sees the real ownership, so that it can release it. */
  beginStop(): void {
    this.#stopping = true;
    this.#endRest?.();
  }

  /** Whether other sidecars own all these partitions, so that this one has none to read. */
  othersOwn(partitionIds: readonly string[]): boolean {
    const { ownerId } = this.#options;
    return (
      partitionIds.length > 0 &&
      partitionIds.every((id) => ![undefined, '', ownerId].includes(this.#owners.get(id)))
    );
  }

  /** When ownership of the partition was last claimed or renewed here, on the clock of `performance.now()`. */
  claimedAtMs(partitionId: string): number {
    return this.#claimed.get(partitionId)?.atMs ?? Number.NEGATIVE_INFINITY;
  }

  /**
   * Asks the store whether nobody else has claimed the partition since this sidecar did. The owner id does not tell: another process may run with
   * the same state directory.
   */
  async stillOwns(partitionId: string): Promise<boolean> {
    if (!this.#place) return true;
    const place = this.#place;
    const before = this.#claimed.get(partitionId);
    const owners = await this.#bounded('Reading the ownership of partitions', (abortSignal) =>
      this.#options.inner.listOwnership(...place, { abortSignal }),
    );
    // The record may be one that this sidecar has just written, and whose version it does not know yet.
    await this.#claiming.get(partitionId);
    const now = this.#claimed.get(partitionId);
    if (now !== before) return true;
    const owner = owners.find((ownership) => ownership.partitionId === partitionId);
    return owner?.ownerId === this.#options.ownerId && owner.etag === now?.etag;
  }

  async listOwnership(namespace: string, eventHub: string, group: string): Promise<PartitionOwnership[]> {
    if (this.readsAll) await this.#rest();
    const owners = await this.#bounded('Reading the ownership of partitions', (abortSignal) =>
      this.#options.inner.listOwnership(namespace, eventHub, group, { abortSignal }),
    );
    this.#place = [namespace, eventHub, group];
    this.#owners = new Map(owners.map(({ partitionId, ownerId }) => [partitionId, ownerId]));
    if (this.#stopping) return owners;
    return owners.map((owner) =>
      owner.ownerId === this.#options.ownerId && !this.#isHeld(owner.partitionId)
        ? { ...owner, ownerId: '' }
        : owner,
    );
  }

  async claimOwnership(claims: PartitionOwnership[]): Promise<PartitionOwnership[]> {
    const wanted = claims.filter((claim) => claim.ownerId === '' || this.#mayClaim(claim.partitionId));
    if (wanted.length === 0) return [];
    const claimed = this.#claim(wanted);
    const answered = claimed.catch(() => undefined);
    for (const { partitionId } of wanted) this.#claiming.set(partitionId, answered);
    return await claimed;
  }

  async #claim(wanted: PartitionOwnership[]): Promise<PartitionOwnership[]> {
    const claimed = await this.#bounded('Claiming a partition', (abortSignal) =>
      this.#options.inner.claimOwnership(wanted, { abortSignal }),
    );
    for (const { partitionId, ownerId, etag } of claimed) {
      if (ownerId === '') continue;
      this.#claimed.set(partitionId, { atMs: performance.now(), etag });
      this.#pausedUntilMs.delete(partitionId);
      this.#lastClaimed = partitionId;
    }
    return claimed;
  }

  /** The processor reads the checkpoints directly after it has claimed a partition, one at a time: that partition is checked. */
  async listCheckpoints(namespace: string, eventHub: string, group: string): Promise<Checkpoint[]> {
    const partitionId = this.#lastClaimed;
    try {
      const checkpoints = await this.#bounded('Reading the checkpoints', (abortSignal) =>
        this.#options.inner.listCheckpoints(namespace, eventHub, group, { abortSignal }),
      );
      if (partitionId === undefined) return checkpoints;
      const stored = checkpoints.find((checkpoint) => checkpoint.partitionId === partitionId);
      const place = {
        fullyQualifiedNamespace: namespace,
        eventHubName: eventHub,
        consumerGroup: group,
        partitionId,
      };
      const recovered = stored ? undefined : await this.#options.recoveredPosition(place);
      const start = recovered ?? this.#options.startPositionOf(partitionId);
      // Messages before a recovered position were applied, so they are not skipped.
      const started = recovered ? undefined : () => this.#started(place, start);
      const begin = stored ? await this.#checked(stored) : await started?.();
      const after = begin?.sequenceNumber ?? firstAfter(start);
      if (after === undefined) this.#begins.delete(partitionId);
      else this.#begins.set(partitionId, after);
      return begin ? [begin] : [];
    } catch (thrown) {
      // The processor has no reader for it. Without this it would count as read until its ownership expires.
      if (partitionId !== undefined) this.#claimed.delete(partitionId);
      throw thrown;
    }
  }

  async updateCheckpoint(checkpoint: Checkpoint): Promise<void> {
    await this.#bounded(`Writing the checkpoint of partition ${checkpoint.partitionId}`, (abortSignal) =>
      this.#options.inner.updateCheckpoint(checkpoint, { abortSignal }),
    );
  }

  /** Whether this sidecar reads all partitions that it wants, so that there is nothing to claim. */
  get readsAll(): boolean {
    if (this.#stopping) return false;
    const { ownerId, partitions, partitionIds } = this.#options;
    const wanted = partitions ? [...partitions] : partitionIds();
    return wanted.length > 0 && wanted.every((id) => this.#owners.get(id) === ownerId && this.#isHeld(id));
  }

  async #rest(): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    const timer = setTimeout(resolve, this.#options.restMs);
    this.#endRest = resolve;
    await promise;
    clearTimeout(timer);
    this.#endRest = undefined;
  }

  /** Whether a reader of this process has the partition. What an earlier process with the same owner id claimed is free. */
  #isHeld(partitionId: string): boolean {
    return this.#claimed.has(partitionId) && !this.#pausedUntilMs.has(partitionId);
  }

  #mayClaim(partitionId: string): boolean {
    if (this.#options.partitions && !this.#options.partitions.has(partitionId)) return false;
    return (this.#pausedUntilMs.get(partitionId) ?? 0) <= performance.now();
  }

  async #checked(checkpoint: Checkpoint): Promise<Checkpoint> {
    const end = await this.#options.partitionEnd(checkpoint.partitionId);
    if (checkpoint.sequenceNumber <= end.lastEnqueuedSequenceNumber) return checkpoint;
    this.#options.onAhead(
      checkpoint.partitionId,
      new ConnectorError(
        'CHECKPOINT_AHEAD',
        `The checkpoint of partition ${checkpoint.partitionId} (sequence number ${checkpoint.sequenceNumber}) is beyond its last event ` +
          `(${end.lastEnqueuedSequenceNumber}). The partition is read from its beginning.`,
      ),
    );
    const reset = { ...checkpoint, offset: BEGINNING, sequenceNumber: -1 };
    await this.updateCheckpoint(reset);
    return reset;
  }

  /** Where a partition without a checkpoint begins: the pinned end for `latest`, otherwise undefined. */
  async #started(place: CheckpointPlace, start: StartPosition): Promise<Checkpoint | undefined> {
    const { partitionId } = place;
    if (start.from === 'earliest') return undefined;
    const end = await this.#options.partitionEnd(partitionId);
    const pin = start.from === 'latest' ? await this.#pinned(place, end) : undefined;
    // After a start by time the first message shows how many come before it, unless there is none.
    const isPast = start.from === 'time' && end.lastEnqueuedOnUtc.getTime() <= start.timeMs;
    const through = pin?.sequenceNumber ?? (isPast ? end.lastEnqueuedSequenceNumber : firstAfter(start));
    if (through !== undefined && through >= end.beginningSequenceNumber)
      this.#options.onSkip(partitionId, through, end);
    return pin;
  }

  async #pinned(place: CheckpointPlace, end: PartitionEnd): Promise<Checkpoint> {
    const empty = end.lastEnqueuedSequenceNumber < 0 || !end.lastEnqueuedOffset;
    const pin: Checkpoint = {
      ...place,
      sequenceNumber: empty ? -1 : end.lastEnqueuedSequenceNumber,
      offset: empty ? BEGINNING : end.lastEnqueuedOffset,
    };
    await this.updateCheckpoint(pin);
    return pin;
  }

  async #bounded<T>(action: string, call: (signal: AbortSignal) => Promise<T>): Promise<T> {
    const signal = AbortSignal.timeout(this.#options.timeoutMs);
    this.#pendingCalls += 1;
    try {
      return await withDeadline(
        call(signal),
        // A little longer than the signal, whose error says more.
        this.#options.timeoutMs + 500,
        () => new ConnectorError('AZURE_TIMEOUT', `${action} did not end in time.`),
      );
    } catch (thrown) {
      throw azureError(signal.aborted ? signal.reason : thrown, { action });
    } finally {
      this.#pendingCalls -= 1;
      this.#lastCallMs = performance.now();
    }
  }
}

function firstAfter(start: StartPosition): number | undefined {
  if (start.from === 'earliest') return -1;
  return start.from === 'sequenceNumber' ? start.after : undefined;
}
