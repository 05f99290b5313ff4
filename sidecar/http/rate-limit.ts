import { ConnectorError } from '../errors/connector-error.ts';

export interface RateLimitOptions {
  /** Calls that a caller may make at the same time. */
  readonly burst: number;
  /** Calls that are added to its bucket each second. */
  readonly perSecond: number;
}

interface Bucket {
  calls: number;
  at: number;
}

/** Beyond this number the oldest callers are forgotten, so that the memory stays bounded. */
const MAX_CALLERS = 10_000;

/** A token bucket for each caller: a client address, or whatever else tells callers apart. */
export class RateLimit {
  readonly #options: RateLimitOptions;
  readonly #message: string;
  readonly #now: () => number;
  readonly #buckets = new Map<string, Bucket>();

  constructor(
    options: RateLimitOptions,
    message = 'This address has made too many requests in a short time.',
    now: () => number = () => performance.now(),
  ) {
    this.#options = options;
    this.#message = message;
    this.#now = now;
  }

  /**
   * Takes one call of the caller.
   * @throws ConnectorError RATE_LIMITED with the time to wait
   */
  take(caller: string): void {
    const bucket = this.#refilled(caller);
    if (bucket.calls < 1) throw this.#refusal(bucket);
    bucket.calls -= 1;
  }

  #refusal(bucket: Bucket): ConnectorError {
    const retryAfterMs = Math.ceil(((1 - bucket.calls) / this.#options.perSecond) * 1000);
    return new ConnectorError('RATE_LIMITED', this.#message, { retryAfterMs });
  }

  #refilled(caller: string): Bucket {
    const { burst, perSecond } = this.#options;
    const now = this.#now();
    const bucket = this.#buckets.get(caller) ?? { calls: burst, at: now };
    bucket.calls = Math.min(burst, bucket.calls + ((now - bucket.at) / 1000) * perSecond);
    bucket.at = now;
    this.#buckets.delete(caller);
    this.#buckets.set(caller, bucket);
    if (this.#buckets.size > MAX_CALLERS) {
      const oldest = this.#buckets.keys().next();
      if (!oldest.done) this.#buckets.delete(oldest.value);
    }
    return bucket;
  }
}
