import { setTimeout as sleep } from 'node:timers/promises';
import { ConnectorError, toConnectorError } from '../../errors/connector-error.ts';
import type { ThingworxClient } from '../../thingworx/client.ts';
import { isOutage } from '../../thingworx/client.ts';
import type { DeviceThings } from '../../thingworx/device-things.ts';
import type { HubNotification, LifecycleNotification } from '../../translate/sources/notifications.ts';
import { type BatchOrigin, originAfter, sendAs, unmarked } from '../batch-origin.ts';
import { Evidence, type ProbeCounts } from '../evidence.ts';
import { LONGEST_DEADLINE_MS, type OutageWatch } from '../outage-watch.ts';
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
  readonly refused?: readonly NotificationRefusal[];
}

const NOTIFICATIONS_PER_CALL = 100;
const BYTES_PER_CALL = 1_000_000;
/** A call with more notifications may take long: each can create or write a Thing. */
const SMALL_CALL = 10;
/** Between two attempts with a notification that may be refused for good. */
const TRIAL_PAUSE_MS = 50;

/**
 * Sends notifications to ThingWorx in order, by ReceiveEvents of the hub Thing. Waits while ThingWorx is unavailable. A call that fails as a
 * whole is halved until the notification that fails is alone.
 */
export class NotificationDelivery {
  readonly #options: NotificationDeliveryOptions;

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
      const stale = first.refused.filter(({ message }) => message.includes('THINGWORX_NOT_FOUND'));
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
      refused.push(...(await this.#sendPart(part, originAfter(place, refused), signal)));
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

  async #sendPart(
    part: readonly NotificationInstruction[],
    origin: BatchOrigin | undefined,
    signal: AbortSignal,
  ): Promise<NotificationRefusal[]> {
    for (const evidence = new Evidence(); ; ) {
      try {
        return await this.#untilAnswered(signal, () => this.#call(part, origin, signal));
      } catch (thrown) {
        const error = toConnectorError(thrown);
        if (endsLane(error)) throw error;
        const [first] = part;
        if (!first || part.length > 1) return await this.#sendHalves(part, origin, signal);
        evidence.add(await this.#probe(signal));
        if (evidence.isConclusive) return [{ sequenceNumber: first.sequenceNumber, message: error.message }];
        await sleep(TRIAL_PAUSE_MS, undefined, { signal }).catch(() => undefined);
      }
    }
  }

  /** In order: the second half is sent when the first half is settled. */
  async #sendHalves(
    part: readonly NotificationInstruction[],
    origin: BatchOrigin | undefined,
    signal: AbortSignal,
  ): Promise<NotificationRefusal[]> {
    const middle = Math.ceil(part.length / 2);
    const [head, tail] = [part.slice(0, middle), part.slice(middle)];
    const through = head.at(-1)?.sequenceNumber;
    const place = origin && through !== undefined ? { ...origin, through } : undefined;
    const refused = await this.#sendPart(head, place, signal);
    return [...refused, ...(await this.#sendPart(tail, originAfter(origin, refused), signal))];
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
  ): Promise<NotificationRefusal[]> {
    const { client, hubThing, outages } = this.#options;
    const timeoutMs = events.length <= SMALL_CALL ? outages.deadlineMs : LONGEST_DEADLINE_MS;
    const answer = await sendAs(origin, signal, async (place) => {
      const batch = { ...place, events };
      const given = await client.invoke(hubThing, 'ReceiveEvents', { batch }, { signal, timeoutMs });
      const { accepted } = (given ?? {}) as Answer;
      if (typeof accepted === 'number') return given as Answer;
      throw new ConnectorError(
        'THINGWORX_UNAVAILABLE',
        `ReceiveEvents on ${hubThing} gave no account of what it accepted; is the extension of the sidecar's version imported?`,
      );
    });
    if (answer.repeated) this.#options.onRepeated(answer.repeated);
    return [...(answer.refused ?? [])];
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
