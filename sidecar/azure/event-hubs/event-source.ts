import { createHash, randomUUID } from 'node:crypto';
import type {
  EventHubConsumerClient,
  EventHubProperties,
  EventPosition,
  PartitionProperties,
  Subscription,
} from '@azure/event-hubs';
import { ConnectorError } from '../../errors/connector-error.ts';
import { Backoff } from '../../lib/backoff.ts';
import { settledWithin } from '../../lib/concurrency.ts';
import { azureError } from '../azure-error.ts';
import { installFastDecoder } from './amqp-decoder.ts';
import { installFastFrames } from './amqp-frames.ts';
import { createMemoryCheckpoints } from './checkpoints.ts';
import { missingNames } from './connection-context.ts';
import { EventDecoder } from './event-decoder.ts';
import {
  boundReceiverCredit,
  consumerGroupError,
  createEventHubClient,
  endpointHost,
  OWNER_LEVEL,
  retryOptions,
} from './event-hub-client.ts';
import type {
  CheckpointPlace,
  CheckpointStore,
  EventSource,
  EventSourceHandlers,
  EventSourceOptions,
  LastEnqueued,
  StartPosition,
} from './event-types.ts';
import { GuardedCheckpoints, type PartitionEnd } from './guarded-checkpoints.ts';
import { Partition, PartitionEnded, PartitionEnds } from './partition.ts';
import { PartitionReaders } from './partition-readers.ts';
import { toReceivedEvents } from './received-message.ts';

/**
 * Opens the event stream of an IoT Hub (or any Event Hub) and begins to receive. Resolves when the endpoint has answered; partitions open
 * afterwards (`onPartitionOpen`). Later errors go to `onError`, and the source recovers.
 *
 * Throws AZURE_UNAUTHORIZED, AZURE_UNREACHABLE, AZURE_NOT_FOUND, AZURE_TIMEOUT, AZURE_CANCELLED, CONNECTION_STRING_INVALID.
 */
export async function openEventSource(options: EventSourceOptions): Promise<EventSource> {
  boundReceiverCredit();
  installFastDecoder();
  installFastFrames();
  const source = new HubEventSource(options);
  await source.open();
  return source;
}

/** How long a reader waits for events before it calls the handler with none. With the SDK's receiver, `reopen` of one partition takes effect within this time. */
const MAX_WAIT_SECONDS = 1;

/** Of one call to the checkpoint store: the next call then uses a new connection. */
const STORE_TIMEOUT_MS = 10_000;

/** Without an answer or a partition for this long, the source is in trouble. */
const TROUBLE_AFTER_MS = 15_000;
const OWNERSHIP_EXPIRY_MS = 5_000;
const LAG_TIMEOUT_MS = 10_000;
/** A process that did not run for this long may have lost its partitions: half the time after which others may take them. */
const FROZEN_AFTER_MS = OWNERSHIP_EXPIRY_MS / 2;

/** How long the identity of the stream is taken for known when a partition is opened. */
const IDENTITY_AGE_MS = 1_000;

/** Of a partition that failed. */
const BACKOFF = { initialDelayMs: 500, maxDelayMs: 4000 };

/** A partition that another sidecar has released is claimed at the next update: within a second, with the time to open it. */
const UPDATE_INTERVAL_MS = 750;
/** The rest of a sidecar that reads all partitions, in updates. Its ownership must be renewed several times before it expires. */
const REST_ROUNDS = 2;

class HubEventSource implements EventSource {
  readonly #options: EventSourceOptions;
  readonly #handlers: EventSourceHandlers;
  readonly #ownerId: string;
  readonly #timeoutMs: number;
  readonly #closeTimeoutMs: number;
  readonly #host: string;
  readonly #partitions = new Map<string, Partition>();
  readonly #backoffs = new Map<string, Backoff>();
  readonly #ends = new PartitionEnds((id, signal) => this.#partitionProperties(id, signal));
  readonly #checkpoints: CheckpointStore;
  #store: GuardedCheckpoints;
  #client: EventHubConsumerClient;
  #subscription: Subscription | undefined;
  /** Undefined while the SDK reads. */
  #readers: PartitionReaders | undefined;
  #properties: EventHubProperties | undefined;
  /** When the properties were read, on the clock of `performance.now()`. */
  #identifiedAtMs = Number.NEGATIVE_INFINITY;
  #identifying: Promise<void> | undefined;
  /** The processor reads it when it opens a partition that has no checkpoint. */
  readonly #sdkStartPositions: Record<string, EventPosition> = {};
  readonly #skipReported = new Set<string>();
  readonly #decoder = new EventDecoder();
  #sdkReported = false;
  #timers: NodeJS.Timeout[] = [];
  /** When the service last answered. */
  #heardAtMs = performance.now();
  /** When this sidecar last read a partition, or had none to read. */
  #ownedAtMs = performance.now();
  /** When this process last ran for certain, and when it last went on after it had not run; on the clock of `performance.now()`. */
  #tickAtMs = performance.now();
  #thawedAtMs = Number.NEGATIVE_INFINITY;
  #state: 'new' | 'open' | 'reopening' | 'stopped' = 'new';
  #reopening: Promise<void> | undefined;
  #stopped: Promise<void> | undefined;

  constructor(options: EventSourceOptions) {
    this.#options = options;
    this.#handlers = options.handlers;
    this.#ownerId = options.ownerId ?? randomUUID();
    this.#timeoutMs = options.timeoutMs ?? 30_000;
    this.#closeTimeoutMs = options.closeTimeoutMs ?? 10_000;
    this.#host = endpointHost(options.endpoint);
    this.#checkpoints = options.checkpoints ?? createMemoryCheckpoints();
    this.#store = this.#createStore();
    this.#client = this.#createClient();
  }

  get partitionIds(): readonly string[] {
    return this.#properties?.partitionIds ?? [];
  }

  get streamIdentity(): string {
    const { eventHubName } = this.#client;
    const { consumerGroup, identityGroup = consumerGroup } = this.#options;
    const created = this.#properties?.createdOn.getTime() ?? 0;
    const text = [this.#host, eventHubName, identityGroup, created].join('\n').toLowerCase();
    return createHash('sha256').update(text).digest('hex').slice(0, 8);
  }

  async open(): Promise<void> {
    try {
      this.#properties = await this.#readProperties();
    } catch (thrown) {
      await settledWithin(this.#client.close(), 5000);
      throw thrown;
    }
    this.#subscribe();
    this.#state = 'open';
    const { lagIntervalMs = 5000 } = this.#options;
    if (lagIntervalMs > 0) this.#every(lagIntervalMs, () => this.#readLag());
    this.#every(1000, () => this.#checkBalancing());
    this.#timers.push(setInterval(() => this.#noticeFreeze(), FROZEN_AFTER_MS / 4));
  }

  trouble(): ConnectorError | undefined {
    if (this.#state === 'stopped') return undefined;
    if (performance.now() - this.#heardAtMs > TROUBLE_AFTER_MS)
      return new ConnectorError(
        'AZURE_UNREACHABLE',
        `${this.#host} has not answered for more than ${TROUBLE_AFTER_MS / 1000} seconds. The sidecar keeps trying; messages wait in the hub.`,
      );
    if (this.ownedPartitions().length > 0 || this.#store.othersOwn(this.partitionIds))
      this.#ownedAtMs = performance.now();
    if (performance.now() - this.#ownedAtMs <= TROUBLE_AFTER_MS) return undefined;
    return new ConnectorError(
      'AZURE_TIMEOUT',
      `The sidecar has read no partition of ${this.#host} for more than ${TROUBLE_AFTER_MS / 1000} seconds. It keeps trying; messages wait in the hub.`,
    );
  }

  ownedPartitions(): readonly string[] {
    return [...this.#partitions.values()]
      .filter((partition) => partition.isOpen)
      .map((partition) => partition.id);
  }

  isFree(partitionId: string): boolean {
    return !this.#store.othersOwn([partitionId]);
  }

  lastEnqueued(partitionId: string): LastEnqueued | undefined {
    return this.#ends.of(partitionId);
  }

  async readLastEnqueued(partitionId?: string, signal?: AbortSignal): Promise<void> {
    const ids = partitionId === undefined ? this.ownedPartitions() : [partitionId];
    await Promise.all(ids.map((id) => this.#ends.read(id, signal)));
  }

  /** Asks the service also while no partition is owned: its silence must be noticed. */
  async #readLag(): Promise<void> {
    const signal = AbortSignal.timeout(LAG_TIMEOUT_MS);
    const owned = [...this.#partitions.values()].filter(({ isOpen }) => isOpen);
    const due = owned.length === 0 ? this.partitionIds : this.#ends.due(owned);
    await Promise.all(due.map((id) => this.#ends.read(id, signal)));
  }

  async checkpoint(
    partitionId: string,
    position: { sequenceNumber: number; offset: string },
  ): Promise<boolean> {
    if (!this.#partitions.get(partitionId)?.isOwned) return false;
    // A process that was frozen must not write over what the owner has written since.
    if (!(await this.stillOwns(partitionId, false))) return false;
    try {
      await this.#store.updateCheckpoint({
        fullyQualifiedNamespace: this.#client.fullyQualifiedNamespace,
        eventHubName: this.#client.eventHubName,
        consumerGroup: this.#options.consumerGroup,
        partitionId,
        sequenceNumber: position.sequenceNumber,
        offset: position.offset,
      });
      return true;
    } catch (thrown) {
      if (!(thrown instanceof ConnectorError) || thrown.code !== 'PARTITION_TAKEN') throw thrown;
      // The owner before may have written a later position; this one passes it with a later checkpoint.
      return await this.stillOwns(partitionId, true);
    }
  }

  async stillOwns(partitionId: string, isDoubtful: boolean): Promise<boolean> {
    // The timers of a process that was frozen have not run yet when its other work goes on.
    this.#noticeFreeze();
    if (!isDoubtful && this.#store.claimedAtMs(partitionId) >= this.#thawedAtMs) return true;
    try {
      return await this.#store.stillOwns(partitionId);
    } catch {
      // The store is away, too. The service closes the link when another reader takes the partition, and the hub Thing drops repeats.
      return true;
    }
  }

  #noticeFreeze(): void {
    const now = performance.now();
    if (now - this.#tickAtMs > FROZEN_AFTER_MS) this.#thawedAtMs = now;
    this.#tickAtMs = now;
  }

  async reopen(partitionId?: string): Promise<void> {
    if (this.#state === 'stopped') return;
    if (partitionId === undefined) return await this.#reopenAll();
    const partition = this.#partitions.get(partitionId);
    if (!partition?.isOpen) return this.#store.release(partitionId);
    const end = partition.requestReopen();
    this.#readers?.wake(partitionId);
    const ended = await settledWithin(end, this.#closeTimeoutMs + MAX_WAIT_SECONDS * 5000);
    // A reader that hangs inside the SDK does not end on request. A new connection replaces it.
    if (!ended) await this.#reopenAll();
  }

  stop(): Promise<void> {
    this.#stopped ??= this.#stop();
    return this.#stopped;
  }

  async #stop(): Promise<void> {
    this.#state = 'stopped';
    for (const timer of this.#timers) clearInterval(timer);
    this.#timers = [];
    await this.#reopening;
    await this.#close();
  }

  /** One at a time; later callers share the running one. */
  #reopenAll(): Promise<void> {
    this.#reopening ??= this.#replaceClient().finally(() => {
      this.#reopening = undefined;
    });
    return this.#reopening;
  }

  async #replaceClient(): Promise<void> {
    this.#state = 'reopening';
    await this.#close();
    if (this.#stopped) return;
    this.#store = this.#createStore();
    this.#client = this.#createClient();
    this.#subscribe();
    this.#state = 'open';
    try {
      this.#properties = await this.#readProperties();
    } catch (thrown) {
      this.#report(undefined, thrown);
    }
  }

  /** Releases partitions and closes the connection. Never throws; bounded in time. */
  async #close(): Promise<void> {
    this.#store.beginStop();
    const client = this.#client;
    const work = async (): Promise<void> => {
      await this.#subscription?.close();
      await client.close();
    };
    const closed = await settledWithin(
      work().catch((thrown) => this.#report(undefined, thrown)),
      this.#closeTimeoutMs + 5000,
    );
    if (!closed)
      this.#report(
        undefined,
        new ConnectorError('AZURE_TIMEOUT', `Closing the connection to ${this.#host} took too long.`),
      );
    for (const partition of this.#partitions.values()) await this.#endPartition(partition, 'shutdown');
  }

  #subscribe(): void {
    const { maxBatchSize = 300, prefetchCount = maxBatchSize } = this.#options;
    for (const id of this.partitionIds) this.#sdkStartPositions[id] = sdkPosition(this.#startPositionOf(id));
    const options = {
      maxBatchSize,
      prefetchCount: Math.max(prefetchCount, maxBatchSize),
      maxWaitTimeInSeconds: MAX_WAIT_SECONDS,
      skipParsingBodyAsJson: true,
      startPosition: this.#sdkStartPositions,
    };
    const readers = this.#createReaders(options);
    this.#readers = readers;
    this.#subscription = this.#client.subscribe(
      {
        processInitialize: async ({ partitionId }) => await this.#openPartition(partitionId),
        // Only the SDK's receiver calls it.
        processEvents: async (events, { partitionId }) => {
          if (readers) this.#usesSdk(['pumpManager']);
          await this.#partitions.get(partitionId)?.deliver(toReceivedEvents(events, partitionId));
        },
        processError: async (error, { partitionId }) => this.#failed(partitionId, error),
        processClose: async (reason, { partitionId }) => {
          const partition = this.#partitions.get(partitionId);
          if (partition)
            await this.#endPartition(partition, reason === 'OwnershipLost' ? 'lost' : 'shutdown');
        },
      },
      // The SDK hands its options on to the event processor, which uses this manager instead of its own.
      readers ? ({ ...options, pumpManager: readers } as typeof options) : options,
    );
  }

  /** The readers of the sidecar; undefined when the SDK reads. */
  #createReaders({
    maxBatchSize,
    prefetchCount,
  }: {
    maxBatchSize: number;
    prefetchCount: number;
  }): PartitionReaders | undefined {
    if (this.#options.receiver === 'sdk') return undefined;
    const missing = missingNames(this.#client);
    if (missing.length > 0) {
      this.#usesSdk(missing);
      return undefined;
    }
    return new PartitionReaders({
      ownerLevel: OWNER_LEVEL,
      maxBatchSize,
      prefetchCount,
      maxWaitMs: MAX_WAIT_SECONDS * 1000,
      timeoutMs: this.#timeoutMs,
      retryOptions: retryOptions(this.#timeoutMs),
      decode: (payloads, partitionId) => this.#decoder.decode(payloads, partitionId),
      deliver: async (partitionId, events) => await this.#partitions.get(partitionId)?.deliver(events),
    });
  }

  #usesSdk(missing: readonly string[]): void {
    if (this.#sdkReported) return;
    this.#sdkReported = true;
    this.#options.log?.warn(
      { missing },
      "The version of @azure/event-hubs or rhea is not supported by the sidecar's own receiver. The receiver of the SDK is used, which needs more CPU time.",
    );
  }

  async #openPartition(partitionId: string): Promise<void> {
    let backoff = this.#backoffs.get(partitionId);
    if (!backoff) {
      backoff = new Backoff(BACKOFF);
      this.#backoffs.set(partitionId, backoff);
    }
    const partition = new Partition({
      id: partitionId,
      handlers: this.#handlers,
      prepare: () => this.#identify(),
      beginsAfter: this.#store.beginsAfter(partitionId),
      backoff,
      report: (error) => this.#report(partitionId, error),
      onBegin: (sequenceNumber) => void this.#begun(partitionId, sequenceNumber),
      onGap: (after, next) => void this.#explainGap(partitionId, after, next),
    });
    this.#partitions.set(partitionId, partition);
    await partition.open();
  }

  /**
   * The hub may have been made anew since the last partition was opened: then it is another stream, with other sequence numbers. Partitions that are
   * opened together share one question.
   */
  async #identify(): Promise<void> {
    if (performance.now() - this.#identifiedAtMs < IDENTITY_AGE_MS) return;
    this.#identifying ??= this.#readProperties()
      .then((properties) => {
        this.#properties = properties;
      })
      .finally(() => {
        this.#identifying = undefined;
      });
    await this.#identifying;
  }

  /** After a start by time or offset: the messages before the first one are not read, unless there is a checkpoint. */
  async #begun(partitionId: string, sequenceNumber: number): Promise<void> {
    try {
      this.#skipped(partitionId, sequenceNumber - 1, await this.#partitionProperties(partitionId));
    } catch (thrown) {
      this.#failed(partitionId, thrown);
    }
  }

  /** Reported once per partition. A replay has no checkpoints and reads a time window on purpose. */
  #skipped(partitionId: string, through: number, end: PartitionEnd): void {
    const messages = through - end.beginningSequenceNumber + 1;
    if (messages <= 0 || !this.#options.checkpoints || this.#skipReported.has(partitionId)) return;
    this.#skipReported.add(partitionId);
    const until = new Date(Math.min(end.lastEnqueuedOnUtc.getTime(), Date.now())).toISOString();
    this.#handlers.onError(
      partitionId,
      new ConnectorError(
        'MESSAGES_SKIPPED',
        `Partition ${partitionId} has no checkpoint, so reading begins at startPosition. The ${messages} messages before it, with the sequence ` +
          `numbers ${end.beginningSequenceNumber} to ${through}, are not read. To ingest them call ReplayEvents with a time window that ends at ${until}.`,
        { details: { messages, firstSequenceNumber: end.beginningSequenceNumber, until } },
      ),
    );
  }

  async #explainGap(partitionId: string, after: number, next: number): Promise<void> {
    try {
      const error = await this.#ends.gap(partitionId, after, next);
      if (error) this.#handlers.onError(partitionId, error);
    } catch (thrown) {
      this.#failed(partitionId, thrown);
    }
  }

  async #endPartition(partition: Partition, reason: 'lost' | 'shutdown'): Promise<void> {
    if (!partition.isOpen) return;
    const because =
      this.#state === 'stopped'
        ? 'stopped'
        : reason === 'lost'
          ? 'lost'
          : this.#state === 'reopening'
            ? 'reopened'
            : undefined;
    const pauseMs = await partition.end(because, this.#closeTimeoutMs);
    if (pauseMs !== undefined) this.#store.release(partition.id, pauseMs);
  }

  #failed(partitionId: string, error: unknown): void {
    if (error instanceof PartitionEnded || this.#state === 'stopped' || this.#state === 'reopening') return;
    this.#report(partitionId === '' ? undefined : partitionId, error);
  }

  #report(partitionId: string | undefined, thrown: unknown): void {
    const action = partitionId === undefined ? 'Reading events' : `Reading partition ${partitionId}`;
    const error = azureError(thrown, { action, host: this.#host, right: 'ServiceConnect (or Listen)' });
    this.#handlers.onError(
      partitionId,
      partitionId === undefined ? error : consumerGroupError(error, this.#options.consumerGroup, this.#host),
    );
  }

  async #checkBalancing(): Promise<void> {
    if (this.#state !== 'open') return;
    const silentMs = Math.round(performance.now() - this.#store.silentSinceMs);
    const { silenceMs = 15_000, updateIntervalMs = UPDATE_INTERVAL_MS } = this.#options;
    const limitMs = Math.max(silenceMs, updateIntervalMs * 10);
    if (silentMs < limitMs) return;
    this.#report(
      undefined,
      new ConnectorError('AZURE_TIMEOUT', `${this.#host} has not answered for ${silentMs} ms; reconnecting.`),
    );
    await this.#reopenAll();
  }

  async #readProperties(): Promise<EventHubProperties> {
    const properties = await this.#ask('Opening the event stream', this.#options.signal, (abortSignal) =>
      this.#client.getEventHubProperties({ abortSignal }),
    );
    this.#identifiedAtMs = performance.now();
    return {
      ...properties,
      partitionIds: [...properties.partitionIds].sort((a, b) => Number(a) - Number(b)),
    };
  }

  #partitionProperties(id: string, signal?: AbortSignal): Promise<PartitionProperties> {
    return this.#ask(`Reading the end of partition ${id}`, signal, (abortSignal) =>
      this.#client.getPartitionProperties(id, { abortSignal }),
    );
  }

  async #ask<T>(
    action: string,
    signal: AbortSignal | undefined,
    call: (signal: AbortSignal) => Promise<T>,
  ): Promise<T> {
    const timeout = AbortSignal.timeout(this.#timeoutMs);
    try {
      const answer = await call(signal ? AbortSignal.any([signal, timeout]) : timeout);
      this.#heardAtMs = performance.now();
      return answer;
    } catch (thrown) {
      // The signal of the caller may be a deadline, too.
      const { reason } = signal?.aborted ? signal : timeout;
      const cause = reason instanceof DOMException && reason.name === 'TimeoutError' ? reason : thrown;
      throw azureError(cause, { action, host: this.#host, right: 'ServiceConnect (or Listen)' });
    }
  }

  #every(intervalMs: number, work: () => Promise<void>): void {
    let busy = false;
    const timer = setInterval(() => {
      if (busy || this.#state !== 'open') return;
      busy = true;
      work()
        .catch((thrown) => this.#failed('', thrown))
        .finally(() => {
          busy = false;
        });
    }, intervalMs);
    this.#timers.push(timer);
  }

  #createStore(): GuardedCheckpoints {
    return new GuardedCheckpoints({
      inner: this.#checkpoints,
      ownerId: this.#ownerId,
      partitions: this.#options.partitions && new Set(this.#options.partitions),
      timeoutMs: Math.min(this.#timeoutMs, STORE_TIMEOUT_MS),
      restMs: REST_ROUNDS * (this.#options.updateIntervalMs ?? UPDATE_INTERVAL_MS),
      partitionIds: () => this.partitionIds,
      startPositionOf: (id) => this.#startPositionOf(id),
      recoveredPosition: (place) => this.#recoveredPosition(place),
      partitionEnd: (id) => this.#partitionProperties(id),
      onAhead: (id, error) => this.#report(id, error),
      onSkip: (id, through, end) => this.#skipped(id, through, end),
    });
  }

  #createClient(): EventHubConsumerClient {
    return createEventHubClient(this.#options.endpoint, this.#options.consumerGroup, this.#store, {
      ownerId: this.#ownerId,
      timeoutMs: this.#timeoutMs,
      updateIntervalMs: this.#options.updateIntervalMs ?? UPDATE_INTERVAL_MS,
      ownershipExpiryMs: this.#options.ownershipExpiryMs ?? OWNERSHIP_EXPIRY_MS,
      readsAll: () => this.#store.readsAll,
    });
  }

  #startPositionOf(partitionId: string): StartPosition {
    return this.#options.startPositions?.[partitionId] ?? this.#options.startPosition;
  }

  async #recoveredPosition(place: CheckpointPlace): Promise<StartPosition | undefined> {
    const { partitionId } = place;
    const recovered = await this.#options.recoveredPosition?.(place, this.streamIdentity);
    this.#sdkStartPositions[partitionId] = sdkPosition(recovered ?? this.#startPositionOf(partitionId));
    return recovered;
  }
}

function sdkPosition(start: StartPosition): EventPosition {
  switch (start.from) {
    case 'latest':
      return { offset: '@latest' };
    case 'earliest':
      return { offset: '-1' };
    case 'time':
      return { enqueuedOn: start.timeMs };
    case 'sequenceNumber':
      return { sequenceNumber: start.after, isInclusive: false };
    case 'offset':
      return { offset: start.after, isInclusive: false };
  }
}
