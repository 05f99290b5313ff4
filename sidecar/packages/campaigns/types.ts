import Type, { type Static } from 'typebox';
import { DateTime, forThingWorx, OneOf, Table } from '../../contract/schema.ts';

/**
 * selecting: the sidecar reads which devices there are. running: a wave is under way. paused: no further device begins. cancelling: running
 * deployments are being cancelled. rollingBack: devices get the version to roll back to. completed, cancelled, rolledBack and failed are final,
 * but all of them except failed can be rolled back.
 */
export const CAMPAIGN_STATES = [
  'selecting',
  'running',
  'paused',
  'cancelling',
  'rollingBack',
  'completed',
  'cancelled',
  'rolledBack',
  'failed',
] as const;
export type CampaignState = (typeof CAMPAIGN_STATES)[number];

/** How the next wave begins: by itself, or when ResumeCampaign is called. */
export const NEXT_WAVES = ['automatic', 'manual'] as const;
/** What happens when a wave misses the success threshold. */
export const BELOW_THRESHOLD = ['pause', 'rollBack'] as const;

/** What the event CampaignChanged reports. */
const CHANGES = [
  'started',
  'waveEnded',
  'paused',
  'resumed',
  'completed',
  'cancelled',
  'rollingBack',
  'rolledBack',
  'failed',
] as const;
export type CampaignChange = (typeof CHANGES)[number];

/**
 * pending: not begun. waiting: it cannot begin yet, usually because it is offline. deploying: its deployment is under way. skipped: it does not
 * count for the success threshold. rollbackPending and rollingBack are waiting and deploying in a rollback.
 */
export const DEVICE_STATES = [
  'pending',
  'waiting',
  'deploying',
  'installed',
  'failed',
  'skipped',
  'cancelled',
  'rollbackPending',
  'rollingBack',
  'rolledBack',
  'rollbackFailed',
] as const;
export type DeviceState = (typeof DEVICE_STATES)[number];

/** Devices by state. */
export type DeviceCounts = Readonly<Partial<Record<DeviceState, number>>>;

const count = (description: string) => Type.Integer({ minimum: 0, description });

const COUNTS = {
  devices: count('Devices in all.'),
  installed: count('Devices that have installed the package.'),
  failed: count('Devices that have failed or did not finish in time.'),
  pending: count(
    'Devices that have not finished: those that have not begun, those that wait, and those whose deployment is under way.',
  ),
  waiting: count('Pending devices that wait, usually because they are offline.'),
  deploying: count('Pending devices whose deployment is under way.'),
  skipped: count(
    'Devices that do not count: they do not exist in the IoT Hub, or they already had the version.',
  ),
  cancelled: count('Devices whose deployment was cancelled.'),
  rollingBack: count('Devices whose rollback is waiting or under way.'),
  rolledBack: count('Devices that were rolled back.'),
  rollbackFailed: count('Devices that could not be rolled back.'),
};
const COUNTED = Type.Object(COUNTS);

/** The counts in the form of the rows of services. */
export function shownCounts(counts: DeviceCounts): Static<typeof COUNTED> {
  const of = (...states: DeviceState[]) => states.reduce((sum, state) => sum + (counts[state] ?? 0), 0);
  return {
    devices: of(...DEVICE_STATES),
    installed: of('installed'),
    failed: of('failed'),
    pending: of('pending', 'waiting', 'deploying'),
    waiting: of('waiting'),
    deploying: of('deploying'),
    skipped: of('skipped'),
    cancelled: of('cancelled'),
    rollingBack: of('rollbackPending', 'rollingBack'),
    rolledBack: of('rolledBack'),
    rollbackFailed: of('rollbackFailed'),
  };
}

const campaignId = 'The id of the campaign.';

export const CampaignRow = Type.Object(
  {
    id: Type.String({ description: campaignId }),
    name: Type.String({ description: 'The name of the package.' }),
    version: Type.String({ description: 'The version that the devices get.' }),
    moduleId: Type.String({ description: 'The module that installs it; empty for the device itself.' }),
    state: OneOf(CAMPAIGN_STATES, { description: 'The state of the campaign.' }),
    code: Type.String({
      description: 'The error code of the reason why it was paused or ended; empty if there was no error.',
    }),
    message: Type.String({ description: 'Why it is in this state.' }),
    wave: count('The wave that is under way, counted from 1.'),
    waveCount: count('The number of waves; 0 while the devices are selected.'),
    ...COUNTS,
    successPercent: Type.Number({ description: 'The success threshold of each wave in percent.' }),
    nextWave: OneOf(NEXT_WAVES, { description: 'How the next wave begins.' }),
    belowThreshold: OneOf(BELOW_THRESHOLD, { description: 'What happens below the threshold.' }),
    timeoutMinutes: Type.Number({ description: 'The time limit of each device, in minutes.' }),
    parallel: count('The largest number of devices whose deployment is under way at the same time.'),
    condition: Type.String({
      description: 'The condition that selects the devices; empty for all devices and for a list.',
    }),
    storageThing: Type.String({ description: 'The Thing of the storage account that contains the file.' }),
    container: Type.String({ description: 'The container of the file.' }),
    path: Type.String({ description: 'The path of the file.' }),
    rollBackPath: Type.String({
      description: 'The file to roll back to; empty: the previous version of each device.',
    }),
    rollBackVersion: Type.String({
      description: 'The version to roll back to; empty: the previous version of each device.',
    }),
    createdAt: DateTime({ description: 'When it was requested.' }),
    time: DateTime({ description: 'When its state last changed.' }),
    endedAt: Type.Optional(DateTime({ description: 'When it ended.' })),
  },
  { description: 'One campaign: a software package for many devices, in waves.' },
);
export type CampaignRow = Static<typeof CampaignRow>;

const WAVE_STATES = ['waiting', 'running', 'passed', 'missed', 'accepted'] as const;

const WaveRow = Type.Object(
  {
    wave: count('The number of the wave, counted from 1.'),
    state: OneOf(WAVE_STATES, {
      description:
        'waiting: not begun. running: under way. passed: the threshold was reached. missed: the threshold can no longer be reached. accepted: missed, but ResumeCampaign was called.',
    }),
    ...COUNTS,
    beganAt: Type.Optional(DateTime({ description: 'When it began.' })),
    endedAt: Type.Optional(DateTime({ description: 'When it passed or missed the threshold.' })),
  },
  { description: 'One wave of a campaign.' },
);
export type WaveRow = Static<typeof WaveRow>;
export type WaveState = WaveRow['state'];

export const CampaignDetail = Type.Object(
  {
    ...CampaignRow.properties,
    waves: Table(WaveRow, 'AzureIoT.CampaignWave_DS', { description: 'The waves, in order.' }),
  },
  { description: 'One campaign with its waves.' },
);
export type CampaignDetail = Static<typeof CampaignDetail>;

export const CampaignDeviceRow = Type.Object(
  {
    deviceId: Type.String({ description: 'The device.' }),
    wave: count('Its wave, counted from 1.'),
    state: OneOf(DEVICE_STATES, {
      description:
        'pending, waiting, deploying; finally installed, failed, skipped or cancelled. In a rollback: rollbackPending, rollingBack; finally rolledBack or rollbackFailed.',
    }),
    code: Type.String({ description: 'The error code of the last problem; empty if there was none.' }),
    message: Type.String({ description: 'The reason for the state.' }),
    deploymentId: Type.String({ description: 'The id of its last deployment; empty if there was none.' }),
    versionBefore: Type.String({ description: 'The version to roll back to; empty if it is unknown.' }),
    deadline: Type.Optional(
      DateTime({ description: 'When its time limit ends; set only from its beginning to its end.' }),
    ),
  },
  { description: 'One device of a campaign.' },
);
export type CampaignDeviceRow = Static<typeof CampaignDeviceRow>;

/** The event CampaignChanged of the hub Thing. */
export const CampaignNotice = Type.Object(
  {
    change: OneOf(CHANGES, { description: 'What has happened.' }),
    campaign: Type.String({ description: campaignId }),
    name: CampaignRow.properties.name,
    version: CampaignRow.properties.version,
    state: CampaignRow.properties.state,
    wave: count('The wave that has ended or is under way, counted from 1.'),
    devices: count(
      'The number of devices of the wave that has ended; of all waves if the change is not waveEnded.',
    ),
    installed: count('How many of them have installed the package.'),
    failed: count('How many of them have failed.'),
    pending: count('How many of them have not finished.'),
    rolledBack: count('How many of them were rolled back.'),
    code: CampaignRow.properties.code,
    message: CampaignRow.properties.message,
    time: DateTime({ description: 'When it happened.' }),
  },
  { description: 'The event CampaignChanged of a hub.' },
);
/** With the time in ms since 1970. */
export type CampaignNotice = Omit<Static<typeof CampaignNotice>, 'time'> & { readonly time: number };

export const campaignIdMember = forThingWorx(
  Type.String({
    pattern: '^[0-9]{17}-[0-9a-f]{8}$',
    description: 'The id of the campaign, as StartCampaign returned it.',
  }),
  { baseType: 'STRING' },
);
