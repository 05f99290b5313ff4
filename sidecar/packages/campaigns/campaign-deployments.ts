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
} from './campaign.ts';
import type { CampaignDevices } from './campaign-devices.ts';
import type { CampaignProgress } from './campaign-progress.ts';

/** How often a campaign looks at devices. */
export interface LookPace {
  /** Between two looks at a device that is offline. */
  readonly lookMs: number;
  /** Between two queries for devices that are offline: they must leave the rate of queries to others. */
  readonly queryMs: number;
}

interface CampaignDeploymentsOptions {
  readonly progress: CampaignProgress;
  readonly devices: CampaignDevices;
  readonly deployments: Deployments;
  readonly clients: () => Promise<HubClients>;
  readonly log: Log;
  readonly signal: AbortSignal;
  readonly pace: LookPace;
  /** Called when a device has changed between two rounds. */
  readonly onDevice: () => void;
}

/** The text of a query has a limit. */
const IDS_PER_QUERY = 50;
/** Deployments that are begun or cancelled at the same time. */
const PARALLEL_CALLS = 8;
/** The longest time limit of a deployment, in minutes. */
const MAX_DEPLOYMENT_MINUTES = 1_440;
const QUERY_MS = 600_000;

/** The deployments of one campaign: begins them for devices whose turn it is, takes what becomes of them, and ends them. */
export class CampaignDeployments {
  readonly #options: CampaignDeploymentsOptions;
  readonly #progress: CampaignProgress;
  readonly #devices: CampaignDevices;
  readonly #deployments: Deployments;
  /** When waiting devices are looked at next, by place. */
  readonly #looks = new Map<number, number>();
  /** Devices that may have come back. */
  readonly #woken = new Set<number>();
  #nextQueryMs = 0;

  constructor(options: CampaignDeploymentsOptions) {
    this.#options = options;
    this.#progress = options.progress;
    this.#devices = options.devices;
    this.#deployments = options.deployments;
  }

  /** The twin or the connection of a device has changed. */
  deviceChanged(deviceId: string): void {
    const place = this.#devices.placeOf(deviceId);
    if (place === undefined || !WAITING.includes(this.#devices.at(place).state)) return;
    this.#woken.add(place);
    this.#options.onDevice();
  }

  /** A deployment has changed. */
  deploymentChanged(deployment: Deployment): void {
    const place = this.#devices.placeOf(deployment.deviceId);
    if (place === undefined || isOver(this.#progress.campaign)) return;
    if (this.#devices.at(place).deploymentId !== deployment.id) return;
    this.#take(place, deployment);
    this.#options.onDevice();
  }

  /** Looks no more at the device at this place: nothing remains to be done for it. */
  forget(place: number): void {
    this.#looks.delete(place);
    this.#woken.delete(place);
  }

  /** The next query for devices that are offline need not wait. */
  allowQuery(): void {
    this.#nextQueryMs = 0;
  }

  /** After a restart: takes what has become of the deployments meanwhile. */
  recover(): void {
    const { id, request } = this.#progress.campaign;
    for (const deployment of this.#deployments.ofCampaign(id)) {
      const place = this.#devices.placeOf(deployment.deviceId);
      if (place === undefined) continue;
      const device = this.#devices.at(place);
      const isRollout = deployment.version === request.version;
      const direction = isRollout ? ROLLOUT : ROLLBACK;
      const isUnknown =
        device.deploymentId === undefined &&
        (device.state === direction.waiting || (isRollout && device.state === 'pending'));
      // The process ended after it had begun the deployment.
      if (isUnknown) this.#setBusy(place, direction, deployment.id, deployment.createdAtMs);
      if (isUnknown || device.deploymentId === deployment.id) this.#take(place, deployment);
    }
    for (const place of [...this.#devices.in(BUSY)]) {
      const device = this.#devices.at(place);
      if (device.deploymentId === undefined || !this.#deployments.get(device.deploymentId))
        this.#wait(place, directionOf(device), '', '');
    }
  }

  /** Begins deployments for devices whose turn it is, until `turn` aborts. Resolves to whether more could begin at once. */
  async dispatch(direction: Direction, turn: AbortSignal): Promise<boolean> {
    const { request, waves } = this.#progress.campaign;
    const end = waves.findLast(({ beganAtMs }) => beganAtMs !== undefined)?.to ?? 0;
    const nowMs = performance.now();
    const woken: number[] = [];
    const fresh: number[] = [];
    const again: number[] = [];
    let free = request.parallel;
    for (let place = 0; place < end; place += 1) {
      const { state, sinceMs } = this.#devices.at(place);
      if (BUSY.includes(state)) free -= 1;
      else if (state !== direction.waiting && state !== 'pending') continue;
      else if (this.#woken.has(place)) woken.push(place);
      else if (state === 'pending' || sinceMs === undefined) fresh.push(place);
      else if ((this.#looks.get(place) ?? 0) <= nowMs) again.push(place);
    }
    const first = woken.slice(0, Math.max(0, free));
    for (const place of first) this.#woken.delete(place);
    await this.#begin(first, direction, turn);
    free -= first.length;
    const chosen = fresh.slice(0, Math.min(Math.max(0, free), IDS_PER_QUERY));
    const isSecondLook = chosen.length === 0 && free > 0 && nowMs >= this.#nextQueryMs;
    const looked = isSecondLook ? again.slice(0, IDS_PER_QUERY) : chosen;
    if (looked.length === 0) return false;
    if (isSecondLook) this.#nextQueryMs = nowMs + this.#options.pace.queryMs;
    const ready = (await this.#look(looked, direction, turn)).slice(0, free);
    await this.#begin(ready, direction, turn);
    return fresh.length > chosen.length && free > ready.length;
  }

  /** Devices that the package has not reached begin no more. */
  async recall(direction: Direction): Promise<void> {
    await forEachConcurrently([...this.#devices.in([direction.busy])], PARALLEL_CALLS, async (place) => {
      const { deploymentId } = this.#devices.at(place);
      if (deploymentId === undefined || !(await this.#deployments.withdraw(deploymentId))) return;
      const device = this.#devices.at(place);
      if (device.deploymentId !== deploymentId) return;
      const { deploymentId: _withdrawn, ...kept } = device;
      this.#progress.set(place, { ...kept, state: direction === ROLLOUT ? 'pending' : direction.waiting });
    });
  }

  /** Ends what is under way. */
  async cancel(): Promise<void> {
    const { name, moduleId } = this.#progress.campaign.request;
    const isBack = [...this.#devices.in([ROLLBACK.busy])].length > 0;
    await this.recall(isBack ? ROLLBACK : ROLLOUT);
    this.#progress.cancelWaiting();
    await forEachConcurrently([...this.#devices.in(BUSY)], PARALLEL_CALLS, async (place) => {
      const { deploymentId, ...device } = this.#devices.at(place);
      if (deploymentId === undefined || !this.#deployments.get(deploymentId)) {
        this.#progress.set(place, {
          ...device,
          state: directionOf(device) === ROLLBACK ? ROLLBACK.failed : 'cancelled',
          isUncertain: true,
        });
        return;
      }
      await this.#deployments.cancel({ deviceId: device.deviceId, moduleId, name });
      const deployment = this.#deployments.get(deploymentId);
      if (deployment) this.#take(place, deployment);
    });
  }

  /** Asks the hub about devices, and resolves to the places of those that can begin. */
  async #look(places: readonly number[], direction: Direction, turn: AbortSignal): Promise<number[]> {
    const { name, version, moduleId } = this.#progress.campaign.request;
    const found = await this.#twins(
      places.map((place) => this.#devices.at(place).deviceId),
      turn,
    );
    const ready: number[] = [];
    for (const place of places) {
      const device = this.#devices.at(place);
      // The state may have changed during the query.
      if (device.state !== direction.waiting && device.state !== 'pending') continue;
      const sinceMs = device.sinceMs ?? Date.now();
      const { deviceId, before } = device;
      const kept = { deviceId, sinceMs, ...(before === undefined ? {} : { before }) };
      const twin = found.get(deviceId);
      const wanted = direction === ROLLOUT ? version : targetOf(this.#progress.campaign, device)?.version;
      if (!twin) {
        const what = moduleId === undefined ? 'device' : `module ${moduleId} of this device`;
        this.#progress.set(place, {
          ...kept,
          state: 'skipped',
          code: 'DEVICE_NOT_FOUND',
          message: `The IoT Hub has no such ${what}.`,
        });
      } else if (this.#reportsInstalled(twin, name, wanted)) {
        const message = `The device had version ${wanted} already.`;
        this.#progress.set(place, {
          ...kept,
          state: direction === ROLLOUT ? 'skipped' : direction.done,
          message,
        });
      } else if (twin.connectionState === 'Connected') {
        this.#progress.set(place, { ...device, sinceMs });
        ready.push(place);
      } else {
        this.#progress.set(place, { ...device, sinceMs });
        this.#wait(place, direction, 'DEVICE_OFFLINE', 'The device is not connected.');
      }
    }
    return ready;
  }

  async #twins(deviceIds: readonly string[], turn: AbortSignal): Promise<Map<string, Twin>> {
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
        signal: AbortSignal.any([signal, turn]),
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

  async #begin(places: readonly number[], direction: Direction, turn: AbortSignal): Promise<void> {
    await forEachConcurrently(places, PARALLEL_CALLS, (place) => this.#deploy(place, direction, turn));
  }

  async #deploy(place: number, direction: Direction, turn: AbortSignal): Promise<void> {
    const { id, etag, request } = this.#progress.campaign;
    const device = this.#devices.at(place);
    const { deviceId } = device;
    const { name, moduleId, methodName, information, account, container, path, version } = request;
    const isRollout = direction === ROLLOUT;
    const target = isRollout
      ? { account, container, path, version }
      : targetOf(this.#progress.campaign, device);
    const deadlineMs = deadlineOf(this.#progress.campaign, device) ?? Date.now();
    const minutes = Math.min((deadlineMs - Date.now()) / 60_000, MAX_DEPLOYMENT_MINUTES);
    if (!target || minutes <= 0 || turn.aborted) return;
    if (isRollout) {
      const before = this.#deployments.installedBefore({ deviceId, moduleId, name }, version);
      this.#progress.keepBefore(place, before);
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
        AbortSignal.any([this.#options.signal, turn]),
      );
      this.#setBusy(place, direction, row.deploymentId, Date.now());
      const deployment = this.#deployments.get(row.deploymentId);
      if (deployment) this.#take(place, deployment);
    } catch (thrown) {
      const error = toConnectorError(thrown);
      const { code, message } = error;
      if (code === 'PACKAGE_PENDING') this.#wait(place, direction, code, message);
      else if (code === 'DEVICE_NOT_FOUND')
        this.#progress.set(place, { ...this.#devices.at(place), state: 'skipped', code, message });
      else if (error.retryable || code === 'STOPPING' || turn.aborted) throw thrown;
      else if (isRollout) this.#progress.pause(code, `No deployment can begin: ${message}`);
      else this.#progress.set(place, { ...this.#devices.at(place), state: direction.failed, code, message });
    }
  }

  #setBusy(place: number, direction: Direction, deploymentId: string, nowMs: number): void {
    this.#looks.delete(place);
    this.#progress.setBusy(place, direction, deploymentId, nowMs);
  }

  /** The device must wait, and is looked at again later. */
  #wait(place: number, direction: Direction, code: string, message: string): void {
    this.#looks.set(place, performance.now() + this.#options.pace.lookMs);
    this.#progress.setWaiting(place, direction, code, message);
  }

  /** Takes the state of the deployment of a device. */
  #take(place: number, deployment: Deployment): void {
    const device = this.#devices.at(place);
    const { state, code, attempted } = deployment;
    if (hasEnded(deployment)) this.#progress.setEnded(place, deployment);
    else if (!BUSY.includes(device.state)) return;
    else if (state === 'waiting' && code === 'DEVICE_OFFLINE' && !attempted)
      this.#leave(place, deployment, directionOf(device));
  }

  /** The device has turned out to be offline: its place among those at work goes to another one. */
  #leave(place: number, { id, code, message }: Deployment, direction: Direction): void {
    void this.#deployments
      .withdraw(id)
      .then((isGone) => {
        const device = this.#devices.at(place);
        if (!isGone || device.deploymentId !== id || !BUSY.includes(device.state)) return;
        this.#wait(place, direction, code, message);
        this.#options.onDevice();
      })
      .catch((thrown) =>
        this.#options.log.debug({ err: toConnectorError(thrown) }, 'A deployment was not withdrawn.'),
      );
  }
}
