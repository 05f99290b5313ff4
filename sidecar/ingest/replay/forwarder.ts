import type { DeadLetterSink } from '../../dead-letters/store.ts';
import type { ConnectorError } from '../../errors/connector-error.ts';
import type { HubCounters } from '../../observe/counters.ts';
import type { HubMessage } from '../../translate/types.ts';
import { Delivery, outcomeOf, type TakeLimits } from '../lanes/delivery.ts';
import type { Entry, Interpreter } from '../lanes/interpreter.ts';
import type { Sender } from '../lanes/sender.ts';
import type { EventDelivery } from '../notifications/delivery.ts';

/** A message that does not come through a lane, with the letter that it becomes when it is refused. */
export interface Forwarded {
  readonly message: HubMessage;
  readonly letterId: string;
  /** When its letter was first stored, if it is one. */
  readonly storedAtMs?: number;
}

export type ForwardOutcome = ReturnType<typeof outcomeOf>;

/** What a road beside the lanes shares with them, and its own accounts. */
export interface Road {
  readonly interpreter: Interpreter;
  readonly sender: Sender;
  readonly events: EventDelivery;
  readonly counters: HubCounters;
  readonly limits: () => TakeLimits;
  /** Once when the dead letters hold the road up, once when it goes on (undefined). */
  readonly onWaiting: (error: ConnectorError | undefined) => void;
}

/**
 * Brings messages to ThingWorx that were received before: dead letters, files in storage, retained events. They take the same way as a
 * lane's, but without a batch origin, for the platform would take them for repeats.
 */
export class Forwarder {
  readonly #road: Road;
  readonly #deadLetters: DeadLetterSink;

  constructor(road: Road, deadLetters: DeadLetterSink) {
    this.#road = road;
    this.#deadLetters = deadLetters;
  }

  /**
   * Resolves when all are settled, to what became of each. Waits as long as ThingWorx or the dead letters are away. Rejects with STOPPING:
   * then some may be settled and none may be taken for it.
   */
  async forward(items: readonly Forwarded[], signal: AbortSignal): Promise<ForwardOutcome[]> {
    const { interpreter, sender, events, counters, limits, onWaiting } = this.#road;
    const messages = items.map(({ message }) => message);
    const byMessage = new Map(items.map((item) => [item.message, item]));
    const delivery = new Delivery({
      interpreter,
      sender,
      events,
      counters,
      onWaiting,
      deadLetters: this.#deadLetters,
      letterOf: ({ message, reasons }, nowMs) => {
        const item = byMessage.get(message) as Forwarded;
        return { id: item.letterId, storedAtMs: item.storedAtMs ?? nowMs, message: item.message, reasons };
      },
    });
    counters.receive(items.length);
    const outcomes: ForwardOutcome[] = [];
    try {
      while (outcomes.length < messages.length) {
        let entries = numberApart(await interpreter.interpret(messages.slice(outcomes.length), signal));
        while (entries.length > 0) {
          const head = entries.slice(0, delivery.countForCall(entries, limits()));
          await delivery.deliver(head, undefined, signal);
          outcomes.push(...head.map(outcomeOf));
          entries = entries.slice(head.length);
        }
      }
      return outcomes;
    } finally {
      counters.settle('released', items.length - outcomes.length);
    }
  }
}

/**
 * The platform names what it refuses by number: messages of several partitions may share some. The messages themselves stay as they
 * are, for mappings see their sequence numbers.
 */
function numberApart(entries: Entry[]): Entry[] {
  const numbers = new Set(entries.map(({ number }) => number));
  return numbers.size === entries.length ? entries : entries.map((entry, number) => ({ ...entry, number }));
}

/** Counts of outcomes, for the progress of a task. */
export function tally(outcomes: readonly ForwardOutcome[]): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const outcome of outcomes) counts[outcome] = (counts[outcome] ?? 0) + 1;
  return counts;
}
