import type { HubClients } from '../../azure/iot-hub/hub-clients.ts';
import type { Twin } from '../../azure/iot-hub/hub-types.ts';
import { quoteForQuery } from '../../azure/iot-hub/twins.ts';
import { toConnectorError } from '../../errors/connector-error.ts';
import { forEachConcurrently } from '../../lib/concurrency.ts';
import type { Log } from '../../observe/log.ts';
import { type Deployment, hasEnded } from '../deployment.ts';
import type { Deployments } from '../deployments.ts';
import {
  BUSY,
  type Direction,
  deadlineOf,
  directionOf,
  isOver,
  ROLLBACK,
  ROLLOUT,
  targetOf,
  WAITING,
  withoutState,
} from './campaign.ts';
import type { CampaignDevices } from './campaign-devices.ts';
import type { CampaignProgress } from './campaign-progress.ts';

/** How often a campaign checks devices that are offline. */
export interface CheckPace {
  /** Between two checks of the same device. */
  readonly recheckMs: number;
  /** Between two queries: IoT Hub limits the rate of queries, and other callers need it, too. */
  readonly queryMs: number;
}

interface CampaignDeploymentsOptions {
  readonly progress: CampaignProgress;
  readonly devices: CampaignDevices;
  readonly deployments: Deployments;
  readonly clients: () => Promise<HubClients>;
  readonly log: Log;
  readonly signal: AbortSignal;
  readonly pace: CheckPace;
  /** Called when a device has changed, so that the next round begins at once. */
  readonly onDevice: () => void;
}

/** IoT Hub limits the length of a query. */
const IDS_PER_QUERY = 50;
/** The largest number of deployments that are begun or cancelled at the same time. */
const PARALLEL_CALLS = 8;
/** The longest time limit of a deployment, in minutes. */
const MAX_DEPLOYMENT_MINUTES = 1_440;
const QUERY_MS = 600_000;

/** The deployments of one campaign: begins them, copies their outcomes to the devices of the campaign, and cancels them. */
export class CampaignDeployments {
  readonly #options: CampaignDeploymentsOptions;
  readonly #progress: CampaignProgress;
  readonly #devices: CampaignDevices;
  readonly #deployments: Deployments;
  /** When a waiting device is checked again, by index. */
  readonly #recheckAtMs = new Map<number, number>();
  /** Indexes of waiting devices that may be connected now. */
  readonly #reconnected = new Set<number>();
  #nextQueryMs = 0;

  constructor(options: CampaignDeploymentsOptions) {
    this.#options = options;
    this.#progress = options.progress;
    this.#devices = options.devices;
    this.#deployments = options.deployments;
  }

  /** The twin or the connection of a device has changed. */
  deviceChanged(deviceId: string): void {
    const index = this.#devices.indexOf(deviceId);
    if (index === undefined || !WAITING.includes(this.#devices.at(index).state)) return;
    this.#reconnected.add(index);
    this.#options.onDevice();
  }

  /** A deployment has changed. */
  deploymentChanged(deployment: Deployment): void {
    const index = this.#devices.indexOf(deployment.deviceId);
    if (index === undefined || isOver(this.#progress.campaign)) return;
    if (this.#devices.at(index).deploymentId !== deployment.id) return;
    this.#apply(index, deployment);
    this.#options.onDevice();
  }

  /** The device at this index has finished. */
  forget(index: number): void {
    this.#recheckAtMs.delete(index);
    this.#reconnected.delete(index);
  }

  /** The next query for offline devices need not wait. */
  allowQuery(): void {
    this.#nextQueryMs = 0;
  }

  /** After a restart: copies what has happened to the deployments meanwhile. */
  recover(): void {
    const { id, request } = this.#progress.campaign;
    for (const deployment of this.#deployments.ofCampaign(id)) {
      const index = this.#devices.indexOf(deployment.deviceId);
      if (index === undefined) continue;
      const device = this.#devices.at(index);
      const isRollout = deployment.version === request.version;
      const direction = isRollout ? ROLLOUT : ROLLBACK;
      const isUnknown =
        device.deploymentId === undefined &&
        (device.state === direction.waiting || (isRollout && device.state === 'pending'));
      // The process ended after it had begun the deployment and before it had stored the id.
      if (isUnknown) this.#setBusy(index, direction, deployment.id, deployment.createdAtMs);
      if (isUnknown || device.deploymentId === deployment.id) this.#apply(index, deployment);
    }
    for (const index of [...this.#devices.in(BUSY)]) {
      const device = this.#devices.at(index);
      if (device.deploymentId === undefined || !this.#deployments.get(device.deploymentId))
        this.#wait(index, directionOf(device), '', '');
    }
  }

  /** Begins deployments for as many devices as may have one, until `round` aborts. Resolves to whether further devices can begin at once. */
  async dispatch(direction: Direction, round: AbortSignal): Promise<boolean> {
    const { request, waves } = this.#progress.campaign;
    const end = waves.findLast(({ beganAtMs }) => beganAtMs !== undefined)?.to ?? 0;
    const nowMs = performance.now();
    const reconnected: number[] = [];
    const unchecked: number[] = [];
    const due: number[] = [];
    let free = request.parallel;
    for (let index = 0; index < end; index += 1) {
      const { state, sinceMs } = this.#devices.at(index);
      if (BUSY.includes(state)) free -= 1;
      else if (state !== direction.waiting && state !== 'pending') continue;
      else if (this.#reconnected.has(index)) reconnected.push(index);
      else if (state === 'pending' || sinceMs === undefined) unchecked.push(index);
      else if ((this.#recheckAtMs.get(index) ?? 0) <= nowMs) due.push(index);
    }
    const starting = reconnected.slice(0, Math.max(0, free));
    for (const index of starting) this.#reconnected.delete(index);
    await this.#begin(starting, direction, round);
    free -= starting.length;
    const chosen = unchecked.slice(0, Math.min(Math.max(0, free), IDS_PER_QUERY));
    const isRecheck = chosen.length === 0 && free > 0 && nowMs >= this.#nextQueryMs;
    const checked = isRecheck ? due.slice(0, IDS_PER_QUERY) : chosen;
    if (checked.length === 0) return false;
    if (isRecheck) this.#nextQueryMs = nowMs + this.#options.pace.queryMs;
    const ready = (await this.#findReady(checked, direction, round)).slice(0, free);
    await this.#begin(ready, direction, round);
    return unchecked.length > chosen.length && free > ready.length;
  }

  /** Withdraws the deployments that have not reached their device. */
  async withdraw(direction: Direction): Promise<void> {
    await forEachConcurrently([...this.#devices.in([direction.busy])], PARALLEL_CALLS, async (index) => {
      const { deploymentId } = this.#devices.at(index);
      if (deploymentId === undefined || !(await this.#deployments.withdraw(deploymentId))) return;
      const device = this.#devices.at(index);
      if (device.deploymentId !== deploymentId) return;
      const { deploymentId: _withdrawn, ...kept } = device;
      this.#progress.set(index, { ...kept, state: direction === ROLLOUT ? 'pending' : direction.waiting });
    });
  }

  /** Cancels all devices that have not finished. */
  async cancel(): Promise<void> {
    const { name, moduleId } = this.#progress.campaign.request;
    const isBack = [...this.#devices.in([ROLLBACK.busy])].length > 0;
    await this.withdraw(isBack ? ROLLBACK : ROLLOUT);
    this.#progress.cancelWaiting();
    await forEachConcurrently([...this.#devices.in(BUSY)], PARALLEL_CALLS, async (index) => {
      const { deploymentId, ...device } = this.#devices.at(index);
      if (deploymentId === undefined || !this.#deployments.get(deploymentId)) {
        this.#progress.set(index, {
          ...device,
          state: directionOf(device) === ROLLBACK ? ROLLBACK.failed : 'cancelled',
          isUncertain: true,
        });
        return;
      }
      await this.#deployments.cancel({ deviceId: device.deviceId, moduleId, name });
      const deployment = this.#deployments.get(deploymentId);
      if (deployment) this.#apply(index, deployment);
    });
  }

  /** Queries the twins of devices. Resolves to the indexes of those that can begin. */
  async #findReady(indexes: readonly number[], direction: Direction, round: AbortSignal): Promise<number[]> {
    const { name, version, moduleId } = this.#progress.campaign.request;
    const found = await this.#twins(
      indexes.map((index) => this.#devices.at(index).deviceId),
      round,
    );
    const ready: number[] = [];
    for (const index of indexes) {
      const device = this.#devices.at(index);
      // Its state may have changed during the query.
      if (device.state !== direction.waiting && device.state !== 'pending') continue;
      const sinceMs = device.sinceMs ?? Date.now();
      const kept = { ...withoutState(device), sinceMs };
      const twin = found.get(device.deviceId);
      const wanted = direction === ROLLOUT ? version : targetOf(this.#progress.campaign, device)?.version;
      if (!twin) {
        const what = moduleId === undefined ? 'device' : `module ${moduleId} on this device`;
        this.#progress.set(index, {
          ...kept,
          state: 'skipped',
          code: 'DEVICE_NOT_FOUND',
          message: `The IoT Hub has no such ${what}.`,
        });
      } else if (this.#reportsInstalled(twin, name, wanted)) {
        const message = `The device already had version ${wanted}.`;
        this.#progress.set(index, {
          ...kept,
          state: direction === ROLLOUT ? 'skipped' : direction.done,
          message,
        });
      } else if (twin.connectionState === 'Connected') {
        this.#progress.set(index, { ...device, sinceMs });
        ready.push(index);
      } else {
        this.#progress.set(index, { ...device, sinceMs });
        this.#wait(index, direction, 'DEVICE_OFFLINE', 'The device is not connected.');
      }
    }
    return ready;
  }

  async #twins(deviceIds: readonly string[], round: AbortSignal): Promise<Map<string, Twin>> {
    const { clients, signal } = this.#options;
    const { moduleId } = this.#progress.campaign.request;
    const ids = deviceIds.map(quoteForQuery).join(', ');
    const sql =
      moduleId === undefined
        ? `SELECT * FROM devices WHERE deviceId IN [${ids}]`
        : `SELECT * FROM devices.modules WHERE deviceId IN [${ids}] AND moduleId = ${quoteForQuery(moduleId)}`;
    const { twins } = await clients();
    const found = new Map<string, Twin>();
    let token: string | undefined;
    do {
      const page = await twins.query(sql, {
        pageSize: IDS_PER_QUERY,
        timeoutMs: QUERY_MS,
        signal: AbortSignal.any([signal, round]),
        ...(token === undefined ? {} : { continuationToken: token }),
      });
      for (const twin of page.items) found.set(twin.deviceId, twin);
      token = page.continuationToken;
    } while (token !== undefined);
    return found;
  }

  /** Whether the device has reported that it has installed this version. */
  #reportsInstalled(twin: Twin, name: string, version: string | undefined): boolean {
    const packages = twin.properties?.reported['softwarePackages'] as Record<string, unknown> | undefined;
    const report = packages && Object.hasOwn(packages, name) ? packages[name] : undefined;
    if (version === undefined || typeof report !== 'object' || report === null) return false;
    const { state, deploymentId, version: reported } = report as Record<string, unknown>;
    if (state !== 'installed') return false;
    return (reported ?? this.#deployments.get(String(deploymentId))?.version) === version;
  }

  async #begin(indexes: readonly number[], direction: Direction, round: AbortSignal): Promise<void> {
    await forEachConcurrently(indexes, PARALLEL_CALLS, (index) => this.#deploy(index, direction, round));
  }

  async #deploy(index: number, direction: Direction, round: AbortSignal): Promise<void> {
    const { id, etag, request } = this.#progress.campaign;
    const device = this.#devices.at(index);
    const { deviceId } = device;
    const { name, moduleId, methodName, information, account, container, path, version } = request;
    const isRollout = direction === ROLLOUT;
    const target = isRollout
      ? { account, container, path, version }
      : targetOf(this.#progress.campaign, device);
    const deadlineMs = deadlineOf(this.#progress.campaign, device) ?? Date.now();
    const minutes = Math.min((deadlineMs - Date.now()) / 60_000, MAX_DEPLOYMENT_MINUTES);
    if (!target || minutes <= 0 || round.aborted) return;
    if (isRollout) {
      const previous = this.#deployments.installedBefore({ deviceId, moduleId, name }, version);
      this.#progress.keepPreviousFile(index, previous);
    }
    try {
      const row = await this.#deployments.deploy(
        {
          ...target,
          ...(isRollout ? { etag } : {}),
          ...(moduleId === undefined ? {} : { moduleId }),
          ...(information === undefined ? {} : { information }),
          deviceId,
          name,
          methodName,
          delivery: 'method',
          timeoutMinutes: minutes,
          deleteFile: false,
          campaign: id,
        },
        AbortSignal.any([this.#options.signal, round]),
      );
      this.#setBusy(index, direction, row.deploymentId, Date.now());
      const deployment = this.#deployments.get(row.deploymentId);
      if (deployment) this.#apply(index, deployment);
    } catch (thrown) {
      const error = toConnectorError(thrown);
      const { code, message } = error;
      if (code === 'PACKAGE_PENDING') this.#wait(index, direction, code, message);
      else if (code === 'DEVICE_NOT_FOUND')
        this.#progress.set(index, { ...this.#devices.at(index), state: 'skipped', code, message });
      else if (error.retryable || code === 'STOPPING' || round.aborted) throw thrown;
      else if (isRollout) this.#progress.pause(code, `No deployment can begin: ${message}`);
      else this.#progress.set(index, { ...this.#devices.at(index), state: direction.failed, code, message });
    }
  }

  #setBusy(index: number, direction: Direction, deploymentId: string, nowMs: number): void {
    this.#recheckAtMs.delete(index);
    this.#progress.setBusy(index, direction, deploymentId, nowMs);
  }

  /** The device must wait; it is checked again later. */
  #wait(index: number, direction: Direction, code: string, message: string): void {
    this.#recheckAtMs.set(index, performance.now() + this.#options.pace.recheckMs);
    this.#progress.setWaiting(index, direction, code, message);
  }

  /** Copies the outcome of a deployment to its device. */
  #apply(index: number, deployment: Deployment): void {
    const device = this.#devices.at(index);
    const { state, code, attempted } = deployment;
    if (hasEnded(deployment)) this.#progress.setEnded(index, deployment);
    else if (!BUSY.includes(device.state)) return;
    else if (state === 'waiting' && code === 'DEVICE_OFFLINE' && !attempted)
      this.#withdrawOffline(index, deployment, directionOf(device));
  }

  /** Withdraws the deployment of a device that is offline, so that another device can begin. */
  #withdrawOffline(index: number, { id, code, message }: Deployment, direction: Direction): void {
    void this.#deployments
      .withdraw(id)
      .then((isWithdrawn) => {
        const device = this.#devices.at(index);
        if (!isWithdrawn || device.deploymentId !== id || !BUSY.includes(device.state)) return;
        this.#wait(index, direction, code, message);
        this.#options.onDevice();
      })
      .catch((thrown) =>
        this.#options.log.debug({ err: toConnectorError(thrown) }, 'A deployment was not withdrawn.'),
      );
  }
}
