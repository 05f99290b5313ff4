import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { selfSignedClient } from '../authority.ts';
import { DialAgent, deviceToken, type Harness, serviceToken, startHarness } from './state-harness.ts';

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
    assert.equal(read.generationId, created.generationId);
    const listed = (await hub.registry.list()).responseBody;
    assert.ok(listed.some((device) => device.deviceId === 'dev-1'));
    const updated = (
      await hub.registry.update({ deviceId: 'dev-1', status: 'disabled', statusReason: 'worn' })
    ).responseBody;
    assert.equal(updated.status, 'disabled');
    assert.equal(updated.statusReason, 'worn');
    assert.notEqual(updated.etag, created.etag);
    assert.equal(
      updated.authentication?.symmetricKey?.primaryKey === created.authentication?.symmetricKey?.primaryKey,
      false,
      'the SDK sends empty keys with an update, for which the hub makes new ones',
    );
    assert.ok(hub.wire.cut.includes('dev-1'));
    await hub.registry.delete('dev-1');
    await assert.rejects(hub.registry.get('dev-1'), { name: 'DeviceNotFoundError' });
    const again = (await hub.registry.create({ deviceId: 'dev-1' })).responseBody;
    assert.notEqual(again.generationId, created.generationId);
  });

  test('refuses a second device of the same id, malformed ids and a body that contradicts the address', async () => {
    await hub.registry.create({ deviceId: 'twice' });
    await assert.rejects(hub.registry.create({ deviceId: 'twice' }), { name: 'DeviceAlreadyExistsError' });
    await assert.rejects(hub.registry.create({ deviceId: 'not/allowed' }), { name: 'ArgumentError' });
    const answer = await hub.call('PUT', '/devices/one', { body: { deviceId: 'two' } });
    assert.equal(answer.status, 400);
    assert.match(answer.json.Message, /^ErrorCode:ArgumentInvalid;/);
    assert.match(answer.json.ExceptionMessage, /^Tracking ID:[0-9a-f]{32}-G:\d+-TimeStamp:/);
    assert.equal(answer.headers['iothub-errorcode'], 'ArgumentInvalid');
  });

  test('holds updates and deletions to the etag', async () => {
    const { json: device } = await hub.call('PUT', '/devices/etag', { body: { deviceId: 'etag' } });
    const stale = await hub.call('PUT', '/devices/etag', {
      body: { deviceId: 'etag', status: 'disabled' },
      headers: { 'If-Match': '"AAAA"' },
    });
    assert.equal(stale.status, 412);
    assert.match(stale.json.Message, /^ErrorCode:PreconditionFailed;/);
    const fresh = await hub.call('PUT', '/devices/etag', {
      body: { deviceId: 'etag', status: 'disabled' },
      headers: { 'If-Match': `"${device.etag}"` },
    });
    assert.equal(fresh.status, 200);
    assert.equal(fresh.headers.etag, `"${fresh.json.etag}"`);
    assert.equal((await hub.call('DELETE', '/devices/etag', { headers: { 'If-Match': '"x"' } })).status, 412);
    assert.equal((await hub.call('DELETE', '/devices/etag', { headers: { 'If-Match': '"*"' } })).status, 204);
    const gone = await hub.call('DELETE', '/devices/etag', { headers: { 'If-Match': '*' } });
    assert.equal(gone.status, 404);
    assert.equal(gone.headers['iothub-errorcode'], 'DeviceNotFound');
  });

  test('adds, updates and removes devices in bulk, and tells what failed', async () => {
    const devices = Array.from({ length: 100 }, (_, index) => ({ deviceId: `bulk-${index}` }));
    const added = (await hub.registry.addDevices(devices)).responseBody;
    assert.deepEqual(added, { isSuccessful: true, errors: [], warnings: [] });
    const disabled = devices.slice(0, 10).map((device) => ({ ...device, status: 'disabled' as const }));
    const changed = (await hub.registry.updateDevices(disabled, true)).responseBody;
    assert.equal(changed.isSuccessful, true);
    assert.equal((await hub.registry.get('bulk-3')).responseBody.status, 'disabled');
    const mixed = await hub.call('POST', '/devices', {
      body: [
        { id: 'bulk-0', importMode: 'create' },
        { id: 'bulk-new', importMode: 'create', tags: { floor: 3 } },
        { id: 'nobody', importMode: 'deleteIfMatchETag', eTag: 'x' },
      ],
    });
    assert.equal(mixed.status, 400);
    assert.deepEqual(
      mixed.json.errors.map((error: { deviceId: string; errorCode: string }) => [
        error.deviceId,
        error.errorCode,
      ]),
      [
        ['bulk-0', 'DeviceAlreadyExists'],
        ['nobody', 'DeviceNotFound'],
      ],
    );
    assert.equal((await hub.call('GET', '/twins/bulk-new')).json.tags.floor, 3);
    await hub.registry.removeDevices(devices, true);
    await assert.rejects(hub.registry.get('bulk-50'), { name: 'DeviceNotFoundError' });
    const tooMany = await hub.call('POST', '/devices', {
      body: Array.from({ length: 101 }, (_, index) => ({ id: `x${index}`, importMode: 'create' })),
    });
    assert.equal(tooMany.status, 400);
    const doubled = await hub.call('POST', '/devices', { body: [{ id: 'same' }, { id: 'same' }] });
    assert.match(doubled.json.Message, /DeviceDefinedMultipleTimes/);
  });

  test('counts devices', async () => {
    const before = (await hub.registry.getRegistryStatistics()).responseBody;
    await hub.registry.create({ deviceId: 'counted', status: 'disabled' });
    const after = (await hub.registry.getRegistryStatistics()).responseBody;
    assert.equal(after.totalDeviceCount, before.totalDeviceCount + 1);
    assert.equal(after.disabledDeviceCount, before.disabledDeviceCount + 1);
    hub.state.identities.setConnectionState('counted', undefined, 'Connected');
    assert.deepEqual((await hub.call('GET', '/statistics/service')).json, { connectedDeviceCount: 1 });
    assert.equal((await hub.registry.get('counted')).responseBody.connectionState, 'Connected');
    hub.state.identities.setConnectionState('counted', undefined, 'Disconnected');
  });

  test('keeps modules with their device', async () => {
    await hub.registry.create({ deviceId: 'host' });
    const module = (await hub.registry.addModule({ deviceId: 'host', moduleId: 'camera' })).responseBody;
    assert.equal(module.moduleId, 'camera');
    await assert.rejects(hub.registry.addModule({ deviceId: 'host', moduleId: 'camera' }), {
      name: 'DeviceAlreadyExistsError',
    });
    await assert.rejects(hub.registry.addModule({ deviceId: 'nobody', moduleId: 'camera' }), {
      name: 'DeviceNotFoundError',
    });
    const read = (await hub.registry.getModule('host', 'camera')).responseBody;
    await hub.registry.updateModule({ ...read, managedBy: 'me' });
    await assert.rejects(hub.registry.updateModule({ ...read, managedBy: 'you' }), {
      name: 'InvalidEtagError',
    });
    const modules = (await hub.registry.getModulesOnDevice('host')).responseBody;
    assert.deepEqual(
      modules.map((entry) => [entry.moduleId, entry.managedBy]),
      [['camera', 'me']],
    );
    await hub.registry.removeModule('host', 'camera');
    const gone = await hub.call('GET', '/devices/host/modules/camera');
    assert.equal(gone.status, 404);
    assert.match(gone.json.Message, /^ErrorCode:ModuleNotFound;/);
    await hub.registry.addModule({ deviceId: 'host', moduleId: 'second' });
    await hub.registry.delete('host');
    assert.ok(hub.wire.cut.includes('host/second'));
  });

  test('makes Edge devices with system modules and scopes for their children', async () => {
    // The SDK's types do not know scopes, its requests carry them.
    const create = async (device: Record<string, unknown>) =>
      (await hub.registry.create(device as { deviceId: string })).responseBody as unknown as {
        deviceScope: string;
        parentScopes?: string[];
      };
    const edge = await create({ deviceId: 'gate', capabilities: { iotEdge: true } });
    assert.match(edge.deviceScope, /^ms-azure-iot-edge:\/\/gate-\d+$/);
    const modules = (await hub.registry.getModulesOnDevice('gate')).responseBody;
    assert.deepEqual(
      modules.map((module) => module.moduleId),
      ['$edgeAgent', '$edgeHub'],
    );
    const leaf = await create({ deviceId: 'leaf', deviceScope: edge.deviceScope });
    assert.deepEqual(leaf.parentScopes, [edge.deviceScope]);
    const child = await create({
      deviceId: 'child-gate',
      capabilities: { iotEdge: true },
      parentScopes: [edge.deviceScope],
    });
    assert.deepEqual(child.parentScopes, [edge.deviceScope]);
    assert.notEqual(child.deviceScope, edge.deviceScope);
    const wrong = await hub.call('PUT', '/devices/orphan', {
      body: { deviceId: 'orphan', deviceScope: 'nonsense' },
    });
    assert.equal(wrong.status, 400);
    assert.match(wrong.json.Message, /InvalidDeviceScope/);
  });

  test('registers certificates and lets their owner in', async () => {
    const pair = await selfSignedClient('cert-dev');
    const { X509Certificate } = await import('node:crypto');
    const thumbprint = new X509Certificate(pair.certificate).fingerprint.replaceAll(':', '');
    await hub.registry.create({
      deviceId: 'cert-dev',
      authentication: { x509Thumbprint: { primaryThumbprint: thumbprint } },
    });
    const read = await hub.call('GET', '/devices/cert-dev');
    assert.equal(read.json.authentication.type, 'selfSigned');
    assert.deepEqual(read.json.authentication.symmetricKey, { primaryKey: null, secondaryKey: null });
    const path = '/devices/cert-dev/messages/events';
    const own = new DialAgent(hub.port, hub.authority.ca, { cert: pair.certificate, key: pair.key });
    const sent = await hub.call('POST', path, { authorization: '', raw: Buffer.from('{}'), agent: own });
    own.destroy();
    assert.equal(sent.status, 204);
    const bare = await hub.call('POST', path, { authorization: '', raw: Buffer.from('{}') });
    assert.equal(bare.status, 401);

    await hub.call('PUT', '/devices/ca-dev', { body: { authentication: { type: 'certificateAuthority' } } });
    const issued = await hub.authority.issueClient('ca-dev');
    const agent = new DialAgent(hub.port, hub.authority.ca, { cert: issued.certificate, key: issued.key });
    const byCa = await hub.call('POST', '/devices/ca-dev/messages/events', {
      authorization: '',
      raw: Buffer.from('{}'),
      agent,
    });
    agent.destroy();
    assert.equal(byCa.status, 204);
    const bad = await hub.call('PUT', '/devices/bad', {
      body: { authentication: { type: 'selfSigned', x509Thumbprint: { primaryThumbprint: 'zz' } } },
    });
    assert.equal(bad.status, 400);
  });

  test('tells its services what happened to identities', async () => {
    hub.wire.events.length = 0;
    await hub.registry.create({ deviceId: 'story' });
    hub.state.identities.setConnectionState('story', undefined, 'Connected');
    hub.state.identities.setConnectionState('story', undefined, 'Disconnected');
    await hub.registry.delete('story');
    const seen = hub.wire.events.map((event) => [event.source, event.properties.application.opType]);
    assert.deepEqual(seen, [
      ['deviceLifecycleEvents', 'createDeviceIdentity'],
      ['deviceConnectionStateEvents', 'deviceConnected'],
      ['deviceConnectionStateEvents', 'deviceDisconnected'],
      ['deviceLifecycleEvents', 'deleteDeviceIdentity'],
    ]);
    const bodies = hub.wire.events.map((event) => JSON.parse(Buffer.from(event.body).toString('utf8')));
    assert.equal(bodies[0].deviceId, 'story');
    assert.equal(bodies[0].etag, 'AAAAAAAAAAE=');
    assert.equal(bodies[0].version, 2);
    assert.equal(bodies[0].properties.desired.$version, 1);
    assert.match(bodies[1].sequenceNumber, /^[0-9A-F]{64}$/);
    assert.ok(bodies[2].sequenceNumber > bodies[1].sequenceNumber);
    const first = hub.wire.events[0];
    assert.equal(first?.properties.application['iothub-message-schema'], 'deviceLifecycleNotification');
    assert.equal(first?.properties.application.hubName, 'localhost');
    assert.equal(first?.properties.userId, 'localhost');
    assert.equal(first?.properties.contentType, 'application/json');
  });

  test('checks tokens, rights, versions and addresses', async () => {
    assert.equal((await hub.call('GET', '/devices/x', { authorization: '' })).status, 401);
    assert.equal((await hub.call('GET', '/devices/x', { policy: 'device' })).status, 401);
    assert.equal((await hub.call('GET', '/devices/x', { policy: 'registryRead' })).status, 404);
    const readOnly = await hub.call('PUT', '/devices/x', { policy: 'registryRead', body: {} });
    assert.equal(readOnly.status, 401);
    assert.match(readOnly.json.Message, /^ErrorCode:IotHubUnauthorizedAccess;/);
    const expired = serviceToken(hub.policies, 'iothubowner', 'localhost', -10);
    assert.equal((await hub.call('GET', '/devices/x', { authorization: expired })).status, 401);
    assert.equal((await hub.call('GET', '/devices/x?api-version=nonsense')).status, 400);
    assert.equal((await hub.call('GET', '/nowhere')).status, 404);
    assert.equal((await hub.call('PATCH', '/devices/x', { body: {} })).status, 405);
    const text = await hub.call('PUT', '/devices/x', { raw: Buffer.from('{"broken"') });
    assert.match(text.json.Message, /^ErrorCode:IotHubFormatError;/);
    const { json: device } = await hub.call('PUT', '/devices/self', { body: {} });
    const own = deviceToken('self', device.authentication.symmetricKey.primaryKey);
    assert.equal((await hub.call('GET', '/devices/self', { authorization: own })).status, 401);
    const other = await hub.call('POST', '/devices/x/messages/events', {
      authorization: own,
      raw: Buffer.from('1'),
    });
    assert.equal(other.status, 401);
  });

  test('does what a fault rule says', async () => {
    hub.faults.addRule({ path: '/devices/', status: 429, errorCode: 429001, retryAfterSeconds: 7, count: 1 });
    const throttled = await hub.call('GET', '/devices/x');
    assert.equal(throttled.status, 429);
    assert.equal(throttled.headers['retry-after'], '7');
    assert.match(throttled.json.Message, /^ErrorCode:ThrottlingException;/);
    hub.faults.addRule({ cut: 'before', count: 1 });
    await assert.rejects(hub.call('GET', '/devices/x'));
    hub.faults.addRule({ cut: 'half', count: 1 });
    await assert.rejects(hub.call('GET', '/devices/self'));
    assert.equal((await hub.call('GET', '/devices/self')).status, 200);
  });
});
