import { ConnectorError } from '../../errors/connector-error.ts';
import type { HubCounters } from '../../observe/counters.ts';
import { isOutage, type ThingworxClient } from '../../thingworx/client.ts';
import type { ProbeCounts } from '../evidence.ts';
import { LONGEST_DEADLINE_MS } from '../outage-watch.ts';
import type { Row } from './batch.ts';
import { acceptedPart, type RefusedValue } from './refusals.ts';
import { sendUpdates } from './updates.ts';

interface RowProbeOptions {
  readonly client: ThingworxClient;
  readonly hubThing: string;
  readonly counters: HubCounters;
}

interface Accepted {
  /** Whose call it was in. */
  readonly sender: object;
  readonly row: Row;
}

/** Rows of so many Things are sent: one Thing may be broken for itself. */
const THINGS_PER_PROBE = 4;
/** Rows of a call that are looked at for such rows, from its end. */
const ROWS_LOOKED_AT = 50;
/** Before ThingWorx has accepted any row, nothing can be compared. Failures are held for an outage for this long. */
const UNPROVED_MS = 40_000;

/**
 * Sends rows again that ThingWorx has accepted before: they show whether ThingWorx takes rows now. A call without rows does not show it, because a
 * database can be down while scripts run. To write a value again with the same time changes nothing in ThingWorx.
 */
export class RowProbe {
  readonly #options: RowProbeOptions;
  /** The newest ones are last. */
  #accepted: Accepted[] = [];
  #unprovedSinceMs: number | undefined;

  constructor(options: RowProbeOptions) {
    this.#options = options;
  }

  /** Whether a probe proves that ThingWorx takes rows. */
  get isProof(): boolean {
    if (this.#accepted.length > 0) return true;
    this.#unprovedSinceMs ??= Date.now();
    return Date.now() - this.#unprovedSinceMs > UNPROVED_MS;
  }

  /** Takes note of what a call carried and what was refused of it. */
  noteAnswer(sender: object, rows: readonly Row[], refused: readonly RefusedValue[]): void {
    const found = new Map<string, Row>();
    for (const row of rows.slice(-ROWS_LOOKED_AT).toReversed()) {
      if (found.size === THINGS_PER_PROBE) break;
      const accepted = found.has(row.update.thing) ? undefined : acceptedPart(row, refused);
      if (accepted) found.set(row.update.thing, accepted);
    }
    if (found.size === 0) return;
    this.#unprovedSinceMs = undefined;
    // Older rows of this sender may be older than the present values.
    const others = this.#accepted.filter((one) => one.sender !== sender && !found.has(one.row.update.thing));
    const own = [...found.values()].reverse().map((row) => ({ sender, row }));
    this.#accepted = [...others.slice(-THINGS_PER_PROBE), ...own];
  }

  /** Sends rows until one is accepted; a call without rows while none is known. Rejects only with STOPPING. */
  async run(signal: AbortSignal): Promise<ProbeCounts> {
    const candidates = this.#accepted.slice(-THINGS_PER_PROBE).reverse();
    let failed = 0;
    for (const candidate of candidates) {
      const found = await this.#send([candidate.row], signal);
      if (found === 'accepted') return { passed: 1, failed };
      if (found === 'unreachable') return { passed: 0, failed };
      if (found === 'gone') this.#accepted = this.#accepted.filter((one) => one !== candidate);
      else failed += 1;
    }
    if (failed > 0) return { passed: 0, failed };
    return (await this.#send([], signal)) === 'accepted' ? { passed: 1, failed } : { passed: 0, failed: 1 };
  }

  async #send(
    rows: readonly Row[],
    signal: AbortSignal,
  ): Promise<'accepted' | 'failed' | 'gone' | 'unreachable'> {
    this.#options.counters.call();
    try {
      const { refused, undecided } = await sendUpdates(this.#options, rows, undefined, {
        signal,
        timeoutMs: LONGEST_DEADLINE_MS,
      });
      if (undecided.length > 0) return 'failed';
      if (refused.length === 0) return 'accepted';
      return refused.some(({ reason }) => reason === 'VALUE_REFUSED') ? 'failed' : 'gone';
    } catch (error) {
      if (!(error instanceof ConnectorError) || error.code === 'STOPPING') throw error;
      return isOutage(error) ? 'unreachable' : 'failed';
    }
  }
}
