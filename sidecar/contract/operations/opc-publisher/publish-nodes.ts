import Type from 'typebox';
import { callModule, MODULE_ERRORS } from '../../module-call.ts';
import { nodeEntry, OpcNode, writerEntry, writerMembers } from '../../opc-members.ts';
import { defineOperation } from '../../operation.ts';
import { publisherMembers } from '../../publisher-members.ts';
import { Table } from '../../schema.ts';

export const publishNodes = defineOperation({
  name: 'PublishNodes',
  entity: 'AzureIoT.OpcPublisher_TS',
  category: 'OPC Publisher',
  summary:
    'Has OPC Publisher send the values of nodes of an OPC UA server; nodes that it sends already stay.',
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
  errors: MODULE_ERRORS,
  timeoutMs: 28_000,
  async run({ hubs, signal }, { hub, deviceId, moduleId, nodes, ...writer }) {
    const payload = { ...writerEntry(writer), OpcNodes: nodes.map(nodeEntry) };
    const call = { deviceId, moduleId, methodName: 'PublishNodes_V1', payload };
    await callModule(await hubs.require(hub).azure(), call, signal);
    return { done: true };
  },
});
