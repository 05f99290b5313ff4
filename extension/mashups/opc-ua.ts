import {
  area,
  button,
  choice,
  column,
  confirmation,
  field,
  grid,
  type MashupDefinition,
  row,
  tabs,
} from './definition.ts';
import { frame, frameFunctions } from './frame.ts';

const publisherOf = { thing: 'publisher.SelectedText' };
const server = { ...publisherOf, endpointUrl: 'endpoint.Text' };

const published = column(
  [
    row([
      button('showEndpoints', 'Refresh', ['GetConfiguredEndpoints']),
      button('unpublish', 'Unpublish selected nodes', ['confirmUnpublish.OpenConfirmation'], 'danger'),
    ]),
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
  ],
  { grow: true },
);

const browse = column(
  [
    row([
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
    ]),
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
  ],
  { grow: true },
);

const diagnostics = column(
  [
    row([button('showDiagnostics', 'Refresh', ['GetDiagnosticInfo'])]),
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
  ],
  { grow: true },
);

export const opcUa: MashupDefinition = {
  name: 'AzureIoT.OpcUa_MU',
  description: 'Browses OPC UA servers through OPC Publisher, publishes nodes, reads and writes values.',
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
    [tabs('pages', { 'Published nodes': published, Browse: browse, Diagnostics: diagnostics })],
  ),
  functions: [
    ...frameFunctions(
      ['PublishSelected.summary', 'UnpublishSelected.summary', 'ReadValue.summary', 'WriteValue.summary'],
      {},
    ),
    confirmation('confirmUnpublish', {
      title: 'Unpublish nodes',
      message: 'OPC Publisher does not send the values of the selected nodes any more.',
      action: 'Unpublish',
      confirmed: ['UnpublishSelected'],
    }),
    confirmation('confirmWrite', {
      title: 'Write value',
      message: 'The value is written to the OPC UA server. A machine may react at once.',
      action: 'Write',
      confirmed: ['WriteValue'],
    }),
  ],
};
