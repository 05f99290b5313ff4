import Type from 'typebox';
import { Table } from '../../contract/schema.ts';
import { deviceId, hub, withinCall } from '../device-members.ts';
import { defineOperation } from '../operation.ts';
import { ModuleDocument, moduleDocument } from '../registry/registry-members.ts';

export const listModules = defineOperation({
  name: 'ListModules',
  entity: 'AzureIoT.EdgeDevice_TS',
  category: 'IoT Edge',
  summary: 'Lists the modules of this device in the registry, edgeAgent and edgeHub among them.',
  method: 'GET',
  path: '/hubs/{hub}/devices/{deviceId}/edge/modules',
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
