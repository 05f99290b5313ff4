import Type from 'typebox';
import { deviceId, hub, withinCall } from '../device-members.ts';
import { defineOperation } from '../operation.ts';
import { DeviceDocument, deviceDocument } from './registry-members.ts';

export const disableDevice = defineOperation({
  name: 'DisableDevice',
  entity: 'AzureIoT.Hub_TT',
  category: 'Registry',
  summary: 'Keeps a device from connecting; its connections end and its twin stays.',
  method: 'POST',
  path: '/hubs/{hub}/devices/{deviceId}/disable',
  input: Type.Object({
    hub,
    deviceId,
    reason: Type.Optional(Type.String({ maxLength: 128, description: 'Why, for people.' })),
  }),
  output: DeviceDocument,
  errors: ['HUB_NOT_CONNECTED', 'AZURE_THROTTLED', 'AZURE_UNAUTHORIZED', 'DEVICE_NOT_FOUND'],
  async run({ hubs, signal }, { hub, deviceId, reason }) {
    const { registry } = await hubs.require(hub).azure();
    return deviceDocument(await registry.disableDevice(deviceId, reason ?? '', withinCall(signal)));
  },
});
