import path from 'node:path';
import type { HubClients } from '../azure/iot-hub/hub-clients.ts';
import type { FeedbackRecord } from '../azure/iot-hub/hub-listener.ts';
import type { ServiceClock } from '../azure/service-clock.ts';
import { Canary } from '../canary/canary.ts';
import type { HubSettings } from '../contract/hub-settings.ts';
import { DeferredRequests } from '../deferred/deferred-requests.ts';
import type { StorageAccounts } from '../files/accounts.ts';
import { Announcer } from '../ingest/notifications/announcer.ts';
import { DeviceNotifications } from '../ingest/notifications/device-notifications.ts';
import type { OutageWatch } from '../ingest/outage-watch.ts';
import type { Log } from '../observe/log.ts';
import type { SideFacts } from '../observe/side-metrics.ts';
import { Deployments } from '../packages/deployments.ts';
import type { QuotaMeter } from '../quota/quota-meter.ts';
import type { ThingworxClient } from '../thingworx/client.ts';
import type { ThingDefinitions } from '../thingworx/definitions.ts';
import { DeviceThings } from '../thingworx/device-things.ts';
import { ThingCreator } from '../thingworx/thing-creator.ts';
import { Uploads } from '../uploads/uploads.ts';
import { IotHubClients } from './iot-hub-clients.ts';
import { Notifications } from './notifications.ts';

interface HubDevicesOptions {
  readonly clock: ServiceClock;
  readonly client: ThingworxClient;
  readonly hubThing: string;
  readonly definitions: ThingDefinitions;
  readonly outages: OutageWatch;
  /** The current settings. Throws while the hub has none. */
  readonly settings: () => HubSettings;
  readonly storages: StorageAccounts;
  readonly stateDirectory: string;
  readonly log: Log;
  readonly quota: QuotaMeter;
  /** Called when the warning or the canary changes. */
  readonly onWarning: () => void;
}

/** The devices of one hub: the clients of its service side, their Things, and what it says about them. */
export class HubDevices {
  readonly notifications: DeviceNotifications;
  readonly creator: ThingCreator;
  readonly deployments: Deployments;
  readonly deferred: DeferredRequests;
  readonly deviceThings: DeviceThings;
  readonly canary: Canary;
  /** Must be called when a device gets a Thing. */
  readonly onThing: (deviceId: string) => void;
  /** Fires events on the Things of devices, or on the hub Thing. */
  readonly announcer: Announcer;
  readonly #clients: IotHubClients;
  readonly #uploads: Uploads;
  readonly #listeners: Notifications;
  readonly #log: Log;

  constructor(options: HubDevicesOptions) {
    const { client, hubThing, log, stateDirectory } = options;
    this.#log = log;
    this.#clients = new IotHubClients(options.clock, (use) => options.quota.used(use));
    const deviceThings = new DeviceThings({
      client,
      hubThing,
      timeoutMs: () => options.outages.deadlineMs,
      onThingChanged: (thing) => options.definitions.invalidate(thing),
    });
    this.deviceThings = deviceThings;
    this.onThing = (deviceId) => deviceThings.forget(deviceId);
    const clients = () => this.#clients.get();
    this.creator = new ThingCreator({
      client,
      hubThing,
      log,
      onThing: this.onThing,
    });
    const onHeard = (deviceId: string) => this.deployments.deviceChanged(deviceId);
    this.notifications = new DeviceNotifications({ ...options, deviceThings, clients, onHeard });
    const delivery = this.notifications.delivery((error) => {
      if (error) log.debug({ err: error }, 'Notifications wait for ThingWorx.');
    });
    const announcer = new Announcer(delivery, log);
    this.announcer = announcer;
    const announce: Announcer['announce'] = (told, signal) => announcer.announce(told, signal);
    const directory = (name: string) => path.join(stateDirectory, name, encodeURIComponent(hubThing));
    this.#uploads = new Uploads({ ...options, directory: directory('uploads'), announce });
    this.deployments = new Deployments({ ...options, directory: directory('packages'), clients, announce });
    this.deferred = new DeferredRequests({
      directory: directory('deferred'),
      log,
      clients,
      tell: (instructions, signal) => delivery.send(instructions, undefined, signal),
    });
    this.canary = new Canary({
      ...options,
      directory: directory('canary'),
      deviceThings,
      clients,
      announce,
      onChange: options.onWarning,
    });
    this.#listeners = new Notifications({
      announcer,
      uploads: this.#uploads,
      packages: this.deployments,
      clients,
      log,
      onUpload: (deviceId) => options.quota.uploaded(deviceId),
    });
  }

  /** A problem that needs the administrator although the hub runs. */
  get warning(): string | undefined {
    return this.#uploads.warning;
  }

  /** What metrics show. */
  get facts(): Pick<SideFacts, 'uploads' | 'packages' | 'canary'> {
    const { counts, waiting } = this.#uploads;
    return {
      uploads: { counts: { ...counts }, waiting },
      packages: this.deployments.pending,
      canary: this.canary.facts,
    };
  }

  /** The last outcomes of the messages to a device, the newest first. */
  feedbackOf(deviceId: string): FeedbackRecord[] {
    return this.#listeners.feedbackOf(deviceId);
  }

  /** Rejects with CONNECTION_STRING_INVALID, SETTING_MISSING. */
  azure(): Promise<HubClients> {
    return this.#clients.get();
  }

  /** Takes the current settings. */
  async use(settings: HubSettings): Promise<void> {
    await this.#clients.use(settings);
    this.#uploads.start().catch(() => undefined);
    this.deployments
      .start()
      .catch((error) => this.#log.error({ err: error }, 'The deployments of the hub cannot be read.'));
    this.deferred
      .start()
      .catch((error) => this.#log.error({ err: error }, 'The deferred requests of the hub cannot be read.'));
    await this.#listeners.use(settings);
    await this.canary.use(settings);
  }

  /** Idempotent. */
  async close(): Promise<void> {
    await Promise.all([
      this.#uploads.stop(),
      this.deployments.stop(),
      this.deferred.stop(),
      this.#listeners.stop(),
      this.canary.stop(),
    ]);
    await this.#clients.close();
  }
}
