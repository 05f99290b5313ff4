import Type from 'typebox';
import { forThingWorx } from '../../contract/schema.ts';
import { deviceId, hub } from '../device-members.ts';
import { defineOperation } from '../operation.ts';
import { callModule, MODULE_ERRORS } from './module-call.ts';

export const pingEdgeAgent = defineOperation({
  name: 'PingEdgeAgent',
  entity: 'AzureIoT.EdgeDevice_TS',
  category: 'IoT Edge',
  summary: 'Asks the edgeAgent of this device whether it is there, and tells how long its answer took.',
  method: 'POST',
  path: '/hubs/{hub}/devices/{deviceId}/edge/ping',
  input: Type.Object({ hub, deviceId }),
  output: Type.Object({
    milliseconds: forThingWorx(
      Type.Integer({ minimum: 0, description: 'From the call to the answer, in milliseconds.' }),
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
