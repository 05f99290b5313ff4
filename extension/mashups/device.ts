import {
  area,
  button,
  chart,
  checkbox,
  choice,
  column,
  confirmation,
  expression,
  field,
  figure,
  grid,
  label,
  type MashupDefinition,
  row,
  shown,
  tabs,
  timer,
} from './definition.ts';
import { frame, frameFunctions, page } from './frame.ts';

const deviceOf = { thing: 'device.SelectedText' };

const values = row(
  [
    grid('values', 'ListValues', 'property', [
      { field: 'property', title: 'Property', width: 180 },
      { field: 'value', title: 'Value' },
      { field: 'time', title: 'Time', width: 170, format: 'time' },
      { field: 'quality', title: 'Quality', width: 90 },
    ]),
    chart('history', 'Last 100 values of the selected property', 'GetValueHistory', 'label', {
      value: 'Value',
    }),
  ],
  { grow: true },
);

const twin = page(
  [
    button('readTwin', 'Read twin', ['GetTwin']),
    button('updateTwin', 'Update twin', ['UpdateTwin'], 'primary'),
    label('Only what you enter is changed; null removes a key.', 'body'),
  ],
  row(
    [
      area('twin', 'Twin', { readOnly: true, bind: { Text: 'GetTwin.result' } }),
      column(
        [
          area('desired', 'Change desired properties', { hint: '{ "interval": 10 }' }),
          area('tags', 'Change tags', { hint: '{ "line": "A" }' }),
        ],
        { grow: true },
      ),
    ],
    { grow: true },
  ),
);

const commands = row(
  [
    column(
      [
        label('Direct method', 'sub-header'),
        row([
          field('method', 'Method', { width: 200 }),
          field('methodModule', 'Module', { hint: 'empty: the device', width: 160 }),
          button('invoke', 'Invoke', ['InvokeMethod'], 'primary'),
        ]),
        area('payload', 'Payload as JSON', { hint: '{ "speed": 900 }' }),
        area('answer', 'Answer', { readOnly: true, bind: { Text: 'InvokeMethod.result' } }),
      ],
      { grow: true },
    ),
    column(
      [
        label('Message to the device', 'sub-header'),
        row([
          field('contentType', 'Content type', { hint: 'application/json', width: 200 }),
          field('expirySeconds', 'Expires after (seconds)', { hint: 'empty: as the hub says', width: 180 }),
          checkbox('askFeedback', 'Ask for feedback'),
          button('send', 'Send', ['SendMessage'], 'primary'),
        ]),
        row(
          [
            area('body', 'Body'),
            area('messageProperties', 'Properties as JSON', { hint: '{ "kind": "order" }' }),
          ],
          { grow: true },
        ),
        row([label('Id of the last message', 'caption'), shown('messageId', 'SendMessage.result')]),
        grid(
          'feedback',
          'ListMessageFeedback',
          'messageId',
          [
            { field: 'time', title: 'Time', width: 170, format: 'time' },
            { field: 'outcome', title: 'Outcome', width: 100 },
            { field: 'messageId', title: 'Message id' },
            { field: 'description', title: 'Description' },
          ],
          { select: 'none', title: 'Feedback on messages' },
        ),
      ],
      { grow: true },
    ),
  ],
  { grow: true },
);

const modules = grid(
  'modules',
  'ListDeviceModules',
  'moduleId',
  [
    { field: 'moduleId', title: 'Module', width: 180 },
    { field: 'connectionState', title: 'Connection', width: 120 },
    { field: 'lastActivityTime', title: 'Last activity', width: 170, format: 'time' },
    { field: 'authentication', title: 'Authentication', width: 140 },
    { field: 'managedBy', title: 'Managed by' },
  ],
  { select: 'none' },
);

const software = page(
  [
    choice('repository', 'Container', 'ListContainers', { first: true, on: ['BrowseDirectory'] }),
    field('packageName', 'Package', { width: 160 }),
    field('packageVersion', 'Version', { width: 120 }),
    field('packageModule', 'Module', { hint: 'empty: the device', width: 160 }),
    button('deploy', 'Install selected file', ['DeployPackage'], 'primary'),
    field('fileMethod', 'Method', { hint: 'empty: a message', width: 160 }),
    button('sendFile', 'Send link of selected file', ['SendFileToDevice']),
  ],
  row(
    [
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
      column(
        [
          grid(
            'packages',
            'GetDeviceOverview.packages',
            'name',
            [
              { field: 'name', title: 'Package', width: 130 },
              { field: 'version', title: 'Version', width: 90 },
              { field: 'state', title: 'State', width: 110 },
              { field: 'progress', title: 'Percent', width: 80, format: 'number' },
              { field: 'message', title: 'Message' },
            ],
            { select: 'none', title: 'Packages of the device' },
          ),
          row([
            field('cancelName', 'Package', { width: 160 }),
            button('cancel', 'Cancel deployment', ['confirmCancel.OpenConfirmation'], 'danger'),
          ]),
        ],
        { grow: true },
      ),
    ],
    { grow: true },
  ),
);

export const device: MashupDefinition = {
  name: 'AzureIoT.Device_MU',
  description: 'Values, twin, methods, messages, modules and software of one device.',
  parameters: [
    { name: 'device', baseType: 'STRING', description: 'The device Thing to show; empty: the first.' },
  ],
  calls: {
    ListDeviceThings: { service: 'ListThings', constants: { kind: 'device' } },
    ListContainers: { service: 'ListThings', constants: { kind: 'container' } },
    GetDeviceOverview: { bind: deviceOf, after: ['ListDeviceModules'] },
    ListValues: { bind: deviceOf, onSelection: ['GetValueHistory'] },
    GetValueHistory: {
      bind: { ...deviceOf, property: 'ListValues.selected.property' },
      constants: { maxItems: '100' },
    },
    GetTwin: { bind: deviceOf },
    UpdateTwin: {
      bind: { ...deviceOf, desired: 'desired.Text', tags: 'tags.Text' },
      after: ['GetTwin'],
    },
    InvokeMethod: {
      bind: {
        ...deviceOf,
        methodName: 'method.Text',
        payloadText: 'payload.Text',
        moduleId: 'methodModule.Text',
      },
    },
    SendMessage: {
      bind: {
        ...deviceOf,
        body: 'body.Text',
        contentType: 'contentType.Text',
        properties: 'messageProperties.Text',
        expirySeconds: 'expirySeconds.Text',
        ack: 'ack.Output',
      },
    },
    ListMessageFeedback: { bind: deviceOf },
    ListDeviceModules: { bind: { thing: 'GetDeviceOverview.hub', deviceId: 'GetDeviceOverview.deviceId' } },
    BrowseDirectory: { bind: { thing: 'repository.SelectedText' }, constants: { path: '/' } },
    DeployPackage: {
      bind: {
        ...deviceOf,
        repository: 'repository.SelectedText',
        path: 'BrowseDirectory.selected.path',
        name: 'packageName.Text',
        version: 'packageVersion.Text',
        moduleId: 'packageModule.Text',
      },
      after: ['GetDeviceOverview'],
    },
    CancelPackage: { bind: { ...deviceOf, name: 'cancelName.Text' }, after: ['GetDeviceOverview'] },
    SendFileToDevice: {
      bind: {
        ...deviceOf,
        repository: 'repository.SelectedText',
        path: 'BrowseDirectory.selected.path',
        methodName: 'fileMethod.Text',
      },
    },
  },
  loaded: ['ListDeviceThings', 'ListContainers'],
  layout: frame(
    'Device',
    [
      choice('device', 'Device', 'ListDeviceThings', {
        first: true,
        selected: 'mashup.device',
        on: ['GetDeviceOverview', 'ListValues', 'GetTwin', 'ListMessageFeedback'],
      }),
      figure('Connection', 'connection', 'GetDeviceOverview.connectionState'),
      figure('Last activity', 'lastActivity', 'GetDeviceOverview.lastActivity'),
      figure('Hub', 'hubName', 'GetDeviceOverview.hub'),
      figure('Model', 'model', 'GetDeviceOverview.modelId'),
    ],
    [
      tabs('pages', {
        Values: values,
        Twin: twin,
        Commands: commands,
        Modules: column([modules], { grow: true }),
        'Software and files': software,
      }),
    ],
  ),
  functions: [
    ...frameFunctions(
      [
        'GetTwin.summary',
        'UpdateTwin.summary',
        'InvokeMethod.summary',
        'SendMessage.summary',
        'DeployPackage.summary',
        'CancelPackage.summary',
        'SendFileToDevice.summary',
      ],
      { hub: 'GetDeviceOverview.hub' },
    ),
    expression(
      'ack',
      'STRING',
      { asked: ['askFeedback.State', 'BOOLEAN'] },
      "output = asked ? 'full' : 'none';",
    ),
    timer('everyFiveSeconds', 5, ['ListValues', 'GetDeviceOverview', 'ListMessageFeedback']),
    confirmation('confirmCancel', {
      title: 'Cancel deployment',
      message: 'The deployment of the package is cancelled. A device that has it already is asked to stop.',
      action: 'Cancel deployment',
      confirmed: ['CancelPackage'],
    }),
  ],
};
