import type {
  CloseReason,
  EventSource,
  EventSourceHandlers,
  EventSourceOptions,
  StartPosition,
} from '../../azure/event-hubs/event-types.ts';
import { deadLetterId } from '../../dead-letters/store.ts';
import { ConnectorError, toConnectorError } from '../../errors/connector-error.ts';
import { untilDone } from '../../lib/backoff.ts';
import type { Log } from '../../observe/log.ts';
import type { RunningTask, TaskKind } from '../../tasks/task.ts';
import type { ReceivedMessage } from '../../translate/types.ts';
import { type Forwarder, tally } from './forwarder.ts';

export interface EventReplayInput {
  /** When the hub took the messages; both included. */
  readonly fromMs: number;
  readonly toMs: number;
  readonly deviceId?: string;
  readonly consumerGroup: string;
}

/** The last settled sequence number of each partition, and those that are done. */
interface EventReplayPosition {
  readonly settled: Readonly<Record<string, number>>;
  readonly done: readonly string[];
}

export const REPLAY_EVENTS = 'ReplayEvents';

/** The hub takes the enqueued time before it appends, so a message may follow others that have a later time. */
const LATE_MS = 60_000;

interface EventReplayOptions {
  readonly openSource: (
    options: Pick<
      EventSourceOptions,
      'handlers' | 'consumerGroup' | 'startPosition' | 'startPositions' | 'signal'
    >,
  ) => Promise<EventSource>;
  readonly forwarder: () => Forwarder;
  readonly log: Log;
}

/** Reads the retained messages of a time window again, with a reader of its own and all partitions in parallel. */
export class EventReplay implements TaskKind<EventReplayInput, EventReplayPosition> {
  readonly kind = REPLAY_EVENTS;
  readonly resumes = true;
  readonly #options: EventReplayOptions;

  constructor(options: EventReplayOptions) {
    this.#options = options;
  }

  async run(task: RunningTask<EventReplayInput, EventReplayPosition>): Promise<void> {
    const reader = new WindowReader(task, this.#options);
    await reader.run();
  }
}

/** Reads the messages of one time window. */
class WindowReader implements EventSourceHandlers {
  readonly #task: RunningTask<EventReplayInput, EventReplayPosition>;
  readonly #options: EventReplayOptions;
  readonly #forwarder: Forwarder;
  readonly #settled: Map<string, number>;
  readonly #done: Set<string>;
  /** The sequence number at which each partition is done: its end when the replay began. */
  readonly #ends = new Map<string, number>();
  #source: EventSource | undefined;
  #saving: Promise<void> = Promise.resolve();
  readonly #begun = Promise.withResolvers<void>();
  readonly #finished = Promise.withResolvers<void>();
  /** One call at a time: all partitions share the sender and the counters. */
  #lastDelivery: Promise<unknown> = Promise.resolve();

  constructor(task: RunningTask<EventReplayInput, EventReplayPosition>, options: EventReplayOptions) {
    this.#task = task;
    this.#options = options;
    this.#forwarder = options.forwarder();
    this.#settled = new Map(Object.entries(task.position?.settled ?? {}));
    this.#done = new Set(task.position?.done);
    this.#finished.promise.catch(() => undefined);
  }

  async run(): Promise<void> {
    const { input, signal } = this.#task;
    const abort = () => this.#finished.reject(new ConnectorError('STOPPING', 'The replay was cancelled.'));
    signal.addEventListener('abort', abort, { once: true });
    try {
      const source = await untilDone(
        () => this.#open(),
        signal,
        (error) => this.#showWaiting(error),
      );
      this.#source = source;
      for (const id of source.partitionIds) await untilDone(() => this.#readEnd(source, id), signal);
      // Partitions may finish from here on.
      this.#begun.resolve();
      this.#checkFinished();
      await this.#finished.promise;
    } finally {
      signal.removeEventListener('abort', abort);
      this.#begun.resolve();
      await this.#source?.stop();
      await this.#lastDelivery.catch(() => undefined);
      await this.#saving;
    }
    this.#options.log.debug({ from: input.fromMs, to: input.toMs }, 'The time window was read.');
  }

  onPartitionOpen(): void {}

  onPartitionClose(_partitionId: string, _reason: CloseReason): void {}

  onError(partitionId: string | undefined, error: ConnectorError): void {
    this.#options.log.warn({ err: error, partitionId }, 'Reading retained messages failed; retrying.');
    // A missing right or consumer group does not appear by waiting.
    if (error.code === 'AZURE_UNAUTHORIZED' || error.code === 'CONSUMER_GROUP_NOT_FOUND')
      this.#finished.reject(error);
  }

  async onBatch(partitionId: string, messages: readonly ReceivedMessage[]): Promise<void> {
    if (messages.length === 0) return;
    await this.#begun.promise;
    if (this.#done.has(partitionId) || this.#task.signal.aborted) return;
    const work = this.#lastDelivery.then(() => this.#settle(partitionId, messages));
    this.#lastDelivery = work.catch(() => undefined);
    try {
      await work;
    } catch (thrown) {
      const error = toConnectorError(thrown);
      if (error.code !== 'STOPPING') this.#finished.reject(error);
    }
  }

  async #settle(partitionId: string, received: readonly ReceivedMessage[]): Promise<void> {
    const { input, signal } = this.#task;
    const source = this.#source as EventSource;
    const after = this.#settled.get(partitionId) ?? -1;
    const messages = received.filter(({ sequenceNumber }) => sequenceNumber > after);
    const due = messages.filter(
      ({ enqueuedTimeMs, deviceId }) =>
        enqueuedTimeMs >= input.fromMs &&
        enqueuedTimeMs <= input.toMs &&
        (input.deviceId === undefined || deviceId === input.deviceId),
    );
    if (due.length > 0) {
      const items = due.map((message) => ({
        message,
        deadLetterId: deadLetterId(source.streamIdentity, message),
      }));
      const results = await this.#forwarder.forward(items, signal);
      this.#task.advance(due.length, tally(results));
    }
    const last = messages.at(-1);
    if (last) this.#settled.set(partitionId, last.sequenceNumber);
    const end = this.#ends.get(partitionId) ?? -1;
    if (last && (last.sequenceNumber >= end || last.enqueuedTimeMs > input.toMs + LATE_MS))
      this.#done.add(partitionId);
    this.#saving = this.#task.save({
      settled: Object.fromEntries(this.#settled),
      done: [...this.#done],
    });
    await this.#saving;
    this.#checkFinished();
  }

  #open(): Promise<EventSource> {
    const { input, signal } = this.#task;
    const startPositions: Record<string, StartPosition> = {};
    for (const [id, after] of this.#settled) startPositions[id] = { from: 'sequenceNumber', after };
    return this.#options.openSource({
      handlers: this,
      consumerGroup: input.consumerGroup,
      // The service starts after this time; the window includes it.
      startPosition: { from: 'time', timeMs: input.fromMs - 1 },
      startPositions,
      signal,
    });
  }

  /** A partition is done at once when it has no message, or its last one is before the window. */
  async #readEnd(source: EventSource, partitionId: string): Promise<void> {
    await source.readLastEnqueued(partitionId, this.#task.signal);
    const end = source.lastEnqueued(partitionId);
    const sequenceNumber = end?.sequenceNumber ?? -1;
    this.#ends.set(partitionId, sequenceNumber);
    const isEmpty = !end || sequenceNumber < end.beginningSequenceNumber || sequenceNumber < 0;
    const settled = this.#settled.get(partitionId) ?? -1;
    if (isEmpty || end.enqueuedOnMs < this.#task.input.fromMs || settled >= sequenceNumber)
      this.#done.add(partitionId);
  }

  #checkFinished(): void {
    const { partitionIds } = this.#source as EventSource;
    if (partitionIds.every((id) => this.#done.has(id))) this.#finished.resolve();
  }

  #showWaiting(error: ConnectorError | undefined): void {
    if (error) this.#options.log.warn({ err: error }, 'The event stream cannot be opened; retrying.');
  }
}
