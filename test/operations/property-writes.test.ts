import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import {
  implementation,
  property,
  shapeBlocks,
  template,
} from '../emulators/thingworx-tests/platform-support.ts';
import { Factory } from './factory.ts';

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
});
