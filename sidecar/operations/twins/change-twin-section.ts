import Type from 'typebox';
import { JsonObject, OneOf } from '../../contract/schema.ts';
import { changeOf, equalJson, mirrored, missingFrom } from '../../translate/sources/twin-view.ts';
import { deviceId, hub, withinCall } from '../device-members.ts';
import { defineOperation } from '../operation.ts';

export const changeTwinSection = defineOperation({
  name: 'ChangeTwinSection',
  category: 'Twin',
  summary: 'Brings to the IoT Hub what somebody changed in a twin property of a Thing.',
  method: 'POST',
  path: '/hubs/{hub}/devices/{deviceId}/twin/changes',
  input: Type.Object({
    hub,
    deviceId,
    section: OneOf(['desired', 'tags'], { description: 'The part of the twin: desired or tags.' }),
    before: JsonObject({ description: 'The value of the property before.' }),
    after: JsonObject({ description: 'The value of the property now.' }),
  }),
  output: Type.Object({
    changed: Type.Boolean({ description: 'Whether the hub had to be changed.' }),
    content: JsonObject({ description: 'The part as the hub has it, with $version.' }),
  }),
  errors: [
    'HUB_NOT_CONNECTED',
    'DEVICE_NOT_FOUND',
    'AZURE_REJECTED',
    'AZURE_THROTTLED',
    'AZURE_UNAUTHORIZED',
  ],
  async run({ hubs, signal }, { hub, deviceId, section, before, after }) {
    const { twins } = await hubs.require(hub).azure();
    const twin = await twins.get({ deviceId }, withinCall(signal));
    const current = mirrored(twin)[section];
    const patch = missingFrom(current, changeOf(before, after));
    if (equalJson(patch, {})) return { changed: false, content: { ...current } };
    const changed = await twins.patch({ deviceId }, { [section]: patch }, withinCall(signal));
    return { changed: true, content: { ...mirrored(changed)[section] } };
  },
});
