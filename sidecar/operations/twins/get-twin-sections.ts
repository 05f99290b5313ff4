import Type from 'typebox';
import { JsonObject } from '../../contract/schema.ts';
import { mirrored } from '../../translate/sources/twin-view.ts';
import { deviceId, hub, withinCall } from '../device-members.ts';
import { defineOperation } from '../operation.ts';

export const getTwinSections = defineOperation({
  name: 'GetTwinSections',
  category: 'Twin',
  summary: 'Reads the parts of a twin as the twin properties of a Thing hold them.',
  method: 'GET',
  path: '/hubs/{hub}/devices/{deviceId}/twin/sections',
  input: Type.Object({ hub, deviceId }),
  output: Type.Object({
    desired: JsonObject({ description: 'The desired properties with $version.' }),
    reported: JsonObject({ description: 'The reported properties with $version.' }),
    tags: JsonObject({ description: 'The tags with $version.' }),
  }),
  errors: ['HUB_NOT_CONNECTED', 'DEVICE_NOT_FOUND', 'AZURE_THROTTLED', 'AZURE_UNAUTHORIZED'],
  async run({ hubs, signal }, { hub, deviceId }) {
    const { twins } = await hubs.require(hub).azure();
    const { desired, reported, tags } = mirrored(await twins.get({ deviceId }, withinCall(signal)));
    return { desired: { ...desired }, reported: { ...reported }, tags: { ...tags } };
  },
});
