import type { HubClients } from '../../azure/iot-hub/hub-clients.ts';
import type { ErrorCode } from '../../errors/catalogue.ts';
import { ConnectorError, toConnectorError } from '../../errors/connector-error.ts';
import { queryPages } from '../../import/devices.ts';
import type { Announcer } from '../../ingest/notifications/announcer.ts';
import { Backoff, untilDone } from '../../lib/backoff.ts';
import type { Log } from '../../observe/log.ts';
import type { Deployment } from '../deployment.ts';
import { type Deployments, unavailable } from '../deployments.ts';
import type { PackageFile } from '../types.ts';
import { type CampaignAction, isChange } from './actions.ts';
import { BUSY, type Campaign, ROLLBACK, ROLLOUT, targetOf } from './campaign.ts';
import { CampaignDeployments, type CheckPace } from './campaign-deployments.ts';
import type { CampaignDevices } from './campaign-devices.ts';
import { CampaignProgress } from './campaign-progress.ts';
import type { DeviceState } from './types.ts';

/** How often a campaign checks its devices. Tests use shorter times. */
export interface CampaignPace extends CheckPace {
  /** Between two rounds. */
  readonly roundMs: number;
}

interface CampaignRunOptions {
  readonly devices: CampaignDevices;
  readonly deployments: Deployments;
  readonly clients: () => Promise<HubClients>;
  /** Stores the campaign. Rejects with STATE_UNAVAILABLE, or with STOPPING if another sidecar leads. */
  readonly save: (campaign: Campaign) => Promise<void>;
  /** The files that earlier campaigns of the package have installed on the devices, by device id. */
  readonly installedBefore: (
    campaign: Campaign,
    deviceIds: ReadonlySet<string>,
  ) => Promise<ReadonlyMap<string, PackageFile>>;
  readonly announce: Announcer['announce'];
  readonly log: Log;
  readonly signal: AbortSignal;
  readonly pace?: CampaignPace | undefined;
}

const PACE: CampaignPace = { roundMs: 1_000, recheckMs: 60_000, queryMs: 6_000 };
export const MAX_CAMPAIGN_DEVICES = 50_000;

/** Runs one campaign to its end, from its beginning or from its stored state. */
export class CampaignRun {
  readonly #options: CampaignRunOptions;
  readonly #devices: CampaignDevices;
  readonly #progress: CampaignProgress;
  readonly #deployments: CampaignDeployments;
  readonly #pace: CampaignPace;
  readonly #log: Log;
  /** Aborts the current round when the state of the campaign changes. */
  #roundAbort = new AbortController();
  #isWoken = false;
  #endPause: () => void = () => undefined;
  #announcing: Promise<void> | undefined;
  #loading: Promise<void> | undefined;
  #running: Promise<void> | undefined;
  /** Whether `run` has ended. A change starts it again. */
  #isEnded = false;

  constructor(campaign: Campaign, options: CampaignRunOptions) {
    const { devices, deployments, clients, signal, pace = PACE } = options;
    this.#options = options;
    this.#devices = devices;
    this.#pace = pace;
    this.#log = options.log.child({ campaign: campaign.id });
    this.#progress = new CampaignProgress(campaign, {
      devices,
      log: this.#log,
      onState: () => {
        this.#roundAbort.abort();
        this.#wake();
      },
      onDeviceEnd: (index) => this.#deployments.forget(index),
    });
    this.#deployments = new CampaignDeployments({
      progress: this.#progress,
      devices,
      deployments,
      clients,
      log: this.#log,
      signal,
      pace,
      onDevice: () => this.#wake(),
    });
  }

  get campaign(): Campaign {
    return this.#progress.campaign;
  }

  /** The devices with their current state, which may not be stored yet. Rejects only with STOPPING. */
  async devices(): Promise<CampaignDevices> {
    await this.#load();
    return this.#devices;
  }

  /** Whether it has ended, all events were fired, and everything is stored. */
  get isComplete(): boolean {
    return this.#progress.isComplete;
  }

  /** Resolves when the campaign has ended or the signal aborts. Never rejects. */
  run(): Promise<void> {
    this.#running ??= this.#work().catch((thrown) => {
      const error = toConnectorError(thrown);
      if (!this.#options.signal.aborted && error.code !== 'STOPPING')
        this.#log.error({ err: error }, 'The campaign has ended unexpectedly.');
    });
    return this.#running;
  }

  /** The twin or the connection of a device has changed. */
  deviceChanged(deviceId: string): void {
    this.#deployments.deviceChanged(deviceId);
  }

  /** A deployment has changed. */
  deploymentChanged(deployment: Deployment): void {
    this.#deployments.deploymentChanged(deployment);
  }

  /** Resolves when the change is stored; `run` must be called afterwards. @throws ConnectorError CAMPAIGN_STATE, STATE_UNAVAILABLE, STOPPING */
  async change(action: CampaignAction): Promise<void> {
    await this.#load();
    if (!isChange(this.campaign, action)) return;
    if (action === 'pause') this.#progress.pause('', 'PauseCampaign was called.');
    if (action === 'resume') {
      this.#deployments.allowQuery();
      this.#progress.resume();
    }
    if (action === 'cancel') this.#progress.cancel();
    if (action === 'rollBack') this.#progress.rollBack('', 'RollBackCampaign was called.');
    if (this.#isEnded) this.#running = undefined;
    this.#isEnded = false;
    await this.#save();
  }

  /** Reads the devices once. Rejects only with STOPPING. */
  #load(): Promise<void> {
    this.#loading ??= this.#untilDone(() => this.#devices.load()).then(() => {
      if (this.#progress.checkDevices()) this.#deployments.recover();
    });
    return this.#loading;
  }

  async #work(): Promise<void> {
    const { signal } = this.#options;
    await this.#load();
    const backoff = new Backoff();
    let loggedCode: ErrorCode | undefined;
    for (;;) {
      if (this.isComplete) await this.#announcing;
      this.#isEnded = this.isComplete || signal.aborted;
      if (this.#isEnded) return;
      let hasMore = false;
      try {
        hasMore = await this.#step();
        await this.#untilDone(() => this.#save());
        this.#announce();
        backoff.reset();
        loggedCode = undefined;
      } catch (thrown) {
        const error = toConnectorError(thrown);
        if (signal.aborted) return;
        if (!this.#roundAbort.signal.aborted) {
          if (error.code !== loggedCode)
            this.#log.warn({ err: error }, 'The campaign cannot continue; trying again.');
          loggedCode = error.code;
          await backoff.pause(signal, error.retryAfterMs);
        }
      }
      if (!hasMore) await this.#waitForChange();
    }
  }

  /** One round. Resolves to whether the next round can begin at once. */
  async #step(): Promise<boolean> {
    this.#roundAbort = new AbortController();
    this.#progress.count();
    switch (this.campaign.state) {
      case 'selecting':
        await this.#select();
        return true;
      case 'running': {
        this.#progress.expire(ROLLOUT);
        const hasMore = await this.#deployments.dispatch(ROLLOUT, this.#roundAbort.signal);
        const hasBegun = this.#progress.evaluateWaves();
        return hasMore || hasBegun;
      }
      case 'paused':
        await this.#deployments.withdraw(ROLLOUT);
        return false;
      case 'cancelling':
        return await this.#cancel();
      case 'rollingBack':
        return await this.#rollBack();
      default:
        return false;
    }
  }

  /** Reads which devices belong to the campaign. */
  async #select(): Promise<void> {
    const { clients, log, signal } = this.#options;
    const { selection } = this.campaign.request;
    const abort = AbortSignal.any([signal, this.#roundAbort.signal]);
    if (selection.kind !== 'list') {
      try {
        for await (const page of queryPages(clients, selection, undefined, abort, log)) {
          this.#devices.add(page.devices.map(({ deviceId }) => deviceId));
          if (this.#devices.length > MAX_CAMPAIGN_DEVICES)
            throw new ConnectorError(
              'CAMPAIGN_LIMIT',
              `The condition selects more than ${MAX_CAMPAIGN_DEVICES} devices.`,
            );
        }
      } catch (thrown) {
        const error = toConnectorError(thrown);
        if (abort.aborted || error.retryable) throw thrown;
        this.#progress.end('failed', error.code, error.message);
        return;
      }
    }
    if (this.campaign.state === 'selecting') this.#progress.begin();
  }

  async #cancel(): Promise<boolean> {
    await this.#deployments.cancel();
    this.#progress.cancelRollback();
    if (this.campaign.state !== 'cancelling') return true;
    if ([...this.#devices.in(BUSY)].length > 0) return false;
    this.#progress.count();
    this.#progress.end('cancelled', '', 'CancelCampaign was called.');
    return false;
  }

  /** Cancels running deployments, then deploys the version to roll back to. */
  async #rollBack(): Promise<boolean> {
    const rolloutStates: readonly DeviceState[] = ['pending', 'waiting', 'deploying'];
    if ([...this.#devices.in(rolloutStates)].length > 0) {
      await this.#deployments.cancel();
      if (this.campaign.state !== 'rollingBack') return true;
      if ([...this.#devices.in(rolloutStates)].length > 0) return false;
    }
    await this.#selectForRollback();
    this.#progress.expire(ROLLBACK);
    const hasMore = await this.#deployments.dispatch(ROLLBACK, this.#roundAbort.signal);
    if (this.campaign.state !== 'rollingBack') return true;
    const isDone = [...this.#devices.in([ROLLBACK.waiting, ROLLBACK.busy])].length === 0;
    this.#progress.count();
    if (isDone) this.#progress.end('rolledBack', this.campaign.code, this.campaign.message);
    return hasMore;
  }

  /** Decides which devices are rolled back, and to which file. */
  async #selectForRollback(): Promise<void> {
    const indexes = this.#progress.indexesToRollBack();
    const unknown = new Set(
      indexes
        .filter((index) => targetOf(this.campaign, this.#devices.at(index)) === undefined)
        .map((index) => this.#devices.at(index).deviceId),
    );
    const earlier =
      unknown.size === 0 ? undefined : await this.#options.installedBefore(this.campaign, unknown);
    for (const index of indexes) {
      this.#progress.keepPreviousFile(index, earlier?.get(this.#devices.at(index).deviceId));
      this.#progress.setRollbackPending(index);
    }
  }

  /** Fires the oldest event in the background, because ThingWorx may be unavailable. */
  #announce(): void {
    const [data] = this.campaign.unannounced;
    if (this.#announcing || !data) return;
    const { announce, signal } = this.#options;
    this.#announcing = announce([{ deviceId: '', event: 'CampaignChanged', data }], signal)
      .then(() => {
        this.#progress.markAnnounced();
        this.#announcing = undefined;
        this.#wake();
      })
      // The sidecar stops: the next process fires the event.
      .catch(() => undefined);
  }

  async #save(): Promise<void> {
    await this.#progress.save(this.#options.save);
  }

  async #untilDone(work: () => Promise<void>): Promise<void> {
    await untilDone(
      () => work().catch((thrown) => Promise.reject(unavailable(thrown))),
      this.#options.signal,
      (error) => {
        if (error) this.#log.warn({ err: error }, 'The campaign cannot be read or stored; trying again.');
      },
    );
  }

  #wake(): void {
    this.#isWoken = true;
    this.#endPause();
  }

  /** Waits until the next round, or until something has changed. */
  async #waitForChange(): Promise<void> {
    const { signal } = this.#options;
    if (signal.aborted || this.isComplete) return;
    if (!this.#isWoken) {
      const { promise, resolve } = Promise.withResolvers<void>();
      const end = () => resolve();
      this.#endPause = end;
      const timer = setTimeout(end, this.#pace.roundMs);
      signal.addEventListener('abort', end, { once: true });
      await promise;
      clearTimeout(timer);
      signal.removeEventListener('abort', end);
    }
    this.#isWoken = false;
  }
}
