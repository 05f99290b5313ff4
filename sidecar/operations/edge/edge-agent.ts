import Type from 'typebox';
import { forThingWorx, Table } from '../../contract/schema.ts';
import { ConnectorError } from '../../errors/connector-error.ts';
import { isPlainObject } from '../../translate/coerce/structure.ts';
import { deviceId, hub } from '../device-members.ts';
import { defineOperation } from '../operation.ts';
import { callModule, MODULE_ERRORS } from './module-call.ts';

const pingEdgeAgent = defineOperation({
  name: 'PingEdgeAgent',
  entity: 'AzureIoT.EdgeDevice_TS',
  category: 'IoT Edge',
  role: 'operator',
  summary: 'Pings the edgeAgent of this device and returns its response time.',
  method: 'POST',
  path: '/hubs/{hub}/devices/{deviceId}/edge/ping',
  input: Type.Object({ hub, deviceId }),
  output: Type.Object({
    milliseconds: forThingWorx(
      Type.Integer({ minimum: 0, description: 'The response time in milliseconds.' }),
      { units: 'ms' },
    ),
  }),
  result: 'milliseconds',
  errors: MODULE_ERRORS,
  timeoutMs: 28_000,
  async run({ hubs, signal }, { hub, deviceId }) {
    const started = performance.now();
    const call = { deviceId, moduleId: '$edgeAgent', methodName: 'ping', payload: null };
    await callModule(await hubs.require(hub).azure(), call, signal);
    return { milliseconds: Math.round(performance.now() - started) };
  },
});

const restartModule = defineOperation({
  name: 'RestartModule',
  entity: 'AzureIoT.EdgeDevice_TS',
  category: 'IoT Edge',
  role: 'operator',
  summary: 'Tells edgeAgent to restart a module of this device.',
  method: 'POST',
  path: '/hubs/{hub}/devices/{deviceId}/edge/restart',
  input: Type.Object({
    hub,
    deviceId,
    moduleName: Type.String({
      minLength: 1,
      maxLength: 128,
      description: 'The module, as the deployment names it.',
    }),
  }),
  output: Type.Object({ done: Type.Boolean({ description: 'Always true: edgeAgent restarts it.' }) }),
  noResult: true,
  errors: MODULE_ERRORS,
  timeoutMs: 28_000,
  async run({ hubs, signal }, { hub, deviceId, moduleName }) {
    const payload = { schemaVersion: '1.0', id: moduleName };
    const call = { deviceId, moduleId: '$edgeAgent', methodName: 'RestartModule', payload };
    await callModule(await hubs.require(hub).azure(), call, signal);
    return { done: true };
  },
});

const ModuleLog = Type.Object(
  {
    moduleId: Type.String({ description: 'The module.' }),
    log: Type.String({ description: 'The lines of the log.' }),
  },
  { description: 'The log of one module.' },
);

const getModuleLogs = defineOperation({
  name: 'GetModuleLogs',
  entity: 'AzureIoT.EdgeDevice_TS',
  category: 'IoT Edge',
  role: 'operator',
  summary: 'Reads the last lines of the logs of modules from edgeAgent; the response holds at most 128 KB.',
  method: 'POST',
  path: '/hubs/{hub}/devices/{deviceId}/edge/logs',
  input: Type.Object({
    hub,
    deviceId,
    modules: Type.String({
      minLength: 1,
      maxLength: 512,
      description: 'Which modules: a regular expression such as edgeAgent, or .* for all.',
    }),
    tail: Type.Optional(
      Type.Integer({
        minimum: 1,
        maximum: 10_000,
        default: 100,
        description: 'The maximum number of lines per module, from the end.',
      }),
    ),
    since: Type.Optional(
      Type.String({
        maxLength: 64,
        description: 'Only lines after this: a time, or an age such as 1h or 1d 4h 30m.',
      }),
    ),
    until: Type.Optional(
      Type.String({ maxLength: 64, description: 'Only lines before this: a time or an age.' }),
    ),
    logLevel: Type.Optional(
      Type.Integer({
        minimum: 0,
        maximum: 7,
        description:
          'Only lines of this level, from 0 (emergency) over 3 (error), 4 (warning) and 6 (info) to 7 (debug).',
      }),
    ),
    regex: Type.Optional(
      Type.String({ maxLength: 512, description: 'Only lines that match this regular expression of .NET.' }),
    ),
  }),
  output: Type.Object({
    logs: Table(ModuleLog, 'AzureIoT.ModuleLog_DS', { description: 'One row for each module.' }),
  }),
  result: 'logs',
  errors: MODULE_ERRORS,
  timeoutMs: 28_000,
  async run({ hubs, signal }, { hub, deviceId, modules, tail, since, until, logLevel, regex }) {
    const filter = {
      tail: tail ?? 100,
      ...(since ? { since } : {}),
      ...(until ? { until } : {}),
      ...(logLevel === undefined ? {} : { loglevel: logLevel }),
      ...(regex ? { regex } : {}),
    };
    const payload = {
      schemaVersion: '1.0',
      items: [{ id: modules, filter }],
      encoding: 'none',
      contentType: 'text',
    };
    const call = { deviceId, moduleId: '$edgeAgent', methodName: 'GetModuleLogs', payload };
    const answer = await callModule(await hubs.require(hub).azure(), call, signal);
    if (!Array.isArray(answer) || !answer.every(isPlainObject))
      throw new ConnectorError(
        'DEVICE_RESPONSE_INVALID',
        `$edgeAgent of ${deviceId} answered GetModuleLogs in an unknown form: expected a list of objects.`,
      );
    return {
      logs: answer.map(({ id, payload: log }) => ({ moduleId: String(id ?? ''), log: textOf(log) })),
    };
  },
});

function textOf(log: unknown): string {
  return typeof log === 'string' ? log : JSON.stringify(log ?? '');
}

/** Direct methods of the edgeAgent. */
export const EDGE_AGENT = [pingEdgeAgent, restartModule, getModuleLogs] as const;
