import { setTimeout as sleep } from 'node:timers/promises';
import { ConnectorError } from '../../errors/connector-error.ts';
import { type Deployments, unavailable } from '../deployments.ts';
import { type CampaignAction, isChange } from './actions.ts';
import {
  type Campaign,
  type CampaignRequest,
  campaignDetail,
  campaignDeviceRow,
  campaignRow,
} from './campaign.ts';
import {
  type CampaignDeviceFilter,
  type CampaignFacts,
  type CampaignStores,
  Campaigns,
  type CampaignsOptions,
  newCampaign,
  storedDevices,
} from './campaigns.ts';
import type { CampaignDetail, CampaignDeviceRow, CampaignRow } from './types.ts';

interface CampaignPlace extends CampaignStores {
  /** Tells the sidecar that leads of a new campaign, or of one that shall change. */
  readonly post: (action: 'look' | CampaignAction, id: string) => Promise<void>;
}

const CHANGE_WAIT_MS = 14_000;
const CHANGE_LOOK_MS = 300;
const ACTIONS: readonly string[] = ['pause', 'resume', 'cancel', 'rollBack'] satisfies CampaignAction[];
const NO_FACTS: CampaignFacts = { campaigns: {}, devices: {} };

/**
 * The campaigns of one hub, as each sidecar of its group answers for them. One of the group leads: it runs them. The others read them in the
 * storage account, and leave their wishes there. All operations throw STATE_UNAVAILABLE.
 */
export class CampaignBoard {
  readonly #options: CampaignsOptions;
  readonly #abort = new AbortController();
  #place: CampaignPlace | undefined;
  /** While this sidecar leads. */
  #campaigns: Campaigns | undefined;

  constructor(options: CampaignsOptions) {
    this.#options = options;
  }

  /** Called before `begin`, and when the settings name another place. */
  use(place: CampaignPlace): void {
    this.#place = place;
  }

  /** This sidecar leads from now on: it goes on with what the last one left. The next call of it tries again. */
  async begin(deployments: Deployments): Promise<void> {
    this.#campaigns ??= new Campaigns(this.#options, this.#require(), deployments);
    await this.#campaigns.start();
  }

  /** This sidecar leads no more. Idempotent. */
  async end(): Promise<void> {
    const campaigns = this.#campaigns;
    this.#campaigns = undefined;
    await campaigns?.stop();
  }

  /** Idempotent. */
  async close(): Promise<void> {
    this.#abort.abort();
    await this.end();
    this.#place = undefined;
  }

  /** What another sidecar of the group has left for the one that leads. */
  async take(action: string, id: string): Promise<void> {
    await this.#campaigns?.look();
    // A campaign that is not known has been forgotten, and one in another state has changed meanwhile.
    if (ACTIONS.includes(action))
      await this.#campaigns?.change(id, action as CampaignAction).catch((thrown) => {
        const { retryable } = unavailable(thrown);
        if (retryable) throw thrown;
      });
  }

  /** What this sidecar runs. */
  get facts(): CampaignFacts {
    return this.#campaigns?.facts ?? NO_FACTS;
  }

  /** As newCampaign. */
  async launch(
    request: CampaignRequest,
    deviceIds: readonly string[],
    signal: AbortSignal,
  ): Promise<CampaignRow> {
    const place = this.#require();
    return await guarded(async () => {
      const campaign = await newCampaign(request, deviceIds, this.#options, place, signal);
      if (this.#campaigns) await this.#campaigns.look();
      else await place.post('look', campaign.id);
      return campaignRow(campaign);
    });
  }

  /** Newest first: those that are not over, and the last twenty that are. */
  async list(): Promise<CampaignRow[]> {
    if (this.#campaigns) return (await this.#campaigns.list()).map(campaignRow);
    const { records } = await guarded(() => this.#require().records.load());
    return records.reverse().map(campaignRow);
  }

  /** @throws ConnectorError CAMPAIGN_NOT_FOUND */
  async get(id: string): Promise<CampaignDetail> {
    return campaignDetail(await this.#read(id));
  }

  /** @throws ConnectorError CAMPAIGN_NOT_FOUND */
  async devices(id: string, filter: CampaignDeviceFilter): Promise<CampaignDeviceRow[]> {
    const campaign = await this.#read(id);
    const devices = await guarded(() => this.#campaigns?.devices(id) ?? storedDevices(id, this.#require()));
    const { state, wave, from, limit } = filter;
    const rows: CampaignDeviceRow[] = [];
    let skipped = 0;
    for (let place = 0; place < devices.length && rows.length < limit; place += 1) {
      if (state !== undefined && devices.at(place).state !== state) continue;
      const row = campaignDeviceRow(campaign, devices.at(place), place);
      if (wave !== undefined && row.wave !== wave) continue;
      if (skipped < from) skipped += 1;
      else rows.push(row);
    }
    return rows;
  }

  /**
   * Resolves when the change is stored, or with the campaign as it is when the sidecar that leads does not change it in time.
   * @throws ConnectorError CAMPAIGN_NOT_FOUND, CAMPAIGN_STATE
   */
  async change(id: string, action: CampaignAction): Promise<CampaignRow> {
    if (this.#campaigns) return campaignRow(await this.#campaigns.change(id, action));
    let campaign = await this.#read(id);
    if (!isChange(campaign, action)) return campaignRow(campaign);
    const { changedAtMs } = campaign;
    await guarded(() => this.#require().post(action, id));
    const untilMs = performance.now() + CHANGE_WAIT_MS;
    while (
      campaign.changedAtMs === changedAtMs &&
      performance.now() < untilMs &&
      !this.#abort.signal.aborted
    ) {
      await sleep(CHANGE_LOOK_MS);
      campaign = await this.#read(id);
    }
    return campaignRow(campaign);
  }

  /** The twin or the connection of a device has changed. */
  deviceChanged(deviceId: string): void {
    this.#campaigns?.deviceChanged(deviceId);
  }

  async #read(id: string): Promise<Campaign> {
    if (this.#campaigns) return await this.#campaigns.get(id);
    const campaign = await guarded(() => this.#require().records.read(id));
    if (!campaign) throw new ConnectorError('CAMPAIGN_NOT_FOUND', `This hub has no campaign ${id}.`);
    return campaign;
  }

  #require(): CampaignPlace {
    if (!this.#place) throw new ConnectorError('STOPPING', 'The hub was disconnected.');
    return this.#place;
  }
}

async function guarded<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (thrown) {
    throw unavailable(thrown);
  }
}
