import { setTimeout as sleep } from 'node:timers/promises';
import { ConnectorError, toConnectorError } from '../errors/connector-error.ts';
import type { Log } from '../observe/log.ts';
import { persist, withGrace } from '../tasks/task.ts';
import type { ThingworxClient } from '../thingworx/client.ts';

interface PacedCallsOptions {
  readonly client: ThingworxClient;
  readonly hubThing: string;
  /** Messages of the hub that wait for ThingWorx. */
  readonly waitingMessages: () => number;
  readonly log: Log;
}

/** Work on many items that the platform does some at a time. */
interface PacedWork<Item, Answer> {
  readonly service: string;
  readonly parameters: (some: readonly Item[]) => unknown;
  /** The answer for a single item that the platform refuses with an error. */
  readonly refused: (item: Item, message: string) => Answer;
  readonly settle: (some: readonly Item[], answer: Answer) => Promise<void> | void;
}

/** A script may run for 30 s; other work of the platform waits meanwhile for its threads and locks. */
const AIM_MS = 2_000;
const FIRST_BATCH = 20;
const MOST_BATCH = 100;
const MOST_BYTES = 1_000_000;
/** Calls at the same time. */
const LANES = 2;
/** The rest after a call, as a share of its time. */
const REST = 0.25;
/** The same while telemetry waits, when there also is one call at a time: an eighth of the usual load. */
const REST_BEHIND_TELEMETRY = 3;
/** More than lanes have in flight while the platform keeps up with telemetry. */
const WAITING_MESSAGES = 2_000;
const LOOK_EVERY_MS = 500;

/**
 * Calls of background work to services of the hub Thing that work on many items. The size of a call follows the time of the answers, there
 * are rests between the calls, and telemetry goes first.
 */
export class PacedCalls {
  readonly #options: PacedCallsOptions;
  #batch = FIRST_BATCH;

  constructor(options: PacedCallsOptions) {
    this.#options = options;
  }

  /**
   * Works on all items, and waits out what passes by itself. After a cancellation the calls that are under way are heard, and no other is
   * made: it then throws STOPPING.
   */
  async run<Item, Answer>(
    items: readonly Item[],
    work: PacedWork<Item, Answer>,
    signal: AbortSignal,
  ): Promise<void> {
    let next = 0;
    let failed = false;
    const lane = async (number: number) => {
      for (;;) {
        if (number > 0) await this.#untilTelemetryIsThrough(signal, () => failed || next >= items.length);
        if (next >= items.length || failed) return;
        if (signal.aborted)
          throw new ConnectorError('STOPPING', 'The task was cancelled or the sidecar is stopping.');
        const some = items.slice(next, next + fittingCount(items, next, this.#batch));
        next += some.length;
        const tookMs = await this.#attempt(some, work, signal);
        if (next < items.length) await this.#rest(tookMs, signal);
      }
    };
    const lanes = Array.from({ length: LANES }, (_, number) =>
      lane(number).catch((thrown) => {
        failed = true;
        throw thrown;
      }),
    );
    // Nothing is at work any more once this has ended, whichever way.
    await Promise.allSettled(lanes);
    await Promise.all(lanes);
  }

  /** One call that reads, and the rest after it. */
  async read(service: string, parameters: unknown, signal: AbortSignal): Promise<unknown> {
    const started = performance.now();
    const answer = await this.#invoke(service, parameters, signal);
    await this.#rest(performance.now() - started, signal);
    return answer;
  }

  /** A platform that could not do them all in time is asked for one half after the other. Gives the time of the calls. */
  async #attempt<Item, Answer>(
    some: readonly Item[],
    work: PacedWork<Item, Answer>,
    signal: AbortSignal,
  ): Promise<number> {
    const started = performance.now();
    let answer: Answer;
    try {
      answer = (await withGrace(signal, (calling) =>
        this.#invoke(work.service, work.parameters(some), calling),
      )) as Answer;
    } catch (thrown) {
      const error = toConnectorError(thrown);
      if (error.code !== 'THINGWORX_REJECTED') throw error;
      const [only, second] = some;
      if (only !== undefined && second === undefined) {
        await work.settle(some, work.refused(only, error.message));
        return performance.now() - started;
      }
      const half = Math.ceil(some.length / 2);
      this.#batch = half;
      return (
        (await this.#attempt(some.slice(0, half), work, signal)) +
        (await this.#attempt(some.slice(half), work, signal))
      );
    }
    const tookMs = performance.now() - started;
    this.#adapt(some.length, tookMs);
    await work.settle(some, answer);
    return tookMs;
  }

  #adapt(count: number, tookMs: number): void {
    if (count < this.#batch && tookMs < AIM_MS) return;
    const fitting = Math.floor((count * AIM_MS) / Math.max(tookMs, 1));
    this.#batch = Math.min(MOST_BATCH, Math.max(1, Math.min(fitting, this.#batch * 2)));
  }

  get #isTelemetryWaiting(): boolean {
    return this.#options.waitingMessages() > WAITING_MESSAGES;
  }

  async #rest(tookMs: number, signal: AbortSignal): Promise<void> {
    const share = this.#isTelemetryWaiting ? REST_BEHIND_TELEMETRY : REST;
    await sleep(tookMs * share, undefined, { signal }).catch(() => undefined);
  }

  async #untilTelemetryIsThrough(signal: AbortSignal, isOver: () => boolean): Promise<void> {
    while (this.#isTelemetryWaiting && !isOver() && !signal.aborted)
      await sleep(LOOK_EVERY_MS, undefined, { signal }).catch(() => undefined);
  }

  #invoke(service: string, parameters: unknown, signal: AbortSignal): Promise<unknown> {
    const { client, hubThing, log } = this.#options;
    return persist(() => client.invoke(hubThing, service, parameters, { signal }), signal, log);
  }
}

/** How many of the items one call can carry: a twin may have 70 KB. */
function fittingCount(items: readonly unknown[], from: number, most: number): number {
  let bytes = 0;
  let count = 0;
  for (; count < most && from + count < items.length; count += 1) {
    bytes += JSON.stringify(items[from + count]).length;
    if (count > 0 && bytes > MOST_BYTES) break;
  }
  return count;
}
