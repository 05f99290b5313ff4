import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { HUB_THING } from '../../scripts/local/system.ts';
import { accounts, eventually, readingsOf } from './observe.ts';
import { WatchedSystem } from './watched-system.ts';

/** What `npm start` does, and every value at the end of it. */
describe('the delivery pipeline from device to Thing', () => {
  const system = new WatchedSystem({ devices: 3 });
  const messages = 40;

  before(async () => {
    await system.start();
    for (let count = 0; count < messages; count += 1) {
      await Promise.all(system.devices.map((device) => device.sendReading()));
    }
  });
  after(() => system.stop());

  test('delivers every message', async () => {
    const sent = messages * system.devices.length;
    await eventually(async () => assert.equal((await accounts(system)).delivered, sent));
    const { received, ignored, deadLettered, released, inFlight } = await accounts(system);
    assert.deepEqual(
      { received, ignored, deadLettered, released, inFlight },
      { received: sent, ignored: 0, deadLettered: 0, released: 0, inFlight: 0 },
    );
  });

  test('brings every value that every device sent, in order, with the time the device sent it', async () => {
    for (const device of system.devices) {
      const readings = await readingsOf(system, device.deviceId);
      assert.deepEqual(
        readings.map(({ values }) => values),
        device.sent,
      );
      const times = readings.map(({ timeMs }) => timeMs);
      assert.deepEqual(
        times,
        times.toSorted((a, b) => a - b),
      );
    }
  });

  test('leaves the last values on the Things', async () => {
    for (const device of system.devices) {
      const values = await system.platform.properties(device.deviceId);
      for (const [name, value] of Object.entries(device.sent.at(-1) ?? {}))
        assert.equal(values[name], value, name);
    }
  });

  test('shows status and numbers on the hub Thing itself', async () => {
    await eventually(async () => {
      const hub = await system.platform.properties(HUB_THING);
      assert.equal(hub['connectionStatus'], 'running');
      assert.equal(hub['messagesDelivered'], messages * system.devices.length);
    });
  });

  test('is ready, and its metrics add up', async () => {
    const ready = await fetch(`${system.sidecar.url}/health/ready`);
    assert.equal(ready.status, 200, await ready.text());
    const metrics = await (await fetch(`${system.sidecar.url}/metrics`)).text();
    const value = (account: string) =>
      Number(
        new RegExp(`azure_iot_messages_total\\{hub="${HUB_THING}",account="${account}"\\} (\\d+)`).exec(
          metrics,
        )?.[1],
      );
    assert.equal(
      value('received'),
      value('delivered') + value('ignored') + value('deadLettered') + value('released'),
    );
  });
});
