import type { Hub } from '../contract/context.ts';
import type { HubSettings } from '../contract/hub-settings.ts';
import type { Log } from '../observe/log.ts';
import type { ThingworxClient } from '../thingworx/client.ts';
import { Creator } from '../thingworx/creator.ts';
import type { ThingDefinitions } from '../thingworx/definitions.ts';
import { DeviceThings } from '../thingworx/device-things.ts';
import { ClientsHolder } from './clients-holder.ts';
import { DeviceEvents } from './device-events.ts';
import { Notifications } from './notifications.ts';
import { HubThings } from './thing-desk.ts';

export interface HubDevicesOptions {
  readonly client: ThingworxClient;
  readonly hubThing: string;
  readonly definitions: ThingDefinitions;
  /** Today's settings; throws while the hub has none. */
  readonly settings: () => HubSettings;
  readonly log: Log;
}

/** The devices of one hub: the clients of its service side, their Things, and what it says about them. */
export class HubDevices {
  readonly events: DeviceEvents;
  readonly creator: Creator;
  /** To be called when a device has got a Thing. */
  readonly onThing: (deviceId: string) => void;
  readonly #clients = new ClientsHolder();
  readonly #things: HubThings;
  readonly #notifications: Notifications;

  constructor(options: HubDevicesOptions) {
    const { client, hubThing, log } = options;
    const deviceThings = new DeviceThings({ client, hubThing });
    this.onThing = (deviceId) => deviceThings.forget(deviceId);
    const clients = () => this.#clients.get();
    this.creator = new Creator({
      client,
      hubThing,
      log,
      onThing: this.onThing,
    });
    this.#things = new HubThings({ ...options, deviceThings });
    this.events = new DeviceEvents({ ...options, deviceThings, clients });
    this.#notifications = new Notifications({ events: this.events, clients, log });
  }

  /** The parts of a hub that operations use. */
  desks(): Pick<Hub, 'azure' | 'things'> {
    return { azure: () => this.#clients.get(), things: this.#things };
  }

  /** Takes today's settings. */
  async use(settings: HubSettings): Promise<void> {
    await this.#clients.use(settings);
    await this.#notifications.use(settings);
  }

  /** Idempotent. */
  async close(): Promise<void> {
    await this.#notifications.stop();
    await this.#clients.close();
  }
}
