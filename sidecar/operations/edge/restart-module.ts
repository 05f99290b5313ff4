import Type from 'typebox';
import { deviceId, hub } from '../device-members.ts';
import { defineOperation } from '../operation.ts';
import { callModule, MODULE_ERRORS } from './module-call.ts';

export const restartModule = defineOperation({
  name: 'RestartModule',
  entity: 'AzureIoT.EdgeDevice_TS',
  category: 'IoT Edge',
  summary: 'Has edgeAgent restart a module of this device.',
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
