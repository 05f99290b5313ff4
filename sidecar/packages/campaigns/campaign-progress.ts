import type { Log } from '../../observe/log.ts';
import type { Deployment } from '../deployment.ts';
import type { PackageFile } from '../types.ts';
import {
  BUSY,
  begunWaves,
  type Campaign,
  type CampaignDevice,
  countsOf,
  type Direction,
  deadlineOf,
  directionOf,
  isOpen,
  isOver,
  ROLLBACK,
  ROLLOUT,
  targetOf,
} from './campaign.ts';
import type { CampaignDevices } from './campaign-devices.ts';
import { type CampaignChange, type DeviceState, shownCounts } from './types.ts';
import { isMissed, isPassed, isQuiet, plannedWaves, type Wave } from './waves.ts';

interface CampaignProgressOptions {
  readonly devices: CampaignDevices;
  readonly log: Log;
  /** Called when the campaign has another state. */
  readonly onState: () => void;
  /** Called when nothing remains to be done for the device at this place. */
  readonly onDeviceEnd: (place: number) => void;
}

/** How far a campaign has come, in memory: its record and its devices, and the rules by which they change. */
export class CampaignProgress {
  readonly #options: CampaignProgressOptions;
  readonly #devices: CampaignDevices;
  #campaign: Campaign;
  #isChanged = false;
  #saving: Promise<void> = Promise.resolve();

  constructor(campaign: Campaign, options: CampaignProgressOptions) {
    this.#campaign = campaign;
    this.#options = options;
    this.#devices = options.devices;
  }

  get campaign(): Campaign {
    return this.#campaign;
  }

  /** Whether it is over, everything has been told, and everything is stored. */
  get isComplete(): boolean {
    return isOver(this.#campaign) && this.#campaign.untold.length === 0 && !this.#isChanged;
  }

  /** Begins the first wave, once the devices are selected. */
  begin(): void {
    if (this.#devices.length === 0) {
      this.end('failed', 'CAMPAIGN_EMPTY', 'The condition selects no device.');
      return;
    }
    const waves = plannedWaves(this.#campaign.request.waves, this.#devices.length);
    this.#update({ waves, state: 'running', changedAtMs: Date.now() });
    this.#beginWave(0);
    this.#note('started');
  }

  /** Ends the campaign if devices of its waves are missing. Returns whether they are all there. */
  checkDevices(): boolean {
    if (this.#devices.length >= (this.#campaign.waves.at(-1)?.to ?? 0)) return true;
    this.#update({ waves: [] });
    if (!isOver(this.#campaign))
      this.end('failed', 'STATE_UNAVAILABLE', 'What was stored of its devices is damaged.');
    return false;
  }

  pause(code: string, message: string): void {
    if (this.#campaign.state !== 'running') return;
    this.#become('paused', code, message);
    this.#update({ pausedAtMs: Date.now() });
    this.#note('paused');
  }

  /** A wave that has missed the threshold is accepted; the time of the pause is not the time of devices. */
  resume(): void {
    const { pausedAtMs = Date.now(), waves } = this.#campaign;
    const pauseMs = Math.max(0, Date.now() - pausedAtMs);
    for (const place of this.#devices.in(['pending', 'waiting'])) {
      const device = this.#devices.at(place);
      if (device.sinceMs !== undefined) this.set(place, { ...device, sinceMs: device.sinceMs + pauseMs });
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

  cancel(): void {
    this.#become('cancelling', '', 'CancelCampaign was called.');
  }

  rollBack(code: string, message: string): void {
    const { endedAtMs: _ended, ...campaign } = this.#campaign;
    this.#campaign = campaign;
    this.#become('rollingBack', code, message);
    this.#note('rollingBack');
    // What could not be rolled back is tried again.
    for (const place of this.#devices.in(['rollbackFailed'])) {
      const { deviceId, before } = this.#devices.at(place);
      const kept = before === undefined ? {} : { before };
      this.set(place, { deviceId, state: 'failed', isUncertain: true, ...kept });
    }
  }

  end(state: 'completed' | 'cancelled' | 'rolledBack' | 'failed', code: string, message: string): void {
    this.#become(state, code, message);
    this.#update({ endedAtMs: Date.now() });
    this.#note(state);
  }

  /** Counts the devices of each wave. */
  count(): void {
    const waves = this.#campaign.waves.map((wave): Wave => {
      const counts = this.#devices.counts(wave.from, wave.to);
      return sameCounts(counts, wave.counts) ? wave : { ...wave, counts };
    });
    if (waves.some((wave, index) => wave !== this.#campaign.waves[index])) this.#update({ waves });
  }

  /** Counts the devices, and decides waves and what follows. Returns whether another wave has begun. */
  judge(): boolean {
    this.count();
    if (this.#campaign.state !== 'running') return false;
    const { successPercent, belowThreshold, nextWave } = this.#campaign.request;
    const begun = begunWaves(this.#campaign);
    for (const [index, wave] of this.#campaign.waves.slice(0, begun).entries()) {
      if (wave.state === 'accepted' || !isMissed(wave.counts, successPercent)) continue;
      this.#setWave(index, { state: 'missed', endedAtMs: Date.now() });
      this.#note('waveEnded', index);
      const { installed = 0, failed = 0 } = wave.counts;
      const reason = `Wave ${index + 1} misses ${successPercent} %: ${installed} installed, ${failed} failed.`;
      if (belowThreshold === 'rollBack') this.rollBack('CAMPAIGN_THRESHOLD', reason);
      else this.pause('CAMPAIGN_THRESHOLD', reason);
      return false;
    }
    const last = this.#campaign.waves[begun - 1];
    if (!last) return false;
    const isReached =
      last.state === 'accepted' ? isQuiet(last.counts) : isPassed(last.counts, successPercent);
    if (!last.isDone && isReached) {
      if (last.state === 'running') {
        this.#setWave(begun - 1, { state: 'passed', endedAtMs: Date.now(), isDone: true });
        this.#note('waveEnded', begun - 1);
      } else this.#setWave(begun - 1, { isDone: true });
    }
    const { isDone, isReleased } = this.#campaign.waves[begun - 1] as Wave;
    if (!isDone) return false;
    if (begun === this.#campaign.waves.length) {
      const { pending } = shownCounts(countsOf(this.#campaign));
      if (pending === 0) this.end('completed', '', 'Each device has ended.');
      return false;
    }
    if (nextWave === 'automatic' || isReleased) {
      this.#beginWave(begun);
      return true;
    }
    this.pause('', `Wave ${begun} has ended; the next one begins with ResumeCampaign.`);
    return false;
  }

  /** The time of devices that still wait may be over. */
  expire(direction: Direction): void {
    const nowMs = Date.now();
    const states: DeviceState[] =
      direction === ROLLOUT ? [direction.waiting, 'pending'] : [direction.waiting];
    for (const place of this.#devices.in(states)) {
      const device = this.#devices.at(place);
      const deadlineMs = deadlineOf(this.#campaign, device);
      if (deadlineMs === undefined || nowMs < deadlineMs) continue;
      const { code = 'DEVICE_OFFLINE', message = '' } = device;
      const reason = `Its time was over before the package reached it. ${message}`.trim();
      this.set(place, { ...device, state: direction.failed, code, message: reason });
    }
  }

  /** The device is at work. */
  setBusy(place: number, direction: Direction, deploymentId: string, nowMs: number): void {
    const { deviceId, sinceMs = nowMs, before } = this.#devices.at(place);
    const kept = before === undefined ? {} : { before };
    this.set(place, { deviceId, state: direction.busy, sinceMs, deploymentId, ...kept });
  }

  /** The device must wait for its next turn. */
  setWaiting(place: number, direction: Direction, code: string, message: string): void {
    const { deviceId, sinceMs, before } = this.#devices.at(place);
    this.set(place, {
      deviceId,
      state: direction.waiting,
      ...(sinceMs === undefined ? {} : { sinceMs }),
      ...(before === undefined ? {} : { before }),
      ...(code === '' ? {} : { code, message }),
    });
  }

  /** The deployment of the device has ended. */
  setEnded(
    place: number,
    {
      state,
      code,
      message,
      attempted,
      confirmed,
    }: Pick<Deployment, 'state' | 'code' | 'message' | 'attempted' | 'confirmed'>,
  ): void {
    const device = this.#devices.at(place);
    const direction = directionOf(device);
    // A device that had failed may report later that it has done it.
    const isLate = (device.state === 'failed' || device.state === 'rollbackFailed') && state === 'installed';
    if (!BUSY.includes(device.state) && !isLate) return;
    const { deviceId, sinceMs, before, deploymentId } = device;
    const isUncertain = state !== 'installed' && attempted && !confirmed;
    this.set(place, {
      deviceId,
      state:
        state === 'installed'
          ? direction.done
          : state === 'failed' || direction === ROLLBACK
            ? direction.failed
            : 'cancelled',
      ...(sinceMs === undefined ? {} : { sinceMs }),
      ...(before === undefined ? {} : { before }),
      ...(deploymentId === undefined ? {} : { deploymentId }),
      ...(code === '' ? {} : { code }),
      ...(message === '' ? {} : { message }),
      ...(isUncertain ? { isUncertain } : {}),
    });
  }

  /** Devices whose turn has not come get no package. */
  cancelWaiting(): void {
    for (const place of this.#devices.in(['pending', 'waiting'])) {
      const { deviceId, before } = this.#devices.at(place);
      const kept = before === undefined ? {} : { before };
      this.set(place, { deviceId, state: 'cancelled', message: 'Cancelled before its turn.', ...kept });
    }
  }

  /** Devices that wait for their rollback stay as they are. */
  cancelBack(): void {
    for (const place of this.#devices.in([ROLLBACK.waiting])) {
      const message = 'The campaign was cancelled before its turn.';
      this.set(place, { ...this.#devices.at(place), state: 'rollbackFailed', message });
    }
  }

  /** The places of devices that must go back: those that have installed the package, and those that may have. */
  placesToRollBack(): number[] {
    return [...this.#devices.in(['installed', 'failed', 'cancelled'])].filter((place) => {
      const { state, isUncertain } = this.#devices.at(place);
      return state === 'installed' || isUncertain === true;
    });
  }

  /** Lets a device wait for its rollback, if it is known to what. */
  setBack(place: number): void {
    const device = this.#devices.at(place);
    const { deviceId, before } = device;
    if (targetOf(this.#campaign, device))
      this.set(place, { deviceId, state: ROLLBACK.waiting, ...(before === undefined ? {} : { before }) });
    else
      this.set(place, {
        ...device,
        state: 'rollbackFailed',
        code: 'ROLLBACK_UNKNOWN',
        message: 'The version that the device had before is not known; name it in rollBackPath.',
      });
  }

  /** Keeps which version the device had before. */
  keepBefore(place: number, file: PackageFile | undefined): void {
    if (!file) return;
    const { before } = this.#campaign;
    const known = before.findIndex((one) => sameFile(one, file));
    if (known < 0) this.#update({ before: [...before, file] });
    this.set(place, { ...this.#devices.at(place), before: known < 0 ? before.length : known });
  }

  /** Replaces a device. */
  set(place: number, device: CampaignDevice): void {
    if (!isOpen(device)) this.#options.onDeviceEnd(place);
    this.#devices.set(place, device);
    this.#isChanged = true;
  }

  /** The oldest event has fired. */
  markTold(): void {
    this.#update({ untold: this.#campaign.untold.slice(1) });
  }

  /** Stores what has changed, the devices first: the campaign is judged by them. One write after the other. */
  async save(store: (campaign: Campaign) => Promise<void>): Promise<void> {
    this.#saving = this.#saving
      .catch(() => undefined)
      .then(async () => {
        if (!this.#isChanged) return;
        this.#isChanged = false;
        try {
          await this.#devices.save();
          await store(this.#campaign);
        } catch (thrown) {
          this.#isChanged = true;
          throw thrown;
        }
      });
    await this.#saving;
  }

  #beginWave(index: number): void {
    this.#setWave(index, { state: 'running', beganAtMs: Date.now() });
    this.count();
  }

  #setWave(index: number, change: Partial<Wave>): void {
    this.#update({
      waves: this.#campaign.waves.map((wave, at) => (at === index ? { ...wave, ...change } : wave)),
    });
  }

  #become(state: Campaign['state'], code: string, message: string): void {
    this.#update({ state, code, message, changedAtMs: Date.now() });
    this.#options.log.info({ state, code }, `Campaign ${state}. ${message}`.trim());
    this.#options.onState();
  }

  /** Keeps an event until it has fired. */
  #note(change: CampaignChange, wave?: number): void {
    this.count();
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

  #update(change: Partial<Campaign>): void {
    this.#campaign = { ...this.#campaign, ...change };
    this.#isChanged = true;
  }
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
