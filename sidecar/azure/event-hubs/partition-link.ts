import { randomUUID } from 'node:crypto';
import { translate } from '@azure/core-amqp';
import type { EventPosition } from '@azure/event-hubs';
import { ConnectionEvents, type EventContext, type Receiver, types } from 'rhea-promise';
import { settledWithin } from '../../lib/concurrency.ts';
import type { ConnectionContext } from './connection-context.ts';
import { IncomingTransfers } from './incoming-transfers.ts';
import { LinkAuthorization } from './link-authorization.ts';
import { ReceiveWindow } from './receive-window.ts';

interface LinkOptions {
  readonly context: ConnectionContext;
  readonly partitionId: string;
  readonly consumerGroup: string;
  /** The service names it to readers that it ends. */
  readonly readerName: string;
  /** The epoch: the service ends other readers of the partition with the same or a lower one. Undefined: it ends none. */
  readonly ownerLevel: number | undefined;
  readonly position: EventPosition;
  /** Most messages received ahead: the credit of the link and the messages that wait in it. */
  readonly prefetchCount: number;
  readonly timeoutMs: number;
}

/** Descriptor of the filter in which Event Hubs finds the position. */
const SELECTOR_FILTER = 'apache.org:selector-filter:string';
const SELECTOR_CODE = 0x468c00000004;
/** How long `close` waits for the answer of the service. */
const CLOSE_TIMEOUT_MS = 2000;
const CONNECTION_LOST = {
  condition: 'amqp:connection:forced',
  description: 'The connection was lost while a link was opened.',
};

/**
 * One AMQP link that reads a partition, from `open` until the service, the connection or `close` ends it. It is never opened again; the next link
 * begins after the last message that was taken. Messages that wait in it stay bytes.
 */
export class PartitionLink {
  readonly #options: LinkOptions;
  readonly #name: string;
  readonly #authorization: LinkAuthorization;
  readonly #window: ReceiveWindow;
  #receiver: Receiver | undefined;
  #transfers: IncomingTransfers | undefined;
  #state: 'new' | 'open' | 'ended' = 'new';
  #error: Error | undefined;
  #wake: (() => void) | undefined;

  constructor(options: LinkOptions) {
    const { context, partitionId, consumerGroup, prefetchCount, timeoutMs } = options;
    this.#options = options;
    this.#name = `${context.config.getReceiverAddress(partitionId, consumerGroup)}-${randomUUID()}`;
    this.#window = new ReceiveWindow(prefetchCount);
    this.#authorization = new LinkAuthorization({
      context,
      audience: context.config.getReceiverAudience(partitionId, consumerGroup),
      timeoutMs,
    });
  }

  get isEnded(): boolean {
    return this.#state === 'ended';
  }

  /** Rejects with the error of the SDK or of the service. */
  async open(abortSignal: AbortSignal): Promise<void> {
    const { context } = this.#options;
    await context.readyToOpenLink({ abortSignal });
    const receiver = await this.#whileConnected(abortSignal, async (signal) => {
      await this.#authorization.start(signal);
      return await context.connection.createReceiver({ ...this.#receiverOptions(), abortSignal: signal });
    });
    this.#receiver = receiver;
    // The answer to the attach and a refusal can come together.
    if (this.#state === 'ended') {
      await this.close();
      return this.#requireNoError();
    }
    this.#transfers = new IncomingTransfers(receiver, (payload) => this.#arrived(payload));
    this.#state = 'open';
    context.receivers[this.#name] = { close: async () => this.#end(undefined) };
  }

  /**
   * The next messages, as bytes; undefined stands for a transfer that is no AMQP message. Waits up to `waitMs` for the first one. There are none
   * when none came, and when the link has ended. Rejects with the error that ended the link.
   */
  async receive(maxCount: number, waitMs: number): Promise<readonly (Buffer | undefined)[]> {
    this.#requireNoError();
    this.#addCredit();
    if (this.#window.isEmpty && this.#state === 'open') await this.#arrival(waitMs);
    this.#requireNoError();
    return this.#window.take(maxCount);
  }

  /** Ends the wait of `receive`. */
  wake(): void {
    this.#wake?.();
  }

  /** Detaches the link and ends its session. Bounded in time; never throws. */
  async close(): Promise<void> {
    this.#end(undefined);
    const receiver = this.#receiver;
    this.#receiver = undefined;
    if (receiver) await settledWithin(receiver.close(), CLOSE_TIMEOUT_MS);
  }

  /** Work that waits for answers of the service. They never come on a connection that is lost meanwhile, so the work then ends. */
  async #whileConnected<T>(abortSignal: AbortSignal, work: (signal: AbortSignal) => Promise<T>): Promise<T> {
    const { connection } = this.#options.context;
    const lost = new AbortController();
    const onLost = ({ error }: EventContext) => lost.abort(translate(error ?? CONNECTION_LOST));
    connection.once(ConnectionEvents.disconnected, onLost);
    try {
      return await work(AbortSignal.any([abortSignal, lost.signal]));
    } catch (thrown) {
      if (lost.signal.aborted && !abortSignal.aborted) throw lost.signal.reason;
      throw thrown;
    } finally {
      connection.removeListener(ConnectionEvents.disconnected, onLost);
    }
  }

  #receiverOptions() {
    const { context, partitionId, consumerGroup, readerName, ownerLevel, position } = this.#options;
    const properties: Record<string, unknown> = { 'com.microsoft:receiver-name': readerName };
    if (ownerLevel !== undefined) properties['com.microsoft:epoch'] = types.wrap_long(ownerLevel);
    return {
      name: this.#name,
      target: readerName,
      source: {
        address: context.config.getReceiverAddress(partitionId, consumerGroup),
        filter: { [SELECTOR_FILTER]: types.wrap_described(filterOf(position), SELECTOR_CODE) },
      },
      properties,
      // Offsets of a geo-replicated namespace are texts.
      desired_capabilities: ['com.microsoft:georeplication'],
      credit_window: 0,
      autoaccept: false,
      onMessage: () => undefined,
      onError: ({ receiver }: EventContext) => this.#end(receiver?.error),
      onClose: () => this.#end(undefined),
      onSessionError: ({ session }: EventContext) => this.#end(session?.error),
      onSessionClose: () => this.#end(undefined),
    };
  }

  #arrived(payload: Buffer | undefined): void {
    this.#window.push(payload);
    this.#wake?.();
  }

  async #arrival(waitMs: number): Promise<void> {
    // The answer carries the acknowledgement of TCP, for which a service with Nagle's algorithm may wait before it sends the next messages.
    this.#transfers?.accept();
    const { promise, resolve } = Promise.withResolvers<void>();
    const timer = setTimeout(resolve, waitMs);
    // Not before all that the connection has at hand is read: a batch of a few messages costs nearly as much as one of hundreds.
    this.#wake = () => {
      this.#wake = undefined;
      setImmediate(resolve);
    };
    await promise;
    this.#wake = undefined;
    clearTimeout(timer);
  }

  #addCredit(): void {
    const transfers = this.#transfers;
    if (this.#state !== 'open' || !transfers) return;
    const missing = this.#window.missingCredit(transfers.credit);
    if (missing > 0) transfers.addCredit(missing);
  }

  #requireNoError(): void {
    if (this.#error) throw this.#error;
  }

  #end(error: unknown): void {
    if (this.#state === 'ended') return;
    this.#state = 'ended';
    if (error) this.#error = translate(error as Error);
    delete this.#options.context.receivers[this.#name];
    this.#authorization.stop();
    this.#transfers?.close();
    this.#window.clear();
    this.#wake?.();
  }
}

/** The selector of the messages after a position. */
function filterOf({ offset, sequenceNumber, enqueuedOn }: EventPosition): string {
  if (offset !== undefined) return `amqp.annotation.x-opt-offset > '${offset}'`;
  if (sequenceNumber !== undefined) return `amqp.annotation.x-opt-sequence-number > '${sequenceNumber}'`;
  return `amqp.annotation.x-opt-enqueued-time > '${Number(enqueuedOn)}'`;
}
