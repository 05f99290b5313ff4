import Type from 'typebox';
import { Table } from '../../contract/schema.ts';
import { ConnectorError } from '../../errors/connector-error.ts';
import { MODULE_ERRORS } from '../edge/module-call.ts';
import { defineOperation } from '../operation.ts';
import { OpcNode, writerEntry, writerMembers } from './opc-members.ts';
import { OpcWriter } from './opc-writers.ts';
import { publisherMembers } from './publisher-members.ts';

export const unpublishNodes = defineOperation({
  name: 'UnpublishNodes',
  entity: 'AzureIoT.OpcPublisher_TS',
  category: 'OPC Publisher',
  summary:
    'Has OPC Publisher send the values of some nodes no more; the writer must be named as it was published.',
  method: 'POST',
  path: '/hubs/{hub}/devices/{deviceId}/publishers/{moduleId}/unpublish',
  input: Type.Object({
    ...publisherMembers,
    ...writerMembers,
    nodes: Table(OpcNode, 'AzureIoT.OpcNode_DS', {
      description: 'The nodes: their ids, and fieldId where a node is sent under several.',
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
