import {
  area,
  button,
  checkbox,
  choice,
  confirmation,
  field,
  grid,
  type MashupDefinition,
  row,
  tabs,
} from './definition.ts';
import { frame, frameFunctions, page } from './frame.ts';

const publisherOf = { thing: 'publisher.SelectedText' };
const server = { ...publisherOf, endpointUrl: 'endpoint.Text' };

const published = page(
  [
    button('showEndpoints', 'Refresh', ['GetConfiguredEndpoints']),
    button('unpublish', 'Unpublish selected nodes', ['confirmUnpublish.OpenConfirmation'], 'danger'),
  ],
  row(
    [
      grid(
        'endpoints',
        'GetConfiguredEndpoints',
        'endpointUrl',
        [
          { field: 'endpointUrl', title: 'Server' },
          { field: 'writerGroup', title: 'Writer group', width: 140 },
          { field: 'publishingIntervalMs', title: 'Interval (ms)', width: 120, format: 'number' },
        ],
        { title: 'Servers' },
      ),
      grid(
        'nodes',
        'GetConfiguredNodes',
        'id',
        [
          { field: 'id', title: 'Node' },
          { field: 'displayName', title: 'Name', width: 160 },
          { field: 'samplingIntervalMs', title: 'Sampling (ms)', width: 120, format: 'number' },
        ],
        { select: 'multiple', title: 'Published nodes of the selected server' },
      ),
    ],
    { grow: true },
  ),
);

const browse = page(
  [
    field('nodeId', 'Node', {
      hint: 'empty: the root',
      width: 300,
      bind: { Text: 'Browse.selected.nodeId' },
      on: { EnterKeyPressed: ['Browse'] },
    }),
    button('browse', 'Browse below', ['Browse'], 'primary'),
    button('publish', 'Publish selected', ['PublishSelected']),
    button('read', 'Read', ['ReadValue']),
    field('newValue', 'New value', { width: 140 }),
    field('dataType', 'Data type', { hint: 'Double', width: 120 }),
    button('write', 'Write', ['confirmWrite.OpenConfirmation']),
  ],
  row(
    [
      grid(
        'references',
        'Browse',
        'nodeId',
        [
          { field: 'displayName', title: 'Name', width: 180 },
          { field: 'nodeClass', title: 'Class', width: 100 },
          { field: 'dataType', title: 'Data type', width: 120 },
          { field: 'hasChildren', title: 'Has nodes below', width: 140, format: 'boolean' },
          { field: 'nodeId', title: 'Node' },
        ],
        { select: 'multiple' },
      ),
      area('value', 'Value', { readOnly: true, bind: { Text: 'ReadValue.result' } }),
    ],
    { grow: true },
  ),
);

const bind = page(
  [
    field('searchName', 'Name', {
      hint: 'a part, or with *',
      width: 160,
      on: { EnterKeyPressed: ['FindNodes'] },
    }),
    field('searchType', 'Type', { hint: 'Double', width: 120 }),
    field('searchBelow', 'Below node', { hint: 'empty: Objects', width: 240 }),
    button('find', 'Find nodes', ['FindNodes'], 'primary'),
  ],
  row([
    field('boundThing', 'Thing', { hint: 'created if it does not exist', width: 200 }),
    field('boundTemplate', 'Template', { hint: 'AzureIoT.BoundNodes_TT', width: 200 }),
    field('boundProject', 'Project', { hint: 'empty: the default', width: 160 }),
    field('interval', 'Interval (ms)', { hint: 'empty: the default', width: 140 }),
    checkbox('isWritable', 'Write to the nodes'),
    checkbox('isLogged', 'Keep history'),
    button('bindSelected', 'Bind selected', ['confirmBind.OpenConfirmation']),
  ]),
  grid(
    'found',
    'FindNodes',
    'nodeId',
    [
      { field: 'displayName', title: 'Name', width: 180 },
      { field: 'path', title: 'Path' },
      { field: 'dataType', title: 'Data type', width: 120 },
      { field: 'nodeId', title: 'Node' },
      { field: 'isComplete', title: 'All found', width: 100, format: 'boolean' },
    ],
    { select: 'multiple', title: 'Found nodes' },
  ),
);

const bindings = page(
  [
    button('showBindings', 'Refresh', ['ListBindings']),
    checkbox('removeProperties', 'Also remove added properties'),
    button('unbind', 'Unbind selected', ['confirmUnbind.OpenConfirmation'], 'danger'),
  ],
  grid(
    'bound',
    'ListBindings',
    'fieldId',
    [
      { field: 'thing', title: 'Thing', width: 140 },
      { field: 'property', title: 'Property', width: 140 },
      { field: 'value', title: 'Value', width: 120 },
      { field: 'units', title: 'Unit', width: 80 },
      { field: 'time', title: 'Time', width: 170, format: 'time' },
      { field: 'state', title: 'State', width: 120 },
      { field: 'serverStatus', title: 'Server', width: 140 },
      { field: 'isWritable', title: 'Written', width: 90, format: 'boolean' },
      { field: 'nodeId', title: 'Node' },
      { field: 'message', title: 'Error' },
    ],
    { select: 'multiple', title: 'Bindings' },
  ),
);

const diagnostics = page(
  [button('showDiagnostics', 'Refresh', ['GetDiagnosticInfo'])],
  grid(
    'diagnostics',
    'GetDiagnosticInfo',
    'endpointUrl',
    [
      { field: 'endpointUrl', title: 'Server' },
      { field: 'writerGroup', title: 'Writer group', width: 140 },
      { field: 'isConnected', title: 'Connected', width: 100, format: 'boolean' },
      { field: 'nodesSucceeded', title: 'Nodes', width: 80, format: 'number' },
      { field: 'nodesFailed', title: 'Failed', width: 80, format: 'number' },
      { field: 'valueChanges', title: 'Value changes', width: 120, format: 'number' },
      { field: 'notificationsDropped', title: 'Dropped', width: 100, format: 'number' },
      { field: 'messagesPerSecond', title: 'Messages per second', width: 160, format: 'number' },
    ],
    { select: 'none' },
  ),
);

export const opcUa: MashupDefinition = {
  name: 'AzureIoT.OpcUa_MU',
  description:
    'Browses OPC UA servers through OPC Publisher, publishes nodes, binds them to properties, reads and writes values.',
  calls: {
    ListPublishers: { service: 'ListThings', constants: { kind: 'publisher' } },
    GetConfiguredEndpoints: { bind: publisherOf, onSelection: ['GetConfiguredNodes'] },
    GetConfiguredNodes: {
      bind: {
        ...publisherOf,
        endpointUrl: 'GetConfiguredEndpoints.selected.endpointUrl',
        writerGroup: 'GetConfiguredEndpoints.selected.writerGroup',
      },
    },
    GetDiagnosticInfo: { bind: publisherOf },
    Browse: { bind: { ...server, nodeId: 'nodeId.Text' } },
    ReadValue: { bind: { ...server, nodeId: 'nodeId.Text' } },
    WriteValue: {
      bind: { ...server, nodeId: 'nodeId.Text', value: 'newValue.Text', dataType: 'dataType.Text' },
      after: ['ReadValue'],
    },
    FindNodes: {
      bind: {
        ...server,
        name: 'searchName.Text',
        dataType: 'searchType.Text',
        nodeId: 'searchBelow.Text',
      },
    },
    BindSelected: {
      bind: {
        ...server,
        writerGroup: 'writerGroup.Text',
        nodes: 'FindNodes.selected',
        boundThing: 'boundThing.Text',
        thingTemplate: 'boundTemplate.Text',
        project: 'boundProject.Text',
        publishingIntervalMs: 'interval.Text',
        isWritable: 'isWritable.State',
        logged: 'isLogged.State',
      },
      after: ['ListBindings'],
    },
    ListBindings: { bind: publisherOf },
    UnbindSelected: {
      bind: {
        ...publisherOf,
        bindings: 'ListBindings.selected',
        removeProperties: 'removeProperties.State',
      },
      after: ['ListBindings'],
    },
    PublishSelected: {
      bind: { ...server, writerGroup: 'writerGroup.Text', nodes: 'Browse.selected' },
      after: ['GetConfiguredEndpoints'],
    },
    UnpublishSelected: {
      bind: {
        ...publisherOf,
        endpointUrl: 'GetConfiguredEndpoints.selected.endpointUrl',
        writerGroup: 'GetConfiguredEndpoints.selected.writerGroup',
        nodes: 'GetConfiguredNodes.selected',
      },
      after: ['GetConfiguredNodes'],
    },
  },
  loaded: ['ListPublishers'],
  layout: frame(
    'OPC UA',
    [
      choice('publisher', 'OPC Publisher', 'ListPublishers', {
        first: true,
        on: ['GetConfiguredEndpoints', 'GetDiagnosticInfo'],
      }),
      field('endpoint', 'Server', {
        hint: 'opc.tcp://server:4840',
        width: 260,
        bind: { Text: 'GetConfiguredEndpoints.selected.endpointUrl' },
      }),
      field('writerGroup', 'Writer group', {
        width: 160,
        bind: { Text: 'GetConfiguredEndpoints.selected.writerGroup' },
      }),
    ],
    [
      tabs('pages', {
        'Published nodes': published,
        Browse: browse,
        Bind: bind,
        Bindings: bindings,
        Diagnostics: diagnostics,
      }),
    ],
  ),
  functions: [
    ...frameFunctions(
      [
        'PublishSelected.summary',
        'UnpublishSelected.summary',
        'ReadValue.summary',
        'WriteValue.summary',
        'BindSelected.summary',
        'UnbindSelected.summary',
      ],
      {},
    ),
    confirmation('confirmUnpublish', {
      title: 'Unpublish nodes',
      message: 'OPC Publisher does not send the values of the selected nodes any more.',
      action: 'Unpublish',
      confirmed: ['UnpublishSelected'],
    }),
    confirmation('confirmBind', {
      title: 'Bind nodes',
      message:
        'The Thing gets a property for each selected node. OPC Publisher sends the nodes, and their values are written to the properties.',
      action: 'Bind',
      confirmed: ['BindSelected'],
    }),
    confirmation('confirmUnbind', {
      title: 'Unbind nodes',
      message:
        'OPC Publisher does not send the selected nodes for these properties any more. Added properties are removed with their history if you have chosen that.',
      action: 'Unbind',
      confirmed: ['UnbindSelected'],
    }),
    confirmation('confirmWrite', {
      title: 'Write value',
      message: 'The value is written to the OPC UA server. A machine may react at once.',
      action: 'Write',
      confirmed: ['WriteValue'],
    }),
  ],
};
