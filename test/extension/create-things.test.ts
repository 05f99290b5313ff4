import assert from 'node:assert/strict';
import { test } from 'node:test';
import { scriptService } from '../emulators/thingworx-tests/script-fixture.ts';
import { ScriptHub } from './script-hub.ts';

/** What CreateThings answers for one Thing while `meanwhile` happens in its call of CreateThing. */
async function create(hub: ScriptHub, meanwhile: () => void): Promise<unknown> {
  const { platform } = hub.fixture;
  const parameters = {
    name: 'STRING',
    description: 'STRING',
    thingTemplateName: 'STRING',
    projectName: 'STRING',
    tags: 'STRING',
  } as const;
  platform.addNative(
    'Resources',
    'EntityServices',
    scriptService('CreateThing', '', 'NOTHING', parameters),
    () => {
      meanwhile();
      return null;
    },
  );
  platform.addNative(
    'ThingTemplates',
    'AzureIoT.Device_TT',
    scriptService('GetInstanceMetadataAsJSON', '', 'JSON', {}),
    () => ({ propertyDefinitions: { hubThing: {}, deviceId: {} } }),
  );
  const wanted = { name: 'pump', deviceId: 'dev-1', template: 'AzureIoT.Device_TT', link: true };
  return await hub.call('CreateThings', `{request: {things: [${JSON.stringify(wanted)}]}}`);
}

test('a Thing that somebody else makes for another device meanwhile is none of this device', async (t) => {
  const hub = new ScriptHub(t, 'Hub');
  const { platform } = hub.fixture;
  const answer = await create(hub, () => {
    platform.addThing('pump', { hubThing: 'STRING', deviceId: 'STRING' });
    platform.addNative(
      'Things',
      'pump',
      scriptService('ImplementsShape', '', 'BOOLEAN', { thingShapeName: 'STRING' }),
      () => true,
    );
    platform.set('pump', 'hubThing', 'Hub');
    platform.set('pump', 'deviceId', 'dev-2');
    throw new Error('Thing [pump] already exists');
  });
  assert.deepEqual(answer, {
    created: [],
    linked: [],
    added: [],
    failed: [{ thing: 'pump', message: 'The Thing exists, and stands for the device dev-2.' }],
  });
});

test('a Thing that somebody removes while it is made is told in plain words', async (t) => {
  const answer = (await create(new ScriptHub(t, 'Hub'), () => undefined)) as { failed: unknown };
  assert.match(
    JSON.stringify(answer.failed),
    /"thing":"pump","message":"The Thing was made and is not visible: call GrantPermissions .*somebody has removed it/,
  );
});
