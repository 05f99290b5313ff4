import { setTimeout as sleep } from 'node:timers/promises';
import { ConnectorError } from '../../errors/connector-error.ts';
import { Backoff } from '../../lib/backoff.ts';

/** Editions of IoT Hub. F1 has the rates of one S1 unit, B1 to B3 those of S1 to S3. */
export type HubTier = 'F1' | 'B1' | 'B2' | 'B3' | 'S1' | 'S2' | 'S3';

/** Operations that IoT Hub throttles together. */
export type OperationClass =
  | 'registry'
  | 'query'
  | 'twinRead'
  | 'twinUpdate'
  | 'method'
  | 'message'
  | 'job'
  | 'configuration'
  /** Not throttled by class. */
  | 'other';

export interface QuotaOptions {
  readonly tier: HubTier;
  readonly units: number;
}

interface TakeOptions {
  /** Deadline of the caller, ms since 1970. A wait that would end later fails at once. */
  readonly deadlineMs?: number;
  readonly signal?: AbortSignal;
  /** How many operations one call stands for (bulk registry calls). Default 1. */
  readonly cost?: number;
}

/** Per second and unit, with the least rate of a hub (article "IoT Hub quotas and throttling"). */
interface Rate {
  readonly perUnit: number;
  readonly least?: number;
}

type Rates = Readonly<Record<Exclude<OperationClass, 'other'>, Rate>>;

const SMALL: Rates = {
  registry: { perUnit: 100 / 60 },
  query: { perUnit: 20 / 60 },
  twinRead: { perUnit: 0, least: 100 },
  twinUpdate: { perUnit: 0, least: 50 },
  method: { perUnit: 40 },
  message: { perUnit: 100 / 60 },
  job: { perUnit: 100 / 60 },
  configuration: { perUnit: 20 / 60 },
};

const MEDIUM: Rates = {
  ...SMALL,
  twinRead: { perUnit: 10, least: 100 },
  twinUpdate: { perUnit: 5, least: 50 },
  method: { perUnit: 120 },
};

const LARGE: Rates = {
  registry: { perUnit: 5000 / 60 },
  query: { perUnit: 1000 / 60 },
  twinRead: { perUnit: 500 },
  twinUpdate: { perUnit: 250 },
  method: { perUnit: 6000 },
  message: { perUnit: 5000 / 60 },
  job: { perUnit: 5000 / 60 },
  configuration: { perUnit: 20 / 60 },
};

const RATES: Readonly<Record<HubTier, Rates>> = {
  F1: SMALL,
  B1: SMALL,
  S1: SMALL,
  B2: MEDIUM,
  S2: MEDIUM,
  B3: LARGE,
  S3: LARGE,
};

/** Burst size in seconds of the rate. IoT Hub itself shapes bursts before it answers 429. */
const BURST_SECONDS = 5;
const BACKOFF = { initialDelayMs: 1000, maxDelayMs: 60_000 };

/** The rate of a class in calls per second. */
export function rateOf(operation: OperationClass, { tier, units }: QuotaOptions): number {
  if (operation === 'other') return Number.POSITIVE_INFINITY;
  const rate = RATES[tier][operation];
  return Math.max(rate.least ?? 0, rate.perUnit * (tier === 'F1' ? 1 : Math.max(1, units)));
}

/**
 * Keeps calls to a hub within the rates of its tier: a token bucket for each class of operations. Without a tier no call waits until the hub
 * answers 429. After a 429 the whole class waits as long as Retry-After says, or with exponential backoff when the header is absent.
 */
export class RateLimiter {
  readonly #buckets = new Map<OperationClass, Bucket>();
  #options: QuotaOptions | undefined;

  constructor(options?: QuotaOptions) {
    this.#options = options;
  }

  /** Takes effect with the next call. */
  configure(options: QuotaOptions | undefined): void {
    this.#options = options;
    for (const [operation, bucket] of this.#buckets) bucket.setRate(this.rate(operation));
  }

  /** Calls of a class per second; infinite while the tier is unknown. */
  rate(operation: OperationClass): number {
    return this.#options ? rateOf(operation, this.#options) : Number.POSITIVE_INFINITY;
  }

  /**
   * Waits until one call is allowed. Throws AZURE_THROTTLED with `retryAfterMs` when that is after the deadline, and AZURE_CANCELLED when the
   * signal aborts.
   */
  async take(operation: OperationClass, options: TakeOptions = {}): Promise<void> {
    const { deadlineMs = Number.POSITIVE_INFINITY, signal, cost = 1 } = options;
    const bucket = this.#bucket(operation);
    const now = Date.now();
    const waitMs = bucket.waitFor(cost, now);
    if (waitMs <= 0) return bucket.reserve(cost, now);
    if (now + waitMs > deadlineMs) throw throttled(operation, waitMs);
    bucket.reserve(cost, now);
    try {
      await sleep(waitMs, undefined, signal ? { signal } : {});
    } catch {
      bucket.giveBack(cost);
      // The deadline passed before the call was allowed.
      if (signal?.reason instanceof DOMException && signal.reason.name === 'TimeoutError')
        throw throttled(operation, 0);
      throw new ConnectorError(
        'AZURE_CANCELLED',
        'Cancelled while waiting for the rate limit of the IoT Hub.',
      );
    }
  }

  /** The hub answered 429 to a call of this class. Returns how long the class waits now, ms. */
  refused(operation: OperationClass, retryAfterMs: number | undefined): number {
    return this.#bucket(operation).rest(retryAfterMs, Date.now());
  }

  /** The hub accepted a call of this class. */
  accepted(operation: OperationClass): void {
    this.#buckets.get(operation)?.recover();
  }

  #bucket(operation: OperationClass): Bucket {
    let bucket = this.#buckets.get(operation);
    if (!bucket) {
      bucket = new Bucket(this.rate(operation));
      this.#buckets.set(operation, bucket);
    }
    return bucket;
  }
}

function throttled(operation: OperationClass, waitMs: number): ConnectorError {
  const seconds = Math.ceil(waitMs / 1000);
  const message = `The tier of the IoT Hub allows the next call of this kind (${operation}) in ${seconds} s.`;
  return new ConnectorError('AZURE_THROTTLED', message, {
    retryAfterMs: Math.ceil(waitMs),
    details: { operation },
  });
}

/** Tokens may be negative: a waiting caller has taken its tokens already, so that later callers wait behind it. */
class Bucket {
  #rate: number;
  #tokens: number;
  #filledMs = Date.now();
  #restUntilMs = 0;
  readonly #backoff = new Backoff(BACKOFF);

  constructor(rate: number) {
    this.#rate = rate;
    this.#tokens = this.#capacity;
  }

  get #capacity(): number {
    return Math.max(1, this.#rate * BURST_SECONDS);
  }

  setRate(rate: number): void {
    this.#fill(Date.now());
    this.#rate = rate;
    this.#tokens = Math.min(this.#tokens, this.#capacity);
  }

  waitFor(cost: number, nowMs: number): number {
    this.#fill(nowMs);
    const restMs = Math.max(0, this.#restUntilMs - nowMs);
    if (this.#rate === Number.POSITIVE_INFINITY) return restMs;
    // A call that costs more than a full bucket is allowed when the bucket is full, and makes the tokens negative.
    const missing = Math.min(cost, this.#capacity) - this.#tokens;
    return Math.max(restMs, (missing / this.#rate) * 1000);
  }

  reserve(cost: number, nowMs: number): void {
    this.#fill(nowMs);
    this.#tokens -= cost;
  }

  giveBack(cost: number): void {
    this.#tokens = Math.min(this.#capacity, this.#tokens + cost);
  }

  rest(retryAfterMs: number | undefined, nowMs: number): number {
    const backoffMs = this.#backoff.nextDelayMs();
    const pauseMs = retryAfterMs ?? backoffMs;
    this.#restUntilMs = Math.max(this.#restUntilMs, nowMs + pauseMs);
    return this.#restUntilMs - nowMs;
  }

  recover(): void {
    this.#backoff.reset();
  }

  #fill(nowMs: number): void {
    if (this.#rate !== Number.POSITIVE_INFINITY) {
      const gained = ((nowMs - this.#filledMs) / 1000) * this.#rate;
      this.#tokens = Math.min(this.#capacity, this.#tokens + Math.max(0, gained));
    }
    this.#filledMs = nowMs;
  }
}
