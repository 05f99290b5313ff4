import Type from 'typebox';
import { Table } from '../../contract/schema.ts';
import { MODULE_ERRORS } from '../edge/module-call.ts';
import { defineOperation } from '../operation.ts';
import { nodeOf, OpcNode, writerEntry, writerMembers } from './opc-members.ts';
import { OpcWriter } from './opc-writers.ts';
import { publisherMembers } from './publisher-members.ts';

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
    const azure = await hubs.require(hub).azure();
    const configured = new OpcWriter(azure, { deviceId, moduleId }, writerEntry(writer), signal);
    return { nodes: (await configured.nodes()).map(nodeOf) };
  },
});
