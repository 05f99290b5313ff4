import { ConnectorError, toConnectorError } from '../../errors/connector-error.ts';
import { Backoff } from '../../lib/backoff.ts';
import type { Log } from '../../observe/log.ts';
import type { ThingworxClient } from '../../thingworx/client.ts';
import { isOutage } from '../../thingworx/client.ts';
import type { DeviceThings } from '../../thingworx/device-things.ts';
import type { HubNotification, LifecycleNotification } from '../../translate/sources/notifications.ts';
import { type BatchOrigin, originAfter, sendAs, unmarked } from '../batch-origin.ts';
import { Evidence, KnownRefusals, type ProbeCounts } from '../evidence.ts';
import { type Check, LONGEST_DEADLINE_MS, type OutageWatch } from '../outage-watch.ts';
import { endsLane } from '../partition-writer.ts';
import { instructionOf, isForHub, type NotificationInstruction } from './instruction.ts';
import type { TwinChange, TwinMirror } from './twin-mirror.ts';

/** What happens to the Thing when its device is deleted. */
export type RemovalPolicy = 'keep' | 'disable' | 'delete';

interface NotificationDeliveryOptions {
  readonly client: ThingworxClient;
  readonly hubThing: string;
  readonly deviceThings: DeviceThings;
  readonly mirror: TwinMirror;
  readonly removal: () => RemovalPolicy;
  /** Whether the hub has no such device any more. A notification may be old, and the device may have been created again. */
  readonly isGone: (deviceId: string, signal: AbortSignal) => Promise<boolean>;
  /** The twin or the connection of a device has changed. */
  readonly onHeard: (deviceId: string) => void;
  /** Notifications that the hub Thing had applied before. */
  readonly onRepeated: (notifications: number) => void;
  /** A Thing was removed or disabled. */
  readonly onRemoved: (thing: string) => void;
  /** Of the hub: all of its pipelines share it. */
  readonly outages: OutageWatch;
  /** Called once when ThingWorx does not accept notifications, and once with undefined when it does again. */
  readonly onWaiting: (error: ConnectorError | undefined) => void;
  readonly log: Log;
}

/** A notification with the number of its message. */
export interface NotificationItem {
  readonly sequenceNumber: number;
  readonly notification: HubNotification;
}

interface NotificationRefusal {
  readonly sequenceNumber: number;
  readonly message: string;
}

interface NotificationOutcome {
  readonly refused: readonly NotificationRefusal[];
  /** Notifications of devices that have no Thing. */
  readonly ignored: readonly NotificationItem[];
}

interface Answer {
  readonly taken?: boolean;
  readonly accepted?: number;
  readonly repeated?: number;
  readonly refused?: readonly {
    readonly index: number;
    readonly message: string;
    /** Its event was fired before it failed. */
    readonly fired?: boolean;
  }[];
}

/** What ThingWorx refused, once. */
interface Refusal {
  readonly instruction: NotificationInstruction;
  readonly message: string;
}

type Confirm = (refused: readonly Refusal[], origin: BatchOrigin | undefined) => Promise<Refusal[]>;

const NOTIFICATIONS_PER_CALL = 100;
const BYTES_PER_CALL = 1_000_000;
/** A call with more notifications may take long: each can create or write a Thing. */
const SMALL_CALL = 10;
/** The delays between attempts with a notification that may be refused for good. */
const TRIAL_RETRY = { initialDelayMs: 50, maxDelayMs: 2_000 };

/**
 * Sends notifications to ThingWorx in order, by ReceiveEvents of the hub Thing. Waits while ThingWorx is unavailable. A call that fails as a
 * whole is halved until the notification that fails is alone. A notification counts as refused only when it fails again and again while
 * ThingWorx takes rows.
 */
export class NotificationDelivery {
  readonly #options: NotificationDeliveryOptions;
  readonly #knownRefusals = new KnownRefusals();

  constructor(options: NotificationDeliveryOptions) {
    this.#options = options;
  }

  /**
   * Resolves when ThingWorx has answered for every notification. Rejects only with STOPPING.
   *
   * @param origin undefined for notifications that the hub Thing must not drop as repeats
   */
  async deliver(
    items: readonly NotificationItem[],
    origin: BatchOrigin | undefined,
    signal: AbortSignal,
  ): Promise<NotificationOutcome> {
    for (const { notification } of items)
      if (notification.type === 'twinChanged' || notification.type === 'connectionStateChanged')
        this.#options.onHeard(notification.deviceId);
    try {
      const first = await this.#deliverOnce(items, origin, signal);
      // The Thing of the device was deleted or has another name since it was found.
      const stale = first.refused.filter(isNotFound);
      if (stale.length === 0) return first;
      const numbers = new Set(stale.map(({ sequenceNumber }) => sequenceNumber));
      const again = items.filter(({ sequenceNumber }) => numbers.has(sequenceNumber));
      for (const { notification } of again) this.#options.deviceThings.forget(notification.deviceId);
      const second = await this.#deliverOnce(again, unmarked(origin), signal);
      return {
        ignored: [...first.ignored, ...second.ignored],
        refused: [
          ...first.refused.filter(({ sequenceNumber }) => !numbers.has(sequenceNumber)),
          ...second.refused,
        ],
      };
    } catch (thrown) {
      const error = toConnectorError(thrown);
      if (endsLane(error)) throw error;
      this.#options.log.error({ err: error }, 'Notifications could not be delivered.');
      const { message } = error;
      return { ignored: [], refused: items.map(({ sequenceNumber }) => ({ sequenceNumber, message })) };
    }
  }

  async #deliverOnce(
    items: readonly NotificationItem[],
    origin: BatchOrigin | undefined,
    signal: AbortSignal,
  ): Promise<NotificationOutcome> {
    const things = await this.find(
      items.map(({ notification }) => notification),
      signal,
    );
    const ignored = new Set(items.filter(({ notification }) => isUndeliverable(notification, things)));
    const wanted = items.filter((item) => !ignored.has(item));
    const instructions = await this.#untilAnswered(
      signal,
      () => this.#instructions(wanted, things, signal),
      saysNothing,
    );
    return { ignored: [...ignored], refused: await this.send(instructions, origin, signal) };
  }

  /** The Things of devices, by device id. Waits while ThingWorx is unavailable. */
  find(devices: readonly { readonly deviceId: string }[], signal: AbortSignal): Promise<Map<string, string>> {
    const deviceIds = new Set(devices.map(({ deviceId }) => deviceId).filter((id) => id !== ''));
    return this.#untilAnswered(signal, () => this.#options.deviceThings.find(deviceIds, signal), saysNothing);
  }

  /** The notifications that would be ignored because their devices have no Thing. Waits while ThingWorx is unavailable. */
  async withoutThing(
    notifications: readonly HubNotification[],
    signal: AbortSignal,
  ): Promise<Set<HubNotification>> {
    const things = await this.find(notifications, signal);
    return new Set(notifications.filter((notification) => isUndeliverable(notification, things)));
  }

  /** Sends instructions in parts. Resolves to the refused ones. Rejects only with STOPPING. */
  async send(
    instructions: readonly NotificationInstruction[],
    origin: BatchOrigin | undefined,
    signal: AbortSignal,
  ): Promise<NotificationRefusal[]> {
    const refused: NotificationRefusal[] = [];
    const parts = partsOf(instructions);
    for (const [index, part] of parts.entries()) {
      const through = index === parts.length - 1 ? origin?.through : part.at(-1)?.sequenceNumber;
      const place = origin && through !== undefined ? { ...origin, through } : undefined;
      const found = await this.#sendPart(part, originAfter(place, refused), signal, (some, placed) =>
        this.#confirm(some, placed, signal),
      );
      refused.push(...found.map(toNotificationRefusal));
    }
    for (const { remove, data } of instructions) {
      if (!remove) continue;
      this.#options.deviceThings.forget(String(data.deviceId));
      this.#options.onRemoved(remove.thing);
    }
    return refused;
  }

  async #instructions(
    items: readonly NotificationItem[],
    things: ReadonlyMap<string, string>,
    signal: AbortSignal,
  ): Promise<NotificationInstruction[]> {
    const thingOf = ({ deviceId }: HubNotification): string => things.get(deviceId) ?? '';
    const changes = items.flatMap(({ notification }): TwinChange[] =>
      isTwinChange(notification) && thingOf(notification) !== ''
        ? [{ thing: thingOf(notification), notification }]
        : [],
    );
    const sections = changes.length === 0 ? [] : await this.#options.mirror.sections(changes, signal);
    const sectionsOf = new Map(
      changes.map(({ notification }, index) => [notification as HubNotification, sections[index] ?? {}]),
    );
    const instructions: NotificationInstruction[] = [];
    for (const { notification, sequenceNumber } of items) {
      const thing = thingOf(notification);
      const written = sectionsOf.get(notification) ?? {};
      const isLifecycle = notification.type === 'lifecycle';
      const removal = isLifecycle ? await this.#removal(notification, thing, signal) : undefined;
      instructions.push({
        ...instructionOf(notification, sequenceNumber, thing),
        ...(Object.keys(written).length > 0 ? { twin: { thing, sections: written, anew: isLifecycle } } : {}),
        ...(this.#returns(notification) ? { enable: thing || notification.deviceId } : {}),
        ...(removal ? { remove: removal } : {}),
      });
    }
    return instructions;
  }

  /** Whether the Thing, which may not be found because it is disabled, is to be enabled. */
  #returns(notification: HubNotification): boolean {
    const isNew =
      notification.type === 'lifecycle' &&
      notification.operation === 'created' &&
      notification.moduleId === undefined;
    return isNew && this.#options.removal() === 'disable';
  }

  async #removal(
    { operation, moduleId, deviceId }: LifecycleNotification,
    thing: string,
    signal: AbortSignal,
  ): Promise<NotificationInstruction['remove']> {
    const how = this.#options.removal();
    if (how === 'keep' || operation !== 'deleted' || moduleId !== undefined || thing === '') return undefined;
    return (await this.#options.isGone(deviceId, signal)) ? { thing, how } : undefined;
  }

  /** @param confirm called with what a call that was answered has refused; resolves to what is refused for good */
  async #sendPart(
    part: readonly NotificationInstruction[],
    origin: BatchOrigin | undefined,
    signal: AbortSignal,
    confirm: Confirm,
  ): Promise<Refusal[]> {
    for (const evidence = new Evidence(), backoff = new Backoff(TRIAL_RETRY); ; await backoff.pause(signal)) {
      let refused: Refusal[];
      try {
        refused = await this.#untilAnswered(signal, () => this.#call(part, origin, signal));
      } catch (thrown) {
        const error = toConnectorError(thrown);
        if (endsLane(error)) throw error;
        const [first] = part;
        if (!first || part.length > 1) return await this.#sendHalves(part, origin, signal, confirm);
        const check = await this.#waitOut(error, signal);
        if (check.wasOutage) continue;
        const { passed, failed } = await this.#probe(signal);
        evidence.add({ passed: check.passed + passed, failed: check.failed + failed });
        if (evidence.isConclusive) return [{ instruction: first, message: error.message }];
        continue;
      }
      return await confirm(refused, origin);
    }
  }

  /** In order: the second half is sent when the first half is settled. */
  async #sendHalves(
    part: readonly NotificationInstruction[],
    origin: BatchOrigin | undefined,
    signal: AbortSignal,
    confirm: Confirm,
  ): Promise<Refusal[]> {
    const middle = Math.ceil(part.length / 2);
    const [head, tail] = [part.slice(0, middle), part.slice(middle)];
    const through = head.at(-1)?.sequenceNumber;
    const place = origin && through !== undefined ? { ...origin, through } : undefined;
    const refused = await this.#sendPart(head, place, signal, confirm);
    const after = originAfter(origin, refused.map(toNotificationRefusal));
    return [...refused, ...(await this.#sendPart(tail, after, signal, confirm))];
  }

  /**
   * Sends refused notifications again while that may help: a database that takes nothing refuses them as one does that cannot store this one. A
   * Thing that is not found is looked up by the caller.
   */
  async #confirm(
    refused: readonly Refusal[],
    origin: BatchOrigin | undefined,
    signal: AbortSignal,
  ): Promise<Refusal[]> {
    const certain = refused.filter(isNotFound);
    let doubtful = refused.filter((one) => !isNotFound(one));
    for (const evidence = new Evidence(), backoff = new Backoff(TRIAL_RETRY); doubtful.length > 0; ) {
      const error = new ConnectorError(
        'THINGWORX_UNAVAILABLE',
        `ThingWorx takes no notifications at present: ${doubtful[0]?.message ?? ''}`,
      );
      const check = await this.#waitOut(error, signal);
      if (!check.wasOutage) evidence.add(check);
      const keys = doubtful.map(({ instruction }) => JSON.stringify([instruction.thing, instruction.event]));
      if (!check.wasOutage && (evidence.isConclusive || this.#knownRefusals.has(keys))) {
        this.#knownRefusals.add(keys);
        return [...certain, ...doubtful];
      }
      await backoff.pause(signal);
      const again = await this.#sendPart(
        doubtful.map(({ instruction }) => instruction),
        unmarked(origin),
        signal,
        async (found) => [...found],
      );
      certain.push(...again.filter(isNotFound));
      doubtful = again.filter((one) => !isNotFound(one));
    }
    return certain;
  }

  /** Waits until ThingWorx takes rows. Resolves to what the probes found. */
  async #waitOut(error: ConnectorError, signal: AbortSignal): Promise<Check> {
    const { outages, onWaiting } = this.#options;
    let isWaiting = false;
    const check = await outages.waitOut(error, signal, (reason) => {
      if (!isWaiting) onWaiting(reason);
      isWaiting = true;
    });
    if (isWaiting) onWaiting(undefined);
    return check;
  }

  /** Sends calls that carry nothing until one is answered: to send a notification again would fire its event again. */
  async #probe(signal: AbortSignal): Promise<ProbeCounts> {
    let calls = 0;
    await this.#untilAnswered(
      signal,
      () => {
        calls += 1;
        return this.#call([], undefined, signal);
      },
      saysNothing,
    );
    return { passed: 1, failed: calls - 1 };
  }

  async #call(
    events: readonly NotificationInstruction[],
    origin: BatchOrigin | undefined,
    signal: AbortSignal,
  ): Promise<Refusal[]> {
    const { client, hubThing, outages } = this.#options;
    const timeoutMs = events.length <= SMALL_CALL ? outages.deadlineMs : LONGEST_DEADLINE_MS;
    const answer = await sendAs(origin, signal, async (place) => {
      const batch = { ...place, events };
      const given = await client.invoke(hubThing, 'ReceiveEvents', { batch }, { signal, timeoutMs });
      if (isAccount(given, events.length)) return given;
      throw new ConnectorError(
        'THINGWORX_UNAVAILABLE',
        `ReceiveEvents on ${hubThing} gave no account of what it accepted; is the extension of the sidecar's version imported?`,
      );
    });
    if (answer.repeated) this.#options.onRepeated(answer.repeated);
    return (answer.refused ?? []).map(({ index, message, fired }) => {
      const instruction = events[index] as NotificationInstruction;
      // An event is not fired again for what failed after it.
      return { instruction: fired === true ? { ...instruction, event: '' } : instruction, message };
    });
  }

  async #untilAnswered<T>(
    signal: AbortSignal,
    call: () => Promise<T>,
    mayPass: (error: ConnectorError) => boolean = isOutage,
  ): Promise<T> {
    const { outages, onWaiting } = this.#options;
    return await outages.untilAnswered(call, { signal, onWaiting, mayPass });
  }
}

/** Whether the answer says what became of so many notifications: a refusal that names none of them would be lost. */
function isAccount(given: unknown, count: number): given is Answer {
  const { accepted, refused } = (given ?? {}) as { accepted?: unknown; refused?: unknown };
  if (typeof accepted !== 'number') return false;
  if (refused === undefined || refused === null) return true;
  return (
    Array.isArray(refused) &&
    refused.every(
      (one: { index?: unknown; message?: unknown } | null) =>
        Number.isInteger(one?.index) &&
        Number(one?.index) >= 0 &&
        Number(one?.index) < count &&
        typeof one?.message === 'string',
    )
  );
}

function isNotFound({ message }: { readonly message: string }): boolean {
  return message.includes('THINGWORX_NOT_FOUND');
}

function toNotificationRefusal({ instruction, message }: Refusal): NotificationRefusal {
  return { sequenceNumber: instruction.sequenceNumber, message };
}

/** A failed question about Things says nothing about the notifications: it is repeated, whatever the error is. */
function saysNothing({ code }: ConnectorError): boolean {
  return code !== 'STOPPING' && code !== 'INTERNAL';
}

function isUndeliverable(notification: HubNotification, things: ReadonlyMap<string, string>): boolean {
  if (isForHub(notification) || notification.type === 'other') return false;
  return !things.has(notification.deviceId);
}

/** Whether the notification may change the twin that the Thing shows. */
function isTwinChange(notification: HubNotification): notification is TwinChange['notification'] {
  const { type } = notification;
  return type === 'twinChanged' || (type === 'lifecycle' && notification.operation === 'created');
}

/** In order, each of a size that one call can carry. */
function partsOf(instructions: readonly NotificationInstruction[]): NotificationInstruction[][] {
  const parts: NotificationInstruction[][] = [];
  let bytes = 0;
  for (const instruction of instructions) {
    const size = JSON.stringify(instruction).length;
    const last = parts.at(-1);
    if (last && last.length < NOTIFICATIONS_PER_CALL && bytes + size <= BYTES_PER_CALL) {
      last.push(instruction);
      bytes += size;
    } else {
      parts.push([instruction]);
      bytes = size;
    }
  }
  return parts;
}
