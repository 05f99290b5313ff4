import Type from 'typebox';
import { ConnectorError } from '../../errors/connector-error.ts';
import { deviceId, etag, hub, moduleId, withinCall } from '../device-members.ts';
import { defineOperation } from '../operation.ts';

export const deleteModule = defineOperation({
  name: 'DeleteModule',
  entity: 'AzureIoT.Hub_TT',
  category: 'Registry',
  summary: 'Deletes a module of a device; one that does not exist is no error.',
  method: 'DELETE',
  path: '/hubs/{hub}/devices/{deviceId}/modules/{moduleId}',
  input: Type.Object({ hub, deviceId, moduleId, etag }),
  output: Type.Object({
    deleted: Type.Boolean({ description: 'Whether it was deleted now; false when there was none.' }),
  }),
  result: 'deleted',
  errors: ['HUB_NOT_CONNECTED', 'AZURE_THROTTLED', 'AZURE_UNAUTHORIZED', 'PRECONDITION_FAILED'],
  async run({ hubs, signal }, { hub, deviceId, moduleId, etag }) {
    const { modules } = await hubs.require(hub).azure();
    try {
      await modules.deleteModule(deviceId, moduleId, {
        ...withinCall(signal),
        ...(etag === undefined ? {} : { etag }),
      });
      return { deleted: true };
    } catch (error) {
      if (!(error instanceof ConnectorError) || error.code !== 'DEVICE_NOT_FOUND') throw error;
      return { deleted: false };
    }
  },
});
