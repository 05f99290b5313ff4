import {
  button,
  checkbox,
  choice,
  column,
  confirmation,
  expression,
  field,
  grid,
  type MashupDefinition,
  row,
  tabs,
  timer,
} from './definition.ts';
import { frame, frameFunctions, hubChoice, hubParameter, listHubs } from './frame.ts';

const hubOf = { thing: 'hub.SelectedText' };
const selected = { ...hubOf, campaign: 'ListCampaigns.selected.id' };
const changed = ['ListCampaigns', 'GetCampaign', 'ListCampaignDevices'] as const;

const COUNTS = [
  { field: 'devices', title: 'Devices', width: 80, format: 'number' },
  { field: 'installed', title: 'Installed', width: 80, format: 'number' },
  { field: 'failed', title: 'Failed', width: 70, format: 'number' },
  { field: 'pending', title: 'Pending', width: 80, format: 'number' },
  { field: 'waiting', title: 'Waiting', width: 80, format: 'number' },
  { field: 'rolledBack', title: 'Rolled back', width: 90, format: 'number' },
] as const;

const watch = column(
  [
    row([
      button('refresh', 'Refresh', changed),
      button('pause', 'Pause', ['PauseCampaign']),
      button('resume', 'Resume', ['ResumeCampaign'], 'primary'),
      button('rollBack', 'Roll back', ['confirmRollBack.OpenConfirmation'], 'danger'),
      button('cancel', 'Cancel', ['confirmCancel.OpenConfirmation'], 'danger'),
    ]),
    grid('campaigns', 'ListCampaigns', 'id', [
      { field: 'createdAt', title: 'Asked for', width: 170, format: 'time' },
      { field: 'name', title: 'Package', width: 110 },
      { field: 'version', title: 'Version', width: 80 },
      { field: 'state', title: 'State', width: 100 },
      { field: 'wave', title: 'Wave', width: 60, format: 'number' },
      { field: 'waveCount', title: 'Of', width: 50, format: 'number' },
      ...COUNTS,
      { field: 'message', title: 'Message' },
    ]),
    row(
      [
        grid(
          'waveList',
          'GetCampaign.waves',
          'wave',
          [
            { field: 'wave', title: 'Wave', width: 60, format: 'number' },
            { field: 'state', title: 'State', width: 90 },
            ...COUNTS,
          ],
          { select: 'none', title: 'Waves of the selected campaign' },
        ),
        grid(
          'campaignDevices',
          'ListCampaignDevices',
          'deviceId',
          [
            { field: 'deviceId', title: 'Device', width: 150 },
            { field: 'wave', title: 'Wave', width: 60, format: 'number' },
            { field: 'state', title: 'State', width: 110 },
            { field: 'code', title: 'Code', width: 150 },
            { field: 'message', title: 'Reason' },
          ],
          { select: 'none', title: 'Its first 500 devices' },
        ),
      ],
      { grow: true },
    ),
  ],
  { grow: true },
);

const begin = column(
  [
    row([
      choice('repository', 'Container', 'ListContainers', { first: true, on: ['BrowseDirectory'] }),
      field('packageName', 'Package', { width: 140 }),
      field('packageVersion', 'Version', { width: 100 }),
      field('packageModule', 'Module', { hint: 'empty: the device', width: 140 }),
      field('condition', 'Condition', { hint: "such as tags.line = 'A'; * for all", width: 260 }),
    ]),
    row([
      field('waves', 'Waves', { hint: '1, 10 %, 100 %', width: 180 }),
      field('successPercent', 'Success in percent', { hint: '90', width: 130 }),
      field('timeoutMinutes', 'Minutes for a device', { hint: '1440', width: 140 }),
      field('rollBackPath', 'Roll back to', { hint: 'empty: the version before', width: 200 }),
      field('rollBackVersion', 'Its version', { width: 100 }),
      checkbox('manual', 'Wait after each wave'),
      checkbox('rollBackBelow', 'Roll back below the threshold'),
      button('start', 'Start with selected file', ['StartCampaign'], 'primary'),
    ]),
    grid(
      'files',
      'BrowseDirectory',
      'path',
      [
        { field: 'path', title: 'File' },
        { field: 'size', title: 'Bytes', width: 110, format: 'number' },
      ],
      { title: 'Files of the container' },
    ),
  ],
  { grow: true },
);

export const campaigns: MashupDefinition = {
  name: 'AzureIoT.Campaigns_MU',
  description: 'Starts, watches, pauses, resumes, cancels and rolls back campaigns of software packages.',
  parameters: [hubParameter],
  calls: {
    ListHubs: listHubs,
    ListContainers: { service: 'ListThings', constants: { kind: 'container' } },
    ListCampaigns: { bind: hubOf, onSelection: ['GetCampaign', 'ListCampaignDevices'] },
    GetCampaign: { bind: selected },
    ListCampaignDevices: { bind: selected },
    PauseCampaign: { bind: selected, after: changed },
    ResumeCampaign: { bind: selected, after: changed },
    CancelCampaign: { bind: selected, after: changed },
    RollBackCampaign: { bind: selected, after: changed },
    BrowseDirectory: { bind: { thing: 'repository.SelectedText' }, constants: { path: '/' } },
    StartCampaign: {
      bind: {
        ...hubOf,
        repository: 'repository.SelectedText',
        path: 'BrowseDirectory.selected.path',
        name: 'packageName.Text',
        version: 'packageVersion.Text',
        moduleId: 'packageModule.Text',
        condition: 'condition.Text',
        waves: 'waves.Text',
        successPercent: 'successPercent.Text',
        timeoutMinutes: 'timeoutMinutes.Text',
        rollBackPath: 'rollBackPath.Text',
        rollBackVersion: 'rollBackVersion.Text',
        nextWave: 'nextWave.Output',
        belowThreshold: 'belowThreshold.Output',
      },
      after: ['ListCampaigns'],
    },
  },
  loaded: ['ListHubs', 'ListContainers'],
  layout: frame(
    'Campaigns',
    [hubChoice(['ListCampaigns'])],
    [tabs('pages', { Campaigns: watch, Start: begin })],
  ),
  functions: [
    ...frameFunctions([
      'StartCampaign.summary',
      'PauseCampaign.summary',
      'ResumeCampaign.summary',
      'CancelCampaign.summary',
      'RollBackCampaign.summary',
    ]),
    expression(
      'nextWave',
      'STRING',
      { manual: ['manual.State', 'BOOLEAN'] },
      "output = manual ? 'manual' : 'automatic';",
    ),
    expression(
      'belowThreshold',
      'STRING',
      { back: ['rollBackBelow.State', 'BOOLEAN'] },
      "output = back ? 'rollBack' : 'pause';",
    ),
    confirmation('confirmCancel', {
      title: 'Cancel the campaign',
      message:
        'No device begins any more. Devices that have received the package are asked to stop; those that have installed it keep it.',
      action: 'Cancel the campaign',
      confirmed: ['CancelCampaign'],
    }),
    confirmation('confirmRollBack', {
      title: 'Roll back',
      message:
        'The campaign ends, and devices that have installed the package get the version that they had before, or the one that the campaign names.',
      action: 'Roll back',
      confirmed: ['RollBackCampaign'],
    }),
    timer('everyFiveSeconds', 5, changed),
  ],
};
