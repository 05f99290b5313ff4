import Type from 'typebox';
import { Table } from '../../contract/schema.ts';
import { continuationToken } from '../device-members.ts';
import { callModule, MODULE_ERRORS } from '../edge/module-call.ts';
import { defineOperation } from '../operation.ts';
import { checkResult, connectionMembers, envelope, members } from './opc-members.ts';
import { publisherMembers } from './publisher-members.ts';

const OpcReference = Type.Object(
  {
    nodeId: Type.String({ description: 'The id of the node.' }),
    displayName: Type.String({ description: 'Its name for people; may be empty.' }),
    browseName: Type.String({ description: 'Its name in paths; may be empty.' }),
    nodeClass: Type.String({ description: 'Object, Variable, Method or another class.' }),
    dataType: Type.String({ description: 'The data type of a variable; may be empty.' }),
    description: Type.String({ description: 'What the server says about it; may be empty.' }),
    hasChildren: Type.Boolean({
      description: 'Whether there are nodes below it, as far as the module knows.',
    }),
    continuationToken: Type.String({
      description: 'The same on every row: hand it back for the next page. Empty on the last page.',
    }),
  },
  { description: 'A node below the one that was browsed.' },
);

export const browse = defineOperation({
  name: 'Browse',
  entity: 'AzureIoT.OpcPublisher_TS',
  category: 'OPC Publisher',
  summary: 'Lists the nodes below a node of an OPC UA server, page by page.',
  method: 'POST',
  path: '/hubs/{hub}/devices/{deviceId}/publishers/{moduleId}/browse',
  input: Type.Object({
    ...publisherMembers,
    ...connectionMembers,
    nodeId: Type.Optional(
      Type.String({
        maxLength: 2_048,
        description: 'The node below which is listed. Empty: the root folder.',
      }),
    ),
    pageSize: Type.Optional(
      Type.Integer({ minimum: 1, maximum: 1_000, default: 100, description: 'The most nodes of one page.' }),
    ),
    continuationToken,
  }),
  output: Type.Object({
    nodes: Table(OpcReference, 'AzureIoT.OpcReference_DS', { description: 'The nodes of one page.' }),
  }),
  result: 'nodes',
  errors: MODULE_ERRORS,
  timeoutMs: 28_000,
  async run(
    { hubs, signal },
    { hub, deviceId, moduleId, nodeId, pageSize, continuationToken, ...connection },
  ) {
    const next = continuationToken ? { continuationToken, targetNodesOnly: true } : undefined;
    const first = {
      ...(nodeId ? { nodeId } : {}),
      direction: 'Forward',
      maxReferencesToReturn: pageSize ?? 100,
      targetNodesOnly: true,
    };
    const call = {
      deviceId,
      moduleId,
      methodName: next ? 'BrowseNext_V2' : 'Browse_V2',
      payload: envelope(connection, next ?? first),
    };
    const answer = await callModule(await hubs.require(hub).azure(), call, signal);
    const result = checkResult(
      answer,
      `Browsing ${nodeId || 'the root folder'} of ${connection.endpointUrl}`,
    );
    const references = Array.isArray(result['references']) ? result['references'] : [];
    const token = text(result['continuationToken']);
    return { nodes: references.map((reference) => ({ ...nodeOf(reference), continuationToken: token })) };
  },
});

function nodeOf(reference: unknown) {
  const node = members(members(reference)['target']);
  return {
    nodeId: text(node['nodeId']),
    displayName: text(node['displayName']),
    browseName: text(node['browseName']),
    nodeClass: text(node['nodeClass']),
    dataType: text(node['dataType']),
    description: text(node['description']),
    hasChildren: node['children'] === true,
  };
}

function text(value: unknown): string {
  return typeof value === 'string' ? value : '';
}
