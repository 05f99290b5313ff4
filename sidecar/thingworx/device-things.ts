import type { ThingworxClient } from './client.ts';
import { requireMember } from './require-member.ts';

export interface DeviceThingsOptions {
  readonly client: ThingworxClient;
  /** The Thing whose FindDeviceThings is asked. */
  readonly hubThing: string;
  /** How long a found Thing is taken for that of its device. */
  readonly maxAgeMs?: number;
  /** How long a device is known to have none; a search goes through all Things of devices. */
  readonly missingMaxAgeMs?: number;
  /** The oldest entries go first when there are more. */
  readonly maxEntries?: number;
}

interface Entry {
  readonly thing: string | undefined;
  readonly expiresAtMs: number;
}

const DEVICES_PER_CALL = 100;

/** Which Thing belongs to which device: the one of the same name, or the one whose deviceId says so. */
export class DeviceThings {
  readonly #options: Required<DeviceThingsOptions>;
  readonly #entries = new Map<string, Entry>();

  constructor(options: DeviceThingsOptions) {
    this.#options = { maxAgeMs: 600_000, missingMaxAgeMs: 10_000, maxEntries: 50_000, ...options };
  }

  /** The names of the Things by device id; devices without a Thing are left out. Rejects when ThingWorx does not answer. */
  async find(deviceIds: Iterable<string>, signal?: AbortSignal): Promise<Map<string, string>> {
    const found = new Map<string, string>();
    const wanted: string[] = [];
    const now = Date.now();
    for (const deviceId of new Set(deviceIds)) {
      const entry = this.#entries.get(deviceId);
      if (!entry || entry.expiresAtMs <= now) wanted.push(deviceId);
      else if (entry.thing !== undefined) found.set(deviceId, entry.thing);
    }
    for (let start = 0; start < wanted.length; start += DEVICES_PER_CALL) {
      const some = wanted.slice(start, start + DEVICES_PER_CALL);
      const things = await this.#ask(some, signal);
      for (const deviceId of some) {
        const thing = things.get(deviceId);
        this.#keep(deviceId, thing);
        if (thing !== undefined) found.set(deviceId, thing);
      }
    }
    return found;
  }

  forget(deviceId: string): void {
    this.#entries.delete(deviceId);
  }

  async #ask(deviceIds: readonly string[], signal: AbortSignal | undefined): Promise<Map<string, string>> {
    const { client, hubThing } = this.#options;
    const answer = requireMember<{ things: { deviceId: string; thing: string }[] }>(
      await client.invoke(hubThing, 'FindDeviceThings', { request: { deviceIds } }, signal ? { signal } : {}),
      'things',
      'FindDeviceThings',
      hubThing,
    );
    return new Map(answer.things.map(({ deviceId, thing }) => [deviceId, thing]));
  }

  #keep(deviceId: string, thing: string | undefined): void {
    const { maxAgeMs, missingMaxAgeMs, maxEntries } = this.#options;
    this.#entries.delete(deviceId);
    this.#entries.set(deviceId, { thing, expiresAtMs: Date.now() + (thing ? maxAgeMs : missingMaxAgeMs) });
    for (const oldest of this.#entries.keys()) {
      if (this.#entries.size <= maxEntries) return;
      this.#entries.delete(oldest);
    }
  }
}
