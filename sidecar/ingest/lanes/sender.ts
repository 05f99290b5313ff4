import { ConnectorError } from '../../errors/connector-error.ts';
import { Backoff } from '../../lib/backoff.ts';
import type { HubCounters } from '../../observe/counters.ts';
import type { ThingworxClient } from '../../thingworx/client.ts';
import { isOutage } from '../../thingworx/client.ts';
import { type BatchOrigin, originAfter } from '../batch-origin.ts';
import { encodeBatch, type Row } from './batch.ts';
import type { PlatformRefusal } from './refusals.ts';

interface SenderOptions {
  readonly client: ThingworxClient;
  readonly hubThing: string;
  readonly counters: HubCounters;
  /** Called once when ThingWorx is unavailable, and once with undefined when it answers again. */
  readonly onWaiting: (error: ConnectorError | undefined) => void;
  readonly onAnswer?: (seconds: number) => void;
}

interface Answer {
  accepted?: number;
  repeated?: number;
  refused?: PlatformRefusal[];
}

/** Rows of the first call. Later calls adapt to the answer time. */
const INITIAL_ROWS = 250;
const MIN_ROWS = 20;
/** The intended answer time of a call: long compared with its overhead, short compared with the script timeout. */
const TARGET_ANSWER_MS = 1_000;

/**
 * Sends rows of one lane to ReceiveUpdates, one call at a time. It waits while ThingWorx is unavailable, halves a call that fails as a
 * whole until the row that fails is alone, and adapts the size of its calls to the answer time.
 */
export class Sender {
  readonly #options: SenderOptions;
  readonly #backoff = new Backoff();
  #rows = INITIAL_ROWS;
  #waiting = false;

  constructor(options: SenderOptions) {
    this.#options = options;
  }

  /** How many rows the next call should carry, at the most `maxRows`. */
  rowLimit(maxRows: number): number {
    return Math.max(1, Math.min(this.#rows, maxRows));
  }

  /**
   * Resolves when ThingWorx has answered for every row, to the refused ones.
   * Rejects only with STOPPING; then the rows are neither accepted nor refused.
   */
  async send(
    rows: readonly Row[],
    origin: BatchOrigin | undefined,
    signal: AbortSignal,
  ): Promise<PlatformRefusal[]> {
    for (;;) {
      if (signal.aborted) throw new ConnectorError('STOPPING', 'The lane is stopping.');
      try {
        const refused = await this.#call(rows, origin, signal);
        this.#resume();
        return refused;
      } catch (error) {
        if (!(error instanceof ConnectorError)) throw error;
        if (error.code === 'STOPPING') throw error;
        const timedOut = error.details?.timedOut === true;
        if (timedOut) this.#rows = Math.max(MIN_ROWS, Math.floor(rows.length / 2));
        if (isOutage(error) && !(timedOut && rows.length > 1)) {
          await this.#wait(error, signal);
          continue;
        }
        if (rows.length > 1) return await this.#sendHalves(rows, origin, signal);
        if (await this.#platformWorks(signal)) return [poison(rows[0], error)];
        await this.#wait(error, signal);
      }
    }
  }

  async #call(
    rows: readonly Row[],
    origin: BatchOrigin | undefined,
    signal: AbortSignal,
  ): Promise<PlatformRefusal[]> {
    const { client, hubThing, counters, onAnswer } = this.#options;
    const body = encode(rows, origin);
    const startedAt = performance.now();
    counters.call();
    const answer = (await client.invokeText('Things', hubThing, 'ReceiveUpdates', body, { signal })) as
      | Answer
      | undefined;
    const elapsedMs = performance.now() - startedAt;
    if (answer === undefined || typeof answer.accepted !== 'number') {
      throw new ConnectorError(
        'THINGWORX_REJECTED',
        `ReceiveUpdates on ${hubThing} gave no account of what it accepted; is the extension of the sidecar's version imported?`,
      );
    }
    onAnswer?.(elapsedMs / 1000);
    this.#adapt(rows.length, elapsedMs);
    if (answer.repeated) counters.repeat(answer.repeated);
    return Array.isArray(answer.refused) ? answer.refused : [];
  }

  /** In order: the second half is sent when the first half is settled. */
  async #sendHalves(
    rows: readonly Row[],
    origin: BatchOrigin | undefined,
    signal: AbortSignal,
  ): Promise<PlatformRefusal[]> {
    const middle = messageBoundary(rows);
    if (middle === undefined) {
      // One message with several rows. The first part would raise the high-water mark, and the second part would be dropped as a repeat.
      const half = Math.ceil(rows.length / 2);
      const first = await this.send(rows.slice(0, half), undefined, signal);
      return [...first, ...(await this.send(rows.slice(half), undefined, signal))];
    }
    const head = rows.slice(0, middle);
    const through = head.at(-1)?.sequenceNumber;
    const first = await this.send(
      head,
      origin && through !== undefined ? { ...origin, through } : undefined,
      signal,
    );
    return [...first, ...(await this.send(rows.slice(middle), originAfter(origin, first), signal))];
  }

  /**
   * Whether ThingWorx answers a call without rows. If so, the row causes the error. If not (a script that does not compile, ThingWorx out of
   * memory), every row would fail, and the row is not the cause.
   */
  async #platformWorks(signal: AbortSignal): Promise<boolean> {
    try {
      await this.#call([], undefined, signal);
      return true;
    } catch (error) {
      if (error instanceof ConnectorError && error.code === 'STOPPING') throw error;
      return false;
    }
  }

  #adapt(rows: number, elapsedMs: number): void {
    if (elapsedMs > TARGET_ANSWER_MS * 2) this.#rows = Math.max(MIN_ROWS, Math.floor(rows / 2));
    else if (elapsedMs < TARGET_ANSWER_MS / 2 && rows >= this.#rows)
      this.#rows = Math.min(this.#rows * 2, 1_000_000);
  }

  async #wait(error: ConnectorError, signal: AbortSignal): Promise<void> {
    if (!this.#waiting) {
      this.#waiting = true;
      this.#options.onWaiting(error);
    }
    await this.#backoff.pause(signal, error.retryAfterMs);
  }

  #resume(): void {
    this.#backoff.reset();
    if (!this.#waiting) return;
    this.#waiting = false;
    this.#options.onWaiting(undefined);
  }
}

/** A mapping can produce more values than one string can hold. Such rows are sent one by one; a row that is too large alone is refused. */
function encode(rows: readonly Row[], origin: BatchOrigin | undefined): string {
  try {
    return encodeBatch(rows, origin);
  } catch (cause) {
    throw new ConnectorError('THINGWORX_REJECTED', 'The values are too large for one call.', { cause });
  }
}

function poison(row: Row | undefined, error: ConnectorError): PlatformRefusal {
  return {
    thing: row?.update.thing ?? '',
    sequenceNumber: row?.sequenceNumber ?? -1,
    reason: 'REJECTED',
    message: error.message,
  };
}

/** The index nearest to the middle at which another message begins; undefined when all rows are of one message. */
function messageBoundary(rows: readonly Row[]): number | undefined {
  const middle = Math.ceil(rows.length / 2);
  for (let distance = 0; distance <= middle; distance += 1) {
    for (const index of [middle - distance, middle + distance]) {
      if (index > 0 && index < rows.length && rows[index]?.sequenceNumber !== rows[index - 1]?.sequenceNumber)
        return index;
    }
  }
  return undefined;
}
