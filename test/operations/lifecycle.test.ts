import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import type { Row } from '../../scripts/local/platform.ts';
import { eventually, Factory, HUB_THING } from './factory.ts';

describe('devices that come and go', () => {
  const factory = new Factory({
    builtInSources: ['twinChangeEvents', 'deviceConnectionStateEvents', 'deviceLifecycleEvents'],
  });
  before(() => factory.start());
  after(() => factory.stop());

  test('connections show on the Thing and fire an event', async () => {
    await factory.createDevice('linked');
    await factory.listen('linked', 'DeviceConnectionChanged');
    const client = await factory.connect('linked');
    await eventually(async () => assert.equal((await factory.read('linked')).connectionState, 'Connected'));
    await client.close();
    await eventually(async () =>
      assert.equal((await factory.read('linked')).connectionState, 'Disconnected'),
    );
    await eventually(async () => {
      const events = await factory.heard('linked', 'DeviceConnectionChanged');
      assert.deepEqual(
        events.map(({ state }) => state),
        ['Connected', 'Disconnected'],
      );
    });
    assert.ok(Number((await factory.read('linked')).lastActivityTime) > 0);
  });

  test('life cycle makes and removes Things as set, and fires an event of the hub Thing', async () => {
    const { platform } = factory.system;
    await factory.listen(HUB_THING, 'DeviceLifecycle');
    await platform.setProperties(HUB_THING, { deviceLifecycle: 'create-and-delete' });
    // A changed setting is sent in the background; a device that is created before it has arrived gets no Thing.
    await factory.hub('Connect');
    await factory.hub('CreateDevice', { deviceId: 'born' });
    await eventually(async () => assert.equal((await factory.read('born')).hubThing, HUB_THING));
    await factory.hub('DeleteDevice', { deviceId: 'born' });
    await eventually(() => assert.rejects(factory.read('born'), /404/));
    await eventually(async () => {
      const events = await factory.heard(HUB_THING, 'DeviceLifecycle');
      assert.deepEqual(
        events.filter(({ deviceId }) => deviceId === 'born').map(({ operation }) => operation),
        ['created', 'deleted'],
      );
    });
    // A device that has a Thing of another name gets no second one.
    const named = { deviceId: 'named', thingName: 'Line4.Named' };
    await factory.createDevice('named', { ...named, createIdentity: false });
    await factory.hub('CreateDevice', { deviceId: 'named' });
    await eventually(async () => {
      const events = await factory.heard(HUB_THING, 'DeviceLifecycle');
      assert.ok(events.some(({ deviceId, operation }) => deviceId === 'named' && operation === 'created'));
    });
    await assert.rejects(factory.read('named'), /404/);
    await platform.setProperties(HUB_THING, { deviceLifecycle: 'keep' });
    await factory.hub('Connect');
  });

  test('a Thing that was disabled with its device is enabled with it again', async () => {
    const { platform } = factory.system;
    await platform.setProperties(HUB_THING, { deviceLifecycle: 'create-and-disable' });
    await factory.hub('Connect');
    const isEnabled = (thing: string) => factory.call<boolean>(thing, 'IsEnabled');
    await factory.hub('CreateDevice', { deviceId: 'back' });
    await eventually(async () => assert.equal(await isEnabled('back'), true));
    await factory.hub('DeleteDevice', { deviceId: 'back' });
    await eventually(async () => assert.equal(await isEnabled('back'), false));
    // Of the same name, but no business of this hub.
    await platform.createThing('foreign', 'AzureIoT.Device_TT');
    await factory.call('foreign', 'DisableThing');
    await factory.hub('CreateDevice', { deviceId: 'foreign' });
    await factory.hub('CreateDevice', { deviceId: 'back' });
    await factory.call('back', 'UpdateTwin', { desired: { returned: true } }).catch(() => undefined);
    await eventually(async () => assert.equal(await isEnabled('back'), true));
    await factory.call('back', 'UpdateTwin', { desired: { returned: 2 } });
    await eventually(async () => assert.equal(((await factory.read('back')).twinDesired as Row).returned, 2));
    assert.equal(await isEnabled('foreign'), false);
    await platform.setProperties(HUB_THING, { deviceLifecycle: 'keep' });
    await factory.hub('Connect');
  });
});
