import Type, { type Static } from 'typebox';
import type { ConfigurationContent } from '../../azure/iot-hub/configurations.ts';
import type { JsonObject as Json } from '../../azure/iot-hub/hub-types.ts';
import { DateTime, forThingWorx, JsonObject, Table } from '../../contract/schema.ts';
import { ConnectorError } from '../../errors/connector-error.ts';
import { deviceId, hub, withinCall } from '../device-members.ts';
import { IOT_HUB_ERRORS } from '../error-groups.ts';
import { defineOperation } from '../operation.ts';
import { ModuleDocument, moduleDocument } from '../registry/identity-members.ts';

export const ModuleStatus = Type.Object(
  {
    moduleId: Type.String({ description: 'The module.' }),
    isSystem: Type.Boolean({ description: 'Whether it is edgeAgent or edgeHub.' }),
    runtimeStatus: Type.String({
      description: 'What it does: running, stopped, backoff, failed, unhealthy, dead or unknown.',
    }),
    statusDescription: Type.String({ description: 'What the container runtime says; may be empty.' }),
    exitCode: Type.Optional(Type.Integer({ description: 'The code of its last exit.' })),
    restartCount: forThingWorx(
      Type.Integer({ minimum: 0, description: 'How often edgeAgent has restarted it.' }),
      {
        baseType: 'LONG',
      },
    ),
    lastStartTime: Type.Optional(DateTime({ description: 'When it was last started.' })),
    lastExitTime: Type.Optional(DateTime({ description: 'When it last ended.' })),
    lastRestartTime: Type.Optional(DateTime({ description: 'When edgeAgent last restarted it.' })),
    image: Type.String({ description: 'The container image that runs; may be empty.' }),
    version: Type.String({ description: 'The version in the deployment; may be empty.' }),
    desiredStatus: Type.String({ description: 'What the deployment wants of it: running or stopped.' }),
    restartPolicy: Type.String({ description: 'When edgeAgent restarts it; may be empty.' }),
  },
  { description: 'One module of an IoT Edge device, as its edgeAgent reports it.' },
);
export type ModuleStatus = Static<typeof ModuleStatus>;

/** Rows out of the reported properties of $edgeAgent, whose members `systemModules` and `modules` are by name. */
export function moduleStatuses(reported: Json): ModuleStatus[] {
  return [
    ...section(reported['systemModules']).map(([name, module]) => statusOf(name, module, true)),
    ...section(reported['modules']).map(([name, module]) => statusOf(name, module, false)),
  ];
}

function section(value: unknown): [string, Json][] {
  return Object.entries(isObject(value) ? value : {})
    .filter((entry): entry is [string, Json] => !entry[0].startsWith('$') && isObject(entry[1]))
    .sort(([a], [b]) => (a < b ? -1 : 1));
}

function statusOf(moduleId: string, module: Json, isSystem: boolean): ModuleStatus {
  const settings = isObject(module['settings']) ? module['settings'] : {};
  const exitCode = module['exitCode'];
  return {
    moduleId,
    isSystem,
    runtimeStatus: text(module['runtimeStatus']) || 'unknown',
    statusDescription: text(module['statusDescription']),
    ...(Number.isSafeInteger(exitCode) ? { exitCode: exitCode as number } : {}),
    restartCount: Number.isSafeInteger(module['restartCount']) ? (module['restartCount'] as number) : 0,
    ...time('lastStartTime', module['lastStartTimeUtc']),
    ...time('lastExitTime', module['lastExitTimeUtc']),
    ...time('lastRestartTime', module['lastRestartTimeUtc']),
    image: text(settings['image']),
    version: text(module['version']),
    desiredStatus: text(module['status']),
    restartPolicy: text(module['restartPolicy']),
  };
}

function isObject(value: unknown): value is Json {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function text(value: unknown): string {
  return typeof value === 'string' ? value : '';
}

/** edgeAgent says the year 1 for never. */
function time<N extends string>(name: N, value: unknown): { [K in N]?: string } {
  const ms = typeof value === 'string' && !value.startsWith('0001-') ? Date.parse(value) : Number.NaN;
  return (Number.isNaN(ms) ? {} : { [name]: new Date(ms).toISOString() }) as { [K in N]?: string };
}

const listModules = defineOperation({
  name: 'ListModules',
  entity: 'AzureIoT.EdgeDevice_TS',
  category: 'IoT Edge',
  summary: 'Lists the modules of this device in the registry, edgeAgent and edgeHub among them.',
  method: 'GET',
  path: '/hubs/{hub}/devices/{deviceId}/edge/modules',
  input: Type.Object({ hub, deviceId }),
  output: Type.Object({
    modules: Table(ModuleDocument, 'AzureIoT.Module_DS', { description: 'The modules, without their keys.' }),
  }),
  result: 'modules',
  errors: [...IOT_HUB_ERRORS, 'DEVICE_NOT_FOUND'],
  async run({ hubs, signal }, { hub, deviceId }) {
    const { modules } = await hubs.require(hub).azure();
    return { modules: (await modules.modules(deviceId, withinCall(signal))).map(moduleDocument) };
  },
});

export const getModulesStatus = defineOperation({
  name: 'GetModulesStatus',
  entity: 'AzureIoT.EdgeDevice_TS',
  category: 'IoT Edge',
  summary:
    'Shows what the modules of this device do, as its edgeAgent reported last, and keeps it in modulesStatus.',
  method: 'GET',
  path: '/hubs/{hub}/devices/{deviceId}/edge/status',
  input: Type.Object({ hub, deviceId }),
  output: Type.Object({
    modules: Table(ModuleStatus, 'AzureIoT.ModuleStatus_DS', { description: 'One row for each module.' }),
  }),
  result: 'modules',
  errors: [...IOT_HUB_ERRORS, 'DEVICE_NOT_FOUND'],
  script: 'hand-written',
  async run({ hubs, signal }, { hub, deviceId }) {
    const { twins } = await hubs.require(hub).azure();
    const twin = await twins.get({ deviceId, moduleId: '$edgeAgent' }, withinCall(signal));
    return { modules: moduleStatuses(twin.properties.reported) };
  },
});

const setModules = defineOperation({
  name: 'SetModules',
  entity: 'AzureIoT.EdgeDevice_TS',
  category: 'IoT Edge',
  summary: 'Deploys modules to this device alone: its manifest replaces the one before.',
  method: 'PUT',
  path: '/hubs/{hub}/devices/{deviceId}/edge/modules',
  input: Type.Object({
    hub,
    deviceId,
    manifest: JsonObject({
      description:
        'A deployment manifest as IoT Edge defines it: {"modulesContent": {"$edgeAgent": {...}, "$edgeHub": {...}, ...}}; one that ' +
        'has it under "content" is taken too.',
    }),
  }),
  output: Type.Object({
    done: Type.Boolean({ description: 'Always true: IoT Hub has taken the manifest.' }),
  }),
  noResult: true,
  errors: [...IOT_HUB_ERRORS, 'DEVICE_NOT_FOUND'],
  async run({ hubs, signal }, { hub, deviceId, manifest }) {
    const content = (manifest['content'] ?? manifest) as ConfigurationContent;
    const { $edgeAgent, $edgeHub } = content?.modulesContent ?? {};
    if (!$edgeAgent || !$edgeHub) {
      throw new ConnectorError(
        'REQUEST_INVALID',
        'manifest must have modulesContent with $edgeAgent and $edgeHub: a manifest replaces all modules.',
      );
    }
    const { configurations } = await hubs.require(hub).azure();
    await configurations.apply(deviceId, content, withinCall(signal));
    return { done: true };
  },
});

/** The modules of one IoT Edge device. */
export const EDGE_MODULES = [listModules, getModulesStatus, setModules] as const;
