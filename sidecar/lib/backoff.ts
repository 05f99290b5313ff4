import { setTimeout as sleep } from 'node:timers/promises';
import type { ErrorCode } from '../errors/catalogue.ts';
import { ConnectorError, toConnectorError } from '../errors/connector-error.ts';

interface BackoffOptions {
  /** The first delay. Default 250. */
  readonly initialDelayMs?: number;
  /** The longest delay. Default 15000. */
  readonly maxDelayMs?: number;
}

/** The longest that a service may ask to wait. Its fault may be over earlier, and a timer cannot wait for more than 24 days. */
const MAX_RETRY_AFTER_MS = 60_000;

/** Part of a delay that is random, so that callers that failed together do not retry together. */
const JITTER = 0.25;

/** Exponential backoff with jitter: the delays between the attempts of one operation. Each delay doubles up to a maximum. */
export class Backoff {
  readonly #initialDelayMs: number;
  readonly #maxDelayMs: number;
  #attempts = 0;

  constructor({ initialDelayMs = 250, maxDelayMs = 15_000 }: BackoffOptions = {}) {
    this.#initialDelayMs = initialDelayMs;
    this.#maxDelayMs = maxDelayMs;
  }

  /** Failed attempts since the last success. */
  get attempts(): number {
    return this.#attempts;
  }

  /**
   * The delay before the next attempt, ms: at least what the service asks for, up to a minute. Each call counts one failed attempt.
   */
  nextDelayMs(retryAfterMs = 0): number {
    const delayMs = Math.min(this.#initialDelayMs * 2 ** this.#attempts, this.#maxDelayMs);
    this.#attempts += 1;
    const ownMs = Math.round(delayMs * (1 - Math.random() * JITTER));
    return Math.max(ownMs, Math.min(retryAfterMs, MAX_RETRY_AFTER_MS));
  }

  /** Waits for the next delay, or for `retryAfterMs` when that is longer, at most a minute. Rejects with STOPPING when the signal aborts. */
  async pause(signal: AbortSignal, retryAfterMs = 0): Promise<void> {
    const delayMs = this.nextDelayMs(retryAfterMs);
    try {
      await sleep(delayMs, undefined, { signal });
    } catch (cause) {
      throw new ConnectorError('STOPPING', 'The wait before the next attempt was cancelled.', { cause });
    }
  }

  /** After a success: the next delay is the first one again. */
  reset(): void {
    this.#attempts = 0;
  }
}

/**
 * Repeats a call until it succeeds, as long as its errors are temporary. Rejects with the first error that is not, and with STOPPING when
 * the signal aborts. `mayPass` decides which errors are temporary; by default those that are retryable. `onWaiting` is called when the
 * error changes, and with undefined when the call succeeds after an error.
 */
export async function untilDone<T>(
  call: () => Promise<T>,
  signal: AbortSignal,
  onWaiting: (error: ConnectorError | undefined) => void = () => undefined,
  mayPass: (error: ConnectorError) => boolean = ({ retryable }) => retryable,
): Promise<T> {
  const backoff = new Backoff();
  for (let reported: ErrorCode | undefined; ; ) {
    if (signal.aborted) throw new ConnectorError('STOPPING', 'The operation was cancelled.');
    try {
      const value = await call();
      if (reported) onWaiting(undefined);
      return value;
    } catch (thrown) {
      const error = toConnectorError(thrown);
      if (!mayPass(error) || error.code === 'STOPPING' || signal.aborted) throw error;
      if (reported !== error.code) onWaiting(error);
      reported = error.code;
      await backoff.pause(signal, error.retryAfterMs);
    }
  }
}
