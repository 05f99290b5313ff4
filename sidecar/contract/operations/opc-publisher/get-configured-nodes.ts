import Type from 'typebox';
import { callModule, MODULE_ERRORS } from '../../module-call.ts';
import { members, nodeOf, OpcNode, writerEntry, writerMembers } from '../../opc-members.ts';
import { defineOperation } from '../../operation.ts';
import { publisherMembers } from '../../publisher-members.ts';
import { Table } from '../../schema.ts';

export const getConfiguredNodes = defineOperation({
  name: 'GetConfiguredNodes',
  entity: 'AzureIoT.OpcPublisher_TS',
  category: 'OPC Publisher',
  summary: 'Lists the nodes that OPC Publisher sends for a writer, which must be named as it was published.',
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
    const payload = writerEntry(writer);
    const call = { deviceId, moduleId, methodName: 'GetConfiguredNodesOnEndpoint_V1', payload };
    const { opcNodes } = members(await callModule(await hubs.require(hub).azure(), call, signal));
    return { nodes: (Array.isArray(opcNodes) ? opcNodes : []).map(nodeOf) };
  },
});
