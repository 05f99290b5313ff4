import type { HubClients } from '../../azure/iot-hub/hub-clients.ts';
import type { HubSettings } from '../../contract/hub-settings.ts';
import { ConnectorError, toConnectorError } from '../../errors/connector-error.ts';
import { untilDone } from '../../lib/backoff.ts';
import type { Log } from '../../observe/log.ts';
import type { ThingworxClient } from '../../thingworx/client.ts';
import type { ThingDefinitions } from '../../thingworx/definitions.ts';
import type { DeviceThings } from '../../thingworx/device-things.ts';
import type { HubEvent } from '../../translate/sources/events.ts';
import type { Creation } from '../../translate/types.ts';
import { EventDelivery, type RemovalPolicy } from './delivery.ts';
import { TwinMirror } from './twin-mirror.ts';

export interface DeviceEventsOptions {
  readonly client: ThingworxClient;
  readonly hubThing: string;
  readonly definitions: ThingDefinitions;
  readonly deviceThings: DeviceThings;
  readonly clients: () => Promise<HubClients>;
  readonly settings: () => HubSettings;
  /** The twin or the connection of a device has changed. */
  readonly onHeard: (deviceId: string) => void;
  readonly log: Log;
}

const READ_TIMEOUT_MS = 10_000;

const REMOVALS: Readonly<Record<HubSettings['deviceLifecycle'], RemovalPolicy>> = {
  keep: 'keep',
  create: 'keep',
  'create-and-disable': 'disable',
  'create-and-delete': 'delete',
};

/** How what a hub says about its devices reaches their Things, as the settings of the hub Thing want it. */
export class DeviceEvents {
  readonly #options: DeviceEventsOptions;
  readonly #mirror: TwinMirror;

  constructor(options: DeviceEventsOptions) {
    const { client, hubThing, definitions, clients, log } = options;
    this.#options = options;
    this.#mirror = new TwinMirror({
      client,
      hubThing,
      definitions,
      log,
      readTwin: async (deviceId, moduleId, signal) => {
        const { twins } = await clients();
        const name = { deviceId, ...(moduleId === undefined ? {} : { moduleId }) };
        return await twins.get(name, { signal, timeoutMs: READ_TIMEOUT_MS });
      },
    });
  }

  /** A road for events, for a lane or beside the lanes. */
  delivery(
    onWaiting: (error: ConnectorError | undefined) => void,
    onRepeated: (events: number) => void = () => undefined,
  ): EventDelivery {
    const { client, hubThing, definitions, deviceThings, settings, onHeard } = this.#options;
    return new EventDelivery({
      client,
      hubThing,
      deviceThings,
      mirror: this.#mirror,
      removal: () => REMOVALS[settings().deviceLifecycle],
      isGone: (deviceId, signal) => this.#isGone(deviceId, signal),
      onHeard,
      onRepeated,
      onRemoved: (thing) => definitions.invalidate(thing),
      onWaiting,
    });
  }

  /** The Things of devices that were created and have none yet, when the settings want them. Rejects when ThingWorx does not answer. */
  async creationsFor(events: readonly HubEvent[], signal: AbortSignal): Promise<Creation[]> {
    const { settings, deviceThings } = this.#options;
    const { deviceLifecycle, deviceTemplate } = settings();
    if (deviceLifecycle === 'keep') return [];
    const born = events.flatMap((event) => {
      const isBirth = event.type === 'lifecycle' && event.operation === 'created';
      return isBirth && event.moduleId === undefined ? [event.deviceId] : [];
    });
    for (const deviceId of born) deviceThings.forget(deviceId);
    const things = await deviceThings.find(born, signal);
    return born
      .filter((deviceId) => !things.has(deviceId))
      .map((deviceId) => ({ kind: 'thing', thing: deviceId, template: deviceTemplate, deviceId }));
  }

  /** When the hub cannot be asked for good, the Thing stays. */
  async #isGone(deviceId: string, signal: AbortSignal): Promise<boolean> {
    try {
      const { twins } = await this.#options.clients();
      await untilDone(() => twins.get({ deviceId }, { signal, timeoutMs: READ_TIMEOUT_MS }), signal);
      return false;
    } catch (thrown) {
      const error = toConnectorError(thrown);
      if (error.code === 'DEVICE_NOT_FOUND') return true;
      if (signal.aborted) throw new ConnectorError('STOPPING', 'The hub was disconnected.', { cause: error });
      this.#options.log.warn(
        { err: error, deviceId },
        'Whether the device is gone is not known; its Thing stays.',
      );
      return false;
    }
  }
}
