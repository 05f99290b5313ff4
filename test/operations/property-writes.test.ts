import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import type { Row } from '../../scripts/local/platform.ts';
import {
  implementation,
  property,
  shapeBlocks,
  template,
} from '../emulators/thingworx-tests/platform-support.ts';
import { eventually, Factory } from './factory.ts';

/** The line of docs/from-ptc.md. */
const LINE = 'me.SendProperties({ values: { setpoint: eventData.newValue.value }, background: true });';

describe('writing a property that reaches the device', () => {
  const factory = new Factory();
  before(() => factory.start());
  after(() => factory.stop());

  test('one write is one message, in order', async () => {
    const subscription = `<Subscription description="" enabled="true" eventName="DataChange" name="Send" source="" sourceProperty="setpoint" sourceType="Thing">${implementation('Send', LINE)}</Subscription>`;
    const blocks = shapeBlocks({ properties: property('setpoint', 'NUMBER'), subscriptions: subscription });
    const own = template('Test.Valve_TT', blocks);
    await factory.importEntities(own.replace('"GenericThing"', '"AzureIoT.Device_TT"'));
    await factory.hub('GrantPermissions', { template: 'Test.Valve_TT' });
    await factory.createDevice('valve', { thingTemplate: 'Test.Valve_TT' });
    const next = factory.inbox(await factory.connect('valve'));
    for (const setpoint of [20.5, 21, -3]) {
      await factory.system.platform.setProperties('valve', { setpoint });
      const message = await next();
      assert.deepEqual(JSON.parse(message.getData().toString()), { setpoint });
      assert.equal(message.contentType, 'application/json');
    }
  });

  test('what was asked for in the background goes out after the sidecar was killed', async () => {
    const things = ['valve-1', 'valve-2'];
    for (const thing of things) await factory.createDevice(thing);
    const next = factory.inbox(await factory.connect('valve-1'));
    // A change reads the twin before it writes; what else is asked for of the device waits behind it.
    await factory.control('/rest-faults', { method: 'GET', path: '^/twins/', delayMs: 60_000 });
    for (const [index, thing] of things.entries()) {
      const after = { setpoint: index, mode: { name: 'manual' } };
      await factory.call(thing, 'SynchronizeTwin', { property: 'twinDesired', before: {}, after });
    }
    await factory.call('valve-1', 'SendProperties', { values: { setpoint: 7 }, background: true });
    await factory.system.sidecar.kill();
    await factory.control('/faults', {});
    await factory.system.sidecar.start();
    for (const [index, thing] of things.entries()) {
      await eventually(async () => {
        const { properties } = await factory.call<{ properties: { desired: Row } }>(thing, 'GetTwin');
        const { setpoint, mode } = properties.desired;
        assert.deepEqual([setpoint, mode], [index, { name: 'manual' }]);
      });
    }
    assert.deepEqual(JSON.parse((await next()).getData().toString()), { setpoint: 7 });
  });
});
