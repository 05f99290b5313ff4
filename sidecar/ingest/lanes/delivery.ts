import type { DeadLetter, DeadLetterSink } from '../../dead-letters/store.ts';
import { type ConnectorError, toConnectorError } from '../../errors/connector-error.ts';
import { Backoff } from '../../lib/backoff.ts';
import type { HubCounters } from '../../observe/counters.ts';
import type { EventDelivery } from '../notifications/delivery.ts';
import type { BatchOrigin, Row } from './batch.ts';
import type { Entry, Interpreter } from './interpreter.ts';
import type { Sender } from './sender.ts';

export interface DeliveryOptions {
  readonly interpreter: Interpreter;
  readonly sender: Sender;
  readonly events: EventDelivery;
  readonly deadLetters: DeadLetterSink;
  /** The letter of an entry that was refused: its id decides which letter it replaces. */
  readonly letterOf: (entry: Entry, storedAtMs: number) => DeadLetter;
  readonly counters: HubCounters;
  /** Once when the dead letters hold the delivery up, once when they take letters again (undefined). */
  readonly onWaiting: (error: ConnectorError | undefined) => void;
}

export interface TakeLimits {
  readonly maxRowsPerCall: number;
  readonly maxBytesPerCall: number;
}

/**
 * The last part of every road to ThingWorx, from a lane, a replay or storage: sends entries, looks again at what the platform refused,
 * and puts what is still refused into the dead letters. Waits as long as either side is away.
 */
export class Delivery {
  readonly #options: DeliveryOptions;
  readonly #backoff = new Backoff();

  constructor(options: DeliveryOptions) {
    this.#options = options;
  }

  /** How many entries from the head of the queue one call should carry; at least one. */
  countForCall(queue: readonly Entry[], { maxRowsPerCall, maxBytesPerCall }: TakeLimits): number {
    const rowLimit = this.#options.sender.rowLimit(maxRowsPerCall);
    let rows = 0;
    let bytes = 0;
    let count = 0;
    for (const entry of queue) {
      rows += entry.updates.length + entry.events.length;
      bytes += entry.bytes;
      if (count > 0 && (rows > rowLimit || bytes > maxBytesPerCall)) break;
      count += 1;
      // Values go before events: those that come after the end of a device must wait for it.
      if (entry.events.some(({ type }) => type === 'lifecycle')) break;
    }
    return count;
  }

  /**
   * Resolves when every entry is settled: accepted, ignored or durably in the dead letters. Rejects only with STOPPING: then none of
   * them may be taken for settled.
   *
   * @param origin absent for what the platform must not take for a repeat
   */
  async deliver(
    entries: readonly Entry[],
    origin: BatchOrigin | undefined,
    signal: AbortSignal,
  ): Promise<void> {
    const { interpreter, sender, counters } = this.#options;
    const rows = toRows(entries);
    if (rows.length > 0) {
      const refused = await sender.send(rows, origin, signal);
      if (refused.length > 0) {
        const again = await interpreter.reconsider(entries, refused, signal);
        // Without an origin: the first call has raised the mark past these messages.
        const retried = again.length > 0 ? await sender.send(again, undefined, signal) : [];
        interpreter.refuse(entries, retried);
      }
    }
    await this.#deliverEvents(entries, origin, signal);
    await this.#buryRefused(entries, signal);
    for (const entry of entries) counters.settle(outcomeOf(entry), 1);
  }

  async #deliverEvents(
    entries: readonly Entry[],
    origin: BatchOrigin | undefined,
    signal: AbortSignal,
  ): Promise<void> {
    const items = entries.flatMap(({ number, events }) =>
      events.map((event) => ({ sequenceNumber: number, event })),
    );
    if (items.length === 0) return;
    const { events, counters } = this.#options;
    const { refused, ignored } = await events.deliver(items, origin, signal);
    if (ignored.length > 0) counters.ignore('THING_UNKNOWN', ignored.length);
    const without = new Set(ignored.map(({ event }) => event));
    const messages = new Map(refused.map(({ sequenceNumber, message }) => [sequenceNumber, message]));
    for (const entry of entries) {
      if (entry.events.length === 0) continue;
      const reason = messages.get(entry.number);
      if (reason !== undefined) entry.reasons.push({ code: 'EVENT_REFUSED', reason });
      entry.events.splice(
        0,
        Number.POSITIVE_INFINITY,
        ...entry.events.filter((event) => !without.has(event)),
      );
    }
  }

  /** Stores what was refused, durably, before anyone moves past it. Waits as long as the store fails. */
  async #buryRefused(entries: readonly Entry[], signal: AbortSignal): Promise<void> {
    const refused = entries.filter(({ reasons }) => reasons.length > 0);
    if (refused.length === 0) return;
    const { deadLetters, letterOf, counters, onWaiting } = this.#options;
    const storedAtMs = Date.now();
    const letters = refused.map((entry) => letterOf(entry, storedAtMs));
    for (let waiting = false; ; ) {
      try {
        await deadLetters.append(letters);
        if (waiting) onWaiting(undefined);
        break;
      } catch (thrown) {
        if (!waiting) onWaiting(toConnectorError(thrown));
        waiting = true;
        await this.#backoff.pause(signal);
      }
    }
    this.#backoff.reset();
    for (const { reasons } of refused) {
      for (const code of new Set(reasons.map((reason) => reason.code))) counters.deadLetter(code);
    }
  }
}

/** What became of a message that is settled. */
export function outcomeOf({ reasons, updates, events }: Entry): 'delivered' | 'ignored' | 'deadLettered' {
  if (reasons.length > 0) return 'deadLettered';
  return updates.length > 0 || events.length > 0 ? 'delivered' : 'ignored';
}

function toRows(entries: readonly Entry[]): Row[] {
  const rows: Row[] = [];
  for (const { number, updates } of entries) {
    for (const update of updates) rows.push({ sequenceNumber: number, update });
  }
  return rows;
}
