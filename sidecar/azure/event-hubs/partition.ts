import type { ReceivedEventData } from '@azure/event-hubs';
import { ConnectorError, toConnectorError } from '../../errors/connector-error.ts';
import { bounded } from '../../lib/bounded.ts';
import type { ReceivedMessage } from '../../translate/types.ts';
import type { CloseReason, EventSourceHandlers } from './event-types.ts';
import { toReceivedMessage } from './received-message.ts';

/**
 * What the handler throws at the SDK. Never retryable, whatever its code says: an error with `retryable: true` makes the SDK go on with
 * the next batch, which skips this one; any other makes it close the partition, which then opens again from its last checkpoint.
 */
export class PartitionEnded extends ConnectorError {
  override get retryable(): boolean {
    return false;
  }
}

const FIRST_PAUSE_MS = 1000;
const LONGEST_PAUSE_MS = 30_000;

export interface PartitionOptions {
  readonly id: string;
  readonly handlers: EventSourceHandlers;
  /** The sequence number after which it is read; undefined when nobody knows, -1 from the beginning. */
  readonly beginsAfter: number | undefined;
  /** How often in a row it has ended by failure before. */
  readonly failures: number;
  readonly report: (error: ConnectorError) => void;
  /** Events between the two sequence numbers never came. */
  readonly onGap: (after: number, next: number) => void;
}

/** One partition while this sidecar reads it: from `open` to `end`. Knows why it ends, which the SDK does not say. */
export class Partition {
  readonly id: string;
  readonly #options: PartitionOptions;
  readonly #interrupted = Promise.withResolvers<never>();
  readonly #ended = Promise.withResolvers<void>();
  #lastSequenceNumber: number;
  #failures: number;
  #open = false;
  #owned = false;
  #ending = false;
  #reopenWanted = false;
  #openFailed: ConnectorError | undefined;

  constructor(options: PartitionOptions) {
    this.id = options.id;
    this.#options = options;
    this.#lastSequenceNumber = options.beginsAfter ?? -1;
    this.#failures = options.failures;
    // Nobody may be waiting when it is interrupted.
    this.#interrupted.promise.catch(() => {});
  }

  get isOpen(): boolean {
    return this.#open;
  }

  /** Whether checkpoints are still this sidecar's to write; while closing they are, unless the partition was lost. */
  get isOwned(): boolean {
    return this.#owned;
  }

  /** How often in a row the partition ended by failure. */
  get failures(): number {
    return this.#failures;
  }

  async open(): Promise<void> {
    this.#open = true;
    this.#owned = true;
    try {
      await this.#options.handlers.onPartitionOpen(this.id, this.#options.beginsAfter);
    } catch (thrown) {
      this.#openFailed = toConnectorError(thrown);
    }
  }

  /** Hands a batch to the lane. Only ever throws PartitionEnded: anything that says `retryable` would make the SDK skip the batch. */
  async deliver(received: ReceivedEventData[]): Promise<void> {
    if (this.#openFailed) this.#fail(this.#openFailed);
    if (this.#reopenWanted) this.#end('is to be opened again');
    if (this.#ending || received.length === 0) return;
    const messages = this.#usable(received);
    if (messages.length === 0) return;
    try {
      await Promise.race([this.#options.handlers.onBatch(this.id, messages), this.#interrupted.promise]);
    } catch (thrown) {
      if (this.#reopenWanted) this.#end('is to be opened again');
      this.#fail(toConnectorError(thrown));
    }
    this.#failures = 0;
  }

  /** Asks the reader to end; resolves when it has. */
  requestReopen(): Promise<void> {
    this.#reopenWanted = true;
    this.#interrupted.reject(
      new PartitionEnded('AZURE_CANCELLED', `Partition ${this.id} is to be opened again.`),
    );
    return this.#ended.promise;
  }

  /**
   * Ends the partition and lets the lane finish. Returns for how many ms it should not be claimed again; undefined when it is not this
   * sidecar's to claim.
   */
  async end(because: CloseReason | undefined, timeoutMs: number): Promise<number | undefined> {
    if (this.#ending) {
      await this.#ended.promise;
      return undefined;
    }
    this.#ending = true;
    const reason = because ?? (this.#reopenWanted ? 'reopened' : 'failed');
    if (reason === 'lost') this.#owned = false;
    if (reason === 'failed') this.#failures += 1;
    const closing = Promise.resolve()
      .then(() => this.#options.handlers.onPartitionClose(this.id, reason))
      .catch((thrown) => this.#options.report(toConnectorError(thrown)));
    await bounded(closing, timeoutMs);
    this.#owned = false;
    this.#open = false;
    this.#ended.resolve();
    if (reason === 'reopened') return 0;
    return reason === 'failed' ? pauseMs(this.#failures) : undefined;
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
    // Where it began is the beginning of what the hub keeps: nothing is missing there.
    if (after >= 0 && sequenceNumber > after + 1) this.#options.onGap(after, sequenceNumber);
  }

  #usable(received: ReceivedEventData[]): readonly ReceivedMessage[] {
    const messages: ReceivedMessage[] = [];
    for (const event of received) {
      if (!Buffer.isBuffer(event.body)) event.body = toBuffer(event.body);
      if (typeof event.sequenceNumber !== 'number') continue;
      this.#follow(event.sequenceNumber);
      messages.push(toReceivedMessage(event, this.id));
    }
    const broken = received.length - messages.length;
    // A transfer that is no single AMQP message (a batch envelope) has no annotations, so no position either.
    if (broken > 0)
      this.#options.report(
        new ConnectorError(
          'AZURE_FAILED',
          `Partition ${this.id} delivered ${broken} transfers that are no messages; they were skipped.`,
        ),
      );
    return messages;
  }
}

/** An AMQP body that is no single data section: several of them, or a value or sequence section. */
function toBuffer(body: unknown): Buffer {
  if (body === undefined || body === null) return Buffer.alloc(0);
  if (typeof body === 'string') return Buffer.from(body);
  if (body instanceof Uint8Array) return Buffer.from(body.buffer, body.byteOffset, body.byteLength);
  if (Array.isArray(body) && body.every((part) => part instanceof Uint8Array)) return Buffer.concat(body);
  return Buffer.from(JSON.stringify(body) ?? '');
}

/** Doubling from one second to thirty, less up to a quarter so that partitions do not come back in step. */
function pauseMs(failures: number): number {
  const longest = Math.min(FIRST_PAUSE_MS * 2 ** Math.max(failures - 1, 0), LONGEST_PAUSE_MS);
  return Math.round(longest * (1 - Math.random() / 4));
}
