import { ConnectorError } from '../errors/connector-error.ts';

export interface RateLimitOptions {
  /** Calls that an address may make at the same time. */
  readonly burst: number;
  /** Calls that are added to its bucket each second. */
  readonly perSecond: number;
}

interface Bucket {
  calls: number;
  at: number;
}

/** Beyond this number the oldest addresses are removed, so that the memory stays bounded. */
const MAX_ADDRESSES = 10_000;

/** A token bucket for each client address. */
export class RateLimit {
  readonly #options: RateLimitOptions;
  readonly #now: () => number;
  readonly #buckets = new Map<string, Bucket>();

  constructor(options: RateLimitOptions, now: () => number = () => performance.now()) {
    this.#options = options;
    this.#now = now;
  }

  /**
   * Takes one call from the address.
   * @throws ConnectorError RATE_LIMITED with the time to wait
   */
  take(address: string): void {
    const bucket = this.#refilled(address);
    if (bucket.calls < 1) throw this.#refusal(bucket);
    bucket.calls -= 1;
  }

  /**
   * Checks whether `take` would succeed, without taking a call.
   * @throws ConnectorError RATE_LIMITED with the time to wait
   */
  probe(address: string): void {
    const bucket = this.#refilled(address);
    if (bucket.calls < 1) throw this.#refusal(bucket);
  }

  #refusal(bucket: Bucket): ConnectorError {
    const retryAfterMs = Math.ceil(((1 - bucket.calls) / this.#options.perSecond) * 1000);
    return new ConnectorError('RATE_LIMITED', 'This address has made too many requests in a short time.', {
      retryAfterMs,
    });
  }

  #refilled(address: string): Bucket {
    const { burst, perSecond } = this.#options;
    const now = this.#now();
    const bucket = this.#buckets.get(address) ?? { calls: burst, at: now };
    bucket.calls = Math.min(burst, bucket.calls + ((now - bucket.at) / 1000) * perSecond);
    bucket.at = now;
    this.#buckets.delete(address);
    this.#buckets.set(address, bucket);
    if (this.#buckets.size > MAX_ADDRESSES) {
      const oldest = this.#buckets.keys().next();
      if (!oldest.done) this.#buckets.delete(oldest.value);
    }
    return bucket;
  }
}
