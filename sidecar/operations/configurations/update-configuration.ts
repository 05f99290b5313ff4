import Type from 'typebox';
import { etag, hub, withinCall } from '../device-members.ts';
import { defineOperation } from '../operation.ts';
import {
  ConfigurationDocument,
  configurationChange,
  configurationDocument,
  configurationId,
  configurationMembers,
} from './configuration-members.ts';

export const updateConfiguration = defineOperation({
  name: 'UpdateConfiguration',
  entity: 'AzureIoT.Hub_TT',
  category: 'Configurations',
  summary: 'Changes the condition, priority, labels or metrics of a configuration; what is not given stays.',
  method: 'PATCH',
  path: '/hubs/{hub}/configurations/{configuration}',
  input: Type.Object({ hub, configuration: configurationId, ...configurationMembers, etag }),
  output: ConfigurationDocument,
  errors: [
    'HUB_NOT_CONNECTED',
    'AZURE_THROTTLED',
    'AZURE_UNAUTHORIZED',
    'AZURE_REJECTED',
    'AZURE_NOT_FOUND',
    'PRECONDITION_FAILED',
  ],
  async run({ hubs, signal }, { hub, configuration, etag, ...members }) {
    const { configurations } = await hubs.require(hub).azure();
    const options = { ...withinCall(signal), ...(etag ? { etag } : {}) };
    return configurationDocument(
      await configurations.update(configuration, configurationChange(members), options),
    );
  },
});
