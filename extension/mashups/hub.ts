import {
  area,
  button,
  chart,
  checkbox,
  column,
  confirmation,
  field,
  figure,
  grid,
  type MashupDefinition,
  row,
  shown,
  tabs,
  timer,
} from './definition.ts';
import { frame, frameFunctions, hubChoice, hubOf, hubParameter, listHubs, page } from './frame.ts';
import { taskCalls, taskPanel } from './task-panel.ts';

const overview = column(
  [
    row([
      figure('State', 'state', 'GetHubOverview.state'),
      figure('Messages per second', 'rate', 'GetHubOverview.rate'),
      figure('Lag', 'lag', 'GetHubOverview.lag'),
      figure('Received', 'received', 'GetHubOverview.received'),
      figure('Delivered', 'delivered', 'GetHubOverview.delivered'),
      figure('Ignored', 'ignored', 'GetHubOverview.ignored'),
      figure('Dead letters', 'deadLettered', 'GetHubOverview.deadLettered'),
      figure('Connected since', 'since', 'GetHubOverview.since'),
      figure('Sidecar', 'version', 'GetHubOverview.version'),
    ]),
    shown('error', 'GetHubOverview.error'),
    row(
      [
        chart('rateChart', 'Messages per second, last hour', 'GetRateHistory', 'label', {
          value: 'Messages per second',
        }),
        chart('lagChart', 'Lag, last hour', 'GetLagHistory', 'label', { value: 'Lag' }),
      ],
      { height: 260 },
    ),
    row(
      [
        grid(
          'partitions',
          'GetHubOverview.partitions',
          'partition',
          [
            { field: 'partition', title: 'Partition', width: 100 },
            { field: 'lag', title: 'Lag', width: 80, format: 'number' },
            { field: 'inFlight', title: 'In flight', width: 100, format: 'number' },
            { field: 'sequenceNumber', title: 'Sequence number', width: 140, format: 'number' },
            { field: 'lastEnqueuedTime', title: 'Last message', width: 170, format: 'time' },
            { field: 'owner', title: 'Read by' },
          ],
          { select: 'none', title: 'Partitions' },
        ),
        grid(
          'errors',
          'GetHubOverview.errors',
          'time',
          [
            { field: 'time', title: 'Time', width: 170, format: 'time' },
            { field: 'message', title: 'Error' },
            { field: 'remedy', title: 'What to do' },
            { field: 'clearedAt', title: 'Over since', width: 170, format: 'time' },
          ],
          { select: 'none', title: 'Recent errors' },
        ),
      ],
      { grow: true },
    ),
  ],
  { grow: true, scroll: true },
);

const deadLetters = page(
  [
    field('letterDevice', 'Device', { width: 180, on: { EnterKeyPressed: ['ListDeadLetters'] } }),
    field('letterCode', 'Reason code', { width: 220, on: { EnterKeyPressed: ['ListDeadLetters'] } }),
    button('findLetters', 'Show', ['ListDeadLetters']),
    checkbox('dryRun', 'Dry run'),
    button('replayLetters', 'Replay selected', ['confirmReplay.OpenConfirmation'], 'primary'),
    button('deleteLetters', 'Delete selected', ['confirmDelete.OpenConfirmation'], 'danger'),
  ],
  row(
    [
      grid(
        'letters',
        'ListDeadLetters',
        'id',
        [
          { field: 'enqueuedTime', title: 'Time', width: 170, format: 'time' },
          { field: 'deviceId', title: 'Device', width: 120 },
          { field: 'code', title: 'Code', width: 190 },
          { field: 'property', title: 'Property', width: 120 },
          { field: 'reason', title: 'Reason' },
        ],
        { select: 'multiple' },
      ),
      area('letter', 'Selected dead letter', { readOnly: true, bind: { Text: 'GetDeadLetter.result' } }),
    ],
    { grow: true },
  ),
);

const tasks = page(
  [
    button('showTasks', 'Refresh', ['ListTasks']),
    button('cancelTask', 'Cancel selected', ['confirmCancel.OpenConfirmation'], 'danger'),
  ],
  taskPanel('tasks', {
    task: 'Task',
    item: 'Item',
    itemWidth: 220,
    report: 'Report of the selected task',
  }),
);

const canary = page(
  [
    figure('Canary', 'canaryState', 'GetHubOverview.canary'),
    button('removeCanary', 'Remove canary', ['confirmRemoveCanary.OpenConfirmation'], 'danger'),
  ],
  grid(
    'canaryPaths',
    'GetHubOverview.canaryPaths',
    'path',
    [
      { field: 'path', title: 'Path', width: 110 },
      { field: 'state', title: 'State', width: 90 },
      { field: 'last', title: 'Last, ms', width: 90, format: 'number' },
      { field: 'p50', title: 'Median, ms', width: 100, format: 'number' },
      { field: 'p95', title: '95 %, ms', width: 90, format: 'number' },
      { field: 'p99', title: '99 %, ms', width: 90, format: 'number' },
      { field: 'rounds', title: 'Rounds', width: 90, format: 'number' },
      { field: 'failures', title: 'Failures', width: 90, format: 'number' },
      { field: 'since', title: 'Since', width: 170, format: 'time' },
      { field: 'reason', title: 'Reason' },
    ],
    { select: 'none', title: 'Round trips of the last hour' },
  ),
);

const quota = page(
  [
    figure('Messages today (UTC)', 'quotaUsed', 'GetHubOverview.quota'),
    figure('Forecast to midnight', 'quotaForecast', 'GetHubOverview.quotaForecast'),
  ],
  row(
    [
      grid(
        'quotaSources',
        'GetHubOverview.quotaSources',
        'source',
        [
          { field: 'source', title: 'Source' },
          { field: 'messages', title: 'Messages', width: 110, format: 'number' },
          { field: 'share', title: 'Share, %', width: 90, format: 'number' },
        ],
        { select: 'none', title: 'By source' },
      ),
      grid(
        'quotaDevices',
        'GetHubOverview.quotaDevices',
        'device',
        [
          { field: 'device', title: 'Device' },
          { field: 'messages', title: 'Messages', width: 110, format: 'number' },
          { field: 'share', title: 'Share, %', width: 90, format: 'number' },
          { field: 'recent', title: 'Last ten minutes', width: 140, format: 'number' },
          { field: 'floods', title: 'Floods', width: 80, format: 'boolean' },
        ],
        { select: 'none', title: 'The ten devices that use most' },
      ),
    ],
    { grow: true },
  ),
);

const connection = page(
  [
    button('check', 'Check connection', ['CheckConnection'], 'primary'),
    button('connect', 'Connect', ['Connect']),
    button('disconnect', 'Disconnect', ['confirmDisconnect.OpenConfirmation'], 'danger'),
  ],
  grid(
    'steps',
    'CheckConnection',
    'step',
    [
      { field: 'step', title: 'Step', width: 200 },
      { field: 'outcome', title: 'Outcome', width: 100 },
      { field: 'timeMs', title: 'Milliseconds', width: 110, format: 'number' },
      { field: 'message', title: 'Message' },
      { field: 'remedy', title: 'What to do' },
    ],
    { select: 'none' },
  ),
);

export const hub: MashupDefinition = {
  name: 'AzureIoT.Hub_MU',
  description: 'State, rate and lag of a hub, its errors, dead letters and tasks.',
  parameters: [hubParameter],
  calls: {
    ListHubs: listHubs,
    GetHubOverview: { bind: hubOf },
    GetRateHistory: { bind: hubOf },
    GetLagHistory: { bind: hubOf },
    ListDeadLetters: {
      bind: { ...hubOf, deviceId: 'letterDevice.Text', code: 'letterCode.Text' },
      onSelection: ['GetDeadLetter'],
    },
    GetDeadLetter: { bind: { ...hubOf, id: 'ListDeadLetters.selected.id' } },
    ReplayDeadLetters: {
      bind: { ...hubOf, ids: 'ListDeadLetters.selected', dryRun: 'dryRun.State' },
      after: ['ListTasks', 'ListDeadLetters'],
    },
    DeleteDeadLetters: { bind: { ...hubOf, ids: 'ListDeadLetters.selected' }, after: ['ListDeadLetters'] },
    ...taskCalls(),
    CancelTask: { bind: { ...hubOf, task: 'ListTasks.selected.id' }, after: ['ListTasks'] },
    CheckConnection: { bind: hubOf },
    Connect: { bind: hubOf, after: ['GetHubOverview'] },
    Disconnect: { bind: hubOf, after: ['GetHubOverview'] },
    RemoveCanary: { bind: hubOf, after: ['GetHubOverview'] },
  },
  loaded: ['ListHubs'],
  layout: frame(
    'Hub',
    [hubChoice(['GetHubOverview', 'GetRateHistory', 'GetLagHistory', 'ListDeadLetters', 'ListTasks'])],
    [
      tabs('pages', {
        Overview: overview,
        'Dead letters': deadLetters,
        Tasks: tasks,
        Canary: canary,
        Quota: quota,
        Connection: connection,
      }),
    ],
  ),
  functions: [
    ...frameFunctions([
      'ReplayDeadLetters.summary',
      'DeleteDeadLetters.summary',
      'CancelTask.summary',
      'Connect.summary',
      'Disconnect.summary',
      'RemoveCanary.summary',
    ]),
    timer('everyTenSeconds', 10, ['GetHubOverview', 'GetRateHistory', 'GetLagHistory']),
    timer('everyFiveSeconds', 5, ['ListTasks']),
    confirmation('confirmReplay', {
      title: 'Replay dead letters',
      message:
        'The selected dead letters are delivered with the settings of now. What is delivered leaves the store; what is refused again stays in it. A dry run delivers nothing.',
      action: 'Replay',
      confirmed: ['ReplayDeadLetters'],
    }),
    confirmation('confirmDelete', {
      title: 'Delete dead letters',
      message: 'The selected dead letters are deleted. Their messages cannot be replayed any more.',
      action: 'Delete',
      confirmed: ['DeleteDeadLetters'],
    }),
    confirmation('confirmCancel', {
      title: 'Cancel task',
      message: 'The selected task stops. What it has done stays done.',
      action: 'Cancel task',
      confirmed: ['CancelTask'],
    }),
    confirmation('confirmRemoveCanary', {
      title: 'Remove canary',
      message:
        'The device of the canary is deleted from the IoT Hub, and its Thing from ThingWorx. Set canaryEnabled of the hub Thing to false first.',
      action: 'Remove canary',
      confirmed: ['RemoveCanary'],
    }),
    confirmation('confirmDisconnect', {
      title: 'Disconnect hub',
      message:
        'No messages are received until somebody connects the hub or ThingWorx starts. The IoT Hub keeps them for its retention time.',
      action: 'Disconnect',
      confirmed: ['Disconnect'],
    }),
  ],
};
