import Type from 'typebox';
import { Table } from '../../contract/schema.ts';
import { hub, withinCall } from '../device-members.ts';
import { defineOperation } from '../operation.ts';
import { ConfigurationRow, configurationRow } from './configuration-members.ts';

export const listConfigurations = defineOperation({
  name: 'ListConfigurations',
  entity: 'AzureIoT.Hub_TT',
  category: 'Configurations',
  summary: 'Lists all automatic configurations and Edge deployments of the IoT Hub with their metrics.',
  method: 'GET',
  path: '/hubs/{hub}/configurations',
  input: Type.Object({ hub }),
  output: Type.Object({
    configurations: Table(ConfigurationRow, 'AzureIoT.Configuration_DS', {
      description: 'All of them: a hub has at most 100.',
    }),
  }),
  result: 'configurations',
  errors: ['HUB_NOT_CONNECTED', 'AZURE_THROTTLED', 'AZURE_UNAUTHORIZED'],
  async run({ hubs, signal }, { hub }) {
    const { configurations } = await hubs.require(hub).azure();
    return { configurations: (await configurations.list(withinCall(signal))).map(configurationRow) };
  },
});
