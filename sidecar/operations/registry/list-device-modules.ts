import Type from 'typebox';
import { Table } from '../../contract/schema.ts';
import { deviceId, hub, withinCall } from '../device-members.ts';
import { defineOperation } from '../operation.ts';
import { ModuleDocument, moduleDocument } from './registry-members.ts';

export const listDeviceModules = defineOperation({
  name: 'ListDeviceModules',
  entity: 'AzureIoT.Hub_TT',
  category: 'Registry',
  summary: 'Lists the modules of a device in the registry.',
  method: 'GET',
  path: '/hubs/{hub}/devices/{deviceId}/modules',
  input: Type.Object({ hub, deviceId }),
  output: Type.Object({
    modules: Table(ModuleDocument, 'AzureIoT.Module_DS', { description: 'The modules, without their keys.' }),
  }),
  result: 'modules',
  errors: ['HUB_NOT_CONNECTED', 'AZURE_THROTTLED', 'AZURE_UNAUTHORIZED', 'DEVICE_NOT_FOUND'],
  async run({ hubs, signal }, { hub, deviceId }) {
    const { modules } = await hubs.require(hub).azure();
    return { modules: (await modules.modules(deviceId, withinCall(signal))).map(moduleDocument) };
  },
});
