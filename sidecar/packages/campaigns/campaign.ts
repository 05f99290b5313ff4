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

/** Which devices belong to the campaign. The ids of a list are stored with its devices. */
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
  /** The time limit of a device. It begins when the campaign first tries the device. */
  readonly timeoutMinutes: number;
  readonly nextWave: (typeof NEXT_WAVES)[number];
  readonly belowThreshold: (typeof BELOW_THRESHOLD)[number];
  /** The largest number of deployments at the same time. */
  readonly parallel: number;
  /** The file to roll back to. Without it, each device gets the version that it had before, if that is known. */
  readonly rollBack?: PackageFile | undefined;
}

/** A campaign as it is stored. Its devices are stored separately. */
export interface Campaign {
  readonly id: string;
  readonly request: CampaignRequest;
  /** The ETag of the file, which shows whether the file was replaced. */
  readonly etag: string;
  readonly state: CampaignState;
  readonly code: string;
  readonly message: string;
  readonly waves: readonly Wave[];
  /** The files that devices had installed before; `previousFile` of a device is an index of this list. */
  readonly previousFiles: readonly PackageFile[];
  readonly createdAtMs: number;
  readonly changedAtMs: number;
  readonly pausedAtMs?: number;
  readonly endedAtMs?: number;
  /** Events that have not been fired yet, oldest first. */
  readonly unannounced: readonly CampaignNotice[];
}

/** A device of a campaign. Members without a value are omitted, since a campaign may have tens of thousands of devices. */
export interface CampaignDevice {
  readonly deviceId: string;
  readonly state: DeviceState;
  /** When the campaign first tried the device. A pause moves the time forward by its duration. */
  readonly sinceMs?: number;
  readonly deploymentId?: string;
  /** The index in `previousFiles` of the file that it had installed before. */
  readonly previousFile?: number;
  readonly code?: string;
  readonly message?: string;
  /** Whether it may have installed the package although its state says otherwise. */
  readonly isUncertain?: true;
}

export function isCampaign(campaign: Campaign | null): boolean {
  return (
    typeof campaign?.id === 'string' &&
    typeof campaign.request?.name === 'string' &&
    CAMPAIGN_STATES.includes(campaign.state) &&
    Array.isArray(campaign.waves) &&
    Array.isArray(campaign.unannounced)
  );
}

/** Whether the campaign has ended. */
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

/** When the time limit of a device ends; undefined if the campaign has not tried the device yet. */
export function deadlineOf({ request }: Campaign, { sinceMs }: CampaignDevice): number | undefined {
  return sinceMs === undefined ? undefined : sinceMs + request.timeoutMinutes * 60_000;
}

/** The file to which a device is rolled back; undefined if it is unknown. */
export function targetOf(
  { request, previousFiles }: Campaign,
  { previousFile }: CampaignDevice,
): PackageFile | undefined {
  return request.rollBack ?? (previousFile === undefined ? undefined : previousFiles[previousFile]);
}

/** The members of a device that do not belong to its state. */
export function withoutState({
  deviceId,
  previousFile,
}: CampaignDevice): Pick<CampaignDevice, 'deviceId' | 'previousFile'> {
  return { deviceId, ...(previousFile === undefined ? {} : { previousFile }) };
}

/** Whether the device has not finished. */
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
