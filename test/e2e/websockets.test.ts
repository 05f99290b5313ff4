import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { HUB_THING, LocalSystem } from '../../scripts/local/system.ts';
import { eventually } from './observe.ts';

describe('a hub Thing behind a firewall that lets only port 443 through', () => {
  const system = new LocalSystem({
    devices: 1,
    localCheckpoints: true,
    hubSettings: { amqpTransport: 'amqp-websockets' },
  });
  before(() => system.start());
  after(() => system.stop());

  const arrives = async (count: number) => {
    const [machine] = system.devices;
    assert.ok(machine);
    await machine.send(JSON.stringify({ count }));
    await eventually(async () => {
      assert.equal((await system.platform.properties(machine.deviceId))['count'], count);
    });
  };

  test('telemetry arrives in WebSockets, and over AMQP again when the setting changes', async () => {
    await arrives(1);
    await system.platform.setProperties(HUB_THING, { amqpTransport: 'amqp' });
    await system.platform.invoke(HUB_THING, 'Connect');
    await system.waitForState('running');
    await arrives(2);
  });
});
