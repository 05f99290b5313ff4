import Type from 'typebox';
import { callModule, MODULE_ERRORS } from '../edge/module-call.ts';
import { defineOperation } from '../operation.ts';
import { checkResult, connectionMembers, envelope } from './opc-members.ts';
import { publisherMembers } from './publisher-members.ts';

export const writeValue = defineOperation({
  name: 'WriteValue',
  entity: 'AzureIoT.OpcPublisher_TS',
  category: 'OPC Publisher',
  summary: 'Writes a value to a node of an OPC UA server.',
  method: 'POST',
  path: '/hubs/{hub}/devices/{deviceId}/publishers/{moduleId}/write',
  input: Type.Object({
    ...publisherMembers,
    ...connectionMembers,
    nodeId: Type.String({ minLength: 1, maxLength: 2_048, description: 'The id of the node.' }),
    value: Type.String({
      maxLength: 65_536,
      description:
        'The value as JSON, such as 42.5, true, [1, 2] or "text"; what is no JSON is taken as a text.',
    }),
    dataType: Type.Optional(
      Type.String({
        maxLength: 256,
        description: 'Its OPC UA data type, such as Float. Empty: as the server says.',
      }),
    ),
    indexRange: Type.Optional(
      Type.String({ maxLength: 256, description: 'A part of an array or text, such as 0:3. Empty: all.' }),
    ),
  }),
  output: Type.Object({
    done: Type.Boolean({ description: 'Always true: the server has taken the value.' }),
  }),
  noResult: true,
  errors: MODULE_ERRORS,
  timeoutMs: 28_000,
  async run(
    { hubs, signal },
    { hub, deviceId, moduleId, nodeId, value, dataType, indexRange, ...connection },
  ) {
    const request = {
      nodeId,
      value: jsonOr(value),
      ...(dataType ? { dataType } : {}),
      ...(indexRange ? { indexRange } : {}),
    };
    const call = { deviceId, moduleId, methodName: 'ValueWrite_V2', payload: envelope(connection, request) };
    const answer = await callModule(await hubs.require(hub).azure(), call, signal);
    checkResult(answer, `Writing ${nodeId} of ${connection.endpointUrl}`);
    return { done: true };
  },
});

function jsonOr(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return text;
  }
}
