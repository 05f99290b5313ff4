import path from 'node:path';
import type { HubSettings } from '../contract/hub-settings.ts';
import type { StorageAccounts } from '../files/accounts.ts';
import { Announcer } from '../ingest/notifications/announcer.ts';
import { DeviceEvents } from '../ingest/notifications/device-events.ts';
import type { Log } from '../observe/log.ts';
import type { SideFacts } from '../observe/side-metrics.ts';
import type { Hub } from '../operations/context.ts';
import { Deferred } from '../operations/deferred/service.ts';
import { HubThings } from '../operations/registry/service.ts';
import { Deployments } from '../packages/deployments.ts';
import type { ThingworxClient } from '../thingworx/client.ts';
import { Creator } from '../thingworx/creator.ts';
import type { ThingDefinitions } from '../thingworx/definitions.ts';
import { DeviceThings } from '../thingworx/device-things.ts';
import { Uploads } from '../uploads/uploads.ts';
import { ClientsHolder } from './clients-holder.ts';
import { Notifications } from './notifications.ts';

export interface HubDevicesOptions {
  readonly client: ThingworxClient;
  readonly hubThing: string;
  readonly definitions: ThingDefinitions;
  /** Today's settings; throws while the hub has none. */
  readonly settings: () => HubSettings;
  readonly storages: StorageAccounts;
  readonly stateDirectory: string;
  readonly log: Log;
  /** The warning has changed. */
  readonly onWarning: () => void;
}

/** The devices of one hub: the clients of its service side, their Things, and what it says about them. */
export class HubDevices {
  readonly events: DeviceEvents;
  readonly creator: Creator;
  /** To be called when a device has got a Thing. */
  readonly onThing: (deviceId: string) => void;
  readonly #clients = new ClientsHolder();
  readonly #things: HubThings;
  readonly #uploads: Uploads;
  readonly #packages: Deployments;
  readonly #deferred: Deferred;
  readonly #notifications: Notifications;
  readonly #log: Log;

  constructor(options: HubDevicesOptions) {
    const { client, hubThing, log, stateDirectory } = options;
    this.#log = log;
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
    const onHeard = (deviceId: string) => this.#packages.deviceChanged(deviceId);
    this.events = new DeviceEvents({ ...options, deviceThings, clients, onHeard });
    const delivery = this.events.delivery((error) => {
      if (error) log.debug({ err: error }, 'Notifications wait for ThingWorx.');
    });
    const announcer = new Announcer(delivery, log);
    const announce: Announcer['announce'] = (told, signal) => announcer.announce(told, signal);
    const directory = (name: string) => path.join(stateDirectory, name, encodeURIComponent(hubThing));
    this.#uploads = new Uploads({ ...options, directory: directory('uploads'), announce });
    this.#packages = new Deployments({ ...options, directory: directory('packages'), clients, announce });
    this.#deferred = new Deferred({
      directory: directory('deferred'),
      log,
      clients,
      tell: (instructions, signal) => delivery.send(instructions, undefined, signal),
    });
    this.#notifications = new Notifications({
      announcer,
      uploads: this.#uploads,
      packages: this.#packages,
      clients,
      log,
    });
  }

  /** What someone should do something about. */
  get warning(): string | undefined {
    return this.#uploads.warning;
  }

  /** What metrics show. */
  get facts(): Pick<SideFacts, 'uploads' | 'packages'> {
    const { counts, waiting } = this.#uploads;
    return { uploads: { counts: { ...counts }, waiting }, packages: this.#packages.pending };
  }

  /** The parts of a hub that operations use. */
  desks(): Pick<Hub, 'azure' | 'things' | 'packages' | 'deferred'> {
    return {
      azure: () => this.#clients.get(),
      things: this.#things,
      packages: this.#packages,
      deferred: this.#deferred,
    };
  }

  /** Takes today's settings. */
  async use(settings: HubSettings): Promise<void> {
    await this.#clients.use(settings);
    this.#uploads.start().catch(() => undefined);
    this.#packages
      .start()
      .catch((error) => this.#log.error({ err: error }, 'The deployments of the hub cannot be read.'));
    this.#deferred
      .start()
      .catch((error) => this.#log.error({ err: error }, 'The deferred requests of the hub cannot be read.'));
    await this.#notifications.use(settings);
  }

  /** Idempotent. */
  async close(): Promise<void> {
    await Promise.all([
      this.#uploads.stop(),
      this.#packages.stop(),
      this.#deferred.stop(),
      this.#notifications.stop(),
    ]);
    await this.#clients.close();
  }
}
