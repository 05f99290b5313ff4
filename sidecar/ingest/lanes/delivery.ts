import type { DeadLetter, DeadLetterReason, DeadLetterSink } from '../../dead-letters/store.ts';
import { ConnectorError, toConnectorError } from '../../errors/connector-error.ts';
import { Backoff } from '../../lib/backoff.ts';
import { withDeadline } from '../../lib/concurrency.ts';
import type { HubCounters } from '../../observe/counters.ts';
import { inSpan } from '../../observe/spans.ts';
import type { Ignored } from '../../translate/types.ts';
import { type BatchOrigin, unmarked } from '../batch-origin.ts';
import type { HubMessageWatch } from '../message-watch.ts';
import type { NotificationDelivery } from '../notifications/delivery.ts';
import type { Row } from './batch.ts';
import type { Interpreter, TranslatedMessage } from './interpreter.ts';
import type { Sender } from './sender.ts';

interface DeliveryOptions {
  readonly interpreter: Interpreter;
  readonly sender: Sender;
  readonly notifications: NotificationDelivery;
  readonly deadLetters: DeadLetterSink;
  /** The dead letter of a refused message. Its id decides which dead letter it replaces. */
  readonly deadLetterOf: (message: TranslatedMessage, storedAtMs: number) => DeadLetter;
  readonly counters: HubCounters;
  /** Shows settled messages to those who look at them. */
  readonly watch?: HubMessageWatch | undefined;
  /** Called once when the dead-letter store fails again and again, and once with undefined when it accepts dead letters again. */
  readonly onWaiting: (error: ConnectorError | undefined) => void;
}

/** A store that does not answer within this time is asked again, on a new connection if it has one. */
const APPEND_TIMEOUT_MS = 20_000;
/** One failure may be that of a connection that died in an outage which is over. The next attempt uses another one. */
const REPORTED_FAILURES = 2;
/** Each status repeats the reason of the last dead letter. */
const MAX_REASON_CHARACTERS = 300;

export interface TakeLimits {
  readonly maxRowsPerCall: number;
  readonly maxBytesPerCall: number;
}

/**
 * The last part of the delivery pipeline, for lanes, replays and storage: sends translated messages, retries what ThingWorx refused because
 * a definition was out of date, and stores what is still refused as dead letters. Waits while ThingWorx or the dead-letter store is unavailable.
 */
export class Delivery {
  readonly #options: DeliveryOptions;
  readonly #backoff = new Backoff();

  constructor(options: DeliveryOptions) {
    this.#options = options;
  }

  /** Whether a call for the head of the queue could carry no further message. */
  fillsCall(queue: readonly TranslatedMessage[], limits: TakeLimits): boolean {
    if (this.countForCall(queue, limits) < queue.length) return true;
    const rows = queue.reduce((sum, { updates }) => sum + updates.length, 0);
    return rows >= this.#options.sender.rowLimit(limits.maxRowsPerCall);
  }

  /** How many messages from the head of the queue one call should carry; at least one. */
  countForCall(queue: readonly TranslatedMessage[], { maxRowsPerCall, maxBytesPerCall }: TakeLimits): number {
    const rowLimit = this.#options.sender.rowLimit(maxRowsPerCall);
    let rows = 0;
    let announced = 0;
    let bytes = 0;
    let count = 0;
    for (const { updates, notifications, bytes: size } of queue) {
      rows += updates.length;
      // Notifications have calls of their own. They must not keep the calls with rows small.
      announced += notifications.length;
      bytes += size;
      if (count > 0 && (rows > rowLimit || announced > maxRowsPerCall || bytes > maxBytesPerCall)) break;
      count += 1;
      // Values are sent before notifications. Values that follow a life cycle notification wait for the next call.
      if (notifications.some(({ type }) => type === 'lifecycle')) break;
    }
    return count;
  }

  /**
   * Resolves when every message is settled: accepted, ignored or durably stored as a dead letter. Rejects only with STOPPING; then no
   * message counts as settled.
   *
   * @param origin undefined for messages that the hub Thing must not drop as repeats
   */
  deliver(
    messages: readonly TranslatedMessage[],
    origin: BatchOrigin | undefined,
    signal: AbortSignal,
  ): Promise<void> {
    return inSpan(
      () => ({
        kind: 'batch',
        name: 'batch',
        attributes: {
          'messaging.batch.message_count': messages.length,
          'messaging.destination.partition.id': origin?.partition,
        },
      }),
      () => this.#deliver(messages, origin, signal),
    );
  }

  async #deliver(
    messages: readonly TranslatedMessage[],
    origin: BatchOrigin | undefined,
    signal: AbortSignal,
  ): Promise<void> {
    const { interpreter, sender, counters, watch } = this.#options;
    const rows = toRows(messages);
    if (rows.length > 0) {
      const refused = await sender.send(rows, origin, signal);
      if (refused.length > 0) {
        const again = await interpreter.retryRefused(messages, refused, signal);
        // The first call has raised the high-water mark past these messages.
        const retried = again.length > 0 ? await sender.send(again, unmarked(origin), signal) : [];
        interpreter.refuse(messages, retried);
      }
    }
    await this.#deliverNotifications(messages, origin, signal);
    // The lane may have given up this delivery meanwhile; then it has released the messages, and a refusal proves nothing.
    requireGoingOn(signal);
    await this.#deadLetterRefused(messages, signal);
    for (const message of messages) counters.settle(outcomeOf(message), 1);
    if (watch?.isActive()) {
      for (const message of messages) watch.report(outcomeOf(message), message);
    }
  }

  async #deliverNotifications(
    messages: readonly TranslatedMessage[],
    origin: BatchOrigin | undefined,
    signal: AbortSignal,
  ): Promise<void> {
    const announcing = messages.filter(({ notifications }) => notifications.length > 0);
    if (announcing.length === 0) return;
    const items = announcing.flatMap(({ number, notifications }) =>
      notifications.map((notification) => ({ sequenceNumber: number, notification })),
    );
    const { notifications, counters, interpreter } = this.#options;
    const { refused, ignored } = await notifications.deliver(items, origin, signal);
    if (ignored.length > 0) counters.ignore('THING_UNKNOWN', ignored.length);
    const without = new Set(ignored.map(({ notification }) => notification));
    const reasonOf = new Map(refused.map(({ sequenceNumber, message }) => [sequenceNumber, message]));
    for (const message of announcing) {
      const reason = reasonOf.get(message.number);
      if (reason !== undefined) interpreter.addReason(message, { code: 'EVENT_REFUSED', reason });
      const unknown = message.notifications.filter((notification) => without.has(notification));
      if (unknown.length === 0) continue;
      message.notifications = message.notifications.filter((notification) => !without.has(notification));
      message.ignored = [...message.ignored, ...unknown.map(({ deviceId }) => withoutThing(deviceId))];
    }
  }

  /** Stores refused messages durably, before a checkpoint can move past them. Waits while the store fails. */
  async #deadLetterRefused(messages: readonly TranslatedMessage[], signal: AbortSignal): Promise<void> {
    const refused = messages.filter(({ reasons }) => reasons.length > 0);
    if (refused.length === 0) return;
    const { deadLetters, deadLetterOf, counters, onWaiting } = this.#options;
    const storedAtMs = Date.now();
    const letters = refused.map((message) => deadLetterOf(message, storedAtMs));
    for (let failures = 0; ; ) {
      try {
        await withDeadline(
          deadLetters.append(letters),
          APPEND_TIMEOUT_MS,
          () =>
            new ConnectorError('DEAD_LETTERS_UNAVAILABLE', 'The dead-letter store did not answer in time.'),
        );
        if (failures >= REPORTED_FAILURES) onWaiting(undefined);
        break;
      } catch (thrown) {
        failures += 1;
        if (failures === REPORTED_FAILURES) onWaiting(toConnectorError(thrown));
        await this.#backoff.pause(signal);
      }
    }
    this.#backoff.reset();
    requireGoingOn(signal);
    for (const { reasons } of refused) {
      for (const code of new Set(reasons.map((reason) => reason.code))) {
        const { reason = '', thing, property } = reasons.find((one) => one.code === code) ?? {};
        counters.deadLetter(code, {
          message: reason.slice(0, MAX_REASON_CHARACTERS),
          ...(thing === undefined ? {} : { thing }),
          ...(property === undefined ? {} : { property }),
          time: new Date(storedAtMs).toISOString(),
        });
      }
    }
  }
}

function requireGoingOn(signal: AbortSignal): void {
  if (signal.aborted) throw new ConnectorError('STOPPING', 'The delivery was given up.');
}

/** Why a notification of a device without a Thing is not delivered. */
export function withoutThing(deviceId: string): Ignored {
  return { code: 'THING_UNKNOWN', reason: `The device ${deviceId} has no Thing.`, thing: deviceId };
}

/** What became of a settled message. */
export type DeliveryOutcome = 'delivered' | 'ignored' | 'deadLettered';

export function outcomeOf({
  reasons,
  updates,
  notifications,
}: Pick<TranslatedMessage, 'updates' | 'notifications'> & {
  readonly reasons: readonly DeadLetterReason[];
}): DeliveryOutcome {
  if (reasons.length > 0) return 'deadLettered';
  return updates.length > 0 || notifications.length > 0 ? 'delivered' : 'ignored';
}

function toRows(messages: readonly TranslatedMessage[]): Row[] {
  const rows: Row[] = [];
  for (const { number, updates } of messages) {
    for (const update of updates) rows.push({ sequenceNumber: number, update });
  }
  return rows;
}
