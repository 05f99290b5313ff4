import type { HubClients } from '../../azure/iot-hub/hub-clients.ts';
import { ConnectorError, toConnectorError } from '../../errors/connector-error.ts';
import type { StorageAccounts } from '../../files/accounts.ts';
import type { Announcer } from '../../ingest/notifications/announcer.ts';
import { KeyedMutex } from '../../lib/keyed-mutex.ts';
import { newId, type RecordStore } from '../../lib/records.ts';
import type { Log } from '../../observe/log.ts';
import type { Deployment } from '../deployment.ts';
import { type Deployments, installable, unavailable } from '../deployments.ts';
import type { PackageFile } from '../types.ts';
import { type CampaignAction, isChange } from './actions.ts';
import {
  type Campaign,
  type CampaignDevice,
  type CampaignRequest,
  countsOf,
  isOver,
  targetOf,
} from './campaign.ts';
import { CampaignDevices, type CampaignPart } from './campaign-devices.ts';
import { type CampaignPace, CampaignRun, MAX_CAMPAIGN_DEVICES } from './campaign-run.ts';
import type { CampaignState, DeviceState } from './types.ts';

/** The services by which a request is checked before its campaign begins. */
interface CampaignSources {
  readonly clients: () => Promise<HubClients>;
  readonly storages: StorageAccounts;
}

/** Where campaigns are stored. */
export interface CampaignStores {
  readonly records: RecordStore<Campaign>;
  /** Opens the store of the devices. Each campaign has its own, because a store caches what it has read. */
  readonly parts: () => RecordStore<CampaignPart>;
}

export interface CampaignsOptions extends CampaignSources {
  readonly announce: Announcer['announce'];
  readonly log: Log;
  readonly pace?: CampaignPace;
}

/** The numbers for the metrics. */
export interface CampaignFacts {
  /** The number of open campaigns, by state. */
  readonly campaigns: Readonly<Record<string, number>>;
  /** The number of their devices, by state. */
  readonly devices: Readonly<Record<string, number>>;
}

/** The largest number of open campaigns. */
const MAX_OPEN = 20;
/** How many campaigns that have ended are kept. The oldest are removed first. */
const KEEP = 20;

const OPEN_STATES: readonly CampaignState[] = ['selecting', 'running', 'paused', 'cancelling', 'rollingBack'];
const CHECK_MS = 10_000;

/** The campaigns of one hub, in the sidecar that runs them. All operations throw STATE_UNAVAILABLE. */
export class Campaigns {
  readonly #options: CampaignsOptions;
  readonly #stores: CampaignStores;
  readonly #deployments: Deployments;
  readonly #abort = new AbortController();
  /** By id, oldest first. */
  readonly #campaigns = new Map<string, { campaign: Campaign; run?: CampaignRun }>();
  readonly #changes = new KeyedMutex();
  #starting: Promise<void> | undefined;

  constructor(options: CampaignsOptions, stores: CampaignStores, deployments: Deployments) {
    this.#options = options;
    this.#stores = stores;
    this.#deployments = deployments;
  }

  /** Continues the stored campaigns. Idempotent. After a failure, the next call tries again. */
  start(): Promise<void> {
    this.#starting ??= this.#load().catch((thrown) => {
      this.#starting = undefined;
      throw unavailable(thrown);
    });
    return this.#starting;
  }

  /** Interrupts the campaigns; the next process continues them. Idempotent. */
  async stop(): Promise<void> {
    this.#abort.abort();
    await this.#starting?.catch(() => undefined);
    await Promise.all([...this.#campaigns.values()].map(({ run }) => run?.run()));
  }

  get facts(): CampaignFacts {
    const campaigns: Record<string, number> = Object.fromEntries(OPEN_STATES.map((state) => [state, 0]));
    const devices: Record<string, number> = {};
    for (const campaign of this.#all()) {
      if (isOver(campaign)) continue;
      campaigns[campaign.state] = (campaigns[campaign.state] ?? 0) + 1;
      for (const [state, value] of Object.entries(countsOf(campaign)))
        devices[state] = (devices[state] ?? 0) + value;
    }
    return { campaigns, devices };
  }

  /** Starts campaigns that another sidecar has stored. */
  async readNew(): Promise<void> {
    await this.start();
    const { records } = await this.#stores.records.load();
    for (const campaign of records) if (!this.#campaigns.has(campaign.id)) this.#add(campaign);
  }

  /** Newest first. */
  async list(): Promise<Campaign[]> {
    await this.start();
    return this.#all().reverse();
  }

  /** @throws ConnectorError CAMPAIGN_NOT_FOUND */
  async get(id: string): Promise<Campaign> {
    await this.start();
    return this.#find(id).campaign;
  }

  /** @throws ConnectorError CAMPAIGN_NOT_FOUND */
  async devices(id: string): Promise<CampaignDevices> {
    await this.start();
    const { run } = this.#find(id);
    return run ? await run.devices() : await storedDevices(id, this.#stores);
  }

  /** @throws ConnectorError CAMPAIGN_NOT_FOUND, CAMPAIGN_STATE */
  async change(id: string, action: CampaignAction): Promise<Campaign> {
    await this.start();
    // Two concurrent calls must not start two runs of the same campaign.
    return await this.#changes.run(id, async () => {
      const found = this.#find(id);
      if (!isChange(found.campaign, action)) return found.campaign;
      const run = found.run ?? this.#newRun(found.campaign);
      try {
        await run.change(action);
      } finally {
        // Also if the change could not be stored: the run stores it later.
        this.#run(id, run);
      }
      return run.campaign;
    });
  }

  /** The twin or the connection of a device has changed. */
  deviceChanged(deviceId: string): void {
    for (const { run } of this.#campaigns.values()) run?.deviceChanged(deviceId);
  }

  async #load(): Promise<void> {
    await this.#deployments.start();
    const { records, unreadable } = await this.#stores.records.load();
    if (unreadable.length > 0)
      this.#options.log.warn({ files: unreadable }, 'Skipped campaign records that cannot be read.');
    this.#deployments.watch((deployment) => this.#deploymentChanged(deployment));
    for (const campaign of records) this.#add(campaign);
  }

  #deploymentChanged(deployment: Deployment): void {
    for (const { run } of this.#campaigns.values()) run?.deploymentChanged(deployment);
  }

  #add(campaign: Campaign): void {
    this.#campaigns.set(campaign.id, { campaign });
    if (isOver(campaign) && campaign.unannounced.length === 0) return;
    this.#run(campaign.id, this.#newRun(campaign));
  }

  #newRun(campaign: Campaign): CampaignRun {
    const { log, announce, clients, pace } = this.#options;
    return new CampaignRun(campaign, {
      devices: new CampaignDevices(campaign.id, this.#stores.parts()),
      deployments: this.#deployments,
      clients,
      save: async (changed) => {
        await this.#stores.records.write(changed).catch((thrown) => Promise.reject(unavailable(thrown)));
        const known = this.#campaigns.get(changed.id);
        if (known) known.campaign = changed;
      },
      installedBefore: (one, deviceIds) => this.#installedBefore(one, deviceIds),
      announce,
      log,
      signal: this.#abort.signal,
      pace,
    });
  }

  #run(id: string, run: CampaignRun): void {
    const known = this.#campaigns.get(id);
    if (!known) return;
    known.run = run;
    known.campaign = run.campaign;
    void run.run().then(async () => {
      if (this.#abort.signal.aborted) return;
      known.campaign = run.campaign;
      // Frees the memory of its devices.
      if (run.isComplete) delete known.run;
      await this.#forget().catch((thrown) =>
        this.#options.log.warn({ err: toConnectorError(thrown) }, 'An old campaign could not be removed.'),
      );
    });
  }

  async #forget(): Promise<void> {
    const over = [...this.#campaigns].filter(([, { campaign, run }]) => isOver(campaign) && !run);
    for (const [id] of over.slice(0, Math.max(0, over.length - KEEP))) {
      await new CampaignDevices(id, this.#stores.parts()).remove();
      await this.#stores.records.remove(id);
      this.#campaigns.delete(id);
    }
  }

  /** The files that earlier campaigns of the package have installed on these devices; the newest campaign counts. */
  async #installedBefore(
    campaign: Campaign,
    deviceIds: ReadonlySet<string>,
  ): Promise<ReadonlyMap<string, PackageFile>> {
    const found = new Map<string, PackageFile>();
    const { name, moduleId, version } = campaign.request;
    for (const earlier of this.#all().reverse()) {
      const { request } = earlier;
      if (earlier.id >= campaign.id || request.name !== name || request.moduleId !== moduleId) continue;
      const devices = await storedDevices(earlier.id, this.#stores);
      for (const place of devices.in(['installed', 'rolledBack'])) {
        const device = devices.at(place);
        const file = fileAfter(earlier, device);
        if (!deviceIds.has(device.deviceId) || found.has(device.deviceId) || !file) continue;
        if (file.version !== version) found.set(device.deviceId, file);
      }
    }
    return found;
  }

  #all(): Campaign[] {
    return [...this.#campaigns.values()]
      .map(({ campaign, run }) => run?.campaign ?? campaign)
      .sort((a, b) => (a.id < b.id ? -1 : 1));
  }

  #find(id: string): { campaign: Campaign; run?: CampaignRun } {
    const found = this.#campaigns.get(id);
    if (!found) throw new ConnectorError('CAMPAIGN_NOT_FOUND', `This hub has no campaign ${id}.`);
    return { ...found, campaign: found.run?.campaign ?? found.campaign };
  }
}

/** The stored devices of a campaign. */
export async function storedDevices(id: string, { parts }: CampaignStores): Promise<CampaignDevices> {
  const devices = new CampaignDevices(id, parts());
  await devices.load();
  return devices;
}

/** The file that a campaign has installed on a device. */
function fileAfter(campaign: Campaign, device: CampaignDevice): PackageFile | undefined {
  if (device.state === 'rolledBack') return targetOf(campaign, device);
  const { account, container, path, version } = campaign.request;
  return { account, container, path, version };
}

/**
 * Checks a request and stores its campaign, which has not begun. Errors that a retry cannot solve are thrown here and not in the background.
 * @throws ConnectorError REQUEST_INVALID, CAMPAIGN_EMPTY, CAMPAIGN_LIMIT, FILE_NOT_FOUND, LINK_NOT_POSSIBLE and the errors of storage and hub
 */
export async function newCampaign(
  request: CampaignRequest,
  deviceIds: readonly string[],
  { storages, clients }: CampaignSources,
  stores: CampaignStores,
  signal: AbortSignal,
): Promise<Campaign> {
  const { account, container, path, rollBack, version, selection } = request;
  if (rollBack?.version === version)
    throw new ConnectorError(
      'REQUEST_INVALID',
      'rollBackVersion is the version of the campaign; expected a different version.',
    );
  const { etag } = await installable(storages.require(account).container(container), path, signal);
  if (rollBack)
    await installable(
      storages.require(rollBack.account).container(rollBack.container),
      rollBack.path,
      signal,
    );
  const unique = new Set(deviceIds);
  if (selection.kind === 'list' && unique.size === 0)
    throw new ConnectorError('CAMPAIGN_EMPTY', 'deviceIds is empty; expected at least one id.');
  if (unique.size > MAX_CAMPAIGN_DEVICES)
    throw new ConnectorError(
      'CAMPAIGN_LIMIT',
      `${unique.size} devices are too many; expected at most ${MAX_CAMPAIGN_DEVICES}.`,
    );
  if (selection.kind === 'query') {
    const { twins } = await clients();
    const sql = `SELECT * FROM devices WHERE ${selection.condition}`;
    const page = await twins.find(sql, { pageSize: 1, signal, timeoutMs: CHECK_MS });
    if (page.items.length === 0)
      throw new ConnectorError('CAMPAIGN_EMPTY', 'The condition selects no device; expected at least one.');
  }
  const open = (await stores.records.load()).records.filter((known) => !isOver(known));
  if (open.length >= MAX_OPEN)
    throw new ConnectorError(
      'CAMPAIGN_LIMIT',
      `${open.length} campaigns have not ended, and no more are possible; cancel one of them or wait until one ends.`,
    );
  const createdAtMs = Date.now();
  const campaign: Campaign = {
    id: newId(createdAtMs),
    request,
    etag,
    state: 'selecting',
    code: '',
    message: '',
    waves: [],
    previousFiles: [],
    createdAtMs,
    changedAtMs: createdAtMs,
    unannounced: [],
  };
  const devices = new CampaignDevices(campaign.id, stores.parts());
  devices.add([...unique]);
  // The devices first: a sidecar that finds the campaign also finds its devices.
  await devices.create();
  await stores.records.create(campaign);
  return campaign;
}

/** Which devices of a campaign are returned. */
export interface CampaignDeviceFilter {
  readonly state?: DeviceState | undefined;
  readonly wave?: number | undefined;
  readonly from: number;
  readonly limit: number;
}
