import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { type Harness, startHarness } from './state-harness.ts';

describe('identity registry over REST', () => {
  let hub: Harness;
  before(async () => {
    hub = await startHarness();
  });
  after(async () => {
    await hub.stop();
  });

  test('creates, reads, lists, updates and deletes a device with the service SDK', async () => {
    const created = (await hub.registry.create({ deviceId: 'dev-1' })).responseBody;
    assert.equal(created.deviceId, 'dev-1');
    assert.equal(created.status, 'enabled');
    assert.equal(Buffer.from(created.authentication?.symmetricKey?.primaryKey ?? '', 'base64').length, 32);
    const read = (await hub.registry.get('dev-1')).responseBody;
    assert.equal(read.etag, created.etag);
    const listed = (await hub.registry.list()).responseBody;
    assert.deepEqual(
      listed.map((device) => device.deviceId),
      ['dev-1'],
    );
    const updated = (
      await hub.registry.update({ deviceId: 'dev-1', status: 'disabled', statusReason: 'worn' })
    ).responseBody;
    assert.equal(updated.status, 'disabled');
    assert.equal(updated.statusReason, 'worn');
    assert.notEqual(updated.etag, created.etag);
    assert.deepEqual(hub.wire.cut, ['dev-1']);
    await hub.registry.delete('dev-1');
    await assert.rejects(hub.registry.get('dev-1'), { name: 'DeviceNotFoundError' });
  });
});
