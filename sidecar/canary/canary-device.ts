import type { HubClients } from '../azure/iot-hub/hub-clients.ts';
import type { CallOptions } from '../azure/iot-hub/rest-client.ts';
import { ConnectorError, toConnectorError } from '../errors/connector-error.ts';
import type { ThingworxClient } from '../thingworx/client.ts';
import type { DeviceThings } from '../thingworx/device-things.ts';
import { ofThingworx } from './thingworx-call.ts';

interface CanaryDeviceOptions {
  readonly hubThing: string;
  readonly client: ThingworxClient;
  readonly deviceThings: DeviceThings;
  readonly clients: () => Promise<HubClients>;
}

const TEMPLATE = 'AzureIoT.Canary_TT';
const MAX_REASON_CHARACTERS = 128;

/**
 * The device of a canary in the registry, and its Thing. The Thing is made first and shows whose device it is: a device without a Thing of the
 * template for canaries belongs to somebody else, and is neither used nor deleted.
 */
export class CanaryDevice {
  readonly #options: CanaryDeviceOptions;

  constructor(options: CanaryDeviceOptions) {
    this.#options = options;
  }

  /** Makes what is missing. Gives the key of the device, and its Thing. Rejects with CANARY_DEVICE_TAKEN and what the calls reject with. */
  async prepare(
    deviceId: string,
    call: CallOptions,
  ): Promise<{ readonly key: string; readonly thing: string }> {
    const { registry } = await this.#options.clients();
    const thing = (await this.#thingOf(deviceId)) ?? (await this.#createThing(deviceId, call));
    const statusReason = `Canary of the hub Thing ${this.#options.hubThing}`.slice(0, MAX_REASON_CHARACTERS);
    if (!(await this.#exists(deviceId, call))) {
      await registry.createDevice({ deviceId, statusReason }, call).catch((thrown: unknown) => {
        // Another sidecar of the group has been faster.
        if (toConnectorError(thrown).code !== 'DEVICE_EXISTS') throw thrown;
      });
    }
    return { key: (await registry.deviceKeys(deviceId, call)).primaryKey, thing };
  }

  /** Deletes both. Gives what was there. Rejects with CANARY_DEVICE_TAKEN and what the calls reject with. */
  async remove(deviceId: string, call: CallOptions): Promise<{ device: boolean; thing: boolean }> {
    const { registry } = await this.#options.clients();
    const thing = await this.#thingOf(deviceId);
    const device = await this.#exists(deviceId, call);
    if (thing === undefined && device) throw this.#taken(deviceId, 'has no Thing');
    if (device) await registry.deleteDevice(deviceId, call);
    if (thing !== undefined) await this.#options.deviceThings.delete(deviceId);
    return { device, thing: thing !== undefined };
  }

  /** The Thing of the device, when it has one. Rejects with CANARY_DEVICE_TAKEN when it is not that of a canary. */
  async #thingOf(deviceId: string): Promise<string | undefined> {
    const { client, deviceThings } = this.#options;
    deviceThings.forget(deviceId);
    const thing = (await ofThingworx(deviceThings.find([deviceId]))).get(deviceId);
    if (thing === undefined) return undefined;
    const question = client.invoke(thing, 'IsDerivedFromTemplate', { thingTemplateName: TEMPLATE });
    const answer = await ofThingworx(question);
    const [row] = (answer as { rows?: { result?: unknown }[] } | undefined)?.rows ?? [];
    if (row?.result === true) return thing;
    throw this.#taken(deviceId, `has the Thing ${thing}, which is not derived from ${TEMPLATE}`);
  }

  async #createThing(deviceId: string, call: CallOptions): Promise<string> {
    if (await this.#exists(deviceId, call)) throw this.#taken(deviceId, 'has no Thing');
    await ofThingworx(this.#options.deviceThings.create(deviceId, { template: TEMPLATE }));
    return deviceId;
  }

  async #exists(deviceId: string, call: CallOptions): Promise<boolean> {
    const { registry } = await this.#options.clients();
    try {
      await registry.device(deviceId, call);
      return true;
    } catch (thrown) {
      if (toConnectorError(thrown).code === 'DEVICE_NOT_FOUND') return false;
      throw thrown;
    }
  }

  #taken(deviceId: string, why: string): ConnectorError {
    return new ConnectorError(
      'CANARY_DEVICE_TAKEN',
      `The device ${deviceId} exists and ${why}. It is not the canary of ${this.#options.hubThing} and is left as it is.`,
    );
  }
}
