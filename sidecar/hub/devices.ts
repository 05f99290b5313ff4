import path from 'node:path';
import type { HubClients } from '../azure/iot-hub/hub-clients.ts';
import type { FeedbackRecord } from '../azure/iot-hub/hub-listener.ts';
import type { ServiceClock } from '../azure/service-clock.ts';
import { Canary } from '../canary/canary.ts';
import type { HubSettings } from '../contract/hub-settings.ts';
import { DeferredRequests } from '../deferred/deferred-requests.ts';
import type { StorageAccounts } from '../files/accounts.ts';
import type { WorkRequest } from '../group/lead.ts';
import { Announcer } from '../ingest/notifications/announcer.ts';
import { DeviceNotifications } from '../ingest/notifications/device-notifications.ts';
import type { OutageWatch } from '../ingest/outage-watch.ts';
import type { RecordStore } from '../lib/records.ts';
import type { Log } from '../observe/log.ts';
import type { SideFacts } from '../observe/side-metrics.ts';
import { isCampaign } from '../packages/campaigns/campaign.ts';
import { CampaignBoard } from '../packages/campaigns/campaign-board.ts';
import { isCampaignPart } from '../packages/campaigns/campaign-devices.ts';
import { isDeployment } from '../packages/deployment.ts';
import { DeploymentBoard } from '../packages/deployment-board.ts';
import type { QuotaMeter } from '../quota/quota-meter.ts';
import type { ThingworxClient } from '../thingworx/client.ts';
import type { ThingDefinitions } from '../thingworx/definitions.ts';
import { DeviceThings } from '../thingworx/device-things.ts';
import { ThingCreator } from '../thingworx/thing-creator.ts';
import { deviceView } from '../translate/sources/twin-view.ts';
import { isUpload } from '../uploads/upload.ts';
import { Uploads } from '../uploads/uploads.ts';
import type { Duty } from './group.ts';
import { IotHubClients } from './iot-hub-clients.ts';
import { isOutcomes, Notifications, type Outcomes, sharedOutcomes } from './notifications.ts';
import type { WorkPlace } from './work-place.ts';

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
export class HubDevices implements Duty {
  readonly notifications: DeviceNotifications;
  readonly creator: ThingCreator;
  readonly deployments: DeploymentBoard;
  readonly campaigns: CampaignBoard;
  readonly deferred: DeferredRequests;
  readonly deviceThings: DeviceThings;
  readonly canary: Canary;
  /** Must be called when a device gets a Thing. */
  readonly onThing: (deviceId: string) => void;
  /** Fires events on the Things of devices, or on the hub Thing. */
  readonly announcer: Announcer;
  readonly #options: HubDevicesOptions;
  readonly #clients: IotHubClients;
  readonly #announce: Announcer['announce'];
  #place: WorkPlace | undefined;
  /** Of messages, for the sidecars of a group. */
  #outcomes: RecordStore<Outcomes> | undefined;
  /** While this sidecar leads the group. */
  #led: { readonly uploads: Uploads; readonly listeners: Notifications } | undefined;

  constructor(options: HubDevicesOptions) {
    const { client, hubThing, log, stateDirectory } = options;
    this.#options = options;
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
      readTwin: async (deviceId, signal) =>
        deviceView(await (await clients()).twins.get({ deviceId }, { signal, isOwn: true })),
    });
    const onHeard = (deviceId: string) => {
      this.deployments.deviceChanged(deviceId);
      this.campaigns.deviceChanged(deviceId);
    };
    this.notifications = new DeviceNotifications({ ...options, deviceThings, clients, onHeard });
    const delivery = this.notifications.delivery((error) => {
      if (error) log.debug({ err: error }, 'Notifications wait for ThingWorx.');
    });
    const announcer = new Announcer(delivery, log);
    this.announcer = announcer;
    const announce: Announcer['announce'] = (announcements, signal) =>
      announcer.announce(announcements, signal);
    this.#announce = announce;
    this.deployments = new DeploymentBoard({ ...options, clients, announce });
    this.campaigns = new CampaignBoard({ ...options, clients, announce });
    this.deferred = new DeferredRequests({
      directory: path.join(stateDirectory, 'deferred', encodeURIComponent(hubThing)),
      log,
      clients,
      tell: (instructions, signal) => delivery.send(instructions, undefined, signal),
    });
    this.canary = new Canary({
      ...options,
      directory: path.join(stateDirectory, 'canary', encodeURIComponent(hubThing)),
      deviceThings,
      clients,
      announce,
      onChange: options.onWarning,
    });
  }

  /** A problem that needs the administrator although the hub runs. */
  get warning(): string | undefined {
    return this.#led?.uploads.warning;
  }

  /** What metrics show: what this sidecar does. */
  get facts(): Pick<SideFacts, 'uploads' | 'packages' | 'campaigns' | 'canary'> {
    const { counts = {}, waiting = 0 } = this.#led?.uploads ?? {};
    return {
      uploads: { counts: { ...counts }, waiting },
      packages: this.deployments.pending,
      campaigns: this.campaigns.facts,
      canary: this.canary.facts,
    };
  }

  /** The last outcomes of the messages to a device, the newest first. Rejects with STATE_UNAVAILABLE. */
  async feedbackOf(deviceId: string): Promise<FeedbackRecord[]> {
    if (this.#led) return this.#led.listeners.feedbackOf(deviceId);
    return this.#outcomes ? await sharedOutcomes(deviceId, this.#outcomes) : [];
  }

  /** Rejects with CONNECTION_STRING_INVALID, SETTING_MISSING. */
  azure(): Promise<HubClients> {
    return this.#clients.get();
  }

  /** Takes the current settings. */
  async use(settings: HubSettings): Promise<void> {
    await this.#clients.use(settings);
    this.deferred
      .start()
      .catch((error) =>
        this.#options.log.error({ err: error }, 'The deferred requests of the hub cannot be read.'),
      );
    await this.#led?.listeners.use(settings);
    await this.canary.use(settings);
  }

  settle(place: WorkPlace): void {
    this.#place = place;
    this.#outcomes = place.isShared ? place.records('outcomes', isOutcomes) : undefined;
    this.deployments.use({
      records: place.records('packages', isDeployment),
      post: (action, subject) => place.post({ work: 'packages', action, subject }),
    });
    this.campaigns.use({
      records: place.records('campaigns', isCampaign),
      parts: () => place.records('campaign-devices', isCampaignPart),
      post: (action, subject) => place.post({ work: 'campaigns', action, subject }),
    });
  }

  async begin(): Promise<void> {
    const { log, settings, quota } = this.#options;
    const place = this.#place;
    if (place && !this.#led) {
      const uploads = new Uploads({
        ...this.#options,
        records: place.records('uploads', isUpload),
        announce: this.#announce,
      });
      const clients = () => this.#clients.get();
      const { announcer, deployments: packages } = this;
      const outcomes = this.#outcomes;
      const listeners = new Notifications({
        announcer,
        uploads,
        packages,
        outcomes,
        clients,
        log,
        onUpload: (deviceId) => quota.uploaded(deviceId),
      });
      this.#led = { uploads, listeners };
      uploads.start().catch(() => undefined);
      await listeners.use(settings());
    }
    const deployments = this.deployments.begin();
    await Promise.all([deployments.start(), this.campaigns.begin(deployments)]);
  }

  async end(): Promise<void> {
    const led = this.#led;
    this.#led = undefined;
    await Promise.all([
      led?.uploads.stop(),
      led?.listeners.stop(),
      this.campaigns.end(),
      this.deployments.end(),
    ]);
  }

  async take({ work, action, subject }: WorkRequest): Promise<void> {
    if (work === 'packages') await this.deployments.take(action, subject);
    if (work === 'campaigns') await this.campaigns.take(action, subject);
    if (work === 'uploads') await this.#led?.uploads.readNew();
  }

  /** Idempotent. */
  async close(): Promise<void> {
    await Promise.all([this.end(), this.campaigns.close(), this.deployments.close(), this.deferred.stop()]);
    await this.#clients.close();
  }
}
