import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { deviceToken, type Harness, startHarness } from './state-harness.ts';

describe('quotas', () => {
  let hub: Harness;
  before(async () => {
    hub = await startHarness({ quotas: { tier: 'S1' } });
    await hub.registry.create({ deviceId: 'dev' });
  });
  after(async () => {
    await hub.stop();
  });

  test('are not kept until somebody asks for it', async () => {
    for (let count = 0; count < 150; count += 1)
      assert.equal((await hub.call('GET', '/devices/dev')).status, 200);
  });

  test('refuse with 429 what exceeds the rate of the tier, kind by kind', async () => {
    hub.state.quotas.throttle({ factor: 0.05 });
    try {
      const statuses = [];
      for (let count = 0; count < 8; count += 1)
        statuses.push((await hub.call('GET', '/devices/dev')).status);
      assert.equal(statuses.filter((status) => status === 200).length, 5);
      const refused = await hub.call('GET', '/devices/dev');
      assert.equal(refused.status, 429);
      assert.match(refused.json.Message, /^ErrorCode:ThrottlingException;/);
      assert.ok(Number(refused.headers['retry-after']) > 0);
      assert.equal(refused.headers['iothub-errorcode'], 'ThrottlingException');
      assert.equal((await hub.call('GET', '/twins/dev')).status, 200, 'twins have a rate of their own');
      await assert.rejects(hub.registry.get('dev'), { name: 'ThrottlingError' });
    } finally {
      hub.state.quotas.throttle(undefined);
    }
    assert.equal((await hub.call('GET', '/devices/dev')).status, 200);
  });

  test('count the messages of the day by their size', async () => {
    hub.state.quotas.throttle({ dailyMessages: 3 });
    try {
      const key = hub.state.identities.get('dev')?.authentication.symmetricKey.primaryKey ?? '';
      const send = (bytes: number) =>
        hub.call('POST', '/devices/dev/messages/events', {
          authorization: deviceToken('dev', key),
          raw: Buffer.alloc(bytes),
        });
      assert.equal((await send(5000)).status, 204);
      assert.equal((await send(10)).status, 204);
      const refused = await send(10);
      assert.equal(refused.status, 403);
      assert.match(refused.json.Message, /^ErrorCode:IotHubQuotaExceeded;/);
    } finally {
      hub.state.quotas.throttle(undefined);
    }
  });
});
