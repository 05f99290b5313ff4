import Type from 'typebox';
import { JsonObject } from '../../contract/schema.ts';
import { ConnectorError } from '../../errors/connector-error.ts';
import { writable } from '../../translate/sources/twin-view.ts';
import { deviceId, etag, hub, optionalModuleId, TwinDocument, withinCall } from '../device-members.ts';
import { defineOperation } from '../operation.ts';
import { twinDocument } from './twin-content.ts';

export const updateTwin = defineOperation({
  name: 'UpdateTwin',
  entity: 'AzureIoT.Device_TS',
  category: 'Twin',
  summary:
    'Merges desired properties and tags into the twin of the device or of one of its modules; null removes a key.',
  method: 'PATCH',
  path: '/hubs/{hub}/devices/{deviceId}/twin',
  input: Type.Object({
    hub,
    deviceId,
    desired: Type.Optional(
      JsonObject({ description: 'The desired properties to change. At most 32 KB in all.' }),
    ),
    tags: Type.Optional(JsonObject({ description: 'The tags to change. At most 8 KB in all.' })),
    moduleId: optionalModuleId,
    etag,
  }),
  output: TwinDocument,
  errors: [
    'HUB_NOT_CONNECTED',
    'DEVICE_NOT_FOUND',
    'PRECONDITION_FAILED',
    'AZURE_REJECTED',
    'AZURE_THROTTLED',
    'AZURE_UNAUTHORIZED',
  ],
  async run({ hubs, signal }, { hub, deviceId, moduleId, desired, tags, etag }) {
    if (desired === undefined && tags === undefined) {
      throw new ConnectorError(
        'REQUEST_INVALID',
        'Neither desired nor tags is given; expected one of them or both.',
      );
    }
    const azure = await hubs.require(hub).azure();
    const patch = {
      ...(desired === undefined ? {} : { desired: writable(desired) }),
      ...(tags === undefined ? {} : { tags: writable(tags) }),
    };
    const name = { deviceId, ...(moduleId === undefined ? {} : { moduleId }) };
    return twinDocument(
      await azure.twins.patch(name, patch, {
        ...withinCall(signal),
        ...(etag === undefined ? {} : { etag }),
      }),
    );
  },
});
