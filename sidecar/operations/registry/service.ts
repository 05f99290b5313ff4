import { ConnectorError } from '../../errors/connector-error.ts';
import type { ThingworxClient } from '../../thingworx/client.ts';
import type { ThingDefinitions } from '../../thingworx/definitions.ts';
import type { DeviceThings } from '../../thingworx/device-things.ts';
import type { ThingDesk } from './things.ts';

export interface ThingDeskOptions {
  readonly client: ThingworxClient;
  readonly hubThing: string;
  readonly definitions: ThingDefinitions;
  readonly deviceThings: DeviceThings;
}

interface Failed {
  readonly thing: string;
  readonly message: string;
}

/** Makes and removes Things by the services of the hub Thing. */
export class HubThings implements ThingDesk {
  readonly #options: ThingDeskOptions;

  constructor(options: ThingDeskOptions) {
    this.#options = options;
  }

  async create(deviceId: string, template: string, name?: string): Promise<boolean> {
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
    const request = { things: [{ name: thing, template, deviceId, link: true }] };
    const answer = (await client.invoke(hubThing, 'CreateThings', { request })) as
      | { created?: string[]; failed?: Failed[] }
      | undefined;
    this.#forget(thing, deviceId);
    const [failed] = answer?.failed ?? [];
    if (failed) {
      throw new ConnectorError(
        'THINGWORX_REJECTED',
        `The Thing ${thing} could not be made: ${failed.message}`,
      );
    }
    return answer?.created?.includes(thing) ?? false;
  }

  async deleteOf(deviceId: string): Promise<string | undefined> {
    const { client, hubThing } = this.#options;
    const thing = await this.#thingOf(deviceId);
    if (thing === undefined) return undefined;
    const answer = (await client.invoke(hubThing, 'DeleteThings', { request: { things: [thing] } })) as
      | { deleted?: string[]; failed?: Failed[] }
      | undefined;
    this.#forget(thing, deviceId);
    const [failed] = answer?.failed ?? [];
    if (failed) {
      throw new ConnectorError(
        'THINGWORX_REJECTED',
        `The Thing ${thing} could not be deleted: ${failed.message}`,
      );
    }
    return answer?.deleted?.includes(thing) ? thing : undefined;
  }

  /** As it is now: a Thing that was found before may be gone. */
  async #thingOf(deviceId: string): Promise<string | undefined> {
    const { deviceThings } = this.#options;
    deviceThings.forget(deviceId);
    return (await deviceThings.find([deviceId])).get(deviceId);
  }

  #forget(thing: string, deviceId: string): void {
    this.#options.definitions.invalidate(thing);
    this.#options.deviceThings.forget(deviceId);
  }
}
