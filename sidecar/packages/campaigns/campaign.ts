import type { PackageFile, PackageRequest } from '../types.ts';
import {
  type BELOW_THRESHOLD,
  CAMPAIGN_STATES,
  type CampaignDetail,
  type CampaignDeviceRow,
  type CampaignNotice,
  type CampaignRow,
  type CampaignState,
  type DeviceCounts,
  type DeviceState,
  type NEXT_WAVES,
  shownCounts,
  type WaveRow,
} from './types.ts';
import type { Wave, WaveSize } from './waves.ts';

/** Which devices. The ids of a list are with the devices of the campaign. */
type CampaignSelection =
  | { readonly kind: 'all' }
  | { readonly kind: 'query'; readonly condition: string }
  | { readonly kind: 'list' };

export interface CampaignRequest
  extends Pick<
    PackageRequest,
    'name' | 'version' | 'moduleId' | 'account' | 'container' | 'path' | 'methodName' | 'information'
  > {
  readonly selection: CampaignSelection;
  readonly waves: readonly WaveSize[];
  readonly successPercent: number;
  /** The time that a device has, from when its turn comes. */
  readonly timeoutMinutes: number;
  readonly nextWave: (typeof NEXT_WAVES)[number];
  readonly belowThreshold: (typeof BELOW_THRESHOLD)[number];
  /** Devices that are at work at the same time at most. */
  readonly parallel: number;
  /** The package to roll back to; without it the version that a device had before, as far as it is known. */
  readonly rollBack?: PackageFile | undefined;
}

/** A campaign, as stored. Its devices are stored apart. */
export interface Campaign {
  readonly id: string;
  readonly request: CampaignRequest;
  /** The version of the file. */
  readonly etag: string;
  readonly state: CampaignState;
  readonly code: string;
  readonly message: string;
  readonly waves: readonly Wave[];
  /** Versions that devices had before. */
  readonly before: readonly PackageFile[];
  readonly createdAtMs: number;
  readonly changedAtMs: number;
  readonly pausedAtMs?: number;
  readonly endedAtMs?: number;
  /** Events that have not fired yet. */
  readonly untold: readonly CampaignNotice[];
}

/** A device of a campaign. Members without a value are left out: there may be tens of thousands. */
export interface CampaignDevice {
  readonly deviceId: string;
  readonly state: DeviceState;
  /** When its turn came, moved on by pauses. */
  readonly sinceMs?: number;
  readonly deploymentId?: string;
  /** The place of the version that it had before, in the list of the campaign. */
  readonly before?: number;
  readonly code?: string;
  readonly message?: string;
  /** Whether it may have installed the package although the outcome is another. */
  readonly isUncertain?: true;
}

export function isCampaign(campaign: Campaign | null): boolean {
  return (
    typeof campaign?.id === 'string' &&
    typeof campaign.request?.name === 'string' &&
    CAMPAIGN_STATES.includes(campaign.state) &&
    Array.isArray(campaign.waves) &&
    Array.isArray(campaign.untold)
  );
}

/** Whether nothing remains to be done. */
export function isOver({ state }: Pick<Campaign, 'state'>): boolean {
  return state === 'completed' || state === 'cancelled' || state === 'rolledBack' || state === 'failed';
}

/** Devices of all waves, by state. */
export function countsOf({ waves }: Campaign): DeviceCounts {
  const sums: Partial<Record<DeviceState, number>> = {};
  for (const { counts } of waves)
    for (const [state, value] of Object.entries(counts) as [DeviceState, number][])
      sums[state] = (sums[state] ?? 0) + value;
  return sums;
}

/** The number of waves that have begun. */
export function begunWaves({ waves }: Campaign): number {
  return waves.filter(({ beganAtMs }) => beganAtMs !== undefined).length;
}

export function campaignRow(campaign: Campaign): CampaignRow {
  const { id, request, state, code, message, waves, createdAtMs, changedAtMs, endedAtMs } = campaign;
  const { name, version, moduleId = '', successPercent, nextWave, belowThreshold, selection } = request;
  const { timeoutMinutes, parallel, account, container, path, rollBack } = request;
  return {
    id,
    name,
    version,
    moduleId,
    state,
    code,
    message,
    wave: begunWaves(campaign),
    waveCount: waves.length,
    ...shownCounts(countsOf(campaign)),
    successPercent,
    nextWave,
    belowThreshold,
    timeoutMinutes,
    parallel,
    condition: selection.kind === 'query' ? selection.condition : '',
    storageThing: account,
    container,
    path,
    rollBackPath: rollBack?.path ?? '',
    rollBackVersion: rollBack?.version ?? '',
    createdAt: isoTime(createdAtMs),
    time: isoTime(changedAtMs),
    ...(endedAtMs === undefined ? {} : { endedAt: isoTime(endedAtMs) }),
  };
}

export function campaignDetail(campaign: Campaign): CampaignDetail {
  const waves = campaign.waves.map(
    ({ state, counts, beganAtMs, endedAtMs }, index): WaveRow => ({
      wave: index + 1,
      state,
      ...shownCounts(counts),
      ...(beganAtMs === undefined ? {} : { beganAt: isoTime(beganAtMs) }),
      ...(endedAtMs === undefined ? {} : { endedAt: isoTime(endedAtMs) }),
    }),
  );
  return { ...campaignRow(campaign), waves };
}

export function campaignDeviceRow(
  campaign: Campaign,
  device: CampaignDevice,
  index: number,
): CampaignDeviceRow {
  const { deviceId, state, code = '', message = '', deploymentId = '' } = device;
  const deadlineMs = isOpen(device) ? deadlineOf(campaign, device) : undefined;
  return {
    deviceId,
    wave: campaign.waves.findIndex(({ to }) => index < to) + 1,
    state,
    code,
    message,
    deploymentId,
    versionBefore: targetOf(campaign, device)?.version ?? '',
    ...(deadlineMs === undefined ? {} : { deadline: isoTime(deadlineMs) }),
  };
}

/** When the time of a device is over; undefined while its turn has not come. */
export function deadlineOf({ request }: Campaign, { sinceMs }: CampaignDevice): number | undefined {
  return sinceMs === undefined ? undefined : sinceMs + request.timeoutMinutes * 60_000;
}

/** What a device is rolled back to; undefined if that is not known. */
export function targetOf({ request, before }: Campaign, device: CampaignDevice): PackageFile | undefined {
  return request.rollBack ?? (device.before === undefined ? undefined : before[device.before]);
}

/** Whether something remains to be done for the device. */
export function isOpen({ state }: CampaignDevice): boolean {
  return (
    state === 'pending' ||
    state === 'waiting' ||
    state === 'deploying' ||
    state === 'rollbackPending' ||
    state === 'rollingBack'
  );
}

function isoTime(ms: number): string {
  return new Date(ms).toISOString();
}

/** The states of a device in one direction: the rollout of the package, or its rollback. */
export interface Direction {
  readonly waiting: DeviceState;
  readonly busy: DeviceState;
  readonly done: DeviceState;
  readonly failed: DeviceState;
}

export const ROLLOUT: Direction = {
  waiting: 'waiting',
  busy: 'deploying',
  done: 'installed',
  failed: 'failed',
};
export const ROLLBACK: Direction = {
  waiting: 'rollbackPending',
  busy: 'rollingBack',
  done: 'rolledBack',
  failed: 'rollbackFailed',
};
export const BUSY: readonly DeviceState[] = [ROLLOUT.busy, ROLLBACK.busy];
export const WAITING: readonly DeviceState[] = [ROLLOUT.waiting, ROLLBACK.waiting];

export function directionOf({ state }: CampaignDevice): Direction {
  return state === ROLLBACK.busy || state === ROLLBACK.waiting || state === ROLLBACK.failed
    ? ROLLBACK
    : ROLLOUT;
}
