import Type from 'typebox';
import { deviceId, hub, moduleId, withinCall } from '../device-members.ts';
import { defineOperation } from '../operation.ts';
import { ModuleDocument, moduleDocument } from './registry-members.ts';

export const getModule = defineOperation({
  name: 'GetModule',
  entity: 'AzureIoT.Hub_TT',
  category: 'Registry',
  summary: 'Reads a module of a device, without its keys.',
  method: 'GET',
  path: '/hubs/{hub}/devices/{deviceId}/modules/{moduleId}',
  input: Type.Object({ hub, deviceId, moduleId }),
  output: ModuleDocument,
  errors: ['HUB_NOT_CONNECTED', 'AZURE_THROTTLED', 'AZURE_UNAUTHORIZED', 'DEVICE_NOT_FOUND'],
  async run({ hubs, signal }, { hub, deviceId, moduleId }) {
    const { modules } = await hubs.require(hub).azure();
    return moduleDocument(await modules.module(deviceId, moduleId, withinCall(signal)));
  },
});
