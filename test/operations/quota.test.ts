import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import type { Row } from '../../scripts/local/platform.ts';
import { eventually, Factory, HUB_THING } from './factory.ts';

const EVENT_FIELDS = ['day', 'used', 'limit', 'percent', 'forecast', 'source', 'device', 'flooding', 'time'];

/** The use of the daily quota, with the whole product as it is installed. */
describe('the daily quota', () => {
  const factory = new Factory({ hubSettings: { tier: 'F1', unknownThing: 'ignore' } });
  before(async () => {
    await factory.start();
    await factory.listen(HUB_THING, 'QuotaWarning', EVENT_FIELDS);
  });
  after(() => factory.stop());

  const bySource = ({ sources }: Row): Record<string, number> =>
    Object.fromEntries(
      (sources as { rows: Row[] }).rows.map(({ source, messages }) => [String(source), Number(messages)]),
    );

  test('is counted by source and device, by the rules of IoT Hub', async () => {
    await factory.createDevice('press');
    const client = await factory.connect('press');
    client.onDeviceMethod('start', (_request, response) => void response.send(200, { done: true }));
    const device = await factory.system.addDevice('pump');
    for (const size of [10, 600, 1_400]) await device.send(JSON.stringify({ text: 'x'.repeat(size) }));
    await factory.call('press', 'InvokeMethod', { methodName: 'start', connectTimeoutSeconds: 20 });
    await factory.call('press', 'UpdateTwin', { desired: { speed: 1 } });
    await factory.call('press', 'SendMessage', { body: 'hello' });
    const use = await eventually(async () => {
      const found = await factory.hub('GetQuota');
      const { telemetry, method, message } = bySource(found);
      assert.deepEqual({ telemetry, method, message }, { telemetry: 6, method: 2, message: 1 });
      return found;
    });
    assert.ok(Number(bySource(use)['twin']) >= 1);
    assert.equal(use.limit, 8_000);
    assert.equal(use.day, new Date().toISOString().slice(0, 10));
    assert.ok(Number(use.forecast) >= Number(use.used));
    const devices = (use.devices as { rows: Row[] }).rows;
    assert.equal(devices.find(({ device: name }) => name === 'pump')?.messages, 6);
    // The status comes every few seconds.
    await eventually(async () => {
      const hub = await factory.read(HUB_THING);
      assert.equal(hub.quotaLimit, 8_000);
      assert.ok(Number(hub.quotaUsed) >= Number(use.used), `${hub.quotaUsed} of ${use.used}`);
    });
    const text = await (await fetch(`${factory.system.sidecar.url}/metrics`)).text();
    assert.match(
      text,
      new RegExp(`azure_iot_quota_used_messages\\{hub="${HUB_THING}",source="telemetry"\\} 6`),
    );
    assert.match(text, /azure_iot_quota_limit_messages\{.*\} 8000/);
  });

  test('is kept over a restart', async () => {
    const before = bySource(await factory.hub('GetQuota'));
    await factory.system.sidecar.stop();
    await factory.system.sidecar.start();
    await factory.system.waitForState('running');
    await eventually(async () => {
      const { telemetry, method, message } = bySource(await factory.hub('GetQuota'));
      assert.deepEqual(
        { telemetry, method, message },
        { telemetry: before['telemetry'], method: before['method'], message: before['message'] },
      );
    });
  });

  test('is warned of once a day, at 80 percent', async () => {
    assert.deepEqual(await factory.heard(HUB_THING, 'QuotaWarning'), []);
    const device = factory.system.devices.at(-1) ?? assert.fail('There is no device.');
    // 500 messages of 13 steps of 0.5 KB each.
    const body = JSON.stringify({ text: 'x'.repeat(12 * 512) });
    for (let i = 0; i < 500; i += 1) await device.send(body);
    const [warning] = await eventually(async () => {
      const heard = await factory.heard(HUB_THING, 'QuotaWarning');
      assert.equal(heard.length, 1);
      return heard;
    });
    assert.ok(Number(warning?.used) >= 6_400);
    assert.equal(warning?.limit, 8_000);
    assert.equal(warning?.source, 'telemetry');
    assert.equal(warning?.device, 'pump');
    await eventually(async () => {
      const { used, devices } = await factory.hub('GetQuota');
      assert.ok(Number(used) >= 6_506);
      assert.equal((devices as { rows: Row[] }).rows[0]?.device, 'pump');
    });
    await factory.system.status();
    assert.equal((await factory.heard(HUB_THING, 'QuotaWarning')).length, 1);
  });
});
