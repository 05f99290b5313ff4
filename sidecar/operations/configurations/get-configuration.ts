import Type from 'typebox';
import { hub, withinCall } from '../device-members.ts';
import { defineOperation } from '../operation.ts';
import { ConfigurationDocument, configurationDocument, configurationId } from './configuration-members.ts';

export const getConfiguration = defineOperation({
  name: 'GetConfiguration',
  entity: 'AzureIoT.Hub_TT',
  category: 'Configurations',
  summary: 'Shows one automatic configuration or Edge deployment with its content and metrics.',
  method: 'GET',
  path: '/hubs/{hub}/configurations/{configuration}',
  input: Type.Object({ hub, configuration: configurationId }),
  output: ConfigurationDocument,
  errors: ['HUB_NOT_CONNECTED', 'AZURE_THROTTLED', 'AZURE_UNAUTHORIZED', 'AZURE_NOT_FOUND'],
  async run({ hubs, signal }, { hub, configuration }) {
    const { configurations } = await hubs.require(hub).azure();
    return configurationDocument(await configurations.get(configuration, withinCall(signal)));
  },
});
