import Type from 'typebox';
import { JsonValue } from '../../contract/schema.ts';
import { callModule, MODULE_ERRORS } from '../edge/module-call.ts';
import { defineOperation } from '../operation.ts';
import { checkResult, connectionMembers, envelope } from './opc-members.ts';
import { publisherMembers } from './publisher-members.ts';

export const readValue = defineOperation({
  name: 'ReadValue',
  entity: 'AzureIoT.OpcPublisher_TS',
  category: 'OPC Publisher',
  summary: 'Reads the value of a node of an OPC UA server.',
  method: 'POST',
  path: '/hubs/{hub}/devices/{deviceId}/publishers/{moduleId}/read',
  input: Type.Object({
    ...publisherMembers,
    ...connectionMembers,
    nodeId: Type.String({ minLength: 1, maxLength: 2_048, description: 'The id of the node.' }),
    indexRange: Type.Optional(
      Type.String({ maxLength: 256, description: 'A part of an array or text, such as 0:3. Empty: all.' }),
    ),
  }),
  output: Type.Object(
    {
      value: JsonValue({ description: 'The value as JSON; null when the node has none.' }),
      dataType: Type.String({ description: 'Its OPC UA data type; may be empty.' }),
      sourceTime: Type.String({ description: 'The time of the value at its source; may be empty.' }),
      serverTime: Type.String({ description: 'The time of the value at the server; may be empty.' }),
    },
    { description: 'value, dataType, sourceTime and serverTime.' },
  ),
  errors: MODULE_ERRORS,
  timeoutMs: 28_000,
  async run({ hubs, signal }, { hub, deviceId, moduleId, nodeId, indexRange, ...connection }) {
    const request = { nodeId, ...(indexRange ? { indexRange } : {}) };
    const call = { deviceId, moduleId, methodName: 'ValueRead_V2', payload: envelope(connection, request) };
    const answer = await callModule(await hubs.require(hub).azure(), call, signal);
    const result = checkResult(answer, `Reading ${nodeId} of ${connection.endpointUrl}`);
    return {
      value: result['value'] ?? null,
      dataType: String(result['dataType'] ?? ''),
      sourceTime: String(result['sourceTimestamp'] ?? ''),
      serverTime: String(result['serverTimestamp'] ?? ''),
    };
  },
});
