import {
  area,
  button,
  checkbox,
  confirmation,
  expression,
  field,
  grid,
  type MashupDefinition,
  navigation,
  row,
  tabs,
  timer,
} from './definition.ts';
import { frame, frameFunctions, hubChoice, hubOf, hubParameter, listHubs, page } from './frame.ts';
import { taskCalls, taskPanel } from './task-panel.ts';

const selected = { ...hubOf, deviceId: 'ListDevices.selected.deviceId' };

const list = page(
  [
    field('begins', 'Device id begins with', { width: 200, on: { EnterKeyPressed: ['ListDevices'] } }),
    field('condition', 'Condition', {
      hint: "such as tags.line = 'A'",
      width: 260,
      on: { EnterKeyPressed: ['ListDevices'] },
    }),
    button('find', 'Find', ['ListDevices']),
    button('open', 'Open', ['openDevice.Navigate'], 'primary', { Disabled: 'hasNoThing.Output' }),
    button('enable', 'Enable', ['EnableDevice']),
    button('disable', 'Disable', ['DisableDevice']),
    button('remove', 'Delete', ['confirmDelete.OpenConfirmation'], 'danger'),
    checkbox('withThing', 'Delete its Thing as well'),
  ],
  grid('devices', 'ListDevices', 'deviceId', [
    { field: 'deviceId', title: 'Device' },
    { field: 'status', title: 'Status', width: 100 },
    { field: 'connectionState', title: 'Connection', width: 120 },
    { field: 'lastActivityTime', title: 'Last activity', width: 170, format: 'time' },
    { field: 'authentication', title: 'Authentication', width: 140 },
    { field: 'iotEdge', title: 'IoT Edge', width: 90, format: 'boolean' },
    { field: 'pendingMessages', title: 'Waiting messages', width: 140, format: 'number' },
    { field: 'modelId', title: 'Model' },
  ]),
);

const create = page([
  field('newId', 'Device id', { width: 240 }),
  checkbox('newEnabled', 'Enabled', true),
  checkbox('newEdge', 'IoT Edge'),
  checkbox('newThing', 'Create a Thing', true),
  field('newTemplate', 'Thing Template', { hint: 'AzureIoT.Device_TT', width: 240 }),
  field('newModel', 'Model', { hint: 'such as dtmi:example:Pump;1', width: 240 }),
  button('create', 'Create', ['CreateDevice'], 'primary'),
]);

const imports = page(
  [
    field('importCondition', 'Condition', {
      hint: "such as tags.line = 'A'; empty: all devices",
      width: 300,
    }),
    field('importTemplate', 'Thing Template', { hint: 'AzureIoT.Device_TT', width: 240 }),
    checkbox('importDryRun', 'Dry run', true),
    button('import', 'Import', ['StartImport'], 'primary'),
    button('compare', 'Compare', ['CompareRegistry']),
    button('refreshTwins', 'Refresh twins', ['RefreshTwins']),
  ],
  taskPanel(
    'imports',
    {
      task: 'Import',
      item: 'Device',
      itemWidth: 200,
      report: 'Report of the selected import',
    },
    'ListImports',
  ),
);

const models = page(
  [
    field('packageName', 'Package', { hint: 'AzureIotModels', width: 200 }),
    field('packageVersion', 'Version', { hint: '1.0.0', width: 100 }),
    field('repository', 'File repository', { hint: 'such as SystemRepository', width: 220 }),
    field('packagePath', 'Path', { hint: 'such as /models.zip', width: 220 }),
    checkbox('logged', 'Keep the history of telemetry'),
    button('buildPackage', 'Build package', ['BuildModelPackage'], 'primary'),
  ],
  row(
    [
      area('models', 'Models in DTDL or the short form', {
        hint: '{ "model": "Factory.Pump", "telemetry": { "flow": "number" } }',
      }),
      area('package', 'What was made', { readOnly: true, bind: { Text: 'BuildModelPackage.result' } }),
    ],
    { grow: true },
  ),
);

export const devices: MashupDefinition = {
  name: 'AzureIoT.Devices_MU',
  description:
    'Finds, creates, enables, disables, deletes, imports and compares devices; makes packages of device models.',
  parameters: [hubParameter],
  calls: {
    ListHubs: listHubs,
    ListDevices: { bind: { ...hubOf, condition: 'query.Output' }, onSelection: ['FindDeviceThing'] },
    FindDeviceThing: { bind: selected },
    EnableDevice: { bind: selected, after: ['ListDevices'] },
    DisableDevice: { bind: selected, after: ['ListDevices'] },
    DeleteDevice: { bind: { ...selected, deleteThing: 'withThing.State' }, after: ['ListDevices'] },
    CreateDevice: {
      bind: {
        ...hubOf,
        deviceId: 'newId.Text',
        enabled: 'newEnabled.State',
        iotEdge: 'newEdge.State',
        createThing: 'newThing.State',
        thingTemplate: 'newTemplate.Text',
        modelId: 'newModel.Text',
      },
      after: ['ListDevices'],
    },
    StartImport: {
      bind: {
        ...hubOf,
        condition: 'importCondition.Text',
        template: 'importTemplate.Text',
        dryRun: 'importDryRun.State',
      },
      after: ['ListImports'],
    },
    CompareRegistry: {
      bind: { ...hubOf, template: 'importTemplate.Text' },
      after: ['ListImports'],
    },
    RefreshTwins: {
      bind: { ...hubOf, condition: 'importCondition.Text' },
      after: ['ListImports'],
    },
    BuildModelPackage: {
      bind: {
        ...hubOf,
        models: 'models.Text',
        packageName: 'packageName.Text',
        packageVersion: 'packageVersion.Text',
        repository: 'repository.Text',
        path: 'packagePath.Text',
        logged: 'logged.State',
      },
    },
    ...taskCalls('ListImports'),
  },
  loaded: ['ListHubs'],
  layout: frame(
    'Devices',
    [hubChoice(['ListDevices', 'ListImports'])],
    [tabs('pages', { Devices: list, Create: create, Import: imports, Models: models })],
  ),
  functions: [
    ...frameFunctions([
      'EnableDevice.summary',
      'DisableDevice.summary',
      'DeleteDevice.summary',
      'CreateDevice.summary',
      'StartImport.summary',
      'CompareRegistry.summary',
      'RefreshTwins.summary',
      'BuildModelPackage.summary',
    ]),
    navigation('openDevice', 'AzureIoT.Device_MU', { device: 'FindDeviceThing.name' }),
    expression('hasNoThing', 'BOOLEAN', { thing: ['FindDeviceThing.name', 'STRING'] }, 'output = !thing;'),
    expression(
      'query',
      'STRING',
      { begins: ['begins.Text', 'STRING'], condition: ['condition.Text', 'STRING'] },
      `output = [begins ? "STARTSWITH(deviceId, '" + begins.replace(/'/g, "''") + "')" : '', condition ? '(' + condition + ')' : ''].filter(Boolean).join(' AND ');`,
    ),
    expression(
      'deleteText',
      'STRING',
      { device: ['ListDevices.selected.deviceId', 'STRING'] },
      "output = device ? 'The device ' + device + ' is deleted from the IoT Hub. It cannot connect any more.' : 'No device is selected.';",
    ),
    confirmation('confirmDelete', {
      title: 'Delete device',
      message: { source: 'deleteText.Output' },
      action: 'Delete',
      confirmed: ['DeleteDevice'],
    }),
    timer('everyFiveSeconds', 5, ['ListImports']),
  ],
};
