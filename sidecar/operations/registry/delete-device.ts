import Type from 'typebox';
import { ConnectorError } from '../../errors/connector-error.ts';
import { deviceId, etag, hub, withinCall } from '../device-members.ts';
import { defineOperation } from '../operation.ts';

export const deleteDevice = defineOperation({
  name: 'DeleteDevice',
  entity: 'AzureIoT.Hub_TT',
  category: 'Registry',
  summary: 'Deletes a device from the IoT Hub, its Thing, or both; what does not exist is no error.',
  method: 'DELETE',
  path: '/hubs/{hub}/devices/{deviceId}',
  input: Type.Object({
    hub,
    deviceId,
    deleteIdentity: Type.Optional(
      Type.Boolean({
        default: true,
        description: 'Whether to delete the device, with its twin and modules, from the IoT Hub.',
      }),
    ),
    deleteThing: Type.Optional(
      Type.Boolean({
        default: false,
        description: 'Whether to delete its Thing, with all its properties and history.',
      }),
    ),
    etag,
  }),
  output: Type.Object(
    {
      deleted: Type.Boolean({
        description: 'Whether the device was deleted now; false when there was none.',
      }),
      thingDeleted: Type.Boolean({ description: 'Whether its Thing was deleted now.' }),
    },
    { description: 'deleted and thingDeleted.' },
  ),
  errors: [
    'HUB_NOT_CONNECTED',
    'AZURE_THROTTLED',
    'AZURE_UNAUTHORIZED',
    'PRECONDITION_FAILED',
    'THINGWORX_REJECTED',
  ],
  async run({ hubs, signal }, { hub, deviceId, deleteIdentity, deleteThing, etag }) {
    if (deleteIdentity === false && deleteThing !== true)
      throw new ConnectorError(
        'REQUEST_INVALID',
        'deleteIdentity and deleteThing are both false: nothing to do.',
      );
    const target = hubs.require(hub);
    let deleted = false;
    if (deleteIdentity !== false) {
      const { registry } = await target.azure();
      try {
        await registry.deleteDevice(deviceId, {
          ...withinCall(signal),
          ...(etag === undefined ? {} : { etag }),
        });
        deleted = true;
      } catch (error) {
        if (!(error instanceof ConnectorError) || error.code !== 'DEVICE_NOT_FOUND') throw error;
      }
    }
    const thing = deleteThing === true ? await target.things.deleteOf(deviceId) : undefined;
    return { deleted, thingDeleted: thing !== undefined };
  },
});
