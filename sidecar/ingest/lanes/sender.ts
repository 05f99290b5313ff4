import { setTimeout as sleep } from 'node:timers/promises';
import { ConnectorError } from '../../errors/connector-error.ts';
import { Backoff } from '../../lib/backoff.ts';
import type { HubCounters } from '../../observe/counters.ts';
import type { ThingworxClient } from '../../thingworx/client.ts';
import { isOutage } from '../../thingworx/client.ts';
import { type BatchOrigin, originAfter, unmarked } from '../batch-origin.ts';
import { Evidence, KnownRefusals } from '../evidence.ts';
import { LONGEST_DEADLINE_MS, type OnWaiting, OUTAGE_RETRY, type OutageWatch } from '../outage-watch.ts';
import { endsLane, PartitionWriter, type PartitionWriterOptions } from '../partition-writer.ts';
import type { Row } from './batch.ts';
import { CallSize } from './call-size.ts';
import { type PlatformRefusal, type RefusedValue, refusedRows } from './refusals.ts';
import type { RowProbe } from './row-probe.ts';
import { sendUpdates, type UpdatesAnswer } from './updates.ts';

interface SenderOptions {
  readonly client: ThingworxClient;
  readonly hubThing: string;
  readonly counters: HubCounters;
  /** Of the hub: all of its pipelines share them. */
  readonly outages: OutageWatch;
  readonly probe: RowProbe;
  /** Called once when ThingWorx is unavailable, and once with undefined when it answers again. */
  readonly onWaiting: OnWaiting;
  readonly onAnswer?: (seconds: number) => void;
}

/** Between two attempts with a row or value that may be refused for good. */
const TRIAL_PAUSE_MS = 50;
/** The same while there is no row to compare with: only time tells. */
const UNPROVED_PAUSE_MS = 1_000;
/** How many times the expected answer time a call may take beyond the deadline of small calls. */
const PATIENCE = 4;

/**
 * Sends rows of one lane to ReceiveUpdates, one call at a time. It waits while ThingWorx is unavailable, halves a call that fails as a
 * whole until the row that fails is alone, and adapts the size of its calls to the time per row. A row or value counts as refused only when it fails
 * again and again while rows that were accepted before pass.
 */
export class Sender {
  readonly #options: SenderOptions;
  readonly #backoff = new Backoff(OUTAGE_RETRY);
  readonly #size = new CallSize();
  readonly #knownRefusals = new KnownRefusals();
  #waiting = false;

  constructor(options: SenderOptions) {
    this.#options = options;
  }

  /** How many rows the next call should carry, at the most `maxRows`. */
  rowLimit(maxRows: number): number {
    return Math.max(1, Math.min(this.#size.rows, maxRows));
  }

  /**
   * Resolves when ThingWorx has answered for every row, to the refused ones.
   * Rejects only with STOPPING and PARTITION_TAKEN; then the rows are neither accepted nor refused.
   */
  async send(
    rows: readonly Row[],
    origin: BatchOrigin | undefined,
    signal: AbortSignal,
  ): Promise<PlatformRefusal[]> {
    const refused = await this.#settle(rows, origin, signal, (some) =>
      this.#confirm(rows, some, origin, signal),
    );
    this.#report(undefined);
    return refused;
  }

  /** The right of a lane to write the values of its partition. */
  writerOf(place: Pick<PartitionWriterOptions, 'stream' | 'partition' | 'stillOwned'>): PartitionWriter {
    const { client, hubThing, outages } = this.#options;
    return new PartitionWriter({ client, hubThing, outages, onWaiting: this.#report, ...place });
  }

  /** @param confirm called with what each call that was answered has refused; resolves to what is refused for good */
  async #settle(
    rows: readonly Row[],
    origin: BatchOrigin | undefined,
    signal: AbortSignal,
    confirm: (refused: readonly PlatformRefusal[]) => Promise<PlatformRefusal[]>,
  ): Promise<PlatformRefusal[]> {
    const evidence = new Evidence();
    for (;;) {
      if (signal.aborted) throw new ConnectorError('STOPPING', 'The lane is stopping.');
      const timeoutMs = this.#deadlineMs(rows.length);
      try {
        const { refused, undecided } = await this.#call(rows, origin, signal, timeoutMs);
        const settled = await confirm(refused);
        if (undecided.length === 0) return settled;
        return [...settled, ...(await this.#settleUndecided(rows, undecided, origin, signal, confirm))];
      } catch (error) {
        if (!(error instanceof ConnectorError)) throw error;
        if (endsLane(error)) throw error;
        const timedOut = error.details?.timedOut === true;
        const isTooLarge = error.details?.tooLarge === true;
        if (timedOut) this.#size.timedOut(rows.length);
        if (isOutage(error) && !timedOut) {
          await this.#options.outages.pause(error, signal, this.#report, this.#backoff);
          continue;
        }
        if (isTooLarge && rows.length > 1) return await this.#settleHalves(rows, origin, signal, confirm);
        const check = await this.#options.outages.waitOut(error, signal, this.#report);
        if (check.wasOutage) continue;
        // ThingWorx works, but not with this call.
        if (rows.length > 1) return await this.#settleHalves(rows, origin, signal, confirm);
        if (timedOut && timeoutMs < LONGEST_DEADLINE_MS) continue;
        if (isTooLarge) return [poison(rows[0], error)];
        evidence.add(check);
        const key = keyOf(rows[0]?.update.thing);
        if (this.#isProven(evidence, [key], error)) {
          this.#knownRefusals.add([key]);
          return [poison(rows[0], error)];
        }
        await this.#beforeTrial(signal);
      }
    }
  }

  async #call(
    rows: readonly Row[],
    origin: BatchOrigin | undefined,
    signal: AbortSignal,
    timeoutMs: number,
  ): Promise<UpdatesAnswer> {
    const { counters, probe, outages, onAnswer } = this.#options;
    counters.call();
    const options = { signal, timeoutMs };
    const answer = await sendUpdates(this.#options, rows, origin, options);
    const { refused, undecided, repeated, elapsedMs } = answer;
    onAnswer?.(elapsedMs / 1000);
    this.#backoff.reset();
    outages.answered(elapsedMs);
    this.#size.answered(rows.length, elapsedMs);
    if (repeated) counters.repeat(repeated);
    probe.noteAnswer(this, rows, [...refused, ...undecided]);
    return answer;
  }

  /** What a call with many refused values has left undecided. The high-water mark has stopped before it. */
  async #settleUndecided(
    rows: readonly Row[],
    undecided: readonly RefusedValue[],
    origin: BatchOrigin | undefined,
    signal: AbortSignal,
    confirm: (refused: readonly PlatformRefusal[]) => Promise<PlatformRefusal[]>,
  ): Promise<PlatformRefusal[]> {
    const rest = refusedRows(rows, undecided);
    const hasDecided = countValues(rest) < countValues(rows);
    return hasDecided || rest.length < 2
      ? await this.#settle(rest, unmarked(origin), signal, confirm)
      : await this.#settleHalves(rest, unmarked(origin), signal, confirm);
  }

  /** In order: the second half is sent when the first half is settled. */
  async #settleHalves(
    rows: readonly Row[],
    origin: BatchOrigin | undefined,
    signal: AbortSignal,
    confirm: (refused: readonly PlatformRefusal[]) => Promise<PlatformRefusal[]>,
  ): Promise<PlatformRefusal[]> {
    const middle = messageBoundary(rows);
    if (middle === undefined) {
      // One message with several rows. The first part would raise the high-water mark, and the second part would be dropped as a repeat.
      const half = Math.ceil(rows.length / 2);
      const first = await this.#settle(rows.slice(0, half), unmarked(origin), signal, confirm);
      return [...first, ...(await this.#settle(rows.slice(half), unmarked(origin), signal, confirm))];
    }
    const head = rows.slice(0, middle);
    const through = head.at(-1)?.sequenceNumber;
    const first = await this.#settle(
      head,
      origin && through !== undefined ? { ...origin, through } : undefined,
      signal,
      confirm,
    );
    return [
      ...first,
      ...(await this.#settle(rows.slice(middle), originAfter(origin, first), signal, confirm)),
    ];
  }

  /**
   * Sends refused values again while that may help: a database that takes no rows refuses values as one does that cannot store this value. Other
   * refusals say for themselves what is missing.
   */
  async #confirm(
    rows: readonly Row[],
    refused: readonly PlatformRefusal[],
    origin: BatchOrigin | undefined,
    signal: AbortSignal,
  ): Promise<PlatformRefusal[]> {
    const certain = refused.filter(({ reason }) => reason !== 'VALUE_REFUSED');
    let doubtful = refused.filter(({ reason }) => reason === 'VALUE_REFUSED');
    for (const evidence = new Evidence(); doubtful.length > 0; ) {
      const error = new ConnectorError(
        'THINGWORX_UNAVAILABLE',
        `ThingWorx takes no values at present: ${doubtful[0]?.message ?? ''}`,
      );
      const check = await this.#options.outages.waitOut(error, signal, this.#report);
      if (!check.wasOutage) evidence.add(check);
      const keys = doubtful.map(({ thing, property }) => keyOf(thing, property));
      if (!check.wasOutage && this.#isProven(evidence, keys, error)) {
        this.#knownRefusals.add(keys);
        return [...certain, ...doubtful];
      }
      if (!check.wasOutage) await this.#beforeTrial(signal);
      const again = await this.#settle(
        refusedRows(rows, doubtful),
        unmarked(origin),
        signal,
        async (found) => [...found],
      );
      certain.push(...again.filter(({ reason }) => reason !== 'VALUE_REFUSED'));
      doubtful = again.filter(({ reason }) => reason === 'VALUE_REFUSED');
    }
    return certain;
  }

  #isProven(evidence: Evidence, keys: readonly string[], error: ConnectorError): boolean {
    if (!this.#options.probe.isProof) {
      this.#report(error);
      return false;
    }
    return evidence.isConclusive || this.#knownRefusals.has(keys);
  }

  async #beforeTrial(signal: AbortSignal): Promise<void> {
    const pauseMs = this.#options.probe.isProof ? TRIAL_PAUSE_MS : UNPROVED_PAUSE_MS;
    await sleep(pauseMs, undefined, { signal }).catch(() => undefined);
  }

  #deadlineMs(rows: number): number {
    const expectedMs = this.#size.expectedMs(rows);
    const deadlineMs = this.#options.outages.deadlineMs + PATIENCE * expectedMs;
    return Math.min(Math.round(deadlineMs), LONGEST_DEADLINE_MS);
  }

  readonly #report = (error: ConnectorError | undefined): void => {
    if (this.#waiting === (error !== undefined)) return;
    this.#waiting = error !== undefined;
    this.#options.onWaiting(error);
  };
}

function countValues(rows: readonly Row[]): number {
  return rows.reduce((sum, { update }) => sum + update.properties.length, 0);
}

function keyOf(thing = '', property = ''): string {
  return JSON.stringify([thing, property]);
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
