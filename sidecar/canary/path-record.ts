import {
  CANARY_PERCENTILES,
  type CanaryPath,
  type CanaryPathName,
  type CanaryPathState,
  type CanaryPercentile,
} from '../contract/canary.ts';
import type { ConnectorError } from '../errors/connector-error.ts';

/** One round trip: its time, or why there is none. */
export type Outcome = { readonly ms: number } | { readonly error: ConnectorError };

interface Sample {
  readonly atMs: number;
  /** Absent for a failure. */
  readonly ms?: number;
}

/** What is kept of a path over a restart. */
export interface KeptPath {
  readonly state: CanaryPathState;
  readonly sinceMs?: number;
  readonly code?: string;
  readonly reason?: string;
  readonly samples: readonly Sample[];
}

const HOUR_MS = 3_600_000;
/** Outcomes in a row that change the state: one failure alone is no alarm, and one success in an outage is no recovery. */
const IN_A_ROW = 2;

/** The round trips of one path in the last hour, and whether it works. */
export class PathRecord {
  readonly name: CanaryPathName;
  /** Round trips since the start of the process. */
  readonly counts = { ok: 0, failed: 0 };
  #samples: Sample[] = [];
  #state: CanaryPathState = 'unknown';
  #sinceMs: number | undefined;
  #failure: { readonly code: string; readonly reason: string } | undefined;
  #inARow = 0;

  constructor(name: CanaryPathName) {
    this.name = name;
  }

  get state(): CanaryPathState {
    return this.#state;
  }

  get sinceMs(): number | undefined {
    return this.#sinceMs;
  }

  /** The last failure, while the path is failed. */
  get failure(): { readonly code: string; readonly reason: string } | undefined {
    return this.#failure;
  }

  /** Notes a round trip. Gives the state that the path has now, when it has changed. */
  note(outcome: Outcome, nowMs: number): CanaryPathState | undefined {
    const isOk = 'ms' in outcome;
    this.#samples.push(isOk ? { atMs: nowMs, ms: outcome.ms } : { atMs: nowMs });
    this.#prune(nowMs);
    this.counts[isOk ? 'ok' : 'failed'] += 1;
    if (!isOk) this.#failure = { code: outcome.error.code, reason: outcome.error.message };
    const state = isOk ? 'ok' : 'failed';
    if (state === this.#state) {
      this.#inARow = 0;
      return undefined;
    }
    this.#inARow += 1;
    // The first round trip that succeeds says that the path works; nobody waits for it to recover.
    const isFirst = this.#state === 'unknown' && isOk;
    if (this.#inARow < IN_A_ROW && !isFirst) return undefined;
    this.#inARow = 0;
    this.#state = state;
    this.#sinceMs = nowMs;
    return state;
  }

  row(nowMs: number): CanaryPath {
    this.#prune(nowMs);
    const sorted = this.#samples.flatMap(({ ms }) => (ms === undefined ? [] : [ms])).sort((a, b) => a - b);
    const last = this.#samples.findLast(({ ms }) => ms !== undefined)?.ms;
    return {
      path: this.name,
      state: this.#state,
      ...(this.#sinceMs === undefined ? {} : { since: new Date(this.#sinceMs).toISOString() }),
      ...(this.#state === 'failed' && this.#failure ? this.#failure : {}),
      ...(last === undefined ? {} : { last }),
      ...percentiles(sorted),
      rounds: this.#samples.length,
      failures: this.#samples.length - sorted.length,
    };
  }

  kept(): KeptPath {
    return {
      state: this.#state,
      ...(this.#sinceMs === undefined ? {} : { sinceMs: this.#sinceMs }),
      ...(this.#failure ?? {}),
      samples: this.#samples,
    };
  }

  restore({ state, sinceMs, code, reason, samples }: KeptPath): void {
    this.#state = state;
    this.#sinceMs = sinceMs;
    if (code !== undefined && reason !== undefined) this.#failure = { code, reason };
    this.#samples = [...samples];
  }

  #prune(nowMs: number): void {
    // After the clock was set back, what lies ahead is of no hour that has passed.
    this.#samples = this.#samples.filter(({ atMs }) => atMs <= nowMs && nowMs - atMs <= HOUR_MS);
  }
}

/** By nearest rank: each is a round trip that was measured. */
function percentiles(sorted: readonly number[]): Partial<Record<CanaryPercentile, number>> {
  if (sorted.length === 0) return {};
  return Object.fromEntries(
    Object.entries(CANARY_PERCENTILES).map(([name, share]) => [
      name,
      sorted[Math.ceil(share * sorted.length) - 1],
    ]),
  );
}
