import type { HubClients } from '../../azure/iot-hub/hub-clients.ts';
import type { HubSettings } from '../../contract/hub-settings.ts';
import { ConnectorError, toConnectorError } from '../../errors/connector-error.ts';
import { untilDone } from '../../lib/backoff.ts';
import type { Log } from '../../observe/log.ts';
import type { ThingworxClient } from '../../thingworx/client.ts';
import type { ThingDefinitions } from '../../thingworx/definitions.ts';
import type { DeviceThings } from '../../thingworx/device-things.ts';
import type { HubNotification } from '../../translate/sources/notifications.ts';
import type { Creation } from '../../translate/types.ts';
import type { OutageWatch } from '../outage-watch.ts';
import { NotificationDelivery, type RemovalPolicy } from './delivery.ts';
import { TwinMirror } from './twin-mirror.ts';

interface DeviceNotificationsOptions {
  readonly client: ThingworxClient;
  readonly hubThing: string;
  readonly definitions: ThingDefinitions;
  readonly deviceThings: DeviceThings;
  readonly clients: () => Promise<HubClients>;
  readonly settings: () => HubSettings;
  readonly outages: OutageWatch;
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

/** Delivers what the hub says about its devices to their Things, as the settings of the hub Thing say. */
export class DeviceNotifications {
  readonly #options: DeviceNotificationsOptions;
  readonly #mirror: TwinMirror;

  constructor(options: DeviceNotificationsOptions) {
    const { client, hubThing, definitions, clients, log } = options;
    this.#options = options;
    this.#mirror = new TwinMirror({
      client,
      hubThing,
      definitions,
      timeoutMs: () => options.outages.deadlineMs,
      log,
      readTwin: async (deviceId, moduleId, signal) => {
        const { twins } = await clients();
        const name = { deviceId, ...(moduleId === undefined ? {} : { moduleId }) };
        return await twins.get(name, { signal, timeoutMs: READ_TIMEOUT_MS, isOwn: true });
      },
    });
  }

  /** A delivery of notifications, for a lane or for a replay. */
  delivery(
    onWaiting: (error: ConnectorError | undefined) => void,
    onRepeated: (notifications: number) => void = () => undefined,
  ): NotificationDelivery {
    const { client, hubThing, definitions, deviceThings, settings, outages, onHeard, log } = this.#options;
    return new NotificationDelivery({
      client,
      hubThing,
      deviceThings,
      mirror: this.#mirror,
      removal: () => REMOVALS[settings().deviceLifecycle],
      isGone: (deviceId, signal) => this.#isGone(deviceId, signal),
      onHeard,
      onRepeated,
      onRemoved: (thing) => definitions.invalidate(thing),
      outages,
      onWaiting,
      log,
    });
  }

  /** The Things to create for devices that were created, as the settings say. Rejects when ThingWorx does not answer. */
  async creationsFor(notifications: readonly HubNotification[], signal: AbortSignal): Promise<Creation[]> {
    const { settings, deviceThings } = this.#options;
    const { deviceLifecycle, deviceTemplate } = settings();
    if (deviceLifecycle === 'keep') return [];
    const created = notifications.flatMap((notification) => {
      const isCreation = notification.type === 'lifecycle' && notification.operation === 'created';
      return isCreation && notification.moduleId === undefined ? [notification.deviceId] : [];
    });
    for (const deviceId of created) deviceThings.forget(deviceId);
    const things = await deviceThings.find(created, signal);
    return created
      .filter((deviceId) => !things.has(deviceId))
      .map((deviceId) => ({ kind: 'thing', thing: deviceId, template: deviceTemplate, deviceId }));
  }

  /** The Thing stays when the hub refuses to answer. */
  async #isGone(deviceId: string, signal: AbortSignal): Promise<boolean> {
    try {
      const { twins } = await this.#options.clients();
      await untilDone(
        () => twins.get({ deviceId }, { signal, timeoutMs: READ_TIMEOUT_MS, isOwn: true }),
        signal,
      );
      return false;
    } catch (thrown) {
      const error = toConnectorError(thrown);
      if (error.code === 'DEVICE_NOT_FOUND') return true;
      if (signal.aborted) throw new ConnectorError('STOPPING', 'The hub was disconnected.', { cause: error });
      this.#options.log.warn(
        { err: error, deviceId },
        'The hub refused to say whether the device exists. Its Thing is kept.',
      );
      return false;
    }
  }
}
