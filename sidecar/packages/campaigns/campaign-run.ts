import type { HubClients } from '../../azure/iot-hub/hub-clients.ts';
import type { Twin } from '../../azure/iot-hub/hub-types.ts';
import { quoteForQuery } from '../../azure/iot-hub/twins.ts';
import type { ErrorCode } from '../../errors/catalogue.ts';
import { ConnectorError, toConnectorError } from '../../errors/connector-error.ts';
import { queryPages } from '../../import/devices.ts';
import type { Announcer } from '../../ingest/notifications/announcer.ts';
import { Backoff, untilDone } from '../../lib/backoff.ts';
import { forEachConcurrently } from '../../lib/concurrency.ts';
import type { Log } from '../../observe/log.ts';
import { type Deployment, hasEnded } from '../deployment.ts';
import { type Deployments, unavailable } from '../deployments.ts';
import type { PackageFile } from '../types.ts';
import {
  begunWaves,
  type Campaign,
  type CampaignDevice,
  countsOf,
  deadlineOf,
  isOpen,
  isOver,
  targetOf,
} from './campaign.ts';
import type { CampaignDevices } from './campaign-devices.ts';
import { type CampaignChange, type DeviceState, shownCounts } from './types.ts';
import { isMissed, isPassed, isQuiet, plannedWaves, type Wave } from './waves.ts';

/** How often a campaign looks; tests are quicker. */
export interface CampaignPace {
  /** Between two rounds. */
  readonly roundMs: number;
  /** Between two looks at a device that is offline. */
  readonly lookMs: number;
  /** Between two queries for devices that are offline: they must leave the rate of queries to others. */
  readonly queryMs: number;
}

interface CampaignRunOptions {
  readonly devices: CampaignDevices;
  readonly deployments: Deployments;
  readonly clients: () => Promise<HubClients>;
  /** Stores the campaign. Rejects with STATE_UNAVAILABLE, and with STOPPING when another sidecar leads. */
  readonly save: (campaign: Campaign) => Promise<void>;
  /** What devices have installed by earlier campaigns of the package. */
  readonly installedBefore: (
    campaign: Campaign,
    deviceIds: ReadonlySet<string>,
  ) => Promise<ReadonlyMap<string, PackageFile>>;
  readonly announce: Announcer['announce'];
  readonly log: Log;
  readonly signal: AbortSignal;
  readonly pace?: CampaignPace | undefined;
}

const PACE: CampaignPace = { roundMs: 1_000, lookMs: 60_000, queryMs: 6_000 };
/** The text of a query has a limit. */
const IDS_PER_QUERY = 50;
/** Deployments that are begun or cancelled at the same time. */
const PARALLEL_CALLS = 8;
/** The longest time limit of a deployment, in minutes. */
const MAX_DEPLOYMENT_MINUTES = 1_440;
export const MAX_CAMPAIGN_DEVICES = 50_000;
const QUERY_MS = 600_000;

/** The states of a device on its way to the package, or on its way back. */
interface Way {
  readonly waiting: DeviceState;
  readonly busy: DeviceState;
  readonly done: DeviceState;
  readonly failed: DeviceState;
}
const FORTH: Way = { waiting: 'waiting', busy: 'deploying', done: 'installed', failed: 'failed' };
const BACK: Way = {
  waiting: 'rollbackPending',
  busy: 'rollingBack',
  done: 'rolledBack',
  failed: 'rollbackFailed',
};
const BUSY: readonly DeviceState[] = [FORTH.busy, BACK.busy];
const WAITING: readonly DeviceState[] = [FORTH.waiting, BACK.waiting];

export type CampaignAction = 'pause' | 'resume' | 'cancel' | 'rollBack';

const ALLOWED: Readonly<Record<CampaignAction, readonly Campaign['state'][]>> = {
  pause: ['running'],
  resume: ['paused'],
  cancel: ['selecting', 'running', 'paused', 'rollingBack'],
  rollBack: ['running', 'paused', 'completed', 'cancelled', 'rolledBack'],
};
/** A repeated call changes nothing. */
const REPEATED: Readonly<Record<CampaignAction, readonly Campaign['state'][]>> = {
  pause: ['paused'],
  resume: ['running'],
  cancel: ['cancelling', 'cancelled'],
  rollBack: ['rollingBack'],
};

/** Whether the action changes the campaign. @throws ConnectorError CAMPAIGN_STATE */
export function isChange({ id, state }: Campaign, action: CampaignAction): boolean {
  if (REPEATED[action].includes(state)) return false;
  if (ALLOWED[action].includes(state)) return true;
  throw new ConnectorError(
    'CAMPAIGN_STATE',
    `The campaign ${id} is ${state}; expected one of ${ALLOWED[action].join(', ')}.`,
  );
}

/** Runs one campaign to its end, from its start or from what the previous process has left. */
export class CampaignRun {
  readonly #options: CampaignRunOptions;
  readonly #devices: CampaignDevices;
  readonly #pace: CampaignPace;
  readonly #log: Log;
  #campaign: Campaign;
  #isChanged = false;
  /** When waiting devices are looked at next, by place. */
  readonly #looks = new Map<number, number>();
  /** Devices that may have come back. */
  readonly #woken = new Set<number>();
  #nextQueryMs = 0;
  /** Aborts what a change of the state makes useless. */
  #turn = new AbortController();
  #isWoken = false;
  #endPause: () => void = () => undefined;
  #saving: Promise<void> = Promise.resolve();
  #telling: Promise<void> | undefined;
  #loading: Promise<void> | undefined;
  #running: Promise<void> | undefined;
  /** Whether `run` has nothing to do any more. */
  #isEnded = false;

  constructor(campaign: Campaign, options: CampaignRunOptions) {
    this.#campaign = campaign;
    this.#options = options;
    this.#devices = options.devices;
    this.#pace = options.pace ?? PACE;
    this.#log = options.log.child({ campaign: campaign.id });
  }

  get campaign(): Campaign {
    return this.#campaign;
  }

  /** The devices as they are now, also what is not stored yet. Rejects only with STOPPING. */
  async devices(): Promise<CampaignDevices> {
    await this.#load();
    return this.#devices;
  }

  /** Whether it is over and everything has been told. */
  get isComplete(): boolean {
    return isOver(this.#campaign) && this.#campaign.untold.length === 0 && !this.#isChanged;
  }

  /** Resolves when the campaign is over or the signal aborts. Never rejects. */
  run(): Promise<void> {
    this.#running ??= this.#work().catch((thrown) => {
      const error = toConnectorError(thrown);
      if (!this.#options.signal.aborted && error.code !== 'STOPPING')
        this.#log.error({ err: error }, 'A campaign ended unexpectedly.');
    });
    return this.#running;
  }

  /** The twin or the connection of a device has changed. */
  deviceChanged(deviceId: string): void {
    const place = this.#devices.placeOf(deviceId);
    if (place === undefined || !WAITING.includes(this.#devices.at(place).state)) return;
    this.#woken.add(place);
    this.#wake();
  }

  /** A deployment has changed. */
  deploymentChanged(deployment: Deployment): void {
    const place = this.#devices.placeOf(deployment.deviceId);
    if (place === undefined || isOver(this.#campaign)) return;
    if (this.#devices.at(place).deploymentId !== deployment.id) return;
    this.#take(place, deployment);
    this.#wake();
  }

  /** Resolves when the change is stored; then `run` has something to do. @throws ConnectorError CAMPAIGN_STATE, STATE_UNAVAILABLE, STOPPING */
  async change(action: CampaignAction): Promise<void> {
    await this.#load();
    if (!isChange(this.#campaign, action)) return;
    if (action === 'pause') this.#pause('', 'PauseCampaign was called.');
    if (action === 'resume') this.#resume();
    if (action === 'cancel') this.#become('cancelling', '', 'CancelCampaign was called.');
    if (action === 'rollBack') this.#rollBack('', 'RollBackCampaign was called.');
    if (this.#isEnded) this.#running = undefined;
    this.#isEnded = false;
    await this.#save();
  }

  /** The devices, once they are read. Rejects only with STOPPING. */
  #load(): Promise<void> {
    this.#loading ??= this.#untilDone(() => this.#devices.load()).then(() => this.#recover());
    return this.#loading;
  }

  async #work(): Promise<void> {
    const { signal } = this.#options;
    await this.#load();
    const backoff = new Backoff();
    let told: ErrorCode | undefined;
    for (;;) {
      if (this.isComplete) await this.#telling;
      this.#isEnded = this.isComplete || signal.aborted;
      if (this.#isEnded) return;
      let hasMore = false;
      try {
        hasMore = await this.#step();
        await this.#untilDone(() => this.#save());
        this.#tell();
        backoff.reset();
        told = undefined;
      } catch (thrown) {
        const error = toConnectorError(thrown);
        if (signal.aborted) return;
        if (!this.#turn.signal.aborted) {
          if (error.code !== told) this.#log.warn({ err: error }, 'A campaign cannot go on; trying again.');
          told = error.code;
          await backoff.pause(signal, error.retryAfterMs);
        }
      }
      if (!hasMore) await this.#rest();
    }
  }

  /** One round. Resolves to whether the next one has something to do at once. */
  async #step(): Promise<boolean> {
    this.#turn = new AbortController();
    this.#count();
    switch (this.#campaign.state) {
      case 'selecting':
        await this.#select();
        return true;
      case 'running': {
        this.#expire(FORTH);
        const hasMore = await this.#dispatch(FORTH);
        this.#count();
        this.#judge();
        return hasMore;
      }
      case 'paused':
        await this.#recall(FORTH);
        return false;
      case 'cancelling':
        return await this.#cancel();
      case 'rollingBack':
        return await this.#goBack();
      default:
        return false;
    }
  }

  /** After a restart: takes what has become of the deployments meanwhile. */
  #recover(): void {
    const { deployments } = this.#options;
    const { id, request, waves } = this.#campaign;
    if (this.#devices.length < (waves.at(-1)?.to ?? 0)) {
      this.#update({ waves: [] });
      if (!isOver(this.#campaign))
        this.#end('failed', 'STATE_UNAVAILABLE', 'What was stored of its devices is damaged.');
      return;
    }
    for (const deployment of deployments.ofCampaign(id)) {
      const place = this.#devices.placeOf(deployment.deviceId);
      if (place === undefined) continue;
      const device = this.#devices.at(place);
      const isForth = deployment.version === request.version;
      const way = isForth ? FORTH : BACK;
      const isUnknown =
        device.deploymentId === undefined &&
        (device.state === way.waiting || (isForth && device.state === 'pending'));
      // The process ended after it had begun the deployment.
      if (isUnknown) this.#setBusy(place, way, deployment.id, deployment.createdAtMs);
      if (isUnknown || device.deploymentId === deployment.id) this.#take(place, deployment);
    }
    for (const place of [...this.#devices.in(BUSY)]) {
      const device = this.#devices.at(place);
      if (device.deploymentId === undefined || !deployments.get(device.deploymentId))
        this.#wait(place, wayOf(device), '', '');
    }
  }

  /** Reads which devices there are. */
  async #select(): Promise<void> {
    const { clients, log, signal } = this.#options;
    const { selection, waves: sizes } = this.#campaign.request;
    const abort = AbortSignal.any([signal, this.#turn.signal]);
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
        this.#end('failed', error.code, error.message);
        return;
      }
    }
    if (this.#campaign.state !== 'selecting') return;
    if (this.#devices.length === 0) {
      this.#end('failed', 'CAMPAIGN_EMPTY', 'The condition selects no device.');
      return;
    }
    const waves = plannedWaves(sizes, this.#devices.length);
    this.#update({ waves, state: 'running', changedAtMs: Date.now() });
    this.#beginWave(0);
    this.#note('started');
  }

  /** Begins deployments for devices whose turn it is. Resolves to whether more could begin at once. */
  async #dispatch(way: Way): Promise<boolean> {
    const { parallel } = this.#campaign.request;
    const end = this.#campaign.waves.findLast(({ beganAtMs }) => beganAtMs !== undefined)?.to ?? 0;
    const nowMs = performance.now();
    const woken: number[] = [];
    const fresh: number[] = [];
    const again: number[] = [];
    let free = parallel;
    for (let place = 0; place < end; place += 1) {
      const { state, sinceMs } = this.#devices.at(place);
      if (BUSY.includes(state)) free -= 1;
      else if (state !== way.waiting && state !== 'pending') continue;
      else if (this.#woken.has(place)) woken.push(place);
      else if (state === 'pending' || sinceMs === undefined) fresh.push(place);
      else if ((this.#looks.get(place) ?? 0) <= nowMs) again.push(place);
    }
    const first = woken.slice(0, Math.max(0, free));
    for (const place of first) this.#woken.delete(place);
    await this.#begin(first, way);
    free -= first.length;
    const chosen = fresh.slice(0, Math.min(Math.max(0, free), IDS_PER_QUERY));
    const isSecondLook = chosen.length === 0 && free > 0 && nowMs >= this.#nextQueryMs;
    const looked = isSecondLook ? again.slice(0, IDS_PER_QUERY) : chosen;
    if (looked.length === 0) return false;
    if (isSecondLook) this.#nextQueryMs = nowMs + this.#pace.queryMs;
    const ready = (await this.#look(looked, way)).slice(0, free);
    await this.#begin(ready, way);
    return fresh.length > chosen.length && free > ready.length;
  }

  /** Asks the hub about devices, and resolves to the places of those that can begin. */
  async #look(places: readonly number[], way: Way): Promise<number[]> {
    const { name, version, moduleId } = this.#campaign.request;
    const found = await this.#twins(places.map((place) => this.#devices.at(place).deviceId));
    const ready: number[] = [];
    for (const place of places) {
      const device = this.#devices.at(place);
      // The state may have changed during the query.
      if (device.state !== way.waiting && device.state !== 'pending') continue;
      const sinceMs = device.sinceMs ?? Date.now();
      const { deviceId, before } = device;
      const kept = { deviceId, sinceMs, ...(before === undefined ? {} : { before }) };
      const twin = found.get(deviceId);
      const wanted = way === FORTH ? version : targetOf(this.#campaign, device)?.version;
      if (!twin) {
        const what = moduleId === undefined ? 'device' : `module ${moduleId} of this device`;
        this.#set(place, {
          ...kept,
          state: 'skipped',
          code: 'DEVICE_NOT_FOUND',
          message: `The IoT Hub has no such ${what}.`,
        });
      } else if (this.#reportsInstalled(twin, name, wanted)) {
        const message = `The device had version ${wanted} already.`;
        this.#set(place, { ...kept, state: way === FORTH ? 'skipped' : way.done, message });
      } else if (twin.connectionState === 'Connected') {
        this.#set(place, { ...device, sinceMs });
        ready.push(place);
      } else {
        this.#set(place, { ...device, sinceMs });
        this.#wait(place, way, 'DEVICE_OFFLINE', 'The device is not connected.');
      }
    }
    return ready;
  }

  async #twins(deviceIds: readonly string[]): Promise<Map<string, Twin>> {
    const { clients, signal } = this.#options;
    const { moduleId } = this.#campaign.request;
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
        signal: AbortSignal.any([signal, this.#turn.signal]),
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
    return (reported ?? this.#options.deployments.get(String(deploymentId))?.version) === version;
  }

  async #begin(places: readonly number[], way: Way): Promise<void> {
    await forEachConcurrently(places, PARALLEL_CALLS, (place) => this.#deploy(place, way));
  }

  async #deploy(place: number, way: Way): Promise<void> {
    const { deployments, signal } = this.#options;
    const { id, etag, request } = this.#campaign;
    const device = this.#devices.at(place);
    const { deviceId } = device;
    const { name, moduleId, methodName, information, account, container, path, version } = request;
    const isForth = way === FORTH;
    const target = isForth ? { account, container, path, version } : targetOf(this.#campaign, device);
    const deadlineMs = deadlineOf(this.#campaign, device) ?? Date.now();
    const minutes = Math.min((deadlineMs - Date.now()) / 60_000, MAX_DEPLOYMENT_MINUTES);
    if (!target || minutes <= 0 || this.#turn.signal.aborted) return;
    if (isForth) this.#keepBefore(place, deployments.installedBefore({ deviceId, moduleId, name }, version));
    try {
      const row = await deployments.deploy(
        {
          ...target,
          ...(isForth ? { etag } : {}),
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
        AbortSignal.any([signal, this.#turn.signal]),
      );
      this.#setBusy(place, way, row.deploymentId, Date.now());
      const deployment = deployments.get(row.deploymentId);
      if (deployment) this.#take(place, deployment);
    } catch (thrown) {
      const error = toConnectorError(thrown);
      const { code, message } = error;
      if (code === 'PACKAGE_PENDING') this.#wait(place, way, code, message);
      else if (code === 'DEVICE_NOT_FOUND')
        this.#set(place, { ...this.#devices.at(place), state: 'skipped', code, message });
      else if (error.retryable || code === 'STOPPING' || this.#turn.signal.aborted) throw thrown;
      else if (isForth) this.#pause(code, `No deployment can begin: ${message}`);
      else this.#set(place, { ...this.#devices.at(place), state: way.failed, code, message });
    }
  }

  #keepBefore(place: number, file: PackageFile | undefined): void {
    if (!file) return;
    const { before } = this.#campaign;
    const known = before.findIndex((one) => sameFile(one, file));
    if (known < 0) this.#update({ before: [...before, file] });
    this.#set(place, { ...this.#devices.at(place), before: known < 0 ? before.length : known });
  }

  #setBusy(place: number, way: Way, deploymentId: string, nowMs: number): void {
    const { deviceId, sinceMs = nowMs, before } = this.#devices.at(place);
    const kept = before === undefined ? {} : { before };
    this.#looks.delete(place);
    this.#set(place, { deviceId, state: way.busy, sinceMs, deploymentId, ...kept });
  }

  /** The device must wait for its next turn. */
  #wait(place: number, way: Way, code: string, message: string): void {
    const { deviceId, sinceMs, before } = this.#devices.at(place);
    this.#looks.set(place, performance.now() + this.#pace.lookMs);
    this.#set(place, {
      deviceId,
      state: way.waiting,
      ...(sinceMs === undefined ? {} : { sinceMs }),
      ...(before === undefined ? {} : { before }),
      ...(code === '' ? {} : { code, message }),
    });
  }

  /** Takes the state of the deployment of a device. */
  #take(place: number, deployment: Deployment): void {
    const device = this.#devices.at(place);
    const { state, code, message, attempted, confirmed } = deployment;
    const isBusy = BUSY.includes(device.state);
    const way = wayOf(device);
    if (!hasEnded(deployment)) {
      if (!isBusy) return;
      if (state === 'waiting' && code === 'DEVICE_OFFLINE' && !attempted) this.#leave(place, deployment, way);
      return;
    }
    // A device that had failed may report later that it has done it.
    const isLate = (device.state === 'failed' || device.state === 'rollbackFailed') && state === 'installed';
    if (!isBusy && !isLate) return;
    const { deviceId, sinceMs, before, deploymentId } = device;
    const isUncertain = state !== 'installed' && attempted && !confirmed;
    this.#set(place, {
      deviceId,
      state: state === 'installed' ? way.done : state === 'failed' || way === BACK ? way.failed : 'cancelled',
      ...(sinceMs === undefined ? {} : { sinceMs }),
      ...(before === undefined ? {} : { before }),
      ...(deploymentId === undefined ? {} : { deploymentId }),
      ...(code === '' ? {} : { code }),
      ...(message === '' ? {} : { message }),
      ...(isUncertain ? { isUncertain } : {}),
    });
  }

  /** The device has turned out to be offline: its place among those at work goes to another one. */
  #leave(place: number, { id, code, message }: Deployment, way: Way): void {
    void this.#options.deployments
      .withdraw(id)
      .then((isGone) => {
        const device = this.#devices.at(place);
        if (!isGone || device.deploymentId !== id || !BUSY.includes(device.state)) return;
        this.#wait(place, way, code, message);
        this.#wake();
      })
      .catch((thrown) =>
        this.#log.debug({ err: toConnectorError(thrown) }, 'A deployment was not withdrawn.'),
      );
  }

  /** The time of devices that still wait may be over. */
  #expire(way: Way): void {
    const nowMs = Date.now();
    const states: DeviceState[] = way === FORTH ? [way.waiting, 'pending'] : [way.waiting];
    for (const place of this.#devices.in(states)) {
      const device = this.#devices.at(place);
      const deadlineMs = deadlineOf(this.#campaign, device);
      if (deadlineMs === undefined || nowMs < deadlineMs) continue;
      const { code = 'DEVICE_OFFLINE', message = '' } = device;
      this.#looks.delete(place);
      const reason = `Its time was over before the package reached it. ${message}`.trim();
      this.#set(place, { ...device, state: way.failed, code, message: reason });
    }
  }

  /** Counts the devices of each wave. */
  #count(): void {
    const waves = this.#campaign.waves.map((wave): Wave => {
      const counts = this.#devices.counts(wave.from, wave.to);
      return sameCounts(counts, wave.counts) ? wave : { ...wave, counts };
    });
    if (waves.some((wave, index) => wave !== this.#campaign.waves[index])) this.#update({ waves });
  }

  /** Decides waves, and what follows. */
  #judge(): void {
    if (this.#campaign.state !== 'running') return;
    const { successPercent, belowThreshold, nextWave } = this.#campaign.request;
    const begun = begunWaves(this.#campaign);
    for (const [index, wave] of this.#campaign.waves.slice(0, begun).entries()) {
      if (wave.state === 'accepted' || !isMissed(wave.counts, successPercent)) continue;
      this.#setWave(index, { state: 'missed', endedAtMs: Date.now() });
      this.#note('waveEnded', index);
      const { installed = 0, failed = 0 } = wave.counts;
      const reason = `Wave ${index + 1} misses ${successPercent} %: ${installed} installed, ${failed} failed.`;
      if (belowThreshold === 'rollBack') this.#rollBack('CAMPAIGN_THRESHOLD', reason);
      else this.#pause('CAMPAIGN_THRESHOLD', reason);
      return;
    }
    const last = this.#campaign.waves[begun - 1];
    if (!last) return;
    const isReached =
      last.state === 'accepted' ? isQuiet(last.counts) : isPassed(last.counts, successPercent);
    if (!last.isDone && isReached) {
      if (last.state === 'running') {
        this.#setWave(begun - 1, { state: 'passed', endedAtMs: Date.now(), isDone: true });
        this.#note('waveEnded', begun - 1);
      } else this.#setWave(begun - 1, { isDone: true });
    }
    const { isDone, isReleased } = this.#campaign.waves[begun - 1] as Wave;
    if (!isDone) return;
    if (begun === this.#campaign.waves.length) {
      const { pending } = shownCounts(countsOf(this.#campaign));
      if (pending === 0) this.#end('completed', '', 'Each device has ended.');
    } else if (nextWave === 'automatic' || isReleased) {
      this.#beginWave(begun);
      this.#isWoken = true;
    } else this.#pause('', `Wave ${begun} has ended; the next one begins with ResumeCampaign.`);
  }

  #beginWave(index: number): void {
    this.#setWave(index, { state: 'running', beganAtMs: Date.now() });
    this.#count();
  }

  #setWave(index: number, change: Partial<Wave>): void {
    this.#update({
      waves: this.#campaign.waves.map((wave, at) => (at === index ? { ...wave, ...change } : wave)),
    });
  }

  #pause(code: string, message: string): void {
    if (this.#campaign.state !== 'running') return;
    this.#become('paused', code, message);
    this.#update({ pausedAtMs: Date.now() });
    this.#note('paused');
  }

  /** A wave that has missed the threshold is accepted; the time of the pause is not the time of devices. */
  #resume(): void {
    const { pausedAtMs = Date.now(), waves } = this.#campaign;
    const pauseMs = Math.max(0, Date.now() - pausedAtMs);
    this.#nextQueryMs = 0;
    for (const place of this.#devices.in(['pending', 'waiting'])) {
      const device = this.#devices.at(place);
      if (device.sinceMs !== undefined) this.#set(place, { ...device, sinceMs: device.sinceMs + pauseMs });
    }
    const begun = begunWaves(this.#campaign);
    for (const [index, wave] of waves.entries()) {
      const isLast = index === begun - 1;
      const isSeen = isLast && (wave.isDone || (wave.state === 'missed' && isQuiet(wave.counts)));
      if (wave.state === 'missed') this.#setWave(index, { state: 'accepted' });
      if (isSeen) this.#setWave(index, { isDone: true, isReleased: true });
    }
    this.#become('running', '', 'ResumeCampaign was called.');
    this.#note('resumed');
  }

  #rollBack(code: string, message: string): void {
    const { endedAtMs: _ended, ...campaign } = this.#campaign;
    this.#campaign = campaign;
    this.#become('rollingBack', code, message);
    this.#note('rollingBack');
    // What could not be rolled back is tried again.
    for (const place of this.#devices.in(['rollbackFailed'])) {
      const { deviceId, before } = this.#devices.at(place);
      const kept = before === undefined ? {} : { before };
      this.#set(place, { deviceId, state: 'failed', isUncertain: true, ...kept });
    }
  }

  /** Devices that the package has not reached begin no more. */
  async #recall(way: Way): Promise<void> {
    const { deployments } = this.#options;
    await forEachConcurrently([...this.#devices.in([way.busy])], PARALLEL_CALLS, async (place) => {
      const { deploymentId } = this.#devices.at(place);
      if (deploymentId === undefined || !(await deployments.withdraw(deploymentId))) return;
      const device = this.#devices.at(place);
      if (device.deploymentId !== deploymentId) return;
      const { deploymentId: _withdrawn, ...kept } = device;
      this.#set(place, { ...kept, state: way === FORTH ? 'pending' : way.waiting });
    });
  }

  /** Ends what is under way. */
  async #stopDevices(): Promise<void> {
    const { deployments } = this.#options;
    const { name, moduleId } = this.#campaign.request;
    const isBack = [...this.#devices.in([BACK.busy])].length > 0;
    await this.#recall(isBack ? BACK : FORTH);
    for (const place of this.#devices.in(['pending', 'waiting'])) {
      const { deviceId, before } = this.#devices.at(place);
      const kept = before === undefined ? {} : { before };
      this.#set(place, { deviceId, state: 'cancelled', message: 'Cancelled before its turn.', ...kept });
    }
    await forEachConcurrently([...this.#devices.in(BUSY)], PARALLEL_CALLS, async (place) => {
      const { deploymentId, ...device } = this.#devices.at(place);
      if (deploymentId === undefined || !deployments.get(deploymentId)) {
        this.#set(place, {
          ...device,
          state: wayOf(device) === BACK ? BACK.failed : 'cancelled',
          isUncertain: true,
        });
        return;
      }
      await deployments.cancel({ deviceId: device.deviceId, moduleId, name });
      const deployment = deployments.get(deploymentId);
      if (deployment) this.#take(place, deployment);
    });
  }

  async #cancel(): Promise<boolean> {
    await this.#stopDevices();
    for (const place of this.#devices.in([BACK.waiting])) {
      const message = 'The campaign was cancelled before its turn.';
      this.#set(place, { ...this.#devices.at(place), state: 'rollbackFailed', message });
    }
    if (this.#campaign.state !== 'cancelling') return true;
    if ([...this.#devices.in(BUSY)].length > 0) return false;
    this.#count();
    this.#end('cancelled', '', 'CancelCampaign was called.');
    return false;
  }

  /** The way back: ends what is under way, then gives devices what they had before. */
  async #goBack(): Promise<boolean> {
    const forth: readonly DeviceState[] = ['pending', 'waiting', 'deploying'];
    if ([...this.#devices.in(forth)].length > 0) {
      await this.#stopDevices();
      if (this.#campaign.state !== 'rollingBack') return true;
      if ([...this.#devices.in(forth)].length > 0) return false;
    }
    await this.#chooseBack();
    this.#expire(BACK);
    const hasMore = await this.#dispatch(BACK);
    if (this.#campaign.state !== 'rollingBack') return true;
    const isDone = [...this.#devices.in([BACK.waiting, BACK.busy])].length === 0;
    this.#count();
    if (isDone) this.#end('rolledBack', this.#campaign.code, this.#campaign.message);
    return hasMore;
  }

  /** Which devices go back: those that have installed the package, and those that may have. */
  async #chooseBack(): Promise<void> {
    const places = [...this.#devices.in(['installed', 'failed', 'cancelled'])].filter((place) => {
      const { state, isUncertain } = this.#devices.at(place);
      return state === 'installed' || isUncertain === true;
    });
    if (places.length === 0) return;
    const unknown = new Set(
      places
        .filter((place) => targetOf(this.#campaign, this.#devices.at(place)) === undefined)
        .map((place) => this.#devices.at(place).deviceId),
    );
    const earlier =
      unknown.size === 0 ? undefined : await this.#options.installedBefore(this.#campaign, unknown);
    for (const place of places) {
      this.#keepBefore(place, earlier?.get(this.#devices.at(place).deviceId));
      const device = this.#devices.at(place);
      if (targetOf(this.#campaign, device)) this.#setBack(place);
      else
        this.#set(place, {
          ...device,
          state: 'rollbackFailed',
          code: 'ROLLBACK_UNKNOWN',
          message: 'The version that the device had before is not known; name it in rollBackPath.',
        });
    }
  }

  #setBack(place: number): void {
    const { deviceId, before } = this.#devices.at(place);
    this.#set(place, { deviceId, state: BACK.waiting, ...(before === undefined ? {} : { before }) });
  }

  #become(state: Campaign['state'], code: string, message: string): void {
    this.#update({ state, code, message, changedAtMs: Date.now() });
    this.#log.info({ state, code }, `Campaign ${state}. ${message}`.trim());
    this.#turn.abort();
    this.#wake();
  }

  #end(state: 'completed' | 'cancelled' | 'rolledBack' | 'failed', code: string, message: string): void {
    this.#become(state, code, message);
    this.#update({ endedAtMs: Date.now() });
    this.#note(state);
  }

  /** Keeps an event until it has fired. */
  #note(change: CampaignChange, wave?: number): void {
    this.#count();
    const { id, request, state, code, message, waves, untold } = this.#campaign;
    const counts = wave === undefined ? countsOf(this.#campaign) : (waves[wave]?.counts ?? {});
    const { devices, installed, failed, pending, rolledBack } = shownCounts(counts);
    const notice = {
      change,
      campaign: id,
      name: request.name,
      version: request.version,
      state,
      wave: wave === undefined ? begunWaves(this.#campaign) : wave + 1,
      devices,
      installed,
      failed,
      pending,
      rolledBack,
      code,
      message,
      time: Date.now(),
    };
    this.#update({ untold: [...untold, notice] });
  }

  /** Fires events in the background: ThingWorx may be unavailable. */
  #tell(): void {
    if (this.#telling || this.#campaign.untold.length === 0) return;
    const { announce, signal } = this.#options;
    const [data] = this.#campaign.untold;
    if (!data) return;
    this.#telling = announce([{ deviceId: '', event: 'CampaignChanged', data }], signal)
      .then(() => {
        this.#update({ untold: this.#campaign.untold.slice(1) });
        this.#telling = undefined;
        this.#wake();
      })
      // Stopped: the next process tells it.
      .catch(() => undefined);
  }

  #set(place: number, device: CampaignDevice): void {
    if (!isOpen(device)) {
      this.#looks.delete(place);
      this.#woken.delete(place);
    }
    this.#devices.set(place, device);
    this.#isChanged = true;
  }

  #update(change: Partial<Campaign>): void {
    this.#campaign = { ...this.#campaign, ...change };
    this.#isChanged = true;
  }

  /** Stores the devices first: the campaign is judged by them. One write after the other. */
  async #save(): Promise<void> {
    this.#saving = this.#saving
      .catch(() => undefined)
      .then(async () => {
        if (!this.#isChanged) return;
        this.#isChanged = false;
        try {
          await this.#devices.save();
          await this.#options.save(this.#campaign);
        } catch (thrown) {
          this.#isChanged = true;
          throw thrown;
        }
      });
    await this.#saving;
  }

  async #untilDone(work: () => Promise<void>): Promise<void> {
    await untilDone(
      () => work().catch((thrown) => Promise.reject(unavailable(thrown))),
      this.#options.signal,
      (error) => {
        if (error) this.#log.warn({ err: error }, 'A campaign cannot be read or stored; retrying.');
      },
    );
  }

  #wake(): void {
    this.#isWoken = true;
    this.#endPause();
  }

  /** Until the next round, or until something has changed. */
  async #rest(): Promise<void> {
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

function wayOf({ state }: CampaignDevice): Way {
  return state === BACK.busy || state === BACK.waiting || state === BACK.failed ? BACK : FORTH;
}

function sameFile(a: PackageFile, b: PackageFile): boolean {
  return (
    a.account === b.account && a.container === b.container && a.path === b.path && a.version === b.version
  );
}

function sameCounts(a: Wave['counts'], b: Wave['counts']): boolean {
  const states = new Set([...Object.keys(a), ...Object.keys(b)]) as Set<DeviceState>;
  return [...states].every((state) => (a[state] ?? 0) === (b[state] ?? 0));
}
