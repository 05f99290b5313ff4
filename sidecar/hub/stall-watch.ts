import type { Stall } from '../contract/status.ts';
import type { Log } from '../observe/log.ts';
import type { HubCondition } from './condition.ts';
import type { Partitions } from './partitions.ts';

/** What keeps messages from moving, and since when, ms since 1970. */
export interface Standstill {
  readonly sinceMs: number;
  readonly code: string;
  readonly reason: string;
}

export interface StallWatchOptions {
  /** Undefined while messages move, or there are none. */
  readonly look: () => Standstill | undefined;
  readonly onChange: () => void;
  readonly log: Log;
}

const INTERVAL_MS = 1_000;

/** Shorter standstills are the way of networks and no news to anybody. */
export const STALLED_AFTER_MS = 30_000;

/**
 * Knows when ingestion stands still. The last stall is kept after it has ended: while ThingWorx is away nobody can be told of one, so that
 * both its ends are told afterwards.
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
      log.info({ since: present.since }, 'Ingestion goes on.');
      onChange();
    } else if (!present && found && Date.now() - found.sinceMs >= STALLED_AFTER_MS) {
      const { sinceMs, code, reason } = found;
      this.#stall = { since: new Date(sinceMs).toISOString(), code, reason };
      log.warn({ since: this.#stall.since, code }, `Ingestion stands still: ${reason}`);
      onChange();
    }
  }
}

/** What keeps a hub from running goes before a partition that does not move while the hub runs. */
export function standstillOf(
  trouble: HubCondition['trouble'],
  stuck: ReturnType<Partitions['stuck']>,
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
