import Type from 'typebox';
import { DateTime, JsonValue, OneRow, Table } from '../../contract/schema.ts';
import { bothForms, parseExact } from '../../lib/exact-json.ts';
import { azureTime, continuationToken } from '../device-members.ts';
import { callModule, callModuleForText, MODULE_ERRORS } from '../edge/module-call.ts';
import { defineOperation } from '../operation.ts';
import {
  checkResult,
  connectionMembers,
  envelope,
  indexRange,
  listedNodeMembers,
  members,
  nameOf,
  nodeId,
  objectOf,
  publisherMembers,
  rowsOf,
  text,
} from './opc-members.ts';
import { opcValue } from './opc-values.ts';

const OpcReference = Type.Object(
  {
    ...listedNodeMembers,
    browseName: Type.String({ description: 'Its name in paths; may be empty.' }),
    description: Type.String({ description: 'Its description; may be empty.' }),
    hasChildren: Type.Boolean({
      description: 'Whether it has child nodes, as far as the module knows.',
    }),
    continuationToken: Type.String({
      description: 'The token for the next page, the same on every row. Empty on the last page.',
    }),
  },
  { description: 'A child node of the node that was browsed.' },
);

const browse = defineOperation({
  name: 'Browse',
  entity: 'AzureIoT.OpcPublisher_TS',
  category: 'OPC Publisher',
  role: 'operator',
  summary: 'Lists the nodes below a node of an OPC UA server, page by page.',
  method: 'POST',
  path: '/hubs/{hub}/devices/{deviceId}/publishers/{moduleId}/browse',
  input: Type.Object({
    ...publisherMembers,
    ...connectionMembers,
    nodeId: Type.Optional(
      Type.String({
        maxLength: 2_048,
        description: 'The node whose child nodes are listed. Empty: the root folder.',
      }),
    ),
    pageSize: Type.Optional(
      Type.Integer({
        minimum: 1,
        maximum: 1_000,
        default: 100,
        description: 'The maximum number of nodes in a page.',
      }),
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
      objectOf(answer, call),
      `Browsing ${nodeId || 'the root folder'} of ${connection.endpointUrl}`,
    );
    const references = rowsOf(result['references'] ?? [], call);
    const token = text(result['continuationToken']);
    return { nodes: references.map((reference) => ({ ...nodeOf(reference), continuationToken: token })) };
  },
});

function nodeOf(reference: unknown) {
  const node = members(members(reference)['target']);
  return {
    nodeId: text(node['nodeId']),
    displayName: nameOf(node['displayName']),
    browseName: nameOf(node['browseName']),
    nodeClass: nameOf(node['nodeClass']),
    dataType: nameOf(node['dataType']),
    description: nameOf(node['description']),
    hasChildren: node['children'] === true,
  };
}

const readValue = defineOperation({
  name: 'ReadValue',
  entity: 'AzureIoT.OpcPublisher_TS',
  category: 'OPC Publisher',
  role: 'operator',
  summary: 'Reads the value of a node of an OPC UA server.',
  method: 'POST',
  path: '/hubs/{hub}/devices/{deviceId}/publishers/{moduleId}/read',
  input: Type.Object({
    ...publisherMembers,
    ...connectionMembers,
    nodeId,
    indexRange,
  }),
  output: OneRow(
    Type.Object(
      {
        value: JsonValue({
          description:
            'The value. In an INFOTABLE it is set only if it is an object or an array, which is boxed as {"array": [...]}.',
        }),
        valueText: Type.String({
          description:
            'The value as text: a text as it is, without quotes; anything else as JSON, with all digits of numbers; null when the node has no value.',
        }),
        dataType: Type.String({ description: 'Its OPC UA data type; may be empty.' }),
        sourceTime: Type.Optional(
          DateTime({ description: 'The time of the value at its source; not set when it is not known.' }),
        ),
        serverTime: Type.Optional(
          DateTime({ description: 'The time of the value at the server; not set when it is not known.' }),
        ),
      },
      { description: 'The value of a node of an OPC UA server.' },
    ),
    'AzureIoT.OpcValue_DS',
  ),
  errors: MODULE_ERRORS,
  timeoutMs: 28_000,
  async run({ hubs, signal }, { hub, deviceId, moduleId, nodeId, indexRange, ...connection }) {
    const request = { nodeId, ...(indexRange ? { indexRange } : {}) };
    const call = { deviceId, moduleId, methodName: 'ValueRead_V2', payload: envelope(connection, request) };
    const answer = parseExact(await callModuleForText(await hubs.require(hub).azure(), call, signal));
    const result = checkResult(objectOf(answer, call), `Reading ${nodeId} of ${connection.endpointUrl}`);
    const { value, text: json } = bothForms(result['value'] ?? null);
    return {
      value,
      valueText: typeof value === 'string' ? value : json,
      dataType: text(result['dataType']),
      ...azureTime('sourceTime', text(result['sourceTimestamp'])),
      ...azureTime('serverTime', text(result['serverTimestamp'])),
    };
  },
});

const writeValue = defineOperation({
  name: 'WriteValue',
  entity: 'AzureIoT.OpcPublisher_TS',
  category: 'OPC Publisher',
  role: 'operator',
  summary: 'Writes a value to a node of an OPC UA server.',
  method: 'POST',
  path: '/hubs/{hub}/devices/{deviceId}/publishers/{moduleId}/write',
  input: Type.Object({
    ...publisherMembers,
    ...connectionMembers,
    nodeId,
    value: Type.String({
      maxLength: 65_536,
      description:
        'The value: a text as it is if dataType is String, else JSON such as 42.5, true or [1, 2]. Text that is not JSON is written as text.',
    }),
    dataType: Type.Optional(
      Type.String({
        maxLength: 256,
        description:
          'The OPC UA data type, such as Float or String; it decides how value is read. Empty: value decides.',
      }),
    ),
    indexRange,
  }),
  output: Type.Object({
    done: Type.Boolean({ description: 'Always true: the server has taken the value.' }),
  }),
  noResult: true,
  errors: ['REQUEST_INVALID', ...MODULE_ERRORS],
  timeoutMs: 28_000,
  async run(
    { hubs, signal },
    { hub, deviceId, moduleId, nodeId, value, dataType, indexRange, ...connection },
  ) {
    const request = {
      nodeId,
      value: opcValue(value, dataType),
      ...(dataType ? { dataType } : {}),
      ...(indexRange ? { indexRange } : {}),
    };
    const call = { deviceId, moduleId, methodName: 'ValueWrite_V2', payload: envelope(connection, request) };
    const answer = await callModule(await hubs.require(hub).azure(), call, signal);
    checkResult(answer, `Writing ${nodeId} of ${connection.endpointUrl}`);
    return { done: true };
  },
});

/** Nodes of an OPC UA server, read and written through OPC Publisher. */
export const SERVER_NODES = [browse, readValue, writeValue] as const;
