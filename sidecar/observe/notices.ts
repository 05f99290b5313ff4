import type { Log } from './log.ts';

/** The part of a message that tells an operator which one it is. */
interface Origin {
  readonly deviceId: string;
  readonly partitionId: string;
  readonly sequenceNumber: number;
}

interface Finding {
  readonly code: string;
  readonly reason: string;
  readonly thing?: string | undefined;
  readonly property?: string | undefined;
}

/** How many different findings are logged. Further ones are only counted. */
const MAX_FINDINGS = 500;
const FORGET_AFTER_MS = 10 * 60_000;

/**
 * Logs once what would otherwise be logged per message: that a Thing or property is unknown, or that values are refused. The same finding is
 * logged again after ten minutes if it persists. The counters have the numbers.
 */
export class Notices {
  readonly #log: Log;
  readonly #loggedAtMs = new Map<string, number>();
  #last: (Finding & { readonly timeMs: number }) | undefined;

  constructor(log: Log) {
    this.#log = log;
  }

  /** The last refusal, for the status of the hub Thing. */
  get lastRefusal(): (Finding & { readonly timeMs: number }) | undefined {
    return this.#last;
  }

  refused(message: Origin, finding: Finding): void {
    this.#last = { ...finding, timeMs: Date.now() };
    if (!this.#isNew('refused', finding)) return;
    const { deviceId, partitionId, sequenceNumber } = message;
    const { code, thing, property } = finding;
    this.#log.warn(
      { code, deviceId, thing, property, partitionId, sequenceNumber },
      `Refused: ${finding.reason}`,
    );
  }

  ignored(finding: Finding): void {
    if (!this.#isNew('ignored', finding)) return;
    const { code, thing, property } = finding;
    this.#log.info({ code, thing, property }, `Ignored: ${finding.reason}`);
  }

  #isNew(kind: string, { code, thing, property }: Finding): boolean {
    const key = `${kind}\n${code}\n${thing ?? ''}\n${property ?? ''}`;
    const now = Date.now();
    const loggedAtMs = this.#loggedAtMs.get(key);
    if (loggedAtMs !== undefined && now - loggedAtMs < FORGET_AFTER_MS) return false;
    if (this.#loggedAtMs.size >= MAX_FINDINGS) {
      for (const [old, atMs] of this.#loggedAtMs)
        if (now - atMs >= FORGET_AFTER_MS) this.#loggedAtMs.delete(old);
      if (this.#loggedAtMs.size >= MAX_FINDINGS) return false;
    }
    this.#loggedAtMs.set(key, now);
    return true;
  }
}
