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
  withoutState,
} from './campaign.ts';
import type { CampaignDevices } from './campaign-devices.ts';
import { type CampaignChange, type DeviceState, shownCounts } from './types.ts';
import { isMissed, isPassed, isQuiet, plannedWaves, type Wave } from './waves.ts';

interface CampaignProgressOptions {
  readonly devices: CampaignDevices;
  readonly log: Log;
  /** Called when the state of the campaign has changed. */
  readonly onState: () => void;
  /** Called when the device at this index has finished. */
  readonly onDeviceEnd: (index: number) => void;
}

/** The record and the devices of a campaign in memory, and the rules by which they change. */
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

  /** Whether it has ended, all events were fired, and everything is stored. */
  get isComplete(): boolean {
    return isOver(this.#campaign) && this.#campaign.unannounced.length === 0 && !this.#isChanged;
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
    this.#addNotice('started');
  }

  /** Ends the campaign if devices of its waves are missing in the store. Returns whether the store has all of them. */
  checkDevices(): boolean {
    if (this.#devices.length >= (this.#campaign.waves.at(-1)?.to ?? 0)) return true;
    this.#update({ waves: [] });
    if (!isOver(this.#campaign))
      this.end('failed', 'STATE_UNAVAILABLE', 'The stored list of its devices is damaged or incomplete.');
    return false;
  }

  pause(code: string, message: string): void {
    if (this.#campaign.state !== 'running') return;
    this.#setState('paused', code, message);
    this.#update({ pausedAtMs: Date.now() });
    this.#addNotice('paused');
  }

  /** Accepts waves that have missed the threshold. The pause does not count towards the time limits of devices. */
  resume(): void {
    const { pausedAtMs = Date.now(), waves } = this.#campaign;
    const pauseMs = Math.max(0, Date.now() - pausedAtMs);
    for (const index of this.#devices.in(['pending', 'waiting'])) {
      const device = this.#devices.at(index);
      if (device.sinceMs !== undefined) this.set(index, { ...device, sinceMs: device.sinceMs + pauseMs });
    }
    const begun = begunWaves(this.#campaign);
    for (const [index, wave] of waves.entries()) {
      const isLast = index === begun - 1;
      const isSeen = isLast && (wave.isDone || (wave.state === 'missed' && isQuiet(wave.counts)));
      if (wave.state === 'missed') this.#setWave(index, { state: 'accepted' });
      if (isSeen) this.#setWave(index, { isDone: true, isReleased: true });
    }
    this.#setState('running', '', 'ResumeCampaign was called.');
    this.#addNotice('resumed');
  }

  cancel(): void {
    this.#setState('cancelling', '', 'CancelCampaign was called.');
  }

  rollBack(code: string, message: string): void {
    const { endedAtMs: _ended, ...campaign } = this.#campaign;
    this.#campaign = campaign;
    this.#setState('rollingBack', code, message);
    this.#addNotice('rollingBack');
    // Devices whose rollback has failed are tried again.
    for (const index of this.#devices.in(['rollbackFailed'])) {
      this.set(index, { ...withoutState(this.#devices.at(index)), state: 'failed', isUncertain: true });
    }
  }

  end(state: 'completed' | 'cancelled' | 'rolledBack' | 'failed', code: string, message: string): void {
    this.#setState(state, code, message);
    this.#update({ endedAtMs: Date.now() });
    this.#addNotice(state);
  }

  /** Counts the devices of each wave. */
  count(): void {
    const waves = this.#campaign.waves.map((wave): Wave => {
      const counts = this.#devices.counts(wave.from, wave.to);
      return sameCounts(counts, wave.counts) ? wave : { ...wave, counts };
    });
    if (waves.some((wave, index) => wave !== this.#campaign.waves[index])) this.#update({ waves });
  }

  /** Counts the devices, decides whether waves have passed or missed the threshold, and acts on it. Returns whether another wave has begun. */
  evaluateWaves(): boolean {
    this.count();
    if (this.#campaign.state !== 'running') return false;
    const { successPercent, belowThreshold, nextWave } = this.#campaign.request;
    const begun = begunWaves(this.#campaign);
    for (const [index, wave] of this.#campaign.waves.slice(0, begun).entries()) {
      if (wave.state === 'accepted' || !isMissed(wave.counts, successPercent)) continue;
      this.#setWave(index, { state: 'missed', endedAtMs: Date.now() });
      this.#addNotice('waveEnded', index);
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
        this.#addNotice('waveEnded', begun - 1);
      } else this.#setWave(begun - 1, { isDone: true });
    }
    const { isDone, isReleased } = this.#campaign.waves[begun - 1] as Wave;
    if (!isDone) return false;
    if (begun === this.#campaign.waves.length) {
      const { pending } = shownCounts(countsOf(this.#campaign));
      if (pending === 0) this.end('completed', '', 'All devices have finished.');
      return false;
    }
    if (nextWave === 'automatic' || isReleased) {
      this.#beginWave(begun);
      return true;
    }
    this.pause('', `Wave ${begun} has ended; call ResumeCampaign to begin the next one.`);
    return false;
  }

  /** Ends waiting devices whose time limit has passed. */
  expire(direction: Direction): void {
    const nowMs = Date.now();
    const states: DeviceState[] =
      direction === ROLLOUT ? [direction.waiting, 'pending'] : [direction.waiting];
    for (const index of this.#devices.in(states)) {
      const device = this.#devices.at(index);
      const deadlineMs = deadlineOf(this.#campaign, device);
      if (deadlineMs === undefined || nowMs < deadlineMs) continue;
      const { code = 'DEVICE_OFFLINE', message = '' } = device;
      const reason = `Its time limit passed before the package reached it. ${message}`.trim();
      this.set(index, { ...device, state: direction.failed, code, message: reason });
    }
  }

  /** The deployment of the device has begun. */
  setBusy(index: number, direction: Direction, deploymentId: string, nowMs: number): void {
    const device = this.#devices.at(index);
    const { sinceMs = nowMs } = device;
    this.set(index, { ...withoutState(device), state: direction.busy, sinceMs, deploymentId });
  }

  /** The device cannot begin yet. */
  setWaiting(index: number, direction: Direction, code: string, message: string): void {
    const device = this.#devices.at(index);
    const { sinceMs } = device;
    this.set(index, {
      ...withoutState(device),
      state: direction.waiting,
      ...(sinceMs === undefined ? {} : { sinceMs }),
      ...(code === '' ? {} : { code, message }),
    });
  }

  /** The deployment of the device has ended. */
  setEnded(
    index: number,
    {
      state,
      code,
      message,
      attempted,
      confirmed,
    }: Pick<Deployment, 'state' | 'code' | 'message' | 'attempted' | 'confirmed'>,
  ): void {
    const device = this.#devices.at(index);
    const direction = directionOf(device);
    // A device that has failed may report later that the installation has succeeded.
    const isLate = (device.state === 'failed' || device.state === 'rollbackFailed') && state === 'installed';
    if (!BUSY.includes(device.state) && !isLate) return;
    const { sinceMs, deploymentId } = device;
    const isUncertain = state !== 'installed' && attempted && !confirmed;
    this.set(index, {
      ...withoutState(device),
      state:
        state === 'installed'
          ? direction.done
          : state === 'failed' || direction === ROLLBACK
            ? direction.failed
            : 'cancelled',
      ...(sinceMs === undefined ? {} : { sinceMs }),
      ...(deploymentId === undefined ? {} : { deploymentId }),
      ...(code === '' ? {} : { code }),
      ...(message === '' ? {} : { message }),
      ...(isUncertain ? { isUncertain } : {}),
    });
  }

  /** Cancels devices whose deployment has not begun. */
  cancelWaiting(): void {
    for (const index of this.#devices.in(['pending', 'waiting'])) {
      const message = 'The campaign was cancelled before the deployment of the device began.';
      this.set(index, { ...withoutState(this.#devices.at(index)), state: 'cancelled', message });
    }
  }

  /** Devices that wait for their rollback keep the version that they have. */
  cancelRollback(): void {
    for (const index of this.#devices.in([ROLLBACK.waiting])) {
      const message = 'The campaign was cancelled before the rollback of the device began.';
      this.set(index, { ...this.#devices.at(index), state: 'rollbackFailed', message });
    }
  }

  /** The indexes of devices to roll back: those that have installed the package, and those that may have. */
  indexesToRollBack(): number[] {
    return [...this.#devices.in(['installed', 'failed', 'cancelled'])].filter((index) => {
      const { state, isUncertain } = this.#devices.at(index);
      return state === 'installed' || isUncertain === true;
    });
  }

  /** Begins the rollback of a device. It fails if the version to roll back to is unknown. */
  setRollbackPending(index: number): void {
    const device = this.#devices.at(index);
    if (targetOf(this.#campaign, device))
      this.set(index, { ...withoutState(device), state: ROLLBACK.waiting });
    else
      this.set(index, {
        ...device,
        state: 'rollbackFailed',
        code: 'ROLLBACK_UNKNOWN',
        message:
          'The version that the device had before is unknown; expected rollBackPath and rollBackVersion in StartCampaign.',
      });
  }

  /** Remembers which file the device had installed before. */
  keepPreviousFile(index: number, file: PackageFile | undefined): void {
    if (!file) return;
    const { previousFiles } = this.#campaign;
    const known = previousFiles.findIndex((one) => sameFile(one, file));
    if (known < 0) this.#update({ previousFiles: [...previousFiles, file] });
    this.set(index, { ...this.#devices.at(index), previousFile: known < 0 ? previousFiles.length : known });
  }

  /** Replaces a device. */
  set(index: number, device: CampaignDevice): void {
    if (!isOpen(device)) this.#options.onDeviceEnd(index);
    this.#devices.set(index, device);
    this.#isChanged = true;
  }

  /** The oldest event was fired. */
  markAnnounced(): void {
    this.#update({ unannounced: this.#campaign.unannounced.slice(1) });
  }

  /** Stores what has changed. The devices are first, because the state of the campaign follows from them. One call writes at a time. */
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

  #setState(state: Campaign['state'], code: string, message: string): void {
    this.#update({ state, code, message, changedAtMs: Date.now() });
    this.#options.log.info({ state, code }, `Campaign ${state}. ${message}`.trim());
    this.#options.onState();
  }

  /** Adds an event that must be fired. */
  #addNotice(change: CampaignChange, wave?: number): void {
    this.count();
    const { id, request, state, code, message, waves, unannounced } = this.#campaign;
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
    this.#update({ unannounced: [...unannounced, notice] });
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
