import type { ReceivedEvent } from '../../azure/event-hubs/event-types.ts';
import { type DeadLetterSink, letterId } from '../../dead-letters/store.ts';
import { type ConnectorError, toConnectorError } from '../../errors/connector-error.ts';
import type { HubCounters } from '../../observe/counters.ts';
import type { Log } from '../../observe/log.ts';
import type { EventDelivery } from '../notifications/delivery.ts';
import type { BatchOrigin } from './batch.ts';
import { Checkpointer, type Position } from './checkpointer.ts';
import { Delivery } from './delivery.ts';
import type { Entry, Interpreter } from './interpreter.ts';
import { toHubMessage } from './message.ts';
import type { Sender } from './sender.ts';

export interface LaneLimits {
  readonly maxRowsPerCall: number;
  readonly maxBytesPerCall: number;
  readonly messagesInFlight: number;
  readonly bytesInFlight: number;
}

export interface LaneOptions {
  readonly partitionId: string;
  /** Identity of the event stream, for the repeat check. */
  readonly stream: string;
  readonly interpreter: Interpreter;
  readonly sender: Sender;
  readonly events: EventDelivery;
  readonly deadLetters: DeadLetterSink;
  readonly counters: HubCounters;
  readonly limits: () => LaneLimits;
  readonly checkpoint: (position: Position) => Promise<boolean>;
  /** Once when something other than ThingWorx holds the lane up, once when it goes on (undefined). */
  readonly onWaiting: (error: ConnectorError | undefined) => void;
  readonly log: Log;
}

/**
 * One partition: receive, decode, translate, send, checkpoint, in order. `accept` takes events into a bounded queue and translates them
 * while the loop sends what came before. A message leaves the queue when ThingWorx has accepted it or it lies in the dead letters.
 */
export class Lane {
  readonly #options: LaneOptions;
  readonly #checkpointer: Checkpointer;
  readonly #delivery: Delivery;
  readonly #abort = new AbortController();
  #queue: Entry[] = [];
  #unsettled = 0;
  #unsettledBytes = 0;
  #coming = 0;
  #loop: Promise<void> | undefined;
  #accepting = false;
  #closing = false;
  #wakeLoop: (() => void) | undefined;
  #wakeAccept: (() => void) | undefined;
  #last: Position | undefined;
  #failure: ConnectorError | undefined;
  #progressAtMs = Date.now();

  constructor(options: LaneOptions) {
    this.#options = options;
    this.#checkpointer = new Checkpointer({ write: options.checkpoint, log: options.log });
    const { stream } = options;
    this.#delivery = new Delivery({
      ...options,
      letterOf: ({ message, reasons }, storedAtMs) => ({
        id: letterId(stream, message),
        storedAtMs,
        message,
        reasons,
      }),
    });
  }

  start(): void {
    this.#loop ??= this.#run();
  }

  /** The last message that is settled; undefined before the first. */
  get position(): Position | undefined {
    return this.#last;
  }

  /** When the lane last settled or received something, ms since 1970. */
  get progressAtMs(): number {
    return this.#progressAtMs;
  }

  /** Received and not settled, also what is not interpreted yet. */
  get unsettled(): number {
    return this.#unsettled + this.#coming;
  }

  /**
   * Takes the next events. Resolves when there is room for more. Rejects when the lane has failed: its partition must be opened again
   * from the last checkpoint, for a lane that went on would confirm what came after the failure.
   */
  async accept(events: readonly ReceivedEvent[]): Promise<void> {
    if (this.#closing) return;
    if (this.#failure) throw this.#failure;
    this.#accepting = true;
    const { counters, interpreter, partitionId } = this.#options;
    let rest = events.map((event) => toHubMessage(event, partitionId));
    counters.receive(rest.length);
    this.#coming = rest.length;
    this.#progressAtMs = Date.now();
    try {
      while (rest.length > 0 && !this.#isEnding) {
        const entries = await interpreter.interpret(rest, this.#abort.signal);
        // The loop that would take them has ended.
        if (this.#abort.signal.aborted) break;
        rest = rest.slice(entries.length);
        this.#coming = rest.length;
        this.#enqueue(entries);
        await this.#room();
      }
    } catch (error) {
      this.#fail(error);
    } finally {
      counters.settle('released', rest.length);
      this.#coming = 0;
      this.#accepting = false;
      this.#wakeLoop?.();
    }
    if (this.#failure && !this.#closing) throw this.#failure;
  }

  /**
   * Ends the lane. `drain`: what is queued is still sent, up to the time limit; otherwise, or when the time is over, it is handed back
   * unconfirmed. Idempotent.
   */
  async stop(options: { drain: boolean; lost?: boolean; timeoutMs?: number }): Promise<void> {
    if (options.lost) this.#checkpointer.abandon();
    this.#closing = true;
    if (!options.drain) this.#abort.abort();
    this.#wake();
    const timer = setTimeout(() => this.#abort.abort(), options.timeoutMs ?? 5_000);
    await this.#loop;
    clearTimeout(timer);
    this.#abort.abort();
    this.#wake();
    if (!options.lost) await this.#checkpointer.flush();
  }

  get #isEnding(): boolean {
    return this.#closing || this.#failure !== undefined;
  }

  #enqueue(entries: Entry[]): void {
    for (const entry of entries) {
      this.#queue.push(entry);
      this.#unsettledBytes += entry.bytes;
    }
    this.#unsettled += entries.length;
    this.#wakeLoop?.();
  }

  async #room(): Promise<void> {
    while (!this.#isEnding && this.#isFull()) {
      await new Promise<void>((resolve) => {
        this.#wakeAccept = resolve;
      });
    }
  }

  #isFull(): boolean {
    const { messagesInFlight, bytesInFlight } = this.#options.limits();
    return this.#unsettled >= messagesInFlight || this.#unsettledBytes >= bytesInFlight;
  }

  async #run(): Promise<void> {
    for (;;) {
      while (this.#queue.length === 0) {
        if (this.#closing && !this.#accepting) return;
        if (this.#abort.signal.aborted) return;
        await new Promise<void>((resolve) => {
          this.#wakeLoop = resolve;
        });
      }
      if (this.#abort.signal.aborted) break;
      const entries = this.#take();
      try {
        await this.#deliver(entries);
      } catch (error) {
        this.#release(entries);
        this.#fail(error);
        break;
      }
    }
    this.#release(this.#queue);
    this.#queue = [];
  }

  #take(): Entry[] {
    return this.#queue.splice(0, this.#delivery.countForCall(this.#queue, this.#options.limits()));
  }

  async #deliver(entries: readonly Entry[]): Promise<void> {
    await this.#delivery.deliver(entries, this.#origin(entries), this.#abort.signal);
    for (const { bytes } of entries) this.#unsettledBytes -= bytes;
    this.#unsettled -= entries.length;
    this.#progressAtMs = Date.now();
    const last = entries.at(-1)?.message;
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

  #origin(entries: readonly Entry[]): BatchOrigin {
    const through = entries.at(-1)?.message.sequenceNumber ?? -1;
    return { stream: this.#options.stream, partition: this.#options.partitionId, through };
  }

  #release(entries: readonly Entry[]): void {
    this.#options.counters.settle('released', entries.length);
    this.#unsettled -= entries.length;
    for (const { bytes } of entries) this.#unsettledBytes -= bytes;
  }

  /** Ends the lane's work. What it held is handed back; the partition's next lane receives it again. */
  #fail(thrown: unknown): void {
    const failure = toConnectorError(thrown);
    if (failure.code === 'STOPPING') return;
    this.#failure ??= failure;
    this.#options.log.error(
      { err: failure, partitionId: this.#options.partitionId },
      'The lane failed; its messages will be received again.',
    );
    this.#abort.abort();
    this.#wake();
  }

  #wake(): void {
    this.#wakeLoop?.();
    this.#wakeAccept?.();
  }
}
