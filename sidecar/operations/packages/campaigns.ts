import Type from 'typebox';
import { OneOf, OneRow, Table } from '../../contract/schema.ts';
import { ConnectorError } from '../../errors/connector-error.ts';
import { STORAGE_ERRORS } from '../../files/types.ts';
import type { CampaignRequest } from '../../packages/campaigns/campaign.ts';
import {
  BELOW_THRESHOLD,
  CAMPAIGN_STATES,
  CampaignDetail,
  CampaignDeviceRow,
  CampaignRow,
  campaignIdMember,
  DEVICE_STATES,
  NEXT_WAVES,
} from '../../packages/campaigns/types.ts';
import { waveSizes } from '../../packages/campaigns/waves.ts';
import { packageName } from '../../packages/types.ts';
import { deviceId, hub, isAll } from '../device-members.ts';
import { IOT_HUB_ERRORS } from '../error-groups.ts';
import { account, container, path, pathText } from '../files/file-members.ts';
import { defineOperation } from '../operation.ts';
import { installation, repository } from './packages.ts';

/** What the service and the route have in common. */
const members = {
  ...installation,
  condition: Type.Optional(
    Type.String({
      maxLength: 6_000,
      description:
        "Which devices: the part of a twin query after WHERE, such as tags.building = '43'; * for all. Not together with deviceIds.",
    }),
  ),
  deviceIds: Type.Optional(
    Type.Array(deviceId, {
      maxItems: 50_000,
      description:
        'These devices, in the order of their waves: an array of ids, boxed as {"array": [...]}. Not together with condition.',
    }),
  ),
  waves: Type.Optional(
    Type.String({
      maxLength: 1_000,
      default: '1, 10 %, 100 %',
      description:
        'The waves: numbers of devices or percentages, separated by commas. Each says how many devices the campaign has reached at the end of the wave; the last one must be 100 %.',
    }),
  ),
  successPercent: Type.Optional(
    Type.Number({
      minimum: 0,
      maximum: 100,
      default: 90,
      description:
        'The success threshold of each wave: the percentage of its devices that must install the package.',
    }),
  ),
  timeoutMinutes: Type.Optional(
    Type.Number({
      exclusiveMinimum: 0,
      maximum: 43_200,
      default: 1_440,
      description:
        'The time limit of a device in minutes, from when the campaign first tries it. It includes the time until the device connects. Then the device counts as failed.',
    }),
  ),
  nextWave: Type.Optional(
    OneOf(NEXT_WAVES, {
      default: 'automatic',
      description:
        'automatic: the next wave begins when a wave has reached the threshold. manual: the campaign pauses after each wave until ResumeCampaign is called.',
    }),
  ),
  belowThreshold: Type.Optional(
    OneOf(BELOW_THRESHOLD, {
      default: 'pause',
      description: 'What happens when a wave misses the threshold: pause, or rollBack.',
    }),
  ),
  rollBackPath: Type.Optional(
    pathText(
      'The file to roll back to, in the same container. Empty: each device gets its previous version, if that is known.',
    ),
  ),
  rollBackVersion: Type.Optional(
    Type.String({ maxLength: 64, description: 'The version of rollBackPath; required with it.' }),
  ),
  parallel: Type.Optional(
    Type.Integer({
      minimum: 1,
      maximum: 500,
      default: 50,
      description: 'The largest number of deployments at the same time.',
    }),
  ),
};

const ERRORS = ['HUB_NOT_CONNECTED', 'STATE_UNAVAILABLE'] as const;
const campaignResult = OneRow(CampaignRow, 'AzureIoT.Campaign_DS');

const startCampaign = defineOperation({
  name: 'StartCampaign',
  entity: 'AzureIoT.Hub_TT',
  category: 'Software packages',
  role: 'engineer',
  summary:
    'Starts a campaign: many devices install a software package, a file of a container, in waves with a success threshold.',
  method: 'POST',
  path: '/hubs/{hub}/campaigns',
  input: Type.Object({ hub, account, container, path, ...members }),
  output: campaignResult,
  errors: [
    ...IOT_HUB_ERRORS,
    ...STORAGE_ERRORS,
    'PATH_INVALID',
    'FILE_NOT_FOUND',
    'LINK_NOT_POSSIBLE',
    'CAMPAIGN_EMPTY',
    'CAMPAIGN_LIMIT',
    'STATE_UNAVAILABLE',
  ],
  script: 'hand-written',
  serviceInput: Type.Object({
    repository,
    path,
    ...members,
  }),
  async run({ hubs, signal }, { hub, deviceIds, condition, rollBackPath, rollBackVersion, ...input }) {
    if ((condition === undefined) === (deviceIds === undefined))
      throw new ConnectorError(
        'REQUEST_INVALID',
        'Either condition or deviceIds must be given; expected * in condition for all devices.',
      );
    if ((rollBackPath === undefined) !== (rollBackVersion === undefined))
      throw new ConnectorError(
        'REQUEST_INVALID',
        'rollBackPath and rollBackVersion belong together; expected both or none of them.',
      );
    const { account, container, path, name, version, moduleId, information } = input;
    const request: CampaignRequest = {
      name,
      version,
      account,
      container,
      path,
      methodName: input.methodName ?? 'installPackage',
      ...(moduleId === undefined ? {} : { moduleId }),
      ...(information === undefined ? {} : { information }),
      selection: selectionOf(condition),
      waves: waveSizes(input.waves ?? '1, 10 %, 100 %'),
      successPercent: input.successPercent ?? 90,
      timeoutMinutes: input.timeoutMinutes ?? 1_440,
      nextWave: input.nextWave ?? 'automatic',
      belowThreshold: input.belowThreshold ?? 'pause',
      parallel: input.parallel ?? 50,
      ...(rollBackPath === undefined || rollBackVersion === undefined
        ? {}
        : { rollBack: { account, container, path: rollBackPath, version: rollBackVersion } }),
    };
    return await hubs.require(hub).campaigns.launch(request, deviceIds ?? [], signal);
  },
});

function selectionOf(condition: string | undefined): CampaignRequest['selection'] {
  if (condition === undefined) return { kind: 'list' };
  return isAll(condition) ? { kind: 'all' } : { kind: 'query', condition };
}

const listCampaigns = defineOperation({
  name: 'ListCampaigns',
  entity: 'AzureIoT.Hub_TT',
  category: 'Software packages',
  role: 'viewer',
  summary: 'Lists campaigns, the newest first: those that are not over and the last twenty that are.',
  method: 'GET',
  path: '/hubs/{hub}/campaigns',
  input: Type.Object({
    hub,
    name: Type.Optional(packageName),
    state: Type.Optional(OneOf(CAMPAIGN_STATES, { description: 'Only campaigns in this state.' })),
  }),
  output: Type.Object({
    campaigns: Table(CampaignRow, 'AzureIoT.Campaign_DS', { description: 'The campaigns, newest first.' }),
  }),
  result: 'campaigns',
  errors: [...ERRORS],
  async run({ hubs }, { hub, name, state }) {
    const all = await hubs.require(hub).campaigns.list();
    const campaigns = all.filter(
      (row) => row.name === (name ?? row.name) && row.state === (state ?? row.state),
    );
    return { campaigns };
  },
});

const getCampaign = defineOperation({
  name: 'GetCampaign',
  entity: 'AzureIoT.Hub_TT',
  category: 'Software packages',
  role: 'viewer',
  summary:
    'Shows a campaign with its waves: how many devices have installed the package, have failed or wait.',
  method: 'GET',
  path: '/hubs/{hub}/campaigns/{campaign}',
  input: Type.Object({ hub, campaign: campaignIdMember }),
  output: OneRow(CampaignDetail, 'AzureIoT.CampaignDetail_DS'),
  errors: [...ERRORS, 'CAMPAIGN_NOT_FOUND'],
  async run({ hubs }, { hub, campaign }) {
    return await hubs.require(hub).campaigns.get(campaign);
  },
});

const listCampaignDevices = defineOperation({
  name: 'ListCampaignDevices',
  entity: 'AzureIoT.Hub_TT',
  category: 'Software packages',
  role: 'viewer',
  summary: 'Lists the devices of a campaign in the order of their waves, each with its state and the reason.',
  method: 'GET',
  path: '/hubs/{hub}/campaigns/{campaign}/devices',
  input: Type.Object({
    hub,
    campaign: campaignIdMember,
    state: Type.Optional(OneOf(DEVICE_STATES, { description: 'Only devices in this state.' })),
    wave: Type.Optional(Type.Integer({ minimum: 1, maximum: 50, description: 'Only devices of this wave.' })),
    from: Type.Optional(
      Type.Integer({ minimum: 0, default: 0, description: 'The first device, counted from 0.' }),
    ),
    limit: Type.Optional(
      Type.Integer({
        minimum: 1,
        maximum: 5_000,
        default: 500,
        description: 'The maximum number of devices.',
      }),
    ),
  }),
  output: Type.Object({
    devices: Table(CampaignDeviceRow, 'AzureIoT.CampaignDevice_DS', {
      description: 'The devices, in the order of their waves.',
    }),
  }),
  result: 'devices',
  errors: [...ERRORS, 'CAMPAIGN_NOT_FOUND'],
  async run({ hubs }, { hub, campaign, from = 0, limit = 500, ...filter }) {
    return { devices: await hubs.require(hub).campaigns.devices(campaign, { ...filter, from, limit }) };
  },
});

/** What the services that change the state of a campaign have in common. */
const CHANGE = {
  entity: 'AzureIoT.Hub_TT',
  category: 'Software packages',
  role: 'engineer',
  method: 'POST',
  input: Type.Object({ hub, campaign: campaignIdMember }),
  output: campaignResult,
  errors: [...ERRORS, 'CAMPAIGN_NOT_FOUND', 'CAMPAIGN_STATE'],
} as const;

const pauseCampaign = defineOperation({
  name: 'PauseCampaign',
  ...CHANGE,
  summary: 'Pauses a campaign: no device begins; those that have received the package go on.',
  path: '/hubs/{hub}/campaigns/{campaign}/pause',
  async run({ hubs }, { hub, campaign }) {
    return await hubs.require(hub).campaigns.change(campaign, 'pause');
  },
});

const resumeCampaign = defineOperation({
  name: 'ResumeCampaign',
  ...CHANGE,
  summary: 'Resumes a paused campaign; a wave that has missed the threshold is accepted.',
  path: '/hubs/{hub}/campaigns/{campaign}/resume',
  async run({ hubs }, { hub, campaign }) {
    return await hubs.require(hub).campaigns.change(campaign, 'resume');
  },
});

const cancelCampaign = defineOperation({
  name: 'CancelCampaign',
  ...CHANGE,
  summary:
    'Cancels a campaign: no device begins, and those that have received the package are asked to stop.',
  path: '/hubs/{hub}/campaigns/{campaign}/cancel',
  async run({ hubs }, { hub, campaign }) {
    return await hubs.require(hub).campaigns.change(campaign, 'cancel');
  },
});

const rollBackCampaign = defineOperation({
  name: 'RollBackCampaign',
  ...CHANGE,
  summary:
    'Ends a campaign, and gives the devices that have installed the package the version before or the one that StartCampaign names.',
  path: '/hubs/{hub}/campaigns/{campaign}/roll-back',
  async run({ hubs }, { hub, campaign }) {
    return await hubs.require(hub).campaigns.change(campaign, 'rollBack');
  },
});

/** Software packages for many devices, in waves. */
export const CAMPAIGNS = [
  startCampaign,
  listCampaigns,
  getCampaign,
  listCampaignDevices,
  pauseCampaign,
  resumeCampaign,
  cancelCampaign,
  rollBackCampaign,
];
