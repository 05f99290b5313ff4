import Type from 'typebox';
import { etag, hub, withinCall } from '../device-members.ts';
import { defineOperation } from '../operation.ts';
import { configurationId } from './configuration-members.ts';

export const deleteConfiguration = defineOperation({
  name: 'DeleteConfiguration',
  entity: 'AzureIoT.Hub_TT',
  category: 'Configurations',
  summary: 'Deletes an automatic configuration or Edge deployment.',
  method: 'DELETE',
  path: '/hubs/{hub}/configurations/{configuration}',
  input: Type.Object({ hub, configuration: configurationId, etag }),
  output: Type.Object({ done: Type.Boolean({ description: 'Always true: it is deleted.' }) }),
  noResult: true,
  errors: [
    'HUB_NOT_CONNECTED',
    'AZURE_THROTTLED',
    'AZURE_UNAUTHORIZED',
    'AZURE_NOT_FOUND',
    'PRECONDITION_FAILED',
  ],
  async run({ hubs, signal }, { hub, configuration, etag }) {
    const { configurations } = await hubs.require(hub).azure();
    await configurations.delete(configuration, { ...withinCall(signal), ...(etag ? { etag } : {}) });
    return { done: true };
  },
});
