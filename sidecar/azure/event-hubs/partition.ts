import type { PartitionProperties } from '@azure/event-hubs';
import { ConnectorError, toConnectorError } from '../../errors/connector-error.ts';
import type { Backoff } from '../../lib/backoff.ts';
import { settledWithin, untilAborted } from '../../lib/concurrency.ts';
import type { CloseReason, EventSourceHandlers, LastEnqueued } from './event-types.ts';
import type { ReceivedEvents } from './received-message.ts';

/**
 * The only error that a handler throws into the SDK. It is never retryable: an error with `retryable: true` makes the SDK continue with the
 * next batch and skip this one. Any other error makes it close the partition, which then opens again from its last checkpoint.
 */
export class PartitionEnded extends ConnectorError {
  override get retryable(): boolean {
    return false;
  }
}

interface PartitionOptions {
  readonly id: string;
  readonly handlers: EventSourceHandlers;
  /** Awaited before the handlers are told that it is open. */
  readonly prepare: () => Promise<void>;
  /** The sequence number after which it is read; undefined when nobody knows, -1 from the beginning. */
  readonly beginsAfter: number | undefined;
  /** Of this partition, kept while it closes and opens again. */
  readonly backoff: Backoff;
  readonly report: (error: ConnectorError) => void;
  /** The first event after a start by time or offset. */
  readonly onBegin: (sequenceNumber: number) => void;
  /** Events between the two sequence numbers were not received. */
  readonly onGap: (after: number, next: number) => void;
}

/** One partition while this sidecar reads it: from `open` to `end`. Records why it ends, because the SDK does not say. */
export class Partition {
  readonly id: string;
  readonly #options: PartitionOptions;
  readonly #interrupt = new AbortController();
  readonly #ended = Promise.withResolvers<void>();
  #lastSequenceNumber: number;
  #begun = false;
  #open = false;
  #owned = false;
  #ending = false;
  #reopenWanted = false;
  #openFailed: ConnectorError | undefined;

  constructor(options: PartitionOptions) {
    this.id = options.id;
    this.#options = options;
    this.#lastSequenceNumber = options.beginsAfter ?? -1;
  }

  /** Of the last event that was received; before the first one, where reading begins. */
  get lastSequenceNumber(): number {
    return this.#lastSequenceNumber;
  }

  get isOpen(): boolean {
    return this.#open;
  }

  /** Whether this sidecar may write checkpoints. True also while the partition closes, unless another sidecar took it. */
  get isOwned(): boolean {
    return this.#owned;
  }

  async open(): Promise<void> {
    this.#open = true;
    this.#owned = true;
    try {
      await this.#options.prepare();
      await this.#options.handlers.onPartitionOpen(this.id, this.#options.beginsAfter);
    } catch (thrown) {
      this.#openFailed = toConnectorError(thrown);
    }
  }

  /** Passes a batch to the handler; an empty one, too, since a handler that has failed says so with the next. Throws PartitionEnded only. */
  async deliver(events: ReceivedEvents): Promise<void> {
    if (this.#openFailed) this.#fail(this.#openFailed);
    if (this.#reopenWanted) this.#end('is reopened');
    if (this.#ending) return;
    const { messages } = events;
    this.#check(events);
    try {
      await untilAborted(this.#options.handlers.onBatch(this.id, messages), this.#interrupt.signal);
    } catch (thrown) {
      if (this.#reopenWanted) this.#end('is reopened');
      this.#fail(toConnectorError(thrown));
    }
    if (messages.length > 0) this.#options.backoff.reset();
  }

  /** Requests the end of the reader; resolves when it has ended. */
  requestReopen(): Promise<void> {
    this.#reopenWanted = true;
    this.#interrupt.abort();
    return this.#ended.promise;
  }

  /**
   * Ends the partition after the handler has finished. Returns the delay before this sidecar claims it again, ms; undefined when it must not
   * claim it.
   */
  async end(because: CloseReason | undefined, timeoutMs: number): Promise<number | undefined> {
    if (this.#ending) {
      await this.#ended.promise;
      return undefined;
    }
    this.#ending = true;
    const reason = because ?? (this.#reopenWanted ? 'reopened' : 'failed');
    if (reason === 'lost') this.#owned = false;
    const closing = Promise.resolve()
      .then(() => this.#options.handlers.onPartitionClose(this.id, reason))
      .catch((thrown) => this.#options.report(toConnectorError(thrown)));
    await settledWithin(closing, timeoutMs);
    this.#owned = false;
    this.#open = false;
    this.#ended.resolve();
    if (reason === 'reopened') return 0;
    return reason === 'failed' ? this.#options.backoff.nextDelayMs() : undefined;
  }

  #fail(error: ConnectorError): never {
    this.#options.report(error);
    this.#end('failed');
  }

  #end(why: string): never {
    throw new PartitionEnded('AZURE_CANCELLED', `Partition ${this.id} ${why}.`);
  }

  #follow(sequenceNumber: number): void {
    const after = this.#lastSequenceNumber;
    this.#lastSequenceNumber = sequenceNumber;
    // Before the first event there is no gap: reading may begin at the oldest event that the hub keeps.
    if (after >= 0 && sequenceNumber > after + 1) this.#options.onGap(after, sequenceNumber);
    if (!this.#begun && this.#options.beginsAfter === undefined) this.#options.onBegin(sequenceNumber);
    this.#begun = true;
  }

  #check({ messages, broken }: ReceivedEvents): void {
    for (const { sequenceNumber } of messages) this.#follow(sequenceNumber);
    if (broken > 0)
      this.#options.report(
        new ConnectorError(
          'AZURE_FAILED',
          `Partition ${this.id} delivered ${broken} transfers that are not messages. They were skipped.`,
        ),
      );
  }
}

/** The end of a partition from which everything was received is read in one of so many rounds. */
const QUIET_ROUNDS = 3;

/** The beginning and the end of each partition, as the service last reported them. */
export class PartitionEnds {
  readonly #ask: (partitionId: string, signal?: AbortSignal) => Promise<PartitionProperties>;
  readonly #known = new Map<string, LastEnqueued>();
  #round = 0;

  constructor(ask: (partitionId: string, signal?: AbortSignal) => Promise<PartitionProperties>) {
    this.#ask = ask;
  }

  of(partitionId: string): LastEnqueued | undefined {
    return this.#known.get(partitionId);
  }

  /**
   * The partitions whose ends are to be read in this round. Of those from which everything was received some, in turns, at least one: the silence of
   * the service must be noticed.
   */
  due(owned: readonly Pick<Partition, 'id' | 'lastSequenceNumber'>[]): readonly string[] {
    const isQuiet = ({ id, lastSequenceNumber }: (typeof owned)[number]) =>
      this.of(id)?.sequenceNumber === lastSequenceNumber;
    const quiet = owned.filter(isQuiet);
    const behind = owned.filter((partition) => !isQuiet(partition));
    this.#round += 1;
    const inTurn = quiet.filter((_, index) => index % QUIET_ROUNDS === this.#round % QUIET_ROUNDS);
    const due = [...behind, ...inTurn];
    return (due.length > 0 ? due : quiet.slice(0, 1)).map(({ id }) => id);
  }

  async read(partitionId: string, signal?: AbortSignal): Promise<LastEnqueued> {
    const end = await this.#ask(partitionId, signal);
    const known = {
      sequenceNumber: end.lastEnqueuedSequenceNumber,
      beginningSequenceNumber: end.beginningSequenceNumber,
      enqueuedOnMs: end.lastEnqueuedOnUtc.getTime(),
      readAtMs: Date.now(),
    };
    this.#known.set(partitionId, known);
    return known;
  }

  /**
   * Why events between two sequence numbers were not received. Sequence numbers have gaps only where the hub deleted events at the end of its
   * retention time. Undefined when the hub still keeps the events.
   */
  async gap(partitionId: string, after: number, next: number): Promise<ConnectorError | undefined> {
    const { beginningSequenceNumber } = await this.read(partitionId);
    if (beginningSequenceNumber <= after + 1) return undefined;
    const messages = next - after - 1;
    return new ConnectorError(
      'MESSAGES_EXPIRED',
      `IoT Hub deleted ${messages} messages of partition ${partitionId} before the sidecar read them (sequence numbers ${after + 1} to ` +
        `${next - 1}). The retention time of the hub is shorter than the time in which the sidecar was stopped or blocked.`,
      { details: { messages } },
    );
  }
}
