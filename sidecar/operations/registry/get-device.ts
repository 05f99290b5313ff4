import Type from 'typebox';
import { deviceId, hub, withinCall } from '../device-members.ts';
import { defineOperation } from '../operation.ts';
import { DeviceDocument, deviceDocument } from './registry-members.ts';

export const getDevice = defineOperation({
  name: 'GetDevice',
  entity: 'AzureIoT.Hub_TT',
  category: 'Registry',
  summary: 'Reads a device of the registry, without its keys.',
  method: 'GET',
  path: '/hubs/{hub}/devices/{deviceId}',
  input: Type.Object({ hub, deviceId }),
  output: DeviceDocument,
  errors: ['HUB_NOT_CONNECTED', 'AZURE_THROTTLED', 'AZURE_UNAUTHORIZED', 'DEVICE_NOT_FOUND'],
  async run({ hubs, signal }, { hub, deviceId }) {
    const { registry } = await hubs.require(hub).azure();
    return deviceDocument(await registry.device(deviceId, withinCall(signal)));
  },
});
