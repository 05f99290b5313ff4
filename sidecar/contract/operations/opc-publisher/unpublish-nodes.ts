import Type from 'typebox';
import { ConnectorError } from '../../../errors/connector-error.ts';
import { callModule, MODULE_ERRORS } from '../../module-call.ts';
import { nodeEntry, OpcNode, writerEntry, writerMembers } from '../../opc-members.ts';
import { defineOperation } from '../../operation.ts';
import { publisherMembers } from '../../publisher-members.ts';
import { Table } from '../../schema.ts';

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
    nodes: Table(OpcNode, 'AzureIoT.OpcNode_DS', { description: 'The nodes; their ids are enough.' }),
  }),
  output: Type.Object({
    done: Type.Boolean({ description: 'Always true: OPC Publisher has dropped the nodes.' }),
  }),
  noResult: true,
  errors: ['REQUEST_INVALID', ...MODULE_ERRORS],
  timeoutMs: 28_000,
  async run({ hubs, signal }, { hub, deviceId, moduleId, nodes, ...writer }) {
    // Without nodes the module would drop the whole writer, which is what UnpublishAllNodes is for.
    if (nodes.length === 0)
      throw new ConnectorError('REQUEST_INVALID', 'nodes is empty; UnpublishAllNodes drops all of a writer.');
    const payload = { ...writerEntry(writer), OpcNodes: nodes.map(nodeEntry) };
    const call = { deviceId, moduleId, methodName: 'UnpublishNodes_V1', payload };
    await callModule(await hubs.require(hub).azure(), call, signal);
    return { done: true };
  },
});
