import type { Stall } from '../contract/status.ts';
import type { Log } from '../observe/log.ts';
import type { HubCondition } from './condition.ts';

/** Why messages do not move, and since when, in ms since 1970. */
export interface Standstill {
  readonly sinceMs: number;
  readonly code: string;
  readonly reason: string;
}

/** The partition whose messages have not moved for longest. */
export interface StuckPartition {
  readonly partitionId: string;
  readonly sinceMs: number;
  readonly lag: number;
}

export interface StallWatchOptions {
  /** Undefined while messages move, or there are none. */
  readonly look: () => Standstill | undefined;
  readonly onChange: () => void;
  readonly log: Log;
}

const INTERVAL_MS = 1_000;

/** Shorter standstills are normal in networks and are not reported. */
export const STALLED_AFTER_MS = 30_000;

/**
 * Detects that ingestion has stalled. The last stall is kept after its end: while ThingWorx is unreachable nobody can be notified, so
 * begin and end are reported afterwards.
 */
export class StallWatch {
  readonly #options: StallWatchOptions;
  #timer: NodeJS.Timeout | undefined;
  #stall: Stall | undefined;

  constructor(options: StallWatchOptions) {
    this.#options = options;
  }

  /** The present stall, or the last one. */
  get stall(): Stall | undefined {
    return this.#stall;
  }

  start(): void {
    this.#timer ??= setInterval(() => this.#check(), INTERVAL_MS);
  }

  stop(): void {
    clearInterval(this.#timer);
    this.#timer = undefined;
  }

  #check(): void {
    const { look, onChange, log } = this.#options;
    const found = look();
    const present = this.#stall && this.#stall.until === undefined ? this.#stall : undefined;
    if (present && !found) {
      this.#stall = { ...present, until: new Date().toISOString() };
      log.info({ since: present.since }, 'Ingestion continues.');
      onChange();
    } else if (!present && found && Date.now() - found.sinceMs >= STALLED_AFTER_MS) {
      const { sinceMs, code, reason } = found;
      this.#stall = { since: new Date(sinceMs).toISOString(), code, reason };
      log.warn({ since: this.#stall.since, code }, `Ingestion has stalled: ${reason}`);
      onChange();
    }
  }
}

/** An error that blocks the whole hub takes precedence over a partition that does not move while the hub runs. */
export function standstillOf(
  trouble: HubCondition['trouble'],
  stuck: StuckPartition | undefined,
): Standstill | undefined {
  if (trouble) {
    const { error, sinceMs } = trouble;
    return { sinceMs, code: error.code, reason: error.message };
  }
  if (!stuck) return undefined;
  const { partitionId, sinceMs, lag } = stuck;
  const reason = `Partition ${partitionId} has ${lag} messages and none of them moves.`;
  return { sinceMs, code: 'INGESTION_STALLED', reason };
}
