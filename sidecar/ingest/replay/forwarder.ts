import type { DeadLetterReason, DeadLetterSink } from '../../dead-letters/store.ts';
import type { ConnectorError } from '../../errors/connector-error.ts';
import type { HubCounters } from '../../observe/counters.ts';
import type { Creation, Ignored, ReceivedMessage } from '../../translate/types.ts';
import {
  Delivery,
  type DeliveryOutcome,
  outcomeOf,
  type TakeLimits,
  withoutThing,
} from '../lanes/delivery.ts';
import type { Interpreter, TranslatedMessage } from '../lanes/interpreter.ts';
import type { Sender } from '../lanes/sender.ts';
import type { HubMessageWatch } from '../message-watch.ts';
import type { NotificationDelivery } from '../notifications/delivery.ts';

/** A message that does not come through a lane, with the id of the dead letter that it becomes when it is refused. */
export interface Forwarded {
  readonly message: ReceivedMessage;
  readonly deadLetterId: string;
  /** When the dead letter was first stored, if the message is one. */
  readonly storedAtMs?: number;
}

/** What became of one message, or would become of it. */
export interface ForwardResult {
  readonly outcome: DeliveryOutcome;
  /** Values that ThingWorx accepted, or would get. */
  readonly values: number;
  /** Why it is refused, or would be. */
  readonly reasons: readonly DeadLetterReason[];
  /** What the settings leave out of it, with the reason. */
  readonly ignored: readonly Ignored[];
  /** What would be created for it; always empty after a delivery. */
  readonly creations: readonly Creation[];
}

/** The way of messages to ThingWorx: shared by lanes, replays and storage; each has its own counters. */
export interface DeliveryPipeline {
  readonly interpreter: Interpreter;
  readonly sender: Sender;
  readonly notifications: NotificationDelivery;
  readonly counters: HubCounters;
  readonly watch?: HubMessageWatch | undefined;
  readonly limits: () => TakeLimits;
  /** Called once when the dead-letter store fails, and once with undefined when it accepts dead letters again. */
  readonly onWaiting: (error: ConnectorError | undefined) => void;
}

/**
 * Sends messages that were received before: dead letters, files in storage, retained messages. They use the delivery pipeline of the lanes,
 * but without a batch origin, because the hub Thing would drop them as repeats.
 */
export class Forwarder {
  readonly #pipeline: DeliveryPipeline;
  readonly #deadLetters: DeadLetterSink;

  constructor(pipeline: DeliveryPipeline, deadLetters: DeadLetterSink) {
    this.#pipeline = pipeline;
    this.#deadLetters = deadLetters;
  }

  /**
   * Resolves when all messages are settled, to the result of each, in order. Waits while ThingWorx or the dead-letter store is unavailable. Rejects
   * only with STOPPING; then no message counts as settled, although some may be.
   */
  async forward(items: readonly Forwarded[], signal: AbortSignal): Promise<ForwardResult[]> {
    const { interpreter, sender, notifications, counters, watch, limits, onWaiting } = this.#pipeline;
    const messages = items.map(({ message }) => message);
    const byMessage = new Map(items.map((item) => [item.message, item]));
    const delivery = new Delivery({
      interpreter,
      sender,
      notifications,
      counters,
      watch,
      onWaiting,
      deadLetters: this.#deadLetters,
      deadLetterOf: ({ message, reasons }, nowMs) => {
        const item = byMessage.get(message) as Forwarded;
        return {
          id: item.deadLetterId,
          storedAtMs: item.storedAtMs ?? nowMs,
          message: item.message,
          reasons,
        };
      },
    });
    counters.receive(items.length);
    const results: ForwardResult[] = [];
    try {
      while (results.length < messages.length) {
        let translated = numberApart(await interpreter.interpret(messages.slice(results.length), signal));
        while (translated.length > 0) {
          const head = translated.slice(0, delivery.countForCall(translated, limits()));
          await delivery.deliver(head, undefined, signal);
          results.push(...head.map(resultOf));
          translated = translated.slice(head.length);
        }
      }
      return results;
    } finally {
      counters.settle('released', items.length - results.length);
    }
  }

  /** What `forward` would do now. Nothing is sent, created or stored. Waits while ThingWorx is unavailable; rejects only with STOPPING. */
  async preview(messages: readonly ReceivedMessage[], signal: AbortSignal): Promise<ForwardResult[]> {
    const { interpreter, notifications } = this.#pipeline;
    const results: ForwardResult[] = [];
    while (results.length < messages.length) {
      const translations = await interpreter.preview(messages.slice(results.length), signal);
      const unknown = await notifications.withoutThing(
        translations.flatMap((translation) => translation.notifications),
        signal,
      );
      for (const { updates, ignored, refusals, creations, notifications: all } of translations) {
        const missing = all.filter((notification) => unknown.has(notification));
        results.push(
          resultOf({
            updates,
            reasons: refusals,
            notifications: all.filter((notification) => !unknown.has(notification)),
            ignored: [...ignored, ...missing.map(({ deviceId }) => withoutThing(deviceId))],
            creations,
          }),
        );
      }
    }
    return results;
  }
}

/**
 * ThingWorx names what it refuses by number, and messages of several partitions may have the same sequence number. The messages themselves
 * stay unchanged, because mappings can read their sequence numbers.
 */
function numberApart(messages: TranslatedMessage[]): TranslatedMessage[] {
  const numbers = new Set(messages.map(({ number }) => number));
  return numbers.size === messages.length
    ? messages
    : messages.map((message, number) => ({ ...message, number }));
}

type Settled = Pick<TranslatedMessage, 'updates' | 'notifications' | 'ignored'> & {
  readonly reasons: readonly DeadLetterReason[];
  readonly creations?: readonly Creation[];
};

function resultOf({ updates, notifications, reasons, ignored, creations = [] }: Settled): ForwardResult {
  const isCreated = reasons.length === 0 && creations.length > 0;
  return {
    outcome: isCreated ? 'delivered' : outcomeOf({ updates, notifications, reasons }),
    values: updates.reduce((sum, { properties }) => sum + properties.length, 0),
    reasons,
    ignored,
    creations,
  };
}

/** Counts of outcomes, for the progress of a task. */
export function tally(results: readonly ForwardResult[]): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const { outcome } of results) counts[outcome] = (counts[outcome] ?? 0) + 1;
  return counts;
}
