import Type from 'typebox';
import { forThingWorx, JsonObject, Table } from '../../contract/schema.ts';
import { callModule, MODULE_ERRORS } from '../edge/module-call.ts';
import { defineOperation } from '../operation.ts';
import { members, publisherMembers, rowsOf, writerRowMembers } from './opc-members.ts';

const count = (description: string) =>
  forThingWorx(Type.Integer({ minimum: 0, description }), { baseType: 'LONG' });

const OpcDiagnostic = Type.Object(
  {
    endpointUrl: Type.String({ description: 'The OPC UA server; the first where a group has several.' }),
    writerGroup: writerRowMembers.writerGroup,
    isConnected: Type.Boolean({ description: 'Whether OPC Publisher is connected to the server.' }),
    nodesSucceeded: count('Nodes that are watched.'),
    nodesFailed: count('Nodes that cannot be watched.'),
    valueChanges: count('Values received from the server.'),
    notificationsDropped: count('Notifications that OPC Publisher dropped.'),
    connectionRetries: count('How often it connected again.'),
    messagesPerSecond: Type.Number({ description: 'Messages sent each second.' }),
    estimatedChunksPerDay: Type.Number({
      description: 'Messages of 4 KB a day, as IoT Hub counts them against its quota.',
    }),
    detail: JsonObject({ description: 'The whole entry as OPC Publisher returns it.' }),
  },
  { description: 'What OPC Publisher counts for one writer group.' },
);

const getDiagnosticInfo = defineOperation({
  name: 'GetDiagnosticInfo',
  entity: 'AzureIoT.OpcPublisher_TS',
  category: 'OPC Publisher',
  role: 'viewer',
  summary: 'Shows connections, failed nodes and throughput of OPC Publisher.',
  method: 'GET',
  path: '/hubs/{hub}/devices/{deviceId}/publishers/{moduleId}/diagnostics',
  input: Type.Object(publisherMembers),
  output: Type.Object({
    groups: Table(OpcDiagnostic, 'AzureIoT.OpcDiagnostic_DS', {
      description: 'One row for each writer group.',
    }),
  }),
  result: 'groups',
  errors: MODULE_ERRORS,
  timeoutMs: 28_000,
  async run({ hubs, signal }, { hub, deviceId, moduleId }) {
    const call = { deviceId, moduleId, methodName: 'GetDiagnosticInfo_V1', payload: {} };
    const answer = await callModule(await hubs.require(hub).azure(), call, signal);
    return { groups: rowsOf(answer, call).map(diagnosticOf) };
  },
});

/** 2.9 has `endpoints` where earlier versions have `endpoint`. */
function diagnosticOf(given: unknown) {
  const info = members(given);
  const { endpoint, endpoints } = info;
  const first = members(Array.isArray(endpoints) ? endpoints[0] : endpoint);
  const whole = (name: string) => Math.max(0, Math.round(number(info[name])));
  return {
    endpointUrl: String(first['endpointUrl'] ?? ''),
    writerGroup: String(first['dataSetWriterGroup'] ?? ''),
    isConnected: info['opcEndpointConnected'] === true,
    nodesSucceeded: whole('monitoredOpcNodesSucceededCount'),
    nodesFailed: whole('monitoredOpcNodesFailedCount'),
    valueChanges: whole('ingressValueChanges'),
    notificationsDropped: whole('encoderNotificationsDropped'),
    connectionRetries: whole('connectionRetries'),
    messagesPerSecond: number(info['sentMessagesPerSec']),
    estimatedChunksPerDay: number(info['estimatedIoTChunksPerDay']),
    detail: { ...info },
  };
}

function number(value: unknown): number {
  return typeof value === 'number' && Number.isFinite(value) ? value : 0;
}

/** Diagnostics of OPC Publisher. */
export const DIAGNOSTICS = [getDiagnosticInfo] as const;
