import Type from 'typebox';
import { forThingWorx, JsonObject, Table } from '../../contract/schema.ts';
import { ConnectorError } from '../../errors/connector-error.ts';
import { callModule, MODULE_ERRORS } from '../edge/module-call.ts';
import { defineOperation } from '../operation.ts';
import {
  milliseconds,
  nodeEntry,
  nodeOf,
  OpcNode,
  objectOf,
  publisherMembers,
  rowsOf,
  writerEntry,
  writerMembers,
  writerRowMembers,
} from './opc-members.ts';
import { OpcWriter } from './opc-writers.ts';

const publishNodes = defineOperation({
  name: 'PublishNodes',
  entity: 'AzureIoT.OpcPublisher_TS',
  category: 'OPC Publisher',
  role: 'engineer',
  summary:
    'Tells OPC Publisher to send the values of nodes of an OPC UA server; other nodes that it sends already stay, a node that is given again is replaced.',
  method: 'POST',
  path: '/hubs/{hub}/devices/{deviceId}/publishers/{moduleId}/publish',
  input: Type.Object({
    ...publisherMembers,
    ...writerMembers,
    nodes: Table(OpcNode, 'AzureIoT.OpcNode_DS', { description: 'The nodes.' }),
  }),
  output: Type.Object({
    done: Type.Boolean({ description: 'Always true: OPC Publisher has taken the nodes.' }),
  }),
  noResult: true,
  errors: ['REQUEST_INVALID', ...MODULE_ERRORS],
  timeoutMs: 28_000,
  async run({ hubs, signal }, { hub, deviceId, moduleId, nodes, ...writer }) {
    if (nodes.length === 0) throw new ConnectorError('REQUEST_INVALID', 'nodes is empty.');
    const azure = await hubs.require(hub).azure();
    await new OpcWriter(azure, { deviceId, moduleId }, writerEntry(writer), signal).add(nodes.map(nodeEntry));
    return { done: true };
  },
});

const unpublishNodes = defineOperation({
  name: 'UnpublishNodes',
  entity: 'AzureIoT.OpcPublisher_TS',
  category: 'OPC Publisher',
  role: 'engineer',
  summary:
    'Tells OPC Publisher to stop sending the values of some nodes; name the writer as in PublishNodes.',
  method: 'POST',
  path: '/hubs/{hub}/devices/{deviceId}/publishers/{moduleId}/unpublish',
  input: Type.Object({
    ...publisherMembers,
    ...writerMembers,
    nodes: Table(OpcNode, 'AzureIoT.OpcNode_DS', {
      description: 'The nodes: their ids, and fieldId if a node is sent under several field ids.',
    }),
  }),
  output: Type.Object({
    done: Type.Boolean({ description: 'Always true: OPC Publisher has dropped the nodes.' }),
  }),
  noResult: true,
  errors: ['REQUEST_INVALID', ...MODULE_ERRORS],
  timeoutMs: 28_000,
  async run({ hubs, signal }, { hub, deviceId, moduleId, nodes, ...writer }) {
    if (nodes.length === 0)
      throw new ConnectorError('REQUEST_INVALID', 'nodes is empty; UnpublishAllNodes drops all of a writer.');
    const azure = await hubs.require(hub).azure();
    await new OpcWriter(azure, { deviceId, moduleId }, writerEntry(writer), signal).remove(nodes);
    return { done: true };
  },
});

const { endpointUrl, ...rest } = writerMembers;

const unpublishAllNodes = defineOperation({
  name: 'UnpublishAllNodes',
  entity: 'AzureIoT.OpcPublisher_TS',
  category: 'OPC Publisher',
  role: 'engineer',
  summary:
    'Removes all nodes of a writer from OPC Publisher or, with wholeConfiguration, its whole configuration.',
  method: 'POST',
  path: '/hubs/{hub}/devices/{deviceId}/publishers/{moduleId}/unpublish-all',
  input: Type.Object({
    ...publisherMembers,
    endpointUrl: Type.Optional(endpointUrl),
    ...rest,
    wholeConfiguration: Type.Optional(
      Type.Boolean({
        default: false,
        description: 'Whether all nodes of all servers are removed. endpointUrl must be empty then.',
      }),
    ),
  }),
  output: Type.Object({
    done: Type.Boolean({ description: 'Always true: OPC Publisher has dropped the nodes.' }),
  }),
  noResult: true,
  errors: ['REQUEST_INVALID', ...MODULE_ERRORS],
  timeoutMs: 28_000,
  async run({ hubs, signal }, { hub, deviceId, moduleId, endpointUrl, wholeConfiguration, ...writer }) {
    const isWhole = wholeConfiguration === true;
    if (isWhole === Boolean(endpointUrl))
      throw new ConnectorError(
        'REQUEST_INVALID',
        'Give endpointUrl, or wholeConfiguration to drop everything.',
      );
    const azure = await hubs.require(hub).azure();
    const module = { deviceId, moduleId };
    if (endpointUrl)
      await new OpcWriter(azure, module, writerEntry({ ...writer, endpointUrl }), signal).removeAll();
    else await callModule(azure, { ...module, methodName: 'UnpublishAllNodes_V1', payload: {} }, signal);
    return { done: true };
  },
});

const OpcEndpoint = Type.Object(
  {
    ...writerRowMembers,
    publishingIntervalMs: Type.Optional(
      forThingWorx(Type.Integer({ minimum: 0, description: 'DataSetPublishingInterval.' }), { units: 'ms' }),
    ),
    useSecurity: Type.Boolean({ description: 'Whether the connection is signed or encrypted.' }),
    detail: JsonObject({ description: 'The whole entry as OPC Publisher returns it.' }),
  },
  { description: 'A writer in the configuration of OPC Publisher.' },
);

const getConfiguredEndpoints = defineOperation({
  name: 'GetConfiguredEndpoints',
  entity: 'AzureIoT.OpcPublisher_TS',
  category: 'OPC Publisher',
  role: 'viewer',
  summary: 'Lists the OPC UA servers and writers that OPC Publisher is configured for.',
  method: 'GET',
  path: '/hubs/{hub}/devices/{deviceId}/publishers/{moduleId}/endpoints',
  input: Type.Object(publisherMembers),
  output: Type.Object({
    endpoints: Table(OpcEndpoint, 'AzureIoT.OpcEndpoint_DS', { description: 'One row for each writer.' }),
  }),
  result: 'endpoints',
  errors: MODULE_ERRORS,
  timeoutMs: 28_000,
  async run({ hubs, signal }, { hub, deviceId, moduleId }) {
    const call = { deviceId, moduleId, methodName: 'GetConfiguredEndpoints_V1', payload: {} };
    const answer = objectOf(await callModule(await hubs.require(hub).azure(), call, signal), call);
    return { endpoints: rowsOf(answer['endpoints'], call).map(endpointOf) };
  },
});

function endpointOf(entry: Readonly<Record<string, unknown>>) {
  const interval = milliseconds(entry, 'dataSetPublishingInterval');
  return {
    endpointUrl: String(entry['endpointUrl'] ?? ''),
    writerGroup: String(entry['dataSetWriterGroup'] ?? ''),
    writerId: String(entry['dataSetWriterId'] ?? ''),
    ...(interval === undefined ? {} : { publishingIntervalMs: interval }),
    useSecurity: entry['useSecurity'] === true,
    detail: { ...entry },
  };
}

const getConfiguredNodes = defineOperation({
  name: 'GetConfiguredNodes',
  entity: 'AzureIoT.OpcPublisher_TS',
  category: 'OPC Publisher',
  role: 'viewer',
  summary: 'Lists the nodes that OPC Publisher sends for a writer; name the writer as in PublishNodes.',
  method: 'POST',
  path: '/hubs/{hub}/devices/{deviceId}/publishers/{moduleId}/nodes',
  input: Type.Object({ ...publisherMembers, ...writerMembers }),
  output: Type.Object({
    nodes: Table(OpcNode, 'AzureIoT.OpcNode_DS', { description: 'One row for each node.' }),
  }),
  result: 'nodes',
  errors: MODULE_ERRORS,
  timeoutMs: 28_000,
  async run({ hubs, signal }, { hub, deviceId, moduleId, ...writer }) {
    const azure = await hubs.require(hub).azure();
    const configured = new OpcWriter(azure, { deviceId, moduleId }, writerEntry(writer), signal);
    return { nodes: (await configured.nodes()).map(nodeOf) };
  },
});

/** The nodes that OPC Publisher publishes. */
export const PUBLISHED_NODES = [
  publishNodes,
  unpublishNodes,
  unpublishAllNodes,
  getConfiguredEndpoints,
  getConfiguredNodes,
] as const;
