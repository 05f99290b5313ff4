import { ConnectorError, toConnectorError } from '../errors/connector-error.ts';
import { Backoff } from '../lib/backoff.ts';
import { settledWithin, untilAborted } from '../lib/concurrency.ts';
import { isOutage } from '../thingworx/client.ts';
import type { ProbeCounts } from './evidence.ts';

/** What the probes found until ThingWorx worked. */
export interface Check extends ProbeCounts {
  /** ThingWorx did not work at first: the error says nothing about the call that failed. */
  readonly wasOutage: boolean;
}

export type OnWaiting = (error: ConnectorError | undefined) => void;

interface Round {
  readonly abort: AbortController;
  readonly listeners: Set<OnWaiting>;
  readonly done: Promise<Check>;
}

interface UntilAnswered {
  readonly signal: AbortSignal;
  /** Called once when the call waits, and once with undefined when it is answered. */
  readonly onWaiting: OnWaiting;
  /** Which errors say nothing about the call; by default those of an outage. */
  readonly mayPass?: (error: ConnectorError) => boolean;
}

/** The delays between attempts. ThingWorx is near, and lanes must continue soon after an outage. */
export const OUTAGE_RETRY = { initialDelayMs: 100, maxDelayMs: 4_000 };
/** A probe without an answer for this long is not given up, but another one is sent: its connection may be half-open. */
const NEXT_PROBE_MS = 5_000;
/** Failures after which the wait is reported. One may be chance. */
const REPORTED_FAILURES = 2;
const SHORTEST_DEADLINE_MS = 10_000;
/** Longer than the platform's ScriptTimeout of 30 s: past it the platform itself has ended the script. */
export const LONGEST_DEADLINE_MS = 40_000;

/**
 * Outages of ThingWorx as all pipelines of a hub see them. Whoever has a call that failed waits here. One probe is sent for all of them, and all
 * continue together when it is answered.
 */
export class OutageWatch {
  readonly #probe: (signal: AbortSignal) => Promise<ProbeCounts>;
  readonly #onSilence: () => void;
  #round: Round | undefined;
  #deadlineMs = SHORTEST_DEADLINE_MS;

  /** `onSilence` is called when a probe has no answer, before the next one is sent. */
  constructor(probe: (signal: AbortSignal) => Promise<ProbeCounts>, onSilence: () => void = () => undefined) {
    this.#probe = probe;
    this.#onSilence = onSilence;
  }

  /** How long a small call may take. A connection that is half-open must not cost longer; a platform that is slow must not be given up. */
  get deadlineMs(): number {
    return this.#deadlineMs;
  }

  /** A call was answered. */
  answered(elapsedMs: number): void {
    if (elapsedMs < SHORTEST_DEADLINE_MS / 4) this.#deadlineMs = SHORTEST_DEADLINE_MS;
  }

  /**
   * Sends probes until ThingWorx works. `onWaiting` is called with the error when that takes more than an instant; the caller reports the end.
   * Rejects only with STOPPING.
   */
  async waitOut(error: ConnectorError, signal: AbortSignal, onWaiting: OnWaiting): Promise<Check> {
    // Calls that failed together extend the deadline once.
    if (error.details?.timedOut === true && !this.#round) this.#extend(this.#deadlineMs * 2);
    this.#round ??= this.#begin(error);
    const round = this.#round;
    round.listeners.add(onWaiting);
    try {
      return await untilAborted(round.done, signal);
    } finally {
      round.listeners.delete(onWaiting);
      if (round.listeners.size === 0) {
        round.abort.abort();
        if (this.#round === round) this.#round = undefined;
      }
    }
  }

  /** Repeats the call while its errors may pass. Rejects with the first error that may not, and with STOPPING. */
  async untilAnswered<T>(
    call: () => Promise<T>,
    { signal, onWaiting, mayPass = isOutage }: UntilAnswered,
  ): Promise<T> {
    const backoff = new Backoff(OUTAGE_RETRY);
    let waiting = false;
    const report = (error: ConnectorError | undefined) => {
      if (waiting === (error !== undefined)) return;
      waiting = error !== undefined;
      onWaiting(error);
    };
    for (;;) {
      try {
        const answer = await call();
        report(undefined);
        return answer;
      } catch (thrown) {
        const error = toConnectorError(thrown);
        if (error.code === 'STOPPING' || !mayPass(error)) {
          report(undefined);
          throw error;
        }
        await this.pause(error, signal, report, backoff);
      }
    }
  }

  /** Waits before a call that failed is repeated. Resolves to whether there was an outage. */
  async pause(
    error: ConnectorError,
    signal: AbortSignal,
    onWaiting: OnWaiting,
    backoff: Backoff,
  ): Promise<boolean> {
    // A probe would break the request to wait.
    if (error.retryAfterMs !== undefined) {
      onWaiting(error);
      await backoff.pause(signal, error.retryAfterMs);
      return true;
    }
    const { wasOutage } = await this.waitOut(error, signal, onWaiting);
    if (wasOutage) return true;
    // This call alone fails: it has a delay of its own.
    if (backoff.attempts + 1 >= REPORTED_FAILURES) onWaiting(error);
    await backoff.pause(signal);
    return false;
  }

  #begin(error: ConnectorError): Round {
    const abort = new AbortController();
    const listeners = new Set<OnWaiting>();
    const onFailure = (failures: number) => {
      if (failures >= REPORTED_FAILURES) for (const listener of listeners) listener(error);
    };
    const done = this.#untilWorks(abort.signal, onFailure).finally(() => {
      abort.abort();
      if (this.#round?.abort === abort) this.#round = undefined;
    });
    // There may be nobody left who waits for it.
    done.catch(() => undefined);
    return { abort, listeners, done };
  }

  async #untilWorks(signal: AbortSignal, onFailure: (failures: number) => void): Promise<Check> {
    const backoff = new Backoff(OUTAGE_RETRY);
    const works = Promise.withResolvers<void>();
    let check: Check | undefined;
    let failures = 0;
    let failed = 0;
    const send = async () => {
      const sentAtMs = performance.now();
      const outcome = await this.#probe(signal);
      failed += outcome.failed;
      if (outcome.passed === 0) return;
      this.#extend((performance.now() - sentAtMs) * 2);
      check ??= { passed: outcome.passed, failed, wasOutage: failures > 0 };
      works.resolve();
    };
    for (;;) {
      if (signal.aborted) throw new ConnectorError('STOPPING', 'Nobody waits for the outage any more.');
      const isAnswered = await settledWithin(Promise.race([send(), works.promise]), NEXT_PROBE_MS);
      if (check) return check;
      failures += 1;
      onFailure(failures);
      if (isAnswered) await Promise.race([works.promise, backoff.pause(signal)]);
      else this.#onSilence();
      if (check) return check;
    }
  }

  #extend(deadlineMs: number): void {
    this.#deadlineMs = Math.min(LONGEST_DEADLINE_MS, Math.max(this.#deadlineMs, Math.round(deadlineMs)));
  }
}
