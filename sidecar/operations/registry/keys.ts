import Type from 'typebox';
import { OneOf, OneRow } from '../../contract/schema.ts';
import { deviceId, hub, optionalModuleId, withinCall } from '../device-members.ts';
import { IOT_HUB_ERRORS } from '../error-groups.ts';
import { defineOperation } from '../operation.ts';

const getDeviceKeys = defineOperation({
  name: 'GetDeviceKeys',
  entity: 'AzureIoT.Hub_TT',
  category: 'Registry',
  role: 'administrator',
  summary: 'Reads the keys of a device or module, to set it up; no other service returns keys.',
  method: 'GET',
  path: '/hubs/{hub}/devices/{deviceId}/keys',
  input: Type.Object({ hub, deviceId, moduleId: optionalModuleId }),
  output: OneRow(
    Type.Object(
      {
        primaryKey: Type.String({ description: 'The primary key in base64.' }),
        secondaryKey: Type.String({ description: 'The secondary key in base64.' }),
        connectionString: Type.String({
          description: 'The connection string with the primary key, for device SDKs.',
        }),
      },
      {
        description: 'The keys of a device or module: secrets, not to be stored in properties.',
      },
    ),
    'AzureIoT.DeviceKeys_DS',
  ),
  errors: [...IOT_HUB_ERRORS, 'DEVICE_NOT_FOUND'],
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

const regenerateDeviceKey = defineOperation({
  name: 'RegenerateDeviceKey',
  entity: 'AzureIoT.Hub_TT',
  category: 'Registry',
  role: 'administrator',
  summary: 'Replaces one key of a device or module with a new one; the old key is no longer valid.',
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
  errors: [...IOT_HUB_ERRORS, 'DEVICE_NOT_FOUND'],
  async run({ hubs, signal }, { hub, deviceId, key, moduleId }) {
    const { registry, modules } = await hubs.require(hub).azure();
    if (moduleId === undefined) await registry.regenerateDeviceKey(deviceId, key, withinCall(signal));
    else await modules.regenerateModuleKey(deviceId, moduleId, key, withinCall(signal));
    return { regenerated: true };
  },
});

/** Keys of devices and modules. */
export const KEYS = [getDeviceKeys, regenerateDeviceKey] as const;
