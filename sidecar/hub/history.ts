import { statfs } from 'node:fs/promises';
import type { HubStatus } from '../contract/status.ts';
import type { HubSample, StatusSample } from '../contract/stream.ts';
import type { ProcessUsage } from '../lib/process-usage.ts';

/** The time between two samples, in milliseconds. */
export const HISTORY_INTERVAL_MS = 10_000;
/** An hour. */
const MAX_SAMPLES = 360;

interface HistoryOptions {
  readonly hubs: () => readonly HubStatus[];
  readonly stateDirectory: string;
  readonly usage: Pick<ProcessUsage, 'memoryBytes'>;
}

/** The figures of the last hour, for charts. */
export class History {
  readonly #options: HistoryOptions;
  #samples: StatusSample[] = [];
  #timer: NodeJS.Timeout | undefined;
  #cpu = process.cpuUsage();
  #cpuAtMs = performance.now();
  #cpuPercent = 0;
  #diskFreeBytes: number | undefined;

  constructor(options: HistoryOptions) {
    this.#options = options;
  }

  get samples(): readonly StatusSample[] {
    return this.#samples;
  }

  start(): void {
    void this.#take();
    this.#timer ??= setInterval(() => void this.#take(), HISTORY_INTERVAL_MS);
    this.#timer.unref();
  }

  /** Idempotent. */
  stop(): void {
    clearInterval(this.#timer);
    this.#timer = undefined;
  }

  /** The figures of this moment. The share of the processor is that of the last interval. */
  now(): StatusSample {
    const hubs = this.#options.hubs().map((hub) => [hub.thing, hubSample(hub)] as const);
    return {
      timeMs: Date.now(),
      cpuPercent: this.#cpuPercent,
      memoryBytes: this.#options.usage.memoryBytes,
      ...(this.#diskFreeBytes === undefined ? {} : { diskFreeBytes: this.#diskFreeBytes }),
      hubs: Object.fromEntries(hubs),
    };
  }

  async #take(): Promise<void> {
    const { user, system } = process.cpuUsage(this.#cpu);
    const elapsedMs = performance.now() - this.#cpuAtMs;
    if (elapsedMs > 0) this.#cpuPercent = (user + system) / 10 / elapsedMs;
    this.#cpu = process.cpuUsage();
    this.#cpuAtMs = performance.now();
    this.#diskFreeBytes = await freeBytes(this.#options.stateDirectory);
    this.#samples = [...this.#samples.slice(1 - MAX_SAMPLES), this.now()];
  }
}

function hubSample({ ratePerSecond, lag, counters }: HubStatus): HubSample {
  const { delivered, ignored, deadLettered } = counters;
  return { ratePerSecond, lag, delivered, ignored, deadLettered };
}

/** Undefined where the system does not say. */
async function freeBytes(directory: string): Promise<number | undefined> {
  try {
    const { bavail, bsize } = await statfs(directory);
    return bavail * bsize;
  } catch {
    return undefined;
  }
}
