import Type from 'typebox';
import { forThingWorx, JsonObject, Table } from '../../contract/schema.ts';
import { callModule, MODULE_ERRORS } from '../edge/module-call.ts';
import { defineOperation } from '../operation.ts';
import { members, milliseconds } from './opc-members.ts';
import { publisherMembers } from './publisher-members.ts';

const OpcEndpoint = Type.Object(
  {
    endpointUrl: Type.String({ description: 'The address of the OPC UA server.' }),
    writerGroup: Type.String({ description: 'DataSetWriterGroup; empty for the default.' }),
    writerId: Type.String({ description: 'DataSetWriterId; empty for the default.' }),
    publishingIntervalMs: Type.Optional(
      forThingWorx(Type.Integer({ minimum: 0, description: 'DataSetPublishingInterval.' }), { units: 'ms' }),
    ),
    useSecurity: Type.Boolean({ description: 'Whether the connection is signed or encrypted.' }),
    detail: JsonObject({ description: 'The whole entry as OPC Publisher gives it.' }),
  },
  { description: 'A writer in the configuration of OPC Publisher.' },
);

export const getConfiguredEndpoints = defineOperation({
  name: 'GetConfiguredEndpoints',
  entity: 'AzureIoT.OpcPublisher_TS',
  category: 'OPC Publisher',
  summary: 'Lists the OPC UA servers and writers that OPC Publisher is configured for.',
  method: 'GET',
  path: '/hubs/{hub}/devices/{deviceId}/publishers/{moduleId}/endpoints',
  input: Type.Object(publisherMembers),
  output: Type.Object({
    endpoints: Table(OpcEndpoint, 'AzureIoT.OpcEndpoint_DS', { description: 'One row for each writer.' }),
  }),
  result: 'endpoints',
  errors: MODULE_ERRORS,
  timeoutMs: 28_000,
  async run({ hubs, signal }, { hub, deviceId, moduleId }) {
    const call = { deviceId, moduleId, methodName: 'GetConfiguredEndpoints_V1', payload: {} };
    const { endpoints } = members(await callModule(await hubs.require(hub).azure(), call, signal));
    return { endpoints: (Array.isArray(endpoints) ? endpoints : []).map(endpointOf) };
  },
});

function endpointOf(given: unknown) {
  const entry = members(given);
  const interval = milliseconds(entry, 'dataSetPublishingInterval');
  return {
    endpointUrl: String(entry['endpointUrl'] ?? ''),
    writerGroup: String(entry['dataSetWriterGroup'] ?? ''),
    writerId: String(entry['dataSetWriterId'] ?? ''),
    ...(interval === undefined ? {} : { publishingIntervalMs: interval }),
    useSecurity: entry['useSecurity'] === true,
    detail: { ...entry },
  };
}
