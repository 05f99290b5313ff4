import Type from 'typebox';
import { hub, withinCall } from '../device-members.ts';
import { defineOperation } from '../operation.ts';

const count = (description: string) => Type.Integer({ minimum: 0, description });

export const getRegistryStatistics = defineOperation({
  name: 'GetRegistryStatistics',
  entity: 'AzureIoT.Hub_TT',
  category: 'Registry',
  summary: 'Counts the devices of the IoT Hub: all, enabled, disabled and connected.',
  method: 'GET',
  path: '/hubs/{hub}/registry-statistics',
  input: Type.Object({ hub }),
  output: Type.Object(
    {
      totalDevices: count('All devices.'),
      enabledDevices: count('Devices that may connect.'),
      disabledDevices: count('Devices that may not connect.'),
      connectedDevices: count('Devices that are connected.'),
    },
    { description: 'totalDevices, enabledDevices, disabledDevices, connectedDevices.' },
  ),
  errors: ['HUB_NOT_CONNECTED', 'AZURE_THROTTLED', 'AZURE_UNAUTHORIZED'],
  async run({ hubs, signal }, { hub }) {
    const { registry } = await hubs.require(hub).azure();
    const [devices, connectedDevices] = await Promise.all([
      registry.statistics(withinCall(signal)),
      registry.connectedDeviceCount(withinCall(signal)),
    ]);
    return {
      totalDevices: devices.totalDeviceCount,
      enabledDevices: devices.enabledDeviceCount,
      disabledDevices: devices.disabledDeviceCount,
      connectedDevices,
    };
  },
});
