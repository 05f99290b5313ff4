import Type from 'typebox';
import { OneOf } from '../../contract/schema.ts';
import { deviceId, hub, optionalModuleId, withinCall } from '../device-members.ts';
import { defineOperation } from '../operation.ts';

export const regenerateDeviceKey = defineOperation({
  name: 'RegenerateDeviceKey',
  entity: 'AzureIoT.Hub_TT',
  category: 'Registry',
  summary: 'Makes one key of a device or module anew, so that the old one opens nothing any more.',
  method: 'POST',
  path: '/hubs/{hub}/devices/{deviceId}/keys',
  input: Type.Object({
    hub,
    deviceId,
    key: OneOf(['primary', 'secondary'], { description: 'Which key: primary or secondary.' }),
    moduleId: optionalModuleId,
  }),
  output: Type.Object({
    regenerated: Type.Boolean({ description: 'Always true: GetDeviceKeys reads the new key.' }),
  }),
  noResult: true,
  errors: [
    'HUB_NOT_CONNECTED',
    'AZURE_THROTTLED',
    'AZURE_UNAUTHORIZED',
    'DEVICE_NOT_FOUND',
    'AZURE_REJECTED',
  ],
  async run({ hubs, signal }, { hub, deviceId, key, moduleId }) {
    const { registry, modules } = await hubs.require(hub).azure();
    if (moduleId === undefined) await registry.regenerateDeviceKey(deviceId, key, withinCall(signal));
    else await modules.regenerateModuleKey(deviceId, moduleId, key, withinCall(signal));
    return { regenerated: true };
  },
});
