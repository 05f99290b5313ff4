import Type from 'typebox';
import { deviceId, hub, optionalModuleId, withinCall } from '../device-members.ts';
import { defineOperation } from '../operation.ts';

export const getDeviceKeys = defineOperation({
  name: 'GetDeviceKeys',
  entity: 'AzureIoT.Hub_TT',
  category: 'Registry',
  summary: 'Reads the keys of a device or module, to set it up; no other service returns keys.',
  method: 'GET',
  path: '/hubs/{hub}/devices/{deviceId}/keys',
  input: Type.Object({ hub, deviceId, moduleId: optionalModuleId }),
  output: Type.Object(
    {
      primaryKey: Type.String({ description: 'The first key, base64.' }),
      secondaryKey: Type.String({ description: 'The second key, base64.' }),
      connectionString: Type.String({
        description: 'The connection string with the first key, for device SDKs.',
      }),
    },
    {
      description: 'primaryKey, secondaryKey and connectionString: secrets, not to be stored in properties.',
    },
  ),
  errors: [
    'HUB_NOT_CONNECTED',
    'AZURE_THROTTLED',
    'AZURE_UNAUTHORIZED',
    'DEVICE_NOT_FOUND',
    'AZURE_REJECTED',
  ],
  async run({ hubs, signal }, { hub, deviceId, moduleId }) {
    const azure = await hubs.require(hub).azure();
    const keys =
      moduleId === undefined
        ? await azure.registry.deviceKeys(deviceId, withinCall(signal))
        : await azure.modules.moduleKeys(deviceId, moduleId, withinCall(signal));
    const { credentials } = azure;
    const hostName = credentials.kind === 'entra' ? credentials.hostName : credentials.connection.hostName;
    const module = moduleId === undefined ? '' : `;ModuleId=${moduleId}`;
    return {
      ...keys,
      connectionString: `HostName=${hostName};DeviceId=${deviceId}${module};SharedAccessKey=${keys.primaryKey}`,
    };
  },
});
