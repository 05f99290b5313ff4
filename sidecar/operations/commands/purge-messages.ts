import Type from 'typebox';
import { deviceId, hub, withinCall } from '../device-members.ts';
import { defineOperation } from '../operation.ts';

export const purgeMessages = defineOperation({
  name: 'PurgeMessages',
  entity: 'AzureIoT.Device_TS',
  category: 'Commands',
  summary: 'Removes all cloud-to-device messages that wait for the device and returns how many there were.',
  method: 'DELETE',
  path: '/hubs/{hub}/devices/{deviceId}/messages',
  input: Type.Object({ hub, deviceId }),
  output: Type.Object({
    purged: Type.Integer({ minimum: 0, description: 'How many messages were removed.' }),
  }),
  result: 'purged',
  errors: ['HUB_NOT_CONNECTED', 'DEVICE_NOT_FOUND', 'AZURE_THROTTLED', 'AZURE_UNAUTHORIZED'],
  async run({ hubs, signal }, { hub, deviceId }) {
    const azure = await hubs.require(hub).azure();
    return { purged: await azure.messages.purge(deviceId, withinCall(signal)) };
  },
});
