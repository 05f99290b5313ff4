import { setTimeout as sleep } from 'node:timers/promises';
import { RetryOperationType, type RetryOptions, retry } from '@azure/core-amqp';
import { CloseReason, type EventPosition } from '@azure/event-hubs';
import type { ConnectionContext } from './connection-context.ts';
import { PartitionLink } from './partition-link.ts';
import type { ReceivedEvents } from './received-message.ts';

/** The parts of the SDK's partition processor (partitionProcessor.js) that are used here: it calls the handlers of the subscription. */
export interface PartitionProcessor {
  readonly partitionId: string;
  readonly consumerGroup: string;
  /** The name of the event processor, which owns the partition. */
  readonly eventProcessorId: string;
  initialize(): Promise<void>;
  processError(error: Error): Promise<void>;
  close(reason: CloseReason): Promise<void>;
}

export interface ReaderOptions {
  readonly ownerLevel: number | undefined;
  readonly maxBatchSize: number;
  readonly prefetchCount: number;
  /** How long a reader waits for messages before it delivers none; five times as long while no messages have come for half a minute. */
  readonly maxWaitMs: number;
  readonly timeoutMs: number;
  readonly retryOptions: RetryOptions;
  readonly decode: (payloads: readonly (Buffer | undefined)[], partitionId: string) => ReceivedEvents;
  readonly deliver: (partitionId: string, events: ReceivedEvents) => Promise<void>;
}

/** A link that ends without an error is not opened again earlier. */
const REOPEN_MS = 500;

/** Without messages for this long a partition is quiet. Waking up each second for each partition is more than a quarter of what an idle hub costs. */
const QUIET_AFTER_MS = 30_000;
const QUIET_WAITS = 5;

/**
 * Reads one partition from `start` to `stop`: opens a link, passes batches on, one at a time, and opens the next link when one ends. Errors that
 * may pass are retried as the SDK does it; then and after any other error the reader stops, and the partition is claimed anew.
 */
export class PartitionReader {
  readonly #context: ConnectionContext;
  readonly #processor: PartitionProcessor;
  readonly #options: ReaderOptions;
  readonly #abort = new AbortController();
  /** Where the next link begins. */
  #position: EventPosition;
  #link: PartitionLink | undefined;
  #openedAtMs = Number.NEGATIVE_INFINITY;
  #receivedAtMs = performance.now();
  #isReading = false;
  #initialized: Promise<void> | undefined;
  #stopped: Promise<void> | undefined;

  constructor(
    context: ConnectionContext,
    processor: PartitionProcessor,
    startPosition: EventPosition,
    options: ReaderOptions,
  ) {
    this.#context = context;
    this.#processor = processor;
    this.#position = startPosition;
    this.#options = options;
  }

  get isReading(): boolean {
    return this.#isReading;
  }

  /**
   * Begins to read, and does not wait for it: the processor claims one partition after the other, and a service that does not answer must not
   * keep it from the next one.
   */
  start(): void {
    this.#isReading = true;
    this.#initialized = this.#initialize();
    void this.#run();
  }

  async #initialize(): Promise<void> {
    try {
      await this.#processor.initialize();
    } catch (thrown) {
      await this.#processor.processError(thrown as Error);
    }
  }

  /** Delivers now what there is, or nothing. */
  wake(): void {
    this.#link?.wake();
  }

  /** Closes the link, then tells the handlers why. */
  stop(reason: CloseReason): Promise<void> {
    this.#stopped ??= this.#stop(reason);
    return this.#stopped;
  }

  async #stop(reason: CloseReason): Promise<void> {
    this.#isReading = false;
    this.#abort.abort();
    await this.#initialized;
    await this.#link?.close();
    await this.#processor.close(reason);
  }

  async #run(): Promise<void> {
    await this.#initialized;
    // If the handler could not open the partition, it says so now and not after the first link.
    await this.#attempt(() => this.#deliver([]));
    while (this.#isReading)
      await this.#attempt(async () => {
        const payloads = await this.#receive();
        if (this.#isReading) await this.#deliver(payloads);
      });
  }

  async #attempt(work: () => Promise<void>): Promise<void> {
    if (!this.#isReading) return;
    try {
      await work();
    } catch (thrown) {
      if (this.#isReading) await this.#failed(thrown as Error);
    }
  }

  async #deliver(payloads: readonly (Buffer | undefined)[]): Promise<void> {
    const { partitionId } = this.#processor;
    const events = this.#options.decode(payloads, partitionId);
    const last = events.messages.at(-1);
    if (last) {
      this.#receivedAtMs = performance.now();
      this.#position = { sequenceNumber: last.sequenceNumber, isInclusive: false };
    }
    await this.#options.deliver(partitionId, events);
  }

  async #receive(): Promise<readonly (Buffer | undefined)[]> {
    const { connectionId, config } = this.#context;
    return await retry({
      operation: async () => {
        const link = await this.#openLink();
        return await link.receive(this.#options.maxBatchSize, this.#waitMs);
      },
      operationType: RetryOperationType.receiveMessage,
      connectionId,
      connectionHost: config.host,
      abortSignal: this.#abort.signal,
      retryOptions: this.#options.retryOptions,
    });
  }

  get #waitMs(): number {
    const isQuiet = performance.now() - this.#receivedAtMs > QUIET_AFTER_MS;
    return this.#options.maxWaitMs * (isQuiet ? QUIET_WAITS : 1);
  }

  async #openLink(): Promise<PartitionLink> {
    if (this.#link && !this.#link.isEnded) return this.#link;
    await this.#link?.close();
    const { signal } = this.#abort;
    await sleep(Math.max(0, this.#openedAtMs + REOPEN_MS - performance.now()), undefined, { signal });
    this.#openedAtMs = performance.now();
    const { ownerLevel, prefetchCount, timeoutMs } = this.#options;
    const link = new PartitionLink({
      context: this.#context,
      partitionId: this.#processor.partitionId,
      consumerGroup: this.#processor.consumerGroup,
      readerName: this.#processor.eventProcessorId,
      ownerLevel,
      position: this.#position,
      prefetchCount,
      timeoutMs,
    });
    this.#link = link;
    try {
      await link.open(signal);
    } catch (thrown) {
      await link.close();
      throw thrown;
    }
    return link;
  }

  async #failed(error: Error): Promise<void> {
    await this.#processor.processError(error);
    if (isRetryable(error)) return;
    await this.stop(isStolen(error) ? CloseReason.OwnershipLost : CloseReason.Shutdown);
  }
}

function isRetryable(error: Error): boolean {
  return (error as { retryable?: boolean }).retryable === true;
}

/** Whether another reader of the partition with the same or a higher owner level made the service end this one. */
function isStolen(error: Error): boolean {
  const { code, errors = [] } = error as { code?: string; errors?: readonly Error[] };
  return code === 'ReceiverDisconnectedError' || errors.some(isStolen);
}
