import { ConnectorError } from '../errors/connector-error.ts';
import { KeyedMutex } from '../lib/keyed-mutex.ts';
import type { CallOptions, ThingworxClient } from './client.ts';
import { requireMember } from './require-member.ts';

interface DeviceThingsOptions {
  readonly client: ThingworxClient;
  /** The Thing whose FindDeviceThings is asked. */
  readonly hubThing: string;
  /** How long one question of `find` may take; by default as long as a script may run. */
  readonly timeoutMs?: () => number | undefined;
  /** How long a found Thing is taken for that of its device. */
  readonly maxAgeMs?: number;
  /** The oldest entries go first when there are more. */
  readonly maxEntries?: number;
  /** Called when a Thing was made or deleted here: what is known of it is out of date. */
  readonly onThingChanged?: (thing: string) => void;
}

interface Entry {
  readonly thing: string;
  readonly expiresAtMs: number;
}

interface NewThing {
  readonly template: string;
  readonly modelTemplate?: string;
  readonly name?: string;
}

interface Failed {
  readonly thing: string;
  readonly message: string;
}

const DEVICES_PER_CALL = 100;

/**
 * Which Thing belongs to which device: the one of the same name, or the one whose deviceId says so. That a device has no Thing is not
 * remembered: it may get one at any time, and what is ignored before is lost.
 */
export class DeviceThings {
  readonly #options: Required<DeviceThingsOptions>;
  readonly #entries = new Map<string, Entry>();
  /** By device: a Thing that is being made exists, but is not running. */
  readonly #changes = new KeyedMutex();

  constructor(options: DeviceThingsOptions) {
    this.#options = {
      maxAgeMs: 600_000,
      maxEntries: 50_000,
      timeoutMs: () => undefined,
      onThingChanged: () => undefined,
      ...options,
    };
  }

  /** The names of the Things by device id; devices without a Thing are left out. Rejects when ThingWorx does not answer. */
  async find(deviceIds: Iterable<string>, signal?: AbortSignal): Promise<Map<string, string>> {
    const found = new Map<string, string>();
    const wanted: string[] = [];
    const { timeoutMs } = this.#options;
    const now = Date.now();
    for (const deviceId of new Set(deviceIds)) {
      const entry = this.#entries.get(deviceId);
      if (!entry || entry.expiresAtMs <= now) wanted.push(deviceId);
      else found.set(deviceId, entry.thing);
    }
    for (let start = 0; start < wanted.length; start += DEVICES_PER_CALL) {
      const some = wanted.slice(start, start + DEVICES_PER_CALL);
      const things = await this.#ask(some, { ...(signal ? { signal } : {}), timeoutMs: timeoutMs() });
      for (const deviceId of some) {
        const thing = things.get(deviceId);
        this.forget(deviceId);
        if (thing === undefined) continue;
        this.#keep(deviceId, thing);
        found.set(deviceId, thing);
      }
    }
    return found;
  }

  forget(deviceId: string): void {
    this.#entries.delete(deviceId);
  }

  /**
   * Makes the Thing of a device by CreateThings of the hub Thing. True when it was made now, false when the device had it already.
   * Throws THINGWORX_REJECTED and what ThingworxClient throws.
   */
  create(deviceId: string, wanted: NewThing): Promise<boolean> {
    return this.#changes.run(deviceId, () => this.#create(deviceId, wanted));
  }

  async #create(deviceId: string, { name, ...template }: NewThing): Promise<boolean> {
    const { client, hubThing } = this.#options;
    const present = await this.#thingOf(deviceId);
    if (present !== undefined && present !== (name ?? present)) {
      throw new ConnectorError(
        'THINGWORX_REJECTED',
        `The Thing ${name} could not be made: the device ${deviceId} has the Thing ${present}.`,
      );
    }
    if (present !== undefined) return false;
    const thing = name ?? deviceId;
    const request = { things: [{ name: thing, ...template, deviceId, link: true }] };
    const answer = (await client.invoke(hubThing, 'CreateThings', { request })) as
      | { created?: string[]; failed?: Failed[] }
      | undefined;
    this.#changed(thing, deviceId);
    const [failed] = answer?.failed ?? [];
    if (failed) {
      throw new ConnectorError(
        'THINGWORX_REJECTED',
        `The Thing ${thing} could not be made: ${failed.message}`,
      );
    }
    return answer?.created?.includes(thing) ?? false;
  }

  /** Deletes the Thing of a device by DeleteThings of the hub Thing; its name when it was deleted now. Throws as `create`. */
  delete(deviceId: string): Promise<string | undefined> {
    return this.#changes.run(deviceId, () => this.#delete(deviceId));
  }

  async #delete(deviceId: string): Promise<string | undefined> {
    const { client, hubThing } = this.#options;
    const thing = await this.#thingOf(deviceId);
    if (thing === undefined) return undefined;
    const answer = (await client.invoke(hubThing, 'DeleteThings', { request: { things: [thing] } })) as
      | { deleted?: string[]; failed?: Failed[] }
      | undefined;
    this.#changed(thing, deviceId);
    const [failed] = answer?.failed ?? [];
    if (failed) {
      throw new ConnectorError(
        'THINGWORX_REJECTED',
        `The Thing ${thing} could not be deleted: ${failed.message}`,
      );
    }
    return answer?.deleted?.includes(thing) ? thing : undefined;
  }

  /**
   * Asks ThingWorx anew: a Thing that was found before may be gone. Somebody waits for a change, and nobody repeats it: it has as much time as
   * the script that makes it.
   */
  async #thingOf(deviceId: string): Promise<string | undefined> {
    this.forget(deviceId);
    return (await this.#ask([deviceId])).get(deviceId);
  }

  #changed(thing: string, deviceId: string): void {
    this.forget(deviceId);
    this.#options.onThingChanged(thing);
  }

  async #ask(deviceIds: readonly string[], options: CallOptions = {}): Promise<Map<string, string>> {
    const { client, hubThing } = this.#options;
    const answer = requireMember<{ things: { deviceId: string; thing: string }[] }>(
      await client.invoke(hubThing, 'FindDeviceThings', { request: { deviceIds } }, options),
      'things',
      'FindDeviceThings',
      hubThing,
    );
    return new Map(answer.things.map(({ deviceId, thing }) => [deviceId, thing]));
  }

  #keep(deviceId: string, thing: string): void {
    const { maxAgeMs, maxEntries } = this.#options;
    this.#entries.set(deviceId, { thing, expiresAtMs: Date.now() + maxAgeMs });
    for (const oldest of this.#entries.keys()) {
      if (this.#entries.size <= maxEntries) return;
      this.#entries.delete(oldest);
    }
  }
}
