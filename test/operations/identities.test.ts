import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import type { Row } from '../../scripts/local/platform.ts';
import { Factory } from './factory.ts';

interface Table {
  readonly rows: Row[];
}

const THUMBPRINT = 'A'.repeat(40);

describe('keys and modules of devices', () => {
  const factory = new Factory();
  before(() => factory.start());
  after(() => factory.stop());
  const hub = <T = Row>(service: string, parameters: Row = {}) => factory.hub<T>(service, parameters);

  test('a key made anew is another one, and only that one', async () => {
    await hub('CreateDevice', { deviceId: 'keys' });
    const before = await hub('GetDeviceKeys', { deviceId: 'keys' });
    await hub('RegenerateDeviceKey', { deviceId: 'keys', key: 'secondary' });
    const now = await hub('GetDeviceKeys', { deviceId: 'keys' });
    assert.equal(now.primaryKey, before.primaryKey);
    assert.notEqual(now.secondaryKey, before.secondaryKey);
    await assert.rejects(
      hub('RegenerateDeviceKey', { deviceId: 'keys', key: 'third' }),
      /REQUEST_INVALID: key .*primary, secondary/,
    );
  });

  test('a device or module that has keys keeps them when it is to have keys', async () => {
    await hub('CreateDevice', { deviceId: 'kept' });
    await hub('CreateModule', { deviceId: 'kept', moduleId: 'inner' });
    const keys = () =>
      Promise.all([
        hub('GetDeviceKeys', { deviceId: 'kept' }),
        hub('GetDeviceKeys', { deviceId: 'kept', moduleId: 'inner' }),
      ]);
    const before = await keys();
    await hub('UpdateDevice', { deviceId: 'kept', authentication: 'sas', statusReason: 'checked' });
    await hub('UpdateModule', { deviceId: 'kept', moduleId: 'inner', authentication: 'sas' });
    assert.deepEqual(await keys(), before);
  });

  test('modules are created, listed, read and deleted', async () => {
    await hub('CreateDevice', { deviceId: 'host' });
    const module = { deviceId: 'host', moduleId: 'camera' };
    assert.equal((await hub('CreateModule', { ...module, managedBy: 'us' })).created, true);
    assert.equal((await hub('CreateModule', module)).created, false);
    const read = await hub('GetModule', module);
    assert.equal(read.managedBy, 'us');
    const { connectionString } = await hub('GetDeviceKeys', module);
    assert.match(String(connectionString), /;DeviceId=host;ModuleId=camera;SharedAccessKey=/);
    const { rows } = await hub<Table>('ListDeviceModules', { deviceId: 'host' });
    assert.deepEqual(
      rows.map(({ moduleId }) => moduleId),
      ['camera'],
    );
    assert.equal(await hub('DeleteModule', module), true);
    assert.equal(await hub('DeleteModule', module), false);
    await assert.rejects(hub('GetModule', module), /DEVICE_NOT_FOUND/);
    await assert.rejects(hub('UpdateModule', { ...module, managedBy: 'us' }), /DEVICE_NOT_FOUND/);
    await assert.rejects(hub('CreateModule', { ...module, deviceId: 'nowhere' }), /DEVICE_NOT_FOUND/);
  });

  test('a module is changed, and an old ETag is refused', async () => {
    const module = { deviceId: 'host', moduleId: 'pump' };
    const created = await hub('CreateModule', module);
    const { etag } = created.module as Row;
    const changed = await hub('UpdateModule', { ...module, managedBy: 'us', etag });
    assert.deepEqual([changed.managedBy, changed.authentication], ['us', 'sas']);
    await assert.rejects(hub('UpdateModule', { ...module, managedBy: 'them', etag }), /PRECONDITION_FAILED/);
    await assert.rejects(hub('DeleteModule', { ...module, etag }), /PRECONDITION_FAILED/);
    const { primaryKey } = await hub('GetDeviceKeys', module);
    await hub('RegenerateDeviceKey', { ...module, key: 'primary' });
    assert.notEqual((await hub('GetDeviceKeys', module)).primaryKey, primaryKey);
    const signed = await hub('UpdateModule', { ...module, primaryThumbprint: THUMBPRINT });
    assert.deepEqual([signed.authentication, signed.primaryThumbprint], ['selfSigned', THUMBPRINT]);
  });

  test('keys come back from GetDeviceKeys alone', async () => {
    const deviceId = 'secretive';
    const module = { deviceId, moduleId: 'part' };
    const answers = [
      await hub('CreateDevice', { deviceId, createThing: true }),
      await hub('CreateModule', module),
    ];
    const secrets: string[] = [];
    const remember = async () => {
      for (const target of [{ deviceId }, module]) {
        const { primaryKey, secondaryKey } = await hub('GetDeviceKeys', target);
        secrets.push(String(primaryKey), String(secondaryKey));
      }
    };
    await remember();
    for (const [service, parameters] of [
      ['GetDevice', { deviceId }],
      ['UpdateDevice', { deviceId, statusReason: 'x' }],
      ['DisableDevice', { deviceId }],
      ['EnableDevice', { deviceId }],
      ['RegenerateDeviceKey', { deviceId, key: 'primary' }],
      ['RegenerateDeviceKey', { ...module, key: 'secondary' }],
      ['GetModule', module],
      ['UpdateModule', { ...module, managedBy: 'us' }],
      ['ListDeviceModules', { deviceId }],
      ['ListDevices', {}],
      ['QueryTwins', { query: 'SELECT * FROM devices' }],
    ] as const)
      answers.push(await hub(service, parameters));
    answers.push(await factory.call(deviceId, 'GetTwin'));
    await remember();
    const text = JSON.stringify(answers);
    assert.equal(new Set(secrets).size, 6, 'two devices of two keys, and two that were made anew');
    for (const secret of secrets) assert.ok(!text.includes(secret));
  });

  test('an id of dots alone reaches nothing else', async () => {
    await factory.createDevice('dotted');
    await hub('CreateModule', { deviceId: 'dotted', moduleId: 'inner' });
    for (const moduleId of ['.', '..']) {
      const name = { deviceId: 'dotted', moduleId };
      await assert.rejects(hub('DeleteModule', name), /REQUEST_INVALID: moduleId .*not \. or \.\. alone/);
      await assert.rejects(
        hub('RegenerateDeviceKey', { ...name, key: 'primary' }),
        /REQUEST_INVALID: moduleId/,
      );
      await assert.rejects(
        hub('GetDevice', { deviceId: moduleId }),
        /REQUEST_INVALID: deviceId .*not \. or \.\. alone/,
      );
      for (const [service, parameters] of Object.entries({
        GetTwin: {},
        UpdateTwin: { tags: { a: 1 } },
        InvokeMethod: { methodName: 'x' },
      })) {
        const call = factory.call('dotted', service, { ...parameters, moduleId });
        await assert.rejects(call, /REQUEST_INVALID: moduleId .*not \. or \.\. alone/, service);
      }
    }
    await factory.system.platform.setProperties('dotted', { deviceId: '..' });
    await assert.rejects(
      factory.call('dotted', 'PurgeMessages'),
      /REQUEST_INVALID: deviceId .*not \. or \.\. alone/,
    );
    await assert.rejects(
      factory.call('dotted', 'SendProperties', { values: { a: 1 } }),
      /REQUEST_INVALID: deviceId .*not \. or \.\. alone/,
    );
    assert.equal((await hub<Table>('ListDeviceModules', { deviceId: 'dotted' })).rows.length, 1);
  });
});
