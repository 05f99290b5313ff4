import Type from 'typebox';
import { Table } from '../../contract/schema.ts';
import { ConnectorError } from '../../errors/connector-error.ts';
import { MODULE_ERRORS } from '../edge/module-call.ts';
import { defineOperation } from '../operation.ts';
import { nodeEntry, OpcNode, writerEntry, writerMembers } from './opc-members.ts';
import { OpcWriter } from './opc-writers.ts';
import { publisherMembers } from './publisher-members.ts';

export const publishNodes = defineOperation({
  name: 'PublishNodes',
  entity: 'AzureIoT.OpcPublisher_TS',
  category: 'OPC Publisher',
  summary:
    'Has OPC Publisher send the values of nodes of an OPC UA server; what it sends already stays, a node given again is replaced.',
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
