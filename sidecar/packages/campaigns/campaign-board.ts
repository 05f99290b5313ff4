import { ConnectorError } from '../../errors/connector-error.ts';
import { GroupBoard } from '../../lib/group-board.ts';
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
  /** Asks the sidecar that leads to read new campaigns, or to change one. */
  readonly post: (action: 'readNew' | CampaignAction, id: string) => Promise<void>;
}

const ACTIONS: readonly string[] = ['pause', 'resume', 'cancel', 'rollBack'] satisfies CampaignAction[];
const NO_FACTS: CampaignFacts = { campaigns: {}, devices: {} };

/** The campaigns of one hub, as each sidecar of its group answers for them. All operations throw STATE_UNAVAILABLE. */
export class CampaignBoard extends GroupBoard<CampaignPlace, Campaigns> {
  readonly #options: CampaignsOptions;

  constructor(options: CampaignsOptions) {
    super();
    this.#options = options;
  }

  /** This sidecar leads from now on: it continues the campaigns of the last one. When this rejects, the next call tries again. */
  async begin(deployments: Deployments): Promise<void> {
    await this.lead((place) => new Campaigns(this.#options, place, deployments)).start();
  }

  /** Does what another sidecar of the group has posted. */
  async take(action: string, id: string): Promise<void> {
    await this.runner?.readNew();
    // A campaign may have been removed or have reached another state meanwhile: then the request has no purpose.
    if (ACTIONS.includes(action))
      await this.runner?.change(id, action as CampaignAction).catch((thrown) => {
        const { retryable } = unavailable(thrown);
        if (retryable) throw thrown;
      });
  }

  /** The campaigns that this sidecar runs. */
  get facts(): CampaignFacts {
    return this.runner?.facts ?? NO_FACTS;
  }

  /** As newCampaign. */
  async launch(
    request: CampaignRequest,
    deviceIds: readonly string[],
    signal: AbortSignal,
  ): Promise<CampaignRow> {
    return await this.access(async (place) => {
      const campaign = await newCampaign(request, deviceIds, this.#options, place, signal);
      if (this.runner) await this.runner.readNew();
      else await place.post('readNew', campaign.id);
      return campaignRow(campaign);
    }, unavailable);
  }

  /** Newest first: all open campaigns, and the last twenty that have ended. */
  async list(): Promise<CampaignRow[]> {
    if (this.runner) return (await this.runner.list()).map(campaignRow);
    const { records } = await this.access((place) => place.records.load(), unavailable);
    return records.reverse().map(campaignRow);
  }

  /** @throws ConnectorError CAMPAIGN_NOT_FOUND */
  async get(id: string): Promise<CampaignDetail> {
    return campaignDetail(await this.#read(id));
  }

  /** @throws ConnectorError CAMPAIGN_NOT_FOUND */
  async devices(id: string, filter: CampaignDeviceFilter): Promise<CampaignDeviceRow[]> {
    const campaign = await this.#read(id);
    const devices = await this.access(
      (place) => this.runner?.devices(id) ?? storedDevices(id, place),
      unavailable,
    );
    const { state, wave, from, limit } = filter;
    const rows: CampaignDeviceRow[] = [];
    let skipped = 0;
    for (let index = 0; index < devices.length && rows.length < limit; index += 1) {
      if (state !== undefined && devices.at(index).state !== state) continue;
      const row = campaignDeviceRow(campaign, devices.at(index), index);
      if (wave !== undefined && row.wave !== wave) continue;
      if (skipped < from) skipped += 1;
      else rows.push(row);
    }
    return rows;
  }

  /**
   * Resolves when the change is stored. When the sidecar that leads does not change the campaign in time, resolves to the campaign as it is.
   * @throws ConnectorError CAMPAIGN_NOT_FOUND, CAMPAIGN_STATE
   */
  async change(id: string, action: CampaignAction): Promise<CampaignRow> {
    if (this.runner) return campaignRow(await this.runner.change(id, action));
    const campaign = await this.#read(id);
    if (!isChange(campaign, action)) return campaignRow(campaign);
    await this.access(({ post }) => post(action, id), unavailable);
    const isChanged = ({ changedAtMs }: Campaign) => changedAtMs !== campaign.changedAtMs;
    return campaignRow(await this.waitUntil(isChanged, () => this.#read(id)));
  }

  /** The twin or the connection of a device has changed. */
  deviceChanged(deviceId: string): void {
    this.runner?.deviceChanged(deviceId);
  }

  async #read(id: string): Promise<Campaign> {
    if (this.runner) return await this.runner.get(id);
    const campaign = await this.access(({ records }) => records.read(id), unavailable);
    if (!campaign) throw new ConnectorError('CAMPAIGN_NOT_FOUND', `This hub has no campaign ${id}.`);
    return campaign;
  }
}
