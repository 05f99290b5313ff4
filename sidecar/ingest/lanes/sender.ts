import { setTimeout as sleep } from 'node:timers/promises';
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
/** The intended time of the rows of a call, without its overhead: short compared with the script timeout. */
const TARGET_ROWS_MS = 1_000;
/** No call should take longer, whatever its overhead is: half of the script timeout. */
const MAX_ANSWER_MS = 15_000;
/** Sizes of calls that differ by less than this do not show the time per row. */
const DISTINCT_SIZES = 1.2;
/** How often a row must fail alone, each time while a row that passed before passes again, until it is poison. */
const POISON_TRIALS = 8;
const TRIAL_PAUSE_MS = 100;
/** How often values must be refused while no row has been accepted yet that could be compared. */
const UNPROVED_TRIALS = 3;

/**
 * Sends rows of one lane to ReceiveUpdates, one call at a time. It waits while ThingWorx is unavailable, halves a call that fails as a
 * whole until the row that fails is alone, and adapts the size of its calls to the time per row.
 */
export class Sender {
  readonly #options: SenderOptions;
  readonly #backoff = new Backoff();
  #rows = INITIAL_ROWS;
  #waiting = false;
  #measured: { readonly rows: number; readonly elapsedMs: number } | undefined;
  #msPerRow: number | undefined;
  /** A row that ThingWorx has accepted: sent again, it shows whether rows pass. */
  #accepted: Row | undefined;

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
    for (let trials = 0, unproved = 0; ; ) {
      if (signal.aborted) throw new ConnectorError('STOPPING', 'The lane is stopping.');
      try {
        const refused = await this.#call(rows, origin, signal);
        if (refused.some(({ reason }) => reason === 'VALUE_REFUSED')) {
          const passes = await this.#rowsPass(signal);
          // Before the first accepted row nothing can be compared: only time tells.
          if (passes === undefined) unproved += 1;
          if (passes === false || (passes === undefined && unproved < UNPROVED_TRIALS)) {
            const message = `ThingWorx takes no values at present: ${refused[0]?.message ?? ''}`;
            await this.#wait(new ConnectorError('THINGWORX_UNAVAILABLE', message), signal);
            continue;
          }
        }
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
        if (error.details?.['tooLarge'] === true) return [poison(rows[0], error)];
        if (await this.#platformWorks(signal)) trials += 1;
        else trials = 0;
        if (trials >= POISON_TRIALS) {
          this.#resume();
          return [poison(rows[0], error)];
        }
        if (trials === 0) await this.#wait(error, signal);
        else await sleep(TRIAL_PAUSE_MS, undefined, { signal }).catch(() => undefined);
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
    const refused = Array.isArray(answer.refused) ? answer.refused : [];
    const numbers = new Set(refused.map(({ sequenceNumber }) => sequenceNumber));
    this.#accepted = rows.findLast(({ sequenceNumber }) => !numbers.has(sequenceNumber)) ?? this.#accepted;
    return refused;
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
   * Whether ThingWorx takes a row that it has taken before, or, before the first, answers a call without rows. If so, the row that failed may be
   * the cause. If not (a script that does not compile, a database that takes no rows), every row would fail.
   */
  async #platformWorks(signal: AbortSignal): Promise<boolean> {
    const passes = await this.#rowsPass(signal);
    if (passes !== undefined) return passes;
    return await this.#answers([], signal);
  }

  /** Undefined when no row has been accepted yet, or its Thing or property is gone. A value with the same time changes nothing in ThingWorx. */
  async #rowsPass(signal: AbortSignal): Promise<boolean | undefined> {
    const row = this.#accepted;
    return row && (await this.#answers([row], signal));
  }

  async #answers(rows: readonly Row[], signal: AbortSignal): Promise<boolean> {
    try {
      const refused = await this.#call(rows, undefined, signal);
      if (refused.some(({ reason }) => reason !== 'VALUE_REFUSED')) this.#accepted = undefined;
      return refused.length === 0;
    } catch (error) {
      if (error instanceof ConnectorError && error.code === 'STOPPING') throw error;
      return false;
    }
  }

  /** A platform whose calls have a constant delay needs larger calls, one that is slow for each row smaller ones: two sizes show which it is. */
  #adapt(rows: number, elapsedMs: number): void {
    if (rows < 2) return;
    const before = this.#measured;
    const mean = elapsedMs / rows;
    const ratio = before ? Math.max(rows, before.rows) / Math.min(rows, before.rows) : 1;
    if (before && ratio >= DISTINCT_SIZES)
      this.#msPerRow = Math.max(0, (elapsedMs - before.elapsedMs) / (rows - before.rows));
    this.#measured = { rows, elapsedMs };
    const rowsMs = Math.min(this.#msPerRow ?? mean, mean) * rows;
    if (rowsMs > TARGET_ROWS_MS * 2 || elapsedMs > MAX_ANSWER_MS)
      this.#rows = Math.max(MIN_ROWS, Math.floor(rows / 2));
    else if (rowsMs < TARGET_ROWS_MS / 2 && rows >= this.#rows)
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
    throw new ConnectorError('THINGWORX_REJECTED', 'The values are too large for one call.', {
      cause,
      details: { tooLarge: true },
    });
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
