import Type, { type Static } from 'typebox';
import type { JsonObject as Json } from '../azure/iot-hub/hub-types.ts';
import { DateTime, forThingWorx } from '../contract/schema.ts';

export const ModuleStatus = Type.Object(
  {
    moduleId: Type.String({ description: 'The module.' }),
    isSystem: Type.Boolean({ description: 'Whether it is edgeAgent or edgeHub.' }),
    runtimeStatus: Type.String({
      description: 'Its state: running, stopped, backoff, failed, unhealthy, dead or unknown.',
    }),
    statusDescription: Type.String({ description: 'The message of the container runtime; may be empty.' }),
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
    desiredStatus: Type.String({
      description: 'The state that the deployment asks for: running or stopped.',
    }),
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
