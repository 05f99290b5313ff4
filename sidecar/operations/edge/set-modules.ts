import Type from 'typebox';
import type { ConfigurationContent } from '../../azure/iot-hub/configurations.ts';
import { JsonObject } from '../../contract/schema.ts';
import { ConnectorError } from '../../errors/connector-error.ts';
import { deviceId, hub, withinCall } from '../device-members.ts';
import { defineOperation } from '../operation.ts';

export const setModules = defineOperation({
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
  errors: [
    'HUB_NOT_CONNECTED',
    'AZURE_THROTTLED',
    'AZURE_UNAUTHORIZED',
    'AZURE_REJECTED',
    'DEVICE_NOT_FOUND',
  ],
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
