import type { RecentError } from '../contract/status.ts';
import { ERRORS } from '../errors/catalogue.ts';
import type { ConnectorError } from '../errors/connector-error.ts';

const KEPT = 20;

/** The last errors of a hub: when each began, what to do about it, and when it was over. An error that goes on is one entry. */
export class RecentErrors {
  #entries: RecentError[] = [];

  get list(): readonly RecentError[] {
    return this.#entries;
  }

  /** Takes the errors that exist now: new ones begin, others are over. */
  follow(present: readonly ConnectorError[]): void {
    const time = new Date().toISOString();
    const byCode = new Map(present.toReversed().map((error) => [error.code as string, error]));
    const entries = this.#entries.map((entry) => {
      if (entry.clearedAt !== undefined) return entry;
      const error = byCode.get(entry.code);
      byCode.delete(entry.code);
      return error ? { ...entry, message: error.message } : { ...entry, clearedAt: time };
    });
    for (const { code, message } of [...byCode.values()].toReversed())
      entries.push({ time, code, message, remedy: ERRORS[code].remedy });
    this.#entries = entries.slice(-KEPT);
  }

  /** Since when the error exists. */
  since(code: string): string | undefined {
    return this.#entries.find((entry) => entry.code === code && entry.clearedAt === undefined)?.time;
  }
}
