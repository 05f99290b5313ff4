import type { ThingDesk } from '../contract/things.ts';
import { ConnectorError } from '../errors/connector-error.ts';
import type { ThingworxClient } from '../thingworx/client.ts';
import type { ThingDefinitions } from '../thingworx/definitions.ts';
import type { DeviceThings } from '../thingworx/device-things.ts';

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

  async create(thing: string, deviceId: string, template: string): Promise<boolean> {
    const { client, hubThing } = this.#options;
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
    const { client, hubThing, deviceThings } = this.#options;
    deviceThings.forget(deviceId);
    const thing = (await deviceThings.find([deviceId])).get(deviceId);
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

  #forget(thing: string, deviceId: string): void {
    this.#options.definitions.invalidate(thing);
    this.#options.deviceThings.forget(deviceId);
  }
}
