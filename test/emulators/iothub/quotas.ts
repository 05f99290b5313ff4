/**
 * Limits per tier, after the tables of the article "IoT Hub quotas and throttling". Counts (jobs, configurations, size
 * of messages) always hold; rates and the daily quota only once they are switched on, since a developer's machine is
 * not paid by the message.
 */
import { setTimeout as delay } from 'node:timers/promises';
import { HubError } from './hub-error.ts';

export type Tier = 'F1' | 'S1' | 'S2' | 'S3';

/** The operations that have a rate. */
export type OperationKind =
  | 'identity'
  | 'twinRead'
  | 'twinWrite'
  | 'query'
  | 'method'
  | 'job'
  | 'jobDevice'
  | 'bulkJob'
  | 'configuration'
  | 'telemetry'
  | 'connection'
  | 'commandReceive'
  | 'commandSend'
  | 'fileUpload'
  | 'statistics';

export interface QuotaOptions {
  tier?: Tier;
  units?: number;
  /** Whether rates are kept from the start. */
  throttling?: boolean;
}

export interface ThrottlingOptions {
  tier?: Tier;
  units?: number;
  /** Multiplies every rate; small values let a test meet the limit with few requests. */
  factor?: number;
  /** How many seconds of a rate may be used at once before requests are refused. */
  burstSeconds?: number;
  /** Messages a day; absent keeps the tier's. */
  dailyMessages?: number;
}

export const limits = {
  messageBytes: 256 * 1024,
  commandBytes: 64 * 1024,
  methodPayloadBytes: 128 * 1024,
  activeUploads: 10,
  importExportJobs: 1,
  customMetrics: 5,
} as const;

/** Rates per second for a unit. [rate per unit, least rate of the hub] */
type Rate = readonly [perUnit: number, least: number];
const perMinute = (count: number): Rate => [count / 60, 0];
const perSecond = (count: number, least = 0): Rate => [count, least];

const small: Record<OperationKind, Rate> = {
  identity: perMinute(100),
  connection: perSecond(12, 100),
  telemetry: perSecond(12, 100),
  commandSend: perMinute(100),
  commandReceive: perMinute(1000),
  fileUpload: perMinute(100),
  // Metered by 4 KB: 160 KB per second are 40 calls of small payloads.
  method: perSecond(40),
  query: perMinute(20),
  twinRead: perSecond(0, 100),
  twinWrite: perSecond(0, 50),
  job: perMinute(100),
  jobDevice: perSecond(0, 10),
  bulkJob: perMinute(100),
  configuration: perMinute(20),
  statistics: perMinute(100),
};

const rates: Record<Tier, Record<OperationKind, Rate>> = {
  F1: small,
  S1: small,
  S2: {
    ...small,
    connection: perSecond(120),
    telemetry: perSecond(120),
    method: perSecond(120),
    twinRead: perSecond(10, 100),
    twinWrite: perSecond(5, 50),
    jobDevice: perSecond(1, 10),
  },
  S3: {
    identity: perMinute(5000),
    connection: perSecond(6000),
    telemetry: perSecond(6000),
    commandSend: perMinute(5000),
    commandReceive: perMinute(50_000),
    fileUpload: perMinute(5000),
    method: perSecond(6000),
    query: perMinute(1000),
    twinRead: perSecond(500),
    twinWrite: perSecond(250),
    job: perMinute(5000),
    jobDevice: perSecond(50),
    bulkJob: perMinute(5000),
    configuration: perMinute(20),
    statistics: perMinute(5000),
  },
};

const counts: Record<
  Tier,
  { concurrentJobs: number; configurations: number; dailyMessages: number; meterBytes: number }
> = {
  F1: { concurrentJobs: 1, configurations: 20, dailyMessages: 8_000, meterBytes: 512 },
  S1: { concurrentJobs: 1, configurations: 100, dailyMessages: 400_000, meterBytes: 4096 },
  S2: { concurrentJobs: 5, configurations: 100, dailyMessages: 6_000_000, meterBytes: 4096 },
  S3: { concurrentJobs: 10, configurations: 100, dailyMessages: 300_000_000, meterBytes: 4096 },
};

interface Bucket {
  tokens: number;
  atMs: number;
}

export class Quotas {
  #tier: Tier;
  #units: number;
  #throttling: ThrottlingOptions | undefined;
  readonly #buckets = new Map<OperationKind, Bucket>();
  readonly #refused = new Map<OperationKind, number>();
  #day = '';
  #messagesToday = 0;

  constructor(options: QuotaOptions = {}) {
    this.#tier = options.tier ?? 'S1';
    this.#units = options.units ?? 1;
    if (options.throttling) this.#throttling = {};
  }

  get tier(): Tier {
    return this.#tier;
  }
  get concurrentJobs(): number {
    return counts[this.#tier].concurrentJobs;
  }
  get configurations(): number {
    return counts[this.#tier].configurations;
  }

  /** What is kept, and how many requests were refused since it is, by kind. */
  describe(): object {
    return {
      tier: this.#tier,
      units: this.#units,
      on: this.#throttling !== undefined,
      refused: Object.fromEntries(this.#refused),
    };
  }

  /** Switches rates and the daily quota on, or with undefined off; buckets begin full, the day's count at zero. */
  throttle(options: ThrottlingOptions | undefined): void {
    this.#tier = options?.tier ?? this.#tier;
    this.#units = options?.units ?? this.#units;
    this.#throttling = options;
    this.#buckets.clear();
    this.#refused.clear();
    this.#messagesToday = 0;
  }

  /**
   * Uses up a share of a rate. Throws ThrottlingException with Retry-After when it is spent. The real hub delays
   * requests for a while before it refuses them (traffic shaping); here they are refused at once.
   */
  take(kind: OperationKind, amount = 1): void {
    const waitSeconds = this.#share(kind, amount);
    if (waitSeconds === 0) return;
    this.#refused.set(kind, (this.#refused.get(kind) ?? 0) + 1);
    throw new HubError(
      'ThrottlingException',
      `Operations are being throttled for the tenant. Kind: ${kind}`,
      {
        'Retry-After': `${waitSeconds}`,
      },
    );
  }

  /** Takes a share; what is left to wait, in whole seconds, when it is not there. */
  #share(kind: OperationKind, amount: number): number {
    if (!this.#throttling) return 0;
    const [perUnit, least] = rates[this.#tier][kind];
    const rate = Math.max(perUnit * this.#units, least) * (this.#throttling.factor ?? 1);
    const capacity = Math.max(1, rate * (this.#throttling.burstSeconds ?? 60));
    const now = Date.now();
    const bucket = this.#buckets.get(kind) ?? { tokens: capacity, atMs: now };
    bucket.tokens = Math.min(capacity, bucket.tokens + ((now - bucket.atMs) / 1000) * rate);
    bucket.atMs = now;
    this.#buckets.set(kind, bucket);
    if (bucket.tokens < amount) return Math.max(1, Math.ceil((amount - bucket.tokens) / rate));
    bucket.tokens -= amount;
    return 0;
  }

  /** Waits for its share of a rate, as the hub's own work does. Rejects when the signal is given. */
  async wait(kind: OperationKind, signal: AbortSignal): Promise<void> {
    while (this.#share(kind, 1) > 0) await delay(50, undefined, { signal, ref: false });
  }

  /** Counts a device-to-cloud message against the day. Throws IotHubQuotaExceeded. */
  countMessage(bytes: number): void {
    if (!this.#throttling) return;
    const day = new Date().toISOString().slice(0, 10);
    if (day !== this.#day) {
      this.#day = day;
      this.#messagesToday = 0;
    }
    const { dailyMessages, meterBytes } = counts[this.#tier];
    const quota = this.#throttling.dailyMessages ?? dailyMessages * this.#units;
    const messages = Math.max(1, Math.ceil(bytes / meterBytes));
    if (this.#messagesToday + messages > quota) {
      throw new HubError(
        'IotHubQuotaExceeded',
        `Total number of messages on IotHub exceeded the quota ${quota}`,
      );
    }
    this.#messagesToday += messages;
  }
}

/** Calls of direct methods are metered by 4 KB of payload. */
export function methodMeter(payloadBytes: number): number {
  return Math.max(1, Math.ceil(payloadBytes / 4096));
}
