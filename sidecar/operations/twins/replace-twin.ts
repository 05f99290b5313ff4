import Type from 'typebox';
import { JsonObject } from '../../contract/schema.ts';
import { writable } from '../../translate/sources/twin-view.ts';
import { deviceId, etag, hub, optionalModuleId, TwinDocument, withinCall } from '../device-members.ts';
import { defineOperation } from '../operation.ts';
import { twinDocument } from './twin-content.ts';

export const replaceTwin = defineOperation({
  name: 'ReplaceTwin',
  entity: 'AzureIoT.Device_TS',
  category: 'Twin',
  summary: 'Replaces all desired properties and all tags of the twin of the device or of one of its modules.',
  method: 'PUT',
  path: '/hubs/{hub}/devices/{deviceId}/twin',
  input: Type.Object({
    hub,
    deviceId,
    desired: JsonObject({
      description: 'All desired properties; what is not in it is removed. At most 32 KB.',
    }),
    tags: JsonObject({ description: 'All tags; what is not in it is removed. At most 8 KB.' }),
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
    const azure = await hubs.require(hub).azure();
    const name = { deviceId, ...(moduleId === undefined ? {} : { moduleId }) };
    const twin = { desired: writable(desired), tags: writable(tags) };
    return twinDocument(
      await azure.twins.replace(name, twin, {
        ...withinCall(signal),
        ...(etag === undefined ? {} : { etag }),
      }),
    );
  },
});
