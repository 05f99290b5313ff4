import Type from 'typebox';
import { deviceId, hub, withinCall } from '../device-members.ts';
import { defineOperation } from '../operation.ts';
import { DeviceDocument, deviceDocument } from './registry-members.ts';

export const enableDevice = defineOperation({
  name: 'EnableDevice',
  entity: 'AzureIoT.Hub_TT',
  category: 'Registry',
  summary: 'Lets a device connect again.',
  method: 'POST',
  path: '/hubs/{hub}/devices/{deviceId}/enable',
  input: Type.Object({
    hub,
    deviceId,
  }),
  output: DeviceDocument,
  errors: ['HUB_NOT_CONNECTED', 'AZURE_THROTTLED', 'AZURE_UNAUTHORIZED', 'DEVICE_NOT_FOUND'],
  async run({ hubs, signal }, { hub, deviceId }) {
    const { registry } = await hubs.require(hub).azure();
    return deviceDocument(await registry.enableDevice(deviceId, withinCall(signal)));
  },
});
