import { type DeadLetterSink, deadLetterId } from '../../dead-letters/store.ts';
import { type ConnectorError, toConnectorError } from '../../errors/connector-error.ts';
import { untilAborted } from '../../lib/concurrency.ts';
import type { HubCounters } from '../../observe/counters.ts';
import type { Log } from '../../observe/log.ts';
import type { ReceivedMessage } from '../../translate/types.ts';
import type { BatchOrigin } from '../batch-origin.ts';
import type { HubMessageWatch } from '../message-watch.ts';
import type { NotificationDelivery } from '../notifications/delivery.ts';
import { type PartitionWriter, partitionTaken } from '../partition-writer.ts';
import { Checkpointer, type Position } from './checkpointer.ts';
import { Delivery } from './delivery.ts';
import { type FlightBudget, receivedBytes } from './flight-budget.ts';
import type { Interpreter, TranslatedMessage } from './interpreter.ts';
import type { Sender } from './sender.ts';

export interface LaneLimits {
  readonly maxRowsPerCall: number;
  readonly maxBytesPerCall: number;
  /** The shortest time between the beginnings of two calls that are not full. */
  readonly callIntervalMs: number;
  readonly messagesInFlight: number;
  readonly bytesInFlight: number;
}

export interface LaneOptions {
  readonly partitionId: string;
  /** Identity of the event stream; the hub Thing keeps a high-water mark per stream and partition. */
  readonly stream: string;
  readonly interpreter: Interpreter;
  readonly sender: Sender;
  readonly notifications: NotificationDelivery;
  readonly deadLetters: DeadLetterSink;
  readonly counters: HubCounters;
  readonly watch?: HubMessageWatch | undefined;
  readonly limits: () => LaneLimits;
  /** Of the process: the lanes of all hubs share it. */
  readonly budget: FlightBudget;
  readonly checkpoint: (position: Position) => Promise<boolean>;
  /** Whether this sidecar may still deliver messages of the partition. `isDoubtful`: the store must be asked. */
  readonly stillOwned: (isDoubtful: boolean) => Promise<boolean>;
  /** Called when the checkpoints of the partition cannot be written, and without an error when one was written. */
  readonly onUnwritten: (error: ConnectorError | undefined) => void;
  /** Called once when the dead-letter store fails, and once with undefined when it accepts dead letters again. */
  readonly onWaiting: (error: ConnectorError | undefined) => void;
  readonly log: Log;
}

/**
 * One partition: receive, decode, translate, send, checkpoint, in order. `accept` puts messages into a bounded queue and translates them
 * while the loop sends the ones before. A message leaves the queue when ThingWorx has accepted it or the dead-letter store has it.
 */
export class Lane {
  readonly #options: LaneOptions;
  readonly #checkpointer: Checkpointer;
  readonly #delivery: Delivery;
  readonly #writer: PartitionWriter;
  readonly #abort = new AbortController();
  #queue: TranslatedMessage[] = [];
  #unsettled = 0;
  #unsettledBytes = 0;
  #coming: readonly ReceivedMessage[] = [];
  #loop: Promise<void> | undefined;
  #accepting = false;
  #closing = false;
  /** Closing, and the time for another call is over. */
  #closed = false;
  #wakeLoop: (() => void) | undefined;
  #wakeAccept: (() => void) | undefined;
  #ignoreRoom: (() => void) | undefined;
  #last: Position | undefined;
  #failure: ConnectorError | undefined;
  #calledAtMs = Number.NEGATIVE_INFINITY;
  #progressAtMs = Date.now();

  constructor(options: LaneOptions) {
    this.#options = options;
    this.#checkpointer = new Checkpointer({ write: options.checkpoint, onUnwritten: options.onUnwritten });
    const { stream, partitionId: partition, stillOwned } = options;
    this.#writer = options.sender.writerOf({ stream, partition, stillOwned });
    this.#delivery = new Delivery({
      ...options,
      deadLetterOf: ({ message, reasons }, storedAtMs) => ({
        id: deadLetterId(stream, message),
        storedAtMs,
        message,
        reasons,
      }),
    });
  }

  start(): void {
    this.#loop ??= this.#run();
    this.#ignoreRoom ??= this.#options.budget.onRoom(() => this.#wakeAccept?.());
  }

  /** The last message that is settled; undefined before the first. */
  get position(): Position | undefined {
    return this.#last;
  }

  /** When the lane last settled or received something, ms since 1970. */
  get progressAtMs(): number {
    return this.#progressAtMs;
  }

  /** When Things or properties for its messages were last created, ms since 1970. */
  get createdAtMs(): number | undefined {
    return this.#options.interpreter.createdAtMs;
  }

  /** Messages received and not settled, including those not translated yet. */
  get unsettled(): number {
    return this.#unsettled + this.#coming.length;
  }

  /**
   * Takes the next messages. Resolves when there is room for more. Rejects when the lane has failed: its partition must be opened again
   * from the last checkpoint, because later checkpoints would skip the failed messages. No messages are a question for that.
   */
  async accept(messages: readonly ReceivedMessage[]): Promise<void> {
    if (this.#closing) return;
    if (this.#failure) throw this.#failure;
    if (messages.length === 0) return;
    this.#accepting = true;
    const { budget, counters, interpreter } = this.#options;
    counters.receive(messages.length);
    this.#coming = messages;
    budget.take(sumOf(messages, receivedBytes));
    this.#progressAtMs = Date.now();
    try {
      while (this.#coming.length > 0 && !this.#isEnding) {
        const translated = await untilAborted(
          interpreter.interpret(this.#coming, this.#abort.signal),
          this.#abort.signal,
        );
        // The loop that would send them has ended.
        if (this.#abort.signal.aborted) break;
        this.#coming = this.#coming.slice(translated.length);
        this.#enqueue(translated);
        await this.#room();
      }
    } catch (error) {
      this.#fail(error);
    } finally {
      counters.settle('released', this.#coming.length);
      budget.give(sumOf(this.#coming, receivedBytes));
      this.#coming = [];
      this.#accepting = false;
      this.#wakeLoop?.();
    }
    if (this.#failure && !this.#closing) throw this.#failure;
  }

  /**
   * Stops the lane. With `drain`, queued messages are still sent: calls begin in the first half of the timeout, and the last one may take the
   * other half. Messages that are not sent are released without a checkpoint: the next reader receives them again. Idempotent.
   */
  async stop(options: { drain: boolean; lost?: boolean; timeoutMs?: number }): Promise<void> {
    if (options.lost) this.#checkpointer.abandon();
    this.#closing = true;
    if (!options.drain) this.#abort.abort();
    this.#wake();
    const timeoutMs = options.timeoutMs ?? 5_000;
    const noNewCall = setTimeout(() => {
      this.#closed = true;
      this.#wake();
    }, timeoutMs / 2);
    const timer = setTimeout(() => this.#giveUpCall(), timeoutMs);
    await this.#loop;
    clearTimeout(noNewCall);
    clearTimeout(timer);
    this.#abort.abort();
    this.#wake();
    this.#ignoreRoom?.();
    if (!options.lost) await this.#checkpointer.flush();
  }

  /** Ends the last call, because the time for a stop is over. */
  #giveUpCall(): void {
    const { log, partitionId } = this.#options;
    const unsettled = this.#unsettled - this.#queue.length;
    if (unsettled > 0 && !this.#abort.signal.aborted)
      log.info(
        { partitionId, unsettled },
        'The last call did not end before the stop. Its messages are received again; those that ThingWorx has applied are recognized.',
      );
    this.#abort.abort();
  }

  get #isEnding(): boolean {
    return this.#closing || this.#failure !== undefined;
  }

  #enqueue(messages: readonly TranslatedMessage[]): void {
    for (const message of messages) {
      this.#queue.push(message);
      this.#unsettledBytes += message.heldBytes;
      this.#options.budget.take(message.heldBytes - receivedBytes(message.message));
    }
    this.#unsettled += messages.length;
    this.#wakeLoop?.();
  }

  async #room(): Promise<void> {
    while (!this.#isEnding && this.#isFull()) {
      await new Promise<void>((resolve) => {
        this.#wakeAccept = resolve;
      });
    }
  }

  /** What waits for the next call is enough when it fills it: more would only grow old in memory. */
  #isFull(): boolean {
    if (this.#unsettled === 0) return false;
    const limits = this.#options.limits();
    if (this.#unsettled >= limits.messagesInFlight || this.#unsettledBytes >= limits.bytesInFlight)
      return true;
    return this.#options.budget.isSpent || this.#delivery.fillsCall(this.#queue, limits);
  }

  async #run(): Promise<void> {
    for (;;) {
      while (this.#queue.length === 0) {
        if (this.#closing && !this.#accepting) return;
        if (this.#abort.signal.aborted || this.#closed) return;
        await new Promise<void>((resolve) => {
          this.#wakeLoop = resolve;
        });
      }
      await this.#untilDue();
      if (this.#abort.signal.aborted || this.#closed) break;
      const messages = this.#take();
      // While this call is under way, the next one is translated.
      if (!this.#isFull()) this.#wakeAccept?.();
      this.#calledAtMs = performance.now();
      try {
        await this.#requireOwned();
        await this.#deliver(messages);
      } catch (error) {
        this.#release(messages);
        this.#fail(error);
        break;
      }
    }
    this.#release(this.#queue);
    this.#queue = [];
  }

  /**
   * Lets messages that arrive soon after a call share the next one. Each call costs ThingWorx about as much as twenty messages. After a pause, and when a
   * full call waits, there is nothing to wait for.
   */
  async #untilDue(): Promise<void> {
    while (!this.#closing && !this.#abort.signal.aborted) {
      const waitMs = this.#calledAtMs + this.#options.limits().callIntervalMs - performance.now();
      if (waitMs <= 0 || this.#isFull()) return;
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, waitMs);
        this.#wakeLoop = () => {
          clearTimeout(timer);
          resolve();
        };
      });
    }
  }

  /** A sidecar that was frozen must not send what the new owner of the partition has sent already. */
  async #requireOwned(): Promise<void> {
    const { signal } = this.#abort;
    if (await untilAborted(this.#options.stillOwned(false), signal)) return;
    throw partitionTaken(this.#options.partitionId);
  }

  #take(): TranslatedMessage[] {
    return this.#queue.splice(0, this.#delivery.countForCall(this.#queue, this.#options.limits()));
  }

  async #deliver(messages: readonly TranslatedMessage[]): Promise<void> {
    const { signal } = this.#abort;
    await untilAborted(this.#delivery.deliver(messages, this.#origin(messages), signal), signal);
    this.#forget(messages);
    this.#progressAtMs = Date.now();
    const last = messages.at(-1)?.message;
    if (last) {
      this.#last = {
        sequenceNumber: last.sequenceNumber,
        offset: last.offset,
        enqueuedTimeMs: last.enqueuedTimeMs,
      };
      this.#checkpointer.advance(this.#last);
    }
    if (!this.#isFull()) this.#wakeAccept?.();
  }

  #origin(messages: readonly TranslatedMessage[]): BatchOrigin {
    const through = messages.at(-1)?.message.sequenceNumber ?? -1;
    const { stream, partitionId: partition } = this.#options;
    return { stream, partition, through, writer: this.#writer };
  }

  #release(messages: readonly TranslatedMessage[]): void {
    this.#options.counters.settle('released', messages.length);
    this.#forget(messages);
  }

  /** They are in flight no more. */
  #forget(messages: readonly TranslatedMessage[]): void {
    const bytes = sumOf(messages, ({ heldBytes }) => heldBytes);
    this.#unsettled -= messages.length;
    this.#unsettledBytes -= bytes;
    this.#options.budget.give(bytes);
  }

  /** Stops the lane after an error. Its unsettled messages are released; the next lane of the partition receives them again. */
  #fail(thrown: unknown): void {
    const failure = toConnectorError(thrown);
    if (failure.code === 'STOPPING') return;
    this.#failure ??= failure;
    if (failure.code === 'PARTITION_TAKEN') this.#checkpointer.abandon();
    else
      this.#options.log.error(
        { err: failure, partitionId: this.#options.partitionId },
        'The lane failed. Its unsettled messages will be received again.',
      );
    this.#abort.abort();
    this.#wake();
  }

  #wake(): void {
    this.#wakeLoop?.();
    this.#wakeAccept?.();
  }
}

function sumOf<T>(items: readonly T[], measure: (item: T) => number): number {
  return items.reduce((sum, item) => sum + measure(item), 0);
}
