import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import type { Row } from '../../scripts/local/platform.ts';
import { eventually, Factory, HUB_THING } from './factory.ts';

interface Table {
  readonly rows: Row[];
}

/** The id and the rows of a table without what differs from run to run. */
function ids({ rows }: Table): string[] {
  return rows.map(({ deviceId }) => String(deviceId)).sort();
}

const THUMBPRINT = 'A'.repeat(40);

describe('the device registry', () => {
  const factory = new Factory();
  before(() => factory.start());
  after(() => factory.stop());
  const hub = <T = Row>(service: string, parameters: Row = {}) => factory.hub<T>(service, parameters);

  test('a device is created once, read, and never shows its keys', async () => {
    const first = await hub('CreateDevice', { deviceId: 'plain' });
    assert.equal(first.created, true);
    assert.equal(first.thingCreated, false);
    const again = await hub('CreateDevice', { deviceId: 'plain' });
    assert.equal(again.created, false);
    const device = await hub('GetDevice', { deviceId: 'plain' });
    assert.equal(device.deviceId, 'plain');
    assert.equal(device.status, 'enabled');
    assert.equal(device.authentication, 'sas');
    assert.equal(device.iotEdge, false);
    const { primaryKey } = await hub('GetDeviceKeys', { deviceId: 'plain' });
    assert.ok(String(primaryKey).length > 20);
    for (const answer of [first, again, device])
      assert.ok(!JSON.stringify(answer).includes(String(primaryKey)));
  });

  test('ids with every allowed character survive the way', async () => {
    const deviceId = "a-:.+%_#*?!(),=@$'b";
    await hub('CreateDevice', { deviceId });
    assert.equal((await hub('GetDevice', { deviceId })).deviceId, deviceId);
    assert.deepEqual(await hub('DeleteDevice', { deviceId }), { deleted: true, thingDeleted: false });
  });

  test('certificates replace keys', async () => {
    await hub('CreateDevice', { deviceId: 'self', primaryThumbprint: THUMBPRINT });
    const self = await hub('GetDevice', { deviceId: 'self' });
    assert.equal(self.authentication, 'selfSigned');
    assert.equal(self.primaryThumbprint, THUMBPRINT);
    await hub('CreateDevice', { deviceId: 'signed', authentication: 'certificateAuthority' });
    assert.equal((await hub('GetDevice', { deviceId: 'signed' })).authentication, 'certificateAuthority');
    await assert.rejects(
      hub('GetDeviceKeys', { deviceId: 'signed' }),
      /AZURE_REJECTED: The device signed has no keys/,
    );
    await assert.rejects(
      hub('CreateDevice', { deviceId: 'x', authentication: 'selfSigned' }),
      /REQUEST_INVALID: primaryThumbprint is missing/,
    );
    await assert.rejects(
      hub('CreateDevice', { deviceId: 'x', primaryThumbprint: 'short' }),
      /REQUEST_INVALID: primaryThumbprint .*hexadecimal/,
    );
  });

  test('a device may be the child of an Edge device', async () => {
    await hub('CreateDevice', { deviceId: 'gateway', iotEdge: true });
    const { deviceScope } = await hub('GetDevice', { deviceId: 'gateway' });
    await hub('CreateDevice', { deviceId: 'leaf', parentDeviceId: 'gateway' });
    assert.equal((await hub('GetDevice', { deviceId: 'leaf' })).deviceScope, deviceScope);
    await hub('CreateDevice', { deviceId: 'lower', iotEdge: true, parentDeviceId: 'gateway' });
    const lower = await hub('GetDevice', { deviceId: 'lower' });
    assert.deepEqual(lower.parentScopes, { array: [deviceScope] });
    // A leaf whose parent is gone goes to another one.
    await hub('CreateDevice', { deviceId: 'gone', iotEdge: true });
    await hub('UpdateDevice', { deviceId: 'leaf', parentDeviceId: 'gone' });
    await hub('DeleteDevice', { deviceId: 'gone' });
    const moved = await hub('UpdateDevice', { deviceId: 'leaf', parentDeviceId: 'gateway' });
    assert.deepEqual([moved.deviceScope, moved.parentScopes], [deviceScope, { array: [deviceScope] }]);
    await assert.rejects(
      hub('CreateDevice', { deviceId: 'orphan', parentDeviceId: 'leaf' }),
      /REQUEST_INVALID: parentDeviceId is leaf, which is no IoT Edge device/,
    );
  });

  test('a device is changed, disabled and enabled; an old ETag is refused', async () => {
    await hub('CreateDevice', { deviceId: 'changed' });
    const { etag } = await hub('GetDevice', { deviceId: 'changed' });
    const disabled = await hub('DisableDevice', { deviceId: 'changed', reason: 'stolen' });
    assert.equal(disabled.status, 'disabled');
    assert.equal(disabled.statusReason, 'stolen');
    await assert.rejects(
      hub('UpdateDevice', { deviceId: 'changed', status: 'enabled', etag }),
      /PRECONDITION_FAILED: .*it was changed since it was read/,
    );
    assert.equal((await hub('EnableDevice', { deviceId: 'changed' })).status, 'enabled');
    const { etag: current } = await hub('GetDevice', { deviceId: 'changed' });
    const updated = await hub('UpdateDevice', {
      deviceId: 'changed',
      primaryThumbprint: THUMBPRINT,
      etag: current,
    });
    assert.equal(updated.authentication, 'selfSigned');
    assert.equal((await hub('UpdateDevice', { deviceId: 'changed', enabled: false })).status, 'disabled');
    for (const service of ['UpdateDevice', 'UpdateModule'])
      await assert.rejects(
        hub(service, { deviceId: 'changed', moduleId: 'm', disabled: true }),
        /REQUEST_INVALID: Nothing to change is given; expected one of .*authentication/,
      );
    await assert.rejects(
      hub('UpdateDevice', { deviceId: 'changed', enabled: true, status: 'disabled' }),
      /REQUEST_INVALID: enabled is true and status is disabled/,
    );
  });

  test('calls that create the Thing of one device at the same time all succeed, and create it once', async () => {
    const ids = Array.from({ length: 5 }, (_, index) => `at-once-${index}`);
    for (const deviceId of ids) await hub('CreateDevice', { deviceId });
    const calls = ids.flatMap((deviceId) =>
      Array.from({ length: 6 }, () =>
        hub('CreateDevice', { deviceId, createIdentity: false, createThing: true }),
      ),
    );
    const answers = await Promise.all(calls);
    assert.equal(answers.filter(({ thingCreated }) => thingCreated).length, ids.length);
  });

  test('a template that is no device template leaves neither a Thing nor a device', async () => {
    await assert.rejects(
      hub('CreateDevice', { deviceId: 'left', createThing: true, thingTemplate: 'GenericThing' }),
      /GenericThing does not implement AzureIoT.Device_TS/,
    );
    await assert.rejects(hub('GetDevice', { deviceId: 'left' }), /DEVICE_NOT_FOUND/);
    const made = await hub('CreateDevice', { deviceId: 'left', createThing: true });
    assert.deepEqual([made.created, made.thingCreated], [true, true]);
    assert.equal(new Date(Number((await factory.read('left')).lastActivityTime)).getTime(), 0);
  });

  test('both sides come and go as asked', async () => {
    const both = await hub('CreateDevice', { deviceId: 'both', createThing: true, thingName: 'Line1.Both' });
    assert.equal(both.thingCreated, true);
    const thing = await factory.read('Line1.Both');
    assert.equal(thing.deviceId, 'both');
    assert.equal(thing.hubThing, HUB_THING);
    assert.deepEqual(await hub('DeleteDevice', { deviceId: 'both', deleteThing: true }), {
      deleted: true,
      thingDeleted: true,
    });
    await assert.rejects(factory.read('Line1.Both'), /404/);
    assert.deepEqual(await hub('DeleteDevice', { deviceId: 'both', deleteThing: true }), {
      deleted: false,
      thingDeleted: false,
    });

    const thingAlone = await hub('CreateDevice', {
      deviceId: 'alone',
      createIdentity: false,
      createThing: true,
    });
    assert.deepEqual(thingAlone, { created: false, thingCreated: true });
    await assert.rejects(
      hub('GetDevice', { deviceId: 'alone' }),
      /DEVICE_NOT_FOUND: Reading the device alone/,
    );
    assert.deepEqual(
      await hub('DeleteDevice', { deviceId: 'alone', deleteIdentity: false, deleteThing: true }),
      { deleted: false, thingDeleted: true },
    );
  });

  test('a Thing that exists becomes that of the device, unless it belongs to somebody else', async () => {
    const { platform } = factory.system;
    await platform.createThing('ready', 'AzureIoT.Device_TT');
    const linked = await hub('CreateDevice', {
      deviceId: 'dev-ready',
      createThing: true,
      thingName: 'ready',
    });
    assert.deepEqual([linked.created, linked.thingCreated], [true, false]);
    const thing = await factory.read('ready');
    assert.deepEqual([thing.hubThing, thing.deviceId], [HUB_THING, 'dev-ready']);
    assert.equal(
      (await hub('CreateDevice', { deviceId: 'dev-ready', createThing: true, thingName: 'ready' }))
        .thingCreated,
      false,
    );
    await assert.rejects(
      hub('CreateDevice', { deviceId: 'dev-other', createThing: true, thingName: 'ready' }),
      /THINGWORX_REJECTED: The Thing ready .*stands for the device dev-ready/,
    );
    await platform.createThing('no-device', 'GenericThing');
    await assert.rejects(
      hub('CreateDevice', { deviceId: 'no-device', createThing: true }),
      /THINGWORX_REJECTED: The Thing no-device .*already exists/,
    );
  });

  test('a device that has a Thing of another name gets no second one', async () => {
    await factory.createDevice('one-thing', { thingName: 'Line2.One' });
    const again = await hub('CreateDevice', { deviceId: 'one-thing', createThing: true });
    assert.deepEqual([again.created, again.thingCreated], [false, false]);
    await assert.rejects(factory.read('one-thing'), /404/);
    await assert.rejects(
      hub('CreateDevice', { deviceId: 'one-thing', createThing: true, thingName: 'Line3.One' }),
      /THINGWORX_REJECTED: The Thing Line3\.One .*the device one-thing has the Thing Line2\.One/,
    );
    await factory.system.platform.invokeOn('Resources', 'EntityServices', 'DeleteThing', {
      name: 'Line2.One',
    });
    const anew = await hub('CreateDevice', { deviceId: 'one-thing', createThing: true });
    assert.equal(anew.thingCreated, true, 'the Thing is gone, so there is room for another');
  });

  test('a Thing that is no device of the hub is not deleted', async () => {
    await factory.system.platform.createThing('bystander', 'GenericThing');
    assert.deepEqual(await hub('DeleteDevice', { deviceId: 'bystander', deleteThing: true }), {
      deleted: false,
      thingDeleted: false,
    });
    assert.equal((await factory.read('bystander')).name, 'bystander');
  });

  test('lists come page by page, and by condition', async () => {
    for (const number of [1, 2, 3, 4, 5]) await hub('CreateDevice', { deviceId: `listed-${number}` });
    const condition = "STARTSWITH(deviceId, 'listed-')";
    const found: string[] = [];
    let token = '';
    for (let pages = 0; pages < 5; pages += 1) {
      const page = await hub<Table>('ListDevices', {
        condition,
        pageSize: 2,
        ...(token ? { continuationToken: token } : {}),
      });
      assert.ok(page.rows.length <= 2);
      found.push(...ids(page));
      token = String(page.rows[0]?.continuationToken ?? '');
      if (token === '') break;
    }
    assert.deepEqual(
      found.sort(),
      [1, 2, 3, 4, 5].map((number) => `listed-${number}`),
    );
    const [row] = (await hub<Table>('ListDevices', { condition: "deviceId = 'listed-3'" })).rows;
    assert.equal(row?.status, 'enabled');
    await assert.rejects(hub('ListDevices', { condition: 'no sense at all' }), /AZURE_REJECTED/);
  });

  test('the condition of jobs for all is understood where none is needed', async () => {
    const all = await hub<Table>('ListDevices', { pageSize: 1_000 });
    assert.ok(all.rows.length > 1);
    assert.deepEqual(ids(await hub<Table>('ListDevices', { condition: ' * ', pageSize: 1_000 })), ids(all));
  });

  test('queries select what they like', async () => {
    await hub('CreateDevice', { deviceId: 'queried', createThing: true });
    await factory.call('queried', 'UpdateTwin', { tags: { site: 'Lyon' } });
    const { items, continuationToken } = await hub('QueryTwins', {
      query: "SELECT deviceId, tags FROM devices WHERE tags.site = 'Lyon'",
    });
    assert.deepEqual(items, { array: [{ deviceId: 'queried', tags: { site: 'Lyon' } }] });
    assert.equal(continuationToken, undefined);
  });

  test('statistics count', async () => {
    const before = await hub<Record<string, number>>('GetRegistryStatistics');
    await hub('CreateDevice', { deviceId: 'counted', enabled: false });
    const after = await hub<Record<string, number>>('GetRegistryStatistics');
    assert.equal(after.totalDevices, Number(before.totalDevices) + 1);
    assert.equal(after.disabledDevices, Number(before.disabledDevices) + 1);
  });

  test('wrong names and types are told by parameter', async () => {
    await assert.rejects(hub('GetDevice', {}), /REQUEST_INVALID: deviceId is required/);
    await assert.rejects(
      hub('GetDevice', { deviceId: 'with space' }),
      /REQUEST_INVALID: deviceId .*letters, digits/,
    );
    await assert.rejects(
      hub('UpdateDevice', { deviceId: 'plain', status: 'enabled', etag: 'a\r\nb' }),
      /REQUEST_INVALID: etag .*an ETag as it was read/,
    );
    await assert.rejects(
      hub('ListDevices', { continuationToken: '€' }),
      /REQUEST_INVALID: continuationToken .*previous page/,
    );
    await assert.rejects(
      hub('CreateDevice', { deviceId: 'plain', createIdentity: false }),
      /REQUEST_INVALID: createIdentity and createThing are both false/,
    );
    await assert.rejects(
      hub('DeleteDevice', { deviceId: 'plain', deleteIdentity: false }),
      /REQUEST_INVALID: deleteIdentity and deleteThing are both false/,
    );
    await assert.rejects(hub('ListDevices', { pageSize: 5000 }), /REQUEST_INVALID: pageSize .* 1 to 1000/);
    await assert.rejects(
      hub('GetDevice', { deviceId: 'unknown' }),
      /DEVICE_NOT_FOUND: Reading the device unknown: IoT Hub has no such device/,
    );
  });

  test('throttling says how long to wait', async () => {
    await hub('CreateDevice', { deviceId: 'hasty' });
    await factory.control('/rest-faults', {
      method: 'GET',
      path: '^/devices/hasty',
      status: 429,
      retryAfterSeconds: 300,
      count: 5,
    });
    await assert.rejects(
      hub('GetDevice', { deviceId: 'hasty' }),
      /AZURE_THROTTLED: .*throttles calls of this kind.*Retry in 300 s\./,
    );
    await factory.control('/faults', {});
  });

  test('a hub Thing that is not connected says so', async () => {
    await hub('Disconnect');
    await assert.rejects(hub('GetDevice', { deviceId: 'plain' }), /HUB_NOT_CONNECTED/);
    await hub('Connect');
    await eventually(async () =>
      assert.equal((await hub('GetDevice', { deviceId: 'plain' })).deviceId, 'plain'),
    );
  });

  test('a policy without the right is told which right is missing', async () => {
    const { platform, cloud } = factory.system;
    await platform.setProperties(HUB_THING, { iotHubConnectionString: await factory.policy('service') });
    await eventually(async () => {
      await assert.rejects(hub('GetDevice', { deviceId: 'plain' }), /AZURE_UNAUTHORIZED: .*RegistryRead/);
    });
    await platform.setProperties(HUB_THING, { iotHubConnectionString: cloud.iotHubConnectionString });
    await eventually(async () =>
      assert.equal((await hub('GetDevice', { deviceId: 'plain' })).deviceId, 'plain'),
    );
  });
});
