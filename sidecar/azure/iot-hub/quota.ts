import { setTimeout as sleep } from 'node:timers/promises';
import { ConnectorError } from '../../errors/connector-error.ts';

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

export interface TakeOptions {
  /** When the caller gives up, ms since 1970. A wait that would end later fails at once. */
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

/** How many seconds of a rate may be used at once after a pause. IoT Hub itself smooths bursts before it refuses. */
const BURST_SECONDS = 5;
const FIRST_PAUSE_MS = 1000;
const LONGEST_PAUSE_MS = 60_000;

/** The rate of a class in calls per second. */
export function rateOf(operation: OperationClass, { tier, units }: QuotaOptions): number {
  if (operation === 'other') return Number.POSITIVE_INFINITY;
  const rate = RATES[tier][operation];
  return Math.max(rate.least ?? 0, rate.perUnit * (tier === 'F1' ? 1 : Math.max(1, units)));
}

/**
 * Keeps calls to a hub within the rates of its tier: a token bucket for each class of operations. Without a tier nothing is held back
 * until the hub says 429. After a 429 the class rests as long as the hub asked for, or for a doubling while when it did not say.
 */
export class HubQuota {
  readonly #buckets = new Map<OperationClass, Bucket>();
  #options: QuotaOptions | undefined;

  constructor(options?: QuotaOptions) {
    this.#options = options;
  }

  /** Takes effect with the next call. */
  configure(options: QuotaOptions | undefined): void {
    this.#options = options;
    for (const [operation, bucket] of this.#buckets) bucket.setRate(this.#rate(operation));
  }

  /**
   * Waits for the turn of one call. Throws AZURE_THROTTLED, with how long it would take, when that is past the deadline; AZURE_CANCELLED
   * when the signal ends the wait.
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
      // Time was up before the turn came.
      if (signal?.reason instanceof DOMException && signal.reason.name === 'TimeoutError')
        throw throttled(operation, 0);
      throw new ConnectorError('AZURE_CANCELLED', 'Cancelled while waiting for the rate of the IoT Hub.');
    }
  }

  /** The hub refused a call of this class. Returns for how long the class rests now, ms. */
  refused(operation: OperationClass, retryAfterMs: number | undefined): number {
    return this.#bucket(operation).rest(retryAfterMs, Date.now());
  }

  /** The hub took a call of this class. */
  accepted(operation: OperationClass): void {
    this.#buckets.get(operation)?.recover();
  }

  #bucket(operation: OperationClass): Bucket {
    let bucket = this.#buckets.get(operation);
    if (!bucket) {
      bucket = new Bucket(this.#rate(operation));
      this.#buckets.set(operation, bucket);
    }
    return bucket;
  }

  #rate(operation: OperationClass): number {
    return this.#options ? rateOf(operation, this.#options) : Number.POSITIVE_INFINITY;
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

/** Tokens may go below zero: whoever waits has taken his already, so that later callers wait behind him. */
class Bucket {
  #rate: number;
  #tokens: number;
  #filledMs = Date.now();
  #restUntilMs = 0;
  #refusals = 0;

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
    // A call that costs more than a full bucket goes when the bucket is full and leaves a debt.
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
    this.#refusals += 1;
    const doubling = Math.min(FIRST_PAUSE_MS * 2 ** (this.#refusals - 1), LONGEST_PAUSE_MS);
    const pauseMs = retryAfterMs ?? Math.round(doubling * (0.75 + Math.random() / 4));
    this.#restUntilMs = Math.max(this.#restUntilMs, nowMs + pauseMs);
    return this.#restUntilMs - nowMs;
  }

  recover(): void {
    this.#refusals = 0;
  }

  #fill(nowMs: number): void {
    if (this.#rate !== Number.POSITIVE_INFINITY) {
      const gained = ((nowMs - this.#filledMs) / 1000) * this.#rate;
      this.#tokens = Math.min(this.#capacity, this.#tokens + Math.max(0, gained));
    }
    this.#filledMs = nowMs;
  }
}
