import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import type { HubClients } from '../../../sidecar/azure/iot-hub/hub-clients.ts';
import type { IotHubEmulator } from '../../emulators/iothub/emulator.ts';
import { range } from '../helpers.ts';
import { startTrustedHub } from './hub-emulator.ts';
import { openClients } from './hub-support.ts';

describe('identity registry', () => {
  let hub: IotHubEmulator;
  let clients: HubClients;
  before(async () => {
    hub = await startTrustedHub();
    clients = await openClients(hub);
  });
  after(async () => {
    await clients.close();
    await hub.stop();
  });

  test('create, read, change, disable, enable, delete a device; no keys but where they are asked for', async () => {
    const { registry } = clients;
    const created = await registry.createDevice({ deviceId: 'dev-1', capabilities: { iotEdge: true } });
    assert.equal(created.status, 'enabled');
    assert.equal(created.capabilities.iotEdge, true);
    assert.ok(created.deviceScope);
    assert.deepEqual(created.authentication, { type: 'sas' });
    const keys = await registry.deviceKeys('dev-1');
    assert.ok(keys.primaryKey && keys.secondaryKey);
    assert.doesNotMatch(
      JSON.stringify(await registry.device('dev-1')),
      new RegExp(keys.primaryKey.slice(0, 10).replace(/[+/]/g, '.')),
    );

    const disabled = await registry.disableDevice('dev-1', 'repair');
    assert.equal(disabled.status, 'disabled');
    assert.equal(disabled.statusReason, 'repair');
    const enabled = await registry.enableDevice('dev-1');
    assert.equal(enabled.status, 'enabled');
    assert.equal(enabled.capabilities.iotEdge, true, 'what was not named stays');
    assert.deepEqual(await registry.deviceKeys('dev-1'), keys, 'keys stay');

    await registry.deleteDevice('dev-1');
    await assert.rejects(registry.device('dev-1'), { code: 'DEVICE_NOT_FOUND' });
    await assert.rejects(registry.device('dev-1'), { code: 'DEVICE_NOT_FOUND', message: /dev-1/ });
    await assert.rejects(registry.deleteDevice('dev-1'), { code: 'DEVICE_NOT_FOUND' });
  });

  test('every way to prove itself', async () => {
    const { registry } = clients;
    const primaryThumbprint = 'A'.repeat(40);
    const self = await registry.createDevice({
      deviceId: 'x509-self',
      authentication: {
        type: 'selfSigned',
        x509Thumbprint: { primaryThumbprint, secondaryThumbprint: 'b'.repeat(64) },
      },
    });
    assert.equal(self.authentication.type, 'selfSigned');
    assert.equal(self.authentication.x509Thumbprint?.primaryThumbprint?.toUpperCase(), primaryThumbprint);
    const ca = await registry.createDevice({
      deviceId: 'x509-ca',
      authentication: { type: 'certificateAuthority' },
    });
    assert.deepEqual(ca.authentication, { type: 'certificateAuthority' });
    await assert.rejects(registry.deviceKeys('x509-ca'), {
      code: 'AZURE_REJECTED',
      message: /certificateAuthority/,
    });
    const primaryKey = Buffer.alloc(32, 1).toString('base64');
    const secondaryKey = Buffer.alloc(32, 2).toString('base64');
    await registry.createDevice({
      deviceId: 'own-keys',
      authentication: { type: 'sas', symmetricKey: { primaryKey, secondaryKey } },
    });
    assert.deepEqual(await registry.deviceKeys('own-keys'), { primaryKey, secondaryKey });
  });

  test('a key made anew replaces one and leaves the other', async () => {
    const { registry } = clients;
    await registry.createDevice({ deviceId: 'rolling' });
    const before = await registry.deviceKeys('rolling');
    const after = await registry.regenerateDeviceKey('rolling', 'primary');
    assert.notEqual(after.primaryKey, before.primaryKey);
    assert.equal(after.secondaryKey, before.secondaryKey);
    assert.deepEqual(await registry.deviceKeys('rolling'), after);
    const last = await registry.regenerateDeviceKey('rolling', 'secondary');
    assert.equal(last.primaryKey, after.primaryKey);
    assert.notEqual(last.secondaryKey, after.secondaryKey);
  });

  test('an ETag that no longer holds is refused; without one racing changes all take effect', async () => {
    const { registry } = clients;
    const { etag } = await registry.createDevice({ deviceId: 'raced' });
    await registry.disableDevice('raced', 'first');
    await assert.rejects(registry.enableDevice('raced', { etag }), { code: 'PRECONDITION_FAILED' });
    await assert.rejects(registry.deleteDevice('raced', { etag }), { code: 'PRECONDITION_FAILED' });
    await Promise.all([
      registry.updateDevice('raced', { statusReason: 'second' }),
      registry.regenerateDeviceKey('raced', 'primary'),
      registry.enableDevice('raced'),
    ]);
    assert.equal((await registry.device('raced')).status, 'enabled');
    const current = await registry.device('raced');
    await registry.deleteDevice('raced', { etag: current.etag });
  });

  test('existing ids, malformed ids and ids with every character', async () => {
    const { registry } = clients;
    const deviceId = "All-:.+%_#*?!(),=@$'0aZ";
    await registry.createDevice({ deviceId });
    assert.equal((await registry.device(deviceId)).deviceId, deviceId);
    await assert.rejects(registry.createDevice({ deviceId }), { code: 'DEVICE_EXISTS' });
    await assert.rejects(registry.createDevice({ deviceId: 'no spaces' }), { code: 'AZURE_REJECTED' });
    await registry.deleteDevice(deviceId);
  });

  test('modules', async () => {
    const { registry, modules } = clients;
    await registry.createDevice({ deviceId: 'edge', capabilities: { iotEdge: true } });
    const created = await modules.createModule({
      deviceId: 'edge',
      moduleId: 'filter',
      managedBy: 'somebody',
    });
    assert.equal(created.managedBy, 'somebody');
    assert.deepEqual(created.authentication, { type: 'sas' });
    assert.equal((await modules.module('edge', 'filter')).moduleId, 'filter');
    assert.ok((await modules.modules('edge')).some(({ moduleId }) => moduleId === 'filter'));
    const keys = await modules.moduleKeys('edge', 'filter');
    const renewed = await modules.regenerateModuleKey('edge', 'filter', 'secondary');
    assert.equal(renewed.primaryKey, keys.primaryKey);
    const changed = await modules.updateModule('edge', 'filter', { managedBy: 'another' });
    assert.equal(changed.managedBy, 'another');
    await assert.rejects(modules.createModule({ deviceId: 'edge', moduleId: 'filter' }), {
      code: 'DEVICE_EXISTS',
    });
    await modules.deleteModule('edge', 'filter');
    await assert.rejects(modules.module('edge', 'filter'), { code: 'DEVICE_NOT_FOUND' });
    await assert.rejects(modules.createModule({ deviceId: 'nobody', moduleId: 'm' }), {
      code: 'DEVICE_NOT_FOUND',
    });
  });

  test('bulk: what fails does not fail the rest', async () => {
    await clients.registry.createDevice({ deviceId: 'bulk-7' });
    const results = await clients.bulkDevices(
      'create',
      range(10).map((index) => ({ deviceId: `bulk-${index}` })),
    );
    assert.deepEqual(
      results.map(({ deviceId }) => deviceId),
      range(10).map((index) => `bulk-${index}`),
    );
    const failed = results.filter(({ done }) => !done);
    assert.deepEqual(
      failed.map(({ deviceId }) => deviceId),
      ['bulk-7'],
    );
    assert.match(String(failed[0]?.errorCode), /DeviceAlreadyExists|409001/);
    const deleted = await clients.bulkDevices(
      'delete',
      range(10).map((index) => ({ deviceId: `bulk-${index}` })),
    );
    assert.ok(deleted.every(({ done }) => done));
    assert.deepEqual(await clients.bulkDevices('create', []), []);
    await assert.rejects(
      clients.bulkDevices(
        'create',
        range(101).map((index) => ({ deviceId: `x-${index}` })),
      ),
      { code: 'REQUEST_INVALID' },
    );
  });

  test('statistics', async () => {
    const { totalDeviceCount, enabledDeviceCount, disabledDeviceCount } = await clients.registry.statistics();
    assert.equal(totalDeviceCount, enabledDeviceCount + disabledDeviceCount);
    assert.equal(await clients.registry.connectedDeviceCount(), 0);
  });

  test('a policy without the right is told which one is missing', async () => {
    const device = await openClients(hub, 'device');
    await assert.rejects(device.registry.device('dev-1'), {
      code: 'AZURE_UNAUTHORIZED',
      message: /RegistryRead/,
    });
    await device.close();
    const reader = await openClients(hub, 'registryRead');
    await assert.rejects(reader.registry.createDevice({ deviceId: 'no' }), {
      code: 'AZURE_UNAUTHORIZED',
      message: /RegistryWrite/,
    });
    await reader.close();
  });
});
