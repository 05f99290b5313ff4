import Type from 'typebox';
import { Table } from '../../contract/schema.ts';
import { deviceId, hub, withinCall } from '../device-members.ts';
import { defineOperation } from '../operation.ts';
import { ModuleStatus, moduleStatuses } from './edge.ts';

export const getModulesStatus = defineOperation({
  name: 'GetModulesStatus',
  entity: 'AzureIoT.EdgeDevice_TS',
  category: 'IoT Edge',
  summary:
    'Shows what the modules of this device do, as its edgeAgent reported last, and keeps it in modulesStatus.',
  method: 'GET',
  path: '/hubs/{hub}/devices/{deviceId}/edge/status',
  input: Type.Object({ hub, deviceId }),
  output: Type.Object({
    modules: Table(ModuleStatus, 'AzureIoT.ModuleStatus_DS', { description: 'One row for each module.' }),
  }),
  result: 'modules',
  errors: ['HUB_NOT_CONNECTED', 'AZURE_THROTTLED', 'AZURE_UNAUTHORIZED', 'DEVICE_NOT_FOUND'],
  script: 'hand-written',
  async run({ hubs, signal }, { hub, deviceId }) {
    const { twins } = await hubs.require(hub).azure();
    const twin = await twins.get({ deviceId, moduleId: '$edgeAgent' }, withinCall(signal));
    return { modules: moduleStatuses(twin.properties.reported) };
  },
});
