import { ConnectorError, toConnectorError } from '../../errors/connector-error.ts';
import { Backoff } from '../../lib/backoff.ts';
import type { ThingworxClient } from '../../thingworx/client.ts';
import { isOutage } from '../../thingworx/client.ts';
import type { DeviceThings } from '../../thingworx/device-things.ts';
import type { HubEvent, LifecycleEvent } from '../../translate/sources/events.ts';
import { type BatchOrigin, originAfter } from '../lanes/batch.ts';
import { type EventInstruction, instructionOf, isForHub } from './instruction.ts';
import type { TwinChange, TwinMirror } from './twin-mirror.ts';

/** What becomes of Things when their devices are deleted. */
export type RemovalPolicy = 'keep' | 'disable' | 'delete';

export interface EventDeliveryOptions {
  readonly client: ThingworxClient;
  readonly hubThing: string;
  readonly deviceThings: DeviceThings;
  readonly mirror: TwinMirror;
  readonly removal: () => RemovalPolicy;
  /** Whether the hub has no such device any more. An event may be old, and the device may have been created again. */
  readonly isGone: (deviceId: string, signal: AbortSignal) => Promise<boolean>;
  /** The twin or the connection of a device has changed. */
  readonly onHeard: (deviceId: string) => void;
  /** Events that the hub Thing had applied before. */
  readonly onRepeated: (events: number) => void;
  /** A Thing was removed or disabled. */
  readonly onRemoved: (thing: string) => void;
  /** Once when ThingWorx does not take events, once when it does again (undefined). */
  readonly onWaiting: (error: ConnectorError | undefined) => void;
}

/** An event with the message it came in. */
export interface EventItem {
  readonly sequenceNumber: number;
  readonly event: HubEvent;
}

export interface EventRefusal {
  readonly sequenceNumber: number;
  readonly message: string;
}

export interface EventOutcome {
  readonly refused: readonly EventRefusal[];
  /** Events of devices that have no Thing. */
  readonly ignored: readonly EventItem[];
}

interface Answer {
  readonly accepted?: number;
  readonly repeated?: number;
  readonly refused?: readonly EventRefusal[];
}

const EVENTS_PER_CALL = 100;
const BYTES_PER_CALL = 1_000_000;

/**
 * Brings what the hub itself says to ThingWorx, in order, by ReceiveEvents. Waits as long as ThingWorx is away; what fails as a whole is
 * halved until the event that fails is alone.
 */
export class EventDelivery {
  readonly #options: EventDeliveryOptions;

  constructor(options: EventDeliveryOptions) {
    this.#options = options;
  }

  /**
   * Resolves when ThingWorx has answered for every event. Rejects only with STOPPING.
   *
   * @param origin absent for what the platform must not take for a repeat
   */
  async deliver(
    items: readonly EventItem[],
    origin: BatchOrigin | undefined,
    signal: AbortSignal,
  ): Promise<EventOutcome> {
    for (const { event } of items)
      if (event.type === 'twinChanged' || event.type === 'connectionStateChanged')
        this.#options.onHeard(event.deviceId);
    try {
      const things = await this.find(items, signal);
      const ignored = new Set(items.filter(({ event }) => !isForHub(event) && !things.has(event.deviceId)));
      const wanted = items.filter((item) => !ignored.has(item));
      const instructions = await this.#untilAnswered(
        signal,
        () => this.#instructions(wanted, things, signal),
        saysNothing,
      );
      return { ignored: [...ignored], refused: await this.send(instructions, origin, signal) };
    } catch (thrown) {
      const { code, message } = toConnectorError(thrown);
      if (code === 'STOPPING') throw thrown;
      return { ignored: [], refused: items.map(({ sequenceNumber }) => ({ sequenceNumber, message })) };
    }
  }

  /** The Things of the devices that events are about, by device id. Waits as long as ThingWorx is away. */
  find(
    items: readonly { readonly event: { readonly deviceId: string } }[],
    signal: AbortSignal,
  ): Promise<Map<string, string>> {
    const deviceIds = new Set(items.map(({ event }) => event.deviceId).filter((id) => id !== ''));
    return this.#untilAnswered(signal, () => this.#options.deviceThings.find(deviceIds, signal), saysNothing);
  }

  /** Sends instructions in parts. Resolves to those that ThingWorx refused. Rejects only with STOPPING. */
  async send(
    instructions: readonly EventInstruction[],
    origin: BatchOrigin | undefined,
    signal: AbortSignal,
  ): Promise<EventRefusal[]> {
    const refused: EventRefusal[] = [];
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
    items: readonly EventItem[],
    things: ReadonlyMap<string, string>,
    signal: AbortSignal,
  ): Promise<EventInstruction[]> {
    const thingOf = (event: HubEvent): string => things.get(event.deviceId) ?? '';
    const changes = items.flatMap(({ event }): TwinChange[] =>
      isTwinChange(event) && thingOf(event) !== '' ? [{ thing: thingOf(event), event }] : [],
    );
    const sections = changes.length === 0 ? [] : await this.#options.mirror.sections(changes, signal);
    const sectionsOf = new Map(changes.map(({ event }, index) => [event as HubEvent, sections[index] ?? {}]));
    const instructions: EventInstruction[] = [];
    for (const { event, sequenceNumber } of items) {
      const thing = thingOf(event);
      const written = sectionsOf.get(event) ?? {};
      const removal = event.type === 'lifecycle' ? await this.#removal(event, thing, signal) : undefined;
      instructions.push({
        ...instructionOf(event, sequenceNumber, thing),
        ...(Object.keys(written).length > 0
          ? { twin: { thing, sections: written, anew: event.type === 'lifecycle' } }
          : {}),
        ...(this.#returns(event) ? { enable: thing || event.deviceId } : {}),
        ...(removal ? { remove: removal } : {}),
      });
    }
    return instructions;
  }

  /** Whether the Thing, which may not be found because it is disabled, is to be enabled. */
  #returns(event: HubEvent): boolean {
    const isNew = event.type === 'lifecycle' && event.operation === 'created' && event.moduleId === undefined;
    return isNew && this.#options.removal() === 'disable';
  }

  async #removal(
    event: LifecycleEvent,
    thing: string,
    signal: AbortSignal,
  ): Promise<EventInstruction['remove']> {
    const how = this.#options.removal();
    if (how === 'keep' || event.operation !== 'deleted' || event.moduleId !== undefined || thing === '')
      return undefined;
    return (await this.#options.isGone(event.deviceId, signal)) ? { thing, how } : undefined;
  }

  async #sendPart(
    part: readonly EventInstruction[],
    origin: BatchOrigin | undefined,
    signal: AbortSignal,
  ): Promise<EventRefusal[]> {
    try {
      return await this.#untilAnswered(signal, () => this.#call(part, origin, signal));
    } catch (thrown) {
      const error = toConnectorError(thrown);
      if (error.code === 'STOPPING') throw error;
      const [first] = part;
      if (first && part.length === 1) {
        // Where nothing succeeds the event is not at fault.
        const wasWaiting = await this.#untilPlatformWorks(signal);
        if (wasWaiting) return await this.#sendPart(part, origin, signal);
        return [{ sequenceNumber: first.sequenceNumber, message: error.message }];
      }
      const middle = Math.ceil(part.length / 2);
      const [head, tail] = [part.slice(0, middle), part.slice(middle)];
      const through = head.at(-1)?.sequenceNumber;
      const place = origin && through !== undefined ? { ...origin, through } : undefined;
      const refused = await this.#sendPart(head, place, signal);
      return [...refused, ...(await this.#sendPart(tail, originAfter(origin, refused), signal))];
    }
  }

  /** Waits until ThingWorx answers a call that carries nothing. Resolves to whether it had to wait. */
  async #untilPlatformWorks(signal: AbortSignal): Promise<boolean> {
    let calls = 0;
    await this.#untilAnswered(
      signal,
      () => {
        calls += 1;
        return this.#call([], undefined, signal);
      },
      saysNothing,
    );
    return calls > 1;
  }

  async #call(
    events: readonly EventInstruction[],
    origin: BatchOrigin | undefined,
    signal: AbortSignal,
  ): Promise<EventRefusal[]> {
    const { client, hubThing } = this.#options;
    const answer = (await client.invoke(
      hubThing,
      'ReceiveEvents',
      { batch: { ...origin, events } },
      { signal },
    )) as Answer | undefined;
    if (typeof answer?.accepted !== 'number') {
      throw new ConnectorError(
        'THINGWORX_UNAVAILABLE',
        `ReceiveEvents on ${hubThing} gave no account of what it accepted; is the extension of the sidecar's version imported?`,
      );
    }
    if (answer.repeated) this.#options.onRepeated(answer.repeated);
    return [...(answer.refused ?? [])];
  }

  /** Repeats what may pass, at first outages; rejects with what does not. */
  async #untilAnswered<T>(
    signal: AbortSignal,
    call: () => Promise<T>,
    mayPass: (error: ConnectorError) => boolean = isOutage,
  ): Promise<T> {
    const backoff = new Backoff();
    for (let waiting = false; ; ) {
      try {
        const answer = await call();
        if (waiting) this.#options.onWaiting(undefined);
        return answer;
      } catch (thrown) {
        const error = toConnectorError(thrown);
        if (!mayPass(error)) {
          if (waiting) this.#options.onWaiting(undefined);
          throw error;
        }
        if (!waiting) this.#options.onWaiting(error);
        waiting = true;
        await backoff.pause(signal, error.retryAfterMs);
      }
    }
  }
}

/** A question about Things that fails says nothing about the events behind it: it is repeated, whatever the failure is. */
function saysNothing({ code }: ConnectorError): boolean {
  return code !== 'STOPPING' && code !== 'INTERNAL';
}

/** Whether the event may change the twin that the Thing shows. */
function isTwinChange(event: HubEvent): event is TwinChange['event'] {
  return event.type === 'twinChanged' || (event.type === 'lifecycle' && event.operation === 'created');
}

/** In order, each of a size that one call can carry. */
function partsOf(instructions: readonly EventInstruction[]): EventInstruction[][] {
  const parts: EventInstruction[][] = [];
  let bytes = 0;
  for (const instruction of instructions) {
    const size = JSON.stringify(instruction).length;
    const last = parts.at(-1);
    if (last && last.length < EVENTS_PER_CALL && bytes + size <= BYTES_PER_CALL) {
      last.push(instruction);
      bytes += size;
    } else {
      parts.push([instruction]);
      bytes = size;
    }
  }
  return parts;
}
