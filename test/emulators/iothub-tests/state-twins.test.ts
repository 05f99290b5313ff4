import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import type { Twin } from 'azure-iothub';
import { type Harness, startHarness } from './state-harness.ts';

describe('twins over REST', () => {
  let hub: Harness;
  before(async () => {
    hub = await startHarness();
  });
  after(async () => {
    await hub.stop();
  });

  const twinOf = async (deviceId: string): Promise<Twin> =>
    (await hub.registry.getTwin(deviceId)).responseBody;

  test('is there with its device, and merges patches with null as removal', async () => {
    await hub.registry.create({ deviceId: 'merge' });
    const twin = await twinOf('merge');
    assert.equal(twin.etag, 'AAAAAAAAAAE=');
    assert.equal(twin.properties.desired.$version, 1);
    await twin.update({
      tags: { place: { floor: 1, room: 'a' } },
      properties: { desired: { rate: 5, old: 'x' } },
    });
    const second = await twinOf('merge');
    await second.update({
      tags: { place: { room: null } },
      properties: { desired: { old: null, mode: { on: true } } },
    });
    const third = await twinOf('merge');
    assert.deepEqual(third.tags, { place: { floor: 1 } });
    const { $metadata, $version, ...desired } = third.properties.desired;
    assert.deepEqual(desired, { rate: 5, mode: { on: true } });
    assert.equal($version, 3);
    assert.equal(third.etag, 'AAAAAAAAAAM=');
    assert.equal($metadata.rate.$lastUpdatedVersion, 2);
    assert.equal($metadata.mode.on.$lastUpdatedVersion, 3);
    assert.equal($metadata.old, undefined);
    assert.match($metadata.$lastUpdated, /^\d{4}-\d\d-\d\dT/);
  });

  test('tells the connected device, with the patch as it came and the new version', async () => {
    await hub.registry.create({ deviceId: 'told' });
    hub.wire.desired.length = 0;
    await (await twinOf('told')).update({ properties: { desired: { a: 1, b: null } } });
    await (await twinOf('told')).update({ tags: { onlyTags: true } });
    assert.deepEqual(hub.wire.desired, [{ key: 'told', patch: { a: 1, b: null, $version: 2 }, version: 2 }]);
    assert.deepEqual(hub.state.twins.getDeviceView('told'), {
      desired: { a: 1, $version: 2 },
      reported: { $version: 1 },
    });
  });

  test('empties a whole document with null', async () => {
    await hub.registry.create({ deviceId: 'empty' });
    await (await twinOf('empty')).update({ tags: { a: 1 }, properties: { desired: { x: 1, y: { z: 2 } } } });
    hub.wire.desired.length = 0;
    await (await twinOf('empty')).update({ properties: { desired: null } });
    const twin = await twinOf('empty');
    assert.deepEqual(hub.state.twins.getDeviceView('empty').desired, { $version: 3 });
    assert.deepEqual(twin.tags, { a: 1 });
    assert.deepEqual(hub.wire.desired, [
      { key: 'empty', patch: { x: null, y: null, $version: 3 }, version: 3 },
    ]);
  });

  test('keeps what a device reports, and holds a stated version to the current one', async () => {
    await hub.registry.create({ deviceId: 'report' });
    const before = await twinOf('report');
    assert.equal(
      hub.state.twins.patchReported('report', undefined, { battery: { level: 80, state: 'ok' } }),
      2,
    );
    assert.equal(hub.state.twins.patchReported('report', undefined, { battery: { state: null } }), 3);
    const twin = await twinOf('report');
    assert.deepEqual(twin.properties.reported.battery, { level: 80 });
    assert.equal(twin.properties.reported.$metadata.battery.level.$lastUpdatedVersion, undefined);
    assert.equal(twin.etag, before.etag, 'the etag is of tags and desired properties');
    const versions = [before, twin].map((entry) => (entry as unknown as { version: number }).version);
    assert.deepEqual(versions, [2, 4]);
    assert.throws(() => hub.state.twins.patchReported('report', undefined, { $version: 1, battery: 1 }), {
      errorName: 'PreconditionFailed',
    });
  });

  test('holds writers to the etag', async () => {
    await hub.registry.create({ deviceId: 'etag' });
    const first = await twinOf('etag');
    const second = await twinOf('etag');
    await first.update({ tags: { by: 'first' } });
    await assert.rejects(second.update({ tags: { by: 'second' } }), { name: 'InvalidEtagError' });
    const forced = await hub.registry.updateTwin('etag', { tags: { by: 'force' } }, '*');
    assert.equal(forced.responseBody.tags.by, 'force');
  });

  test('replaces whole documents', async () => {
    await hub.registry.create({ deviceId: 'replace' });
    await (await twinOf('replace')).update({
      tags: { a: 1 },
      properties: { desired: { x: 1, y: { z: 2 } } },
    });
    hub.wire.desired.length = 0;
    const answer = await hub.call('PUT', '/twins/replace', {
      body: { properties: { desired: { y: 3 } } },
      headers: { 'If-Match': '"*"' },
    });
    assert.equal(answer.status, 200);
    assert.deepEqual(answer.json.tags, { a: 1 }, 'a document that is not sent stays');
    assert.equal(answer.json.properties.desired.x, undefined);
    assert.equal(answer.json.properties.desired.y, 3);
    assert.deepEqual(hub.wire.desired, [{ key: 'replace', patch: { y: 3, $version: 3 }, version: 3 }]);
    const event = hub.wire.events.at(-1);
    assert.equal(event?.properties.application.opType, 'replaceTwin');
    const body = JSON.parse(Buffer.from(event?.body ?? []).toString('utf8'));
    assert.equal(body.deviceId, 'replace');
    assert.equal(body.properties.desired.y, 3);
  });

  test('takes null for a removal in a patch, and nowhere else', async () => {
    await hub.registry.create({ deviceId: 'nulls' });
    const refused = (key: string) =>
      `ErrorCode:ArgumentInvalid;Value of Property or Tag cannot be null. Error in Property/Tag ${key}`;
    for (const [method, body, key] of [
      ['PATCH', { properties: { desired: { list: [1, null] } } }, 'list'],
      ['PATCH', { properties: { desired: { a: [{ b: null }] } } }, 'b'],
      ['PATCH', { tags: { a: { list: [[null]] } } }, 'list'],
      ['PUT', { tags: { 'my-tag': null } }, 'my-tag'],
      ['PUT', { properties: { desired: { a: { deep: null } } } }, 'deep'],
      ['PUT', { tags: null }, 'tags'],
    ] as const) {
      const answer = await hub.call(method, '/twins/nulls', { body, headers: { 'If-Match': '"*"' } });
      assert.equal(answer.status, 400, JSON.stringify(body));
      assert.equal(answer.json.Message, refused(key));
    }
    const twin = await twinOf('nulls');
    assert.deepEqual([twin.tags, twin.properties.desired.$version], [{}, 1]);
    assert.throws(() => hub.state.twins.patchReported('nulls', undefined, { a: [{ b: null }] }), {
      message: /Value of Property or Tag cannot be null\. Error in Property\/Tag b/,
    });
    assert.equal(hub.state.twins.patchReported('nulls', undefined, { a: [{ b: 1 }], c: null }), 2);
  });

  test('makes change events with what changed and its metadata', async () => {
    await hub.registry.create({ deviceId: 'event' });
    hub.wire.events.length = 0;
    await (await twinOf('event')).update({ tags: { t: 1 }, properties: { desired: { p: { q: 1 } } } });
    hub.state.twins.patchReported('event', undefined, { r: true });
    const [update, reported] = hub.wire.events;
    assert.equal(update?.source, 'twinChangeEvents');
    assert.equal(update?.properties.application.opType, 'updateTwin');
    assert.equal(update?.properties.application['iothub-message-schema'], 'twinChangeNotification');
    const body = JSON.parse(Buffer.from(update?.body ?? []).toString('utf8'));
    assert.equal(body.version, 3);
    assert.deepEqual(body.tags, { t: 1 });
    assert.deepEqual(body.properties.desired.p, { q: 1 });
    assert.equal(body.properties.desired.$version, 2);
    assert.equal(body.properties.desired.$metadata.p.q.$lastUpdatedVersion, 2);
    const reportedBody = JSON.parse(Buffer.from(reported?.body ?? []).toString('utf8'));
    assert.equal(reportedBody.properties.reported.r, true);
    assert.equal(reportedBody.properties.desired, undefined);
  });

  test('has twins of modules', async () => {
    await hub.registry.create({ deviceId: 'host' });
    await hub.registry.addModule({ deviceId: 'host', moduleId: 'camera' });
    const twin = (await hub.registry.getModuleTwin('host', 'camera')).responseBody;
    assert.equal(twin.moduleId, 'camera');
    await twin.update({ properties: { desired: { fps: 30 } } });
    hub.state.twins.patchReported('host', 'camera', { fps: 30 });
    const read = (await hub.registry.getModuleTwin('host', 'camera')).responseBody;
    assert.equal(read.properties.desired.fps, 30);
    assert.equal(read.properties.reported.fps, 30);
    assert.equal(hub.wire.events.at(-1)?.moduleId, 'camera');
    assert.equal(hub.wire.events.at(-1)?.properties.application.moduleId, 'camera');
    const gone = await hub.call('GET', '/twins/host/modules/none');
    assert.match(gone.json.Message, /^ErrorCode:ModuleNotFound;/);
  });

  test('keeps to the limits of size, depth, keys and values', async () => {
    await hub.registry.create({ deviceId: 'limits' });
    const patch = (desired: unknown, tags?: unknown) =>
      hub.call('PATCH', '/twins/limits', { body: { properties: { desired }, tags } });
    const nested = (levels: number): unknown => (levels === 0 ? 1 : { k: nested(levels - 1) });
    assert.equal((await patch(nested(11))).status, 200);
    assert.equal((await patch(nested(12))).status, 400);
    assert.equal((await patch({ 'a.b': 1 })).status, 400);
    assert.equal((await patch({ 'a b': 1 })).status, 400);
    assert.equal((await patch({ a: { $b: 1 } })).status, 400);
    assert.equal((await patch({ a: 2 ** 53 })).status, 400);
    assert.equal((await patch({ a: 'x'.repeat(4097) })).status, 400);
    assert.equal((await patch({ a: [1, { b: 2 }] })).status, 200);
    const texts = Object.fromEntries(
      Array.from({ length: 9 }, (_, index) => [`k${index}`, 'x'.repeat(4000)]),
    );
    const large = await patch(texts);
    assert.equal(large.status, 400);
    assert.match(large.json.Message, /^ErrorCode:ArgumentInvalid;/);
    assert.equal(
      (await patch(undefined, { a: 'x'.repeat(4000), b: 'x'.repeat(4000), c: 'x'.repeat(400) })).status,
      400,
    );
    assert.equal((await hub.call('PATCH', '/twins/limits', { body: { tags: [] } })).status, 400);
    const hostile = await hub.call('PATCH', '/twins/limits', {
      raw: Buffer.from('{"tags":{"__proto__":{"polluted":1}}}'),
    });
    assert.equal(hostile.status, 200);
    assert.match(hostile.text, /"__proto__":\{"polluted":1\}/);
    assert.equal(({} as Record<string, unknown>).polluted, undefined);
  });

  test('shows digital twins and changes them by JSON patch', async () => {
    await hub.registry.create({ deviceId: 'pnp' });
    hub.state.identities.setModelId('pnp', undefined, 'dtmi:com:example:TemperatureController;1');
    hub.state.twins.patchReported('pnp', undefined, {
      serialNumber: 'abc',
      thermostat1: { __t: 'c', maxTempSinceLastReboot: 25.3 },
    });
    hub.wire.events.length = 0;
    const patched = await hub.call('PATCH', '/digitaltwins/pnp', {
      body: [{ op: 'add', path: '/thermostat1/targetTemperature', value: 21.8 }],
    });
    assert.equal(patched.status, 202);
    const change = hub.wire.events.find((event) => event.source === 'digitalTwinChangeEvents');
    assert.equal(change?.properties.contentType, 'application/json-patch+json');
    assert.deepEqual(JSON.parse(Buffer.from(change?.body ?? []).toString('utf8')), [
      {
        op: 'add',
        path: '/thermostat1/$metadata/targetTemperature',
        value: { desiredValue: 21.8, desiredVersion: 2 },
      },
    ]);
    hub.state.twins.patchReported('pnp', undefined, {
      thermostat1: { __t: 'c', targetTemperature: { value: 21.8, ac: 200, av: 2, ad: 'done' } },
    });
    const { json: twin, headers } = await hub.call('GET', '/digitaltwins/pnp');
    assert.equal(headers.etag, patched.headers.etag);
    assert.equal(twin.$dtId, 'pnp');
    assert.equal(twin.$metadata.$model, 'dtmi:com:example:TemperatureController;1');
    assert.equal(twin.serialNumber, 'abc');
    assert.equal(twin.thermostat1.targetTemperature, 21.8);
    const { lastUpdateTime, ...facts } = twin.thermostat1.$metadata.targetTemperature;
    assert.ok(lastUpdateTime);
    assert.deepEqual(facts, {
      desiredValue: 21.8,
      desiredVersion: 2,
      ackVersion: 2,
      ackCode: 200,
      ackDescription: 'done',
    });
    const bad = await hub.call('PATCH', '/digitaltwins/pnp', {
      body: [{ op: 'add', path: '/thermostat1', value: {} }],
    });
    assert.match(bad.json.Message, /^ErrorCode:ArgumentInvalid;/);
    hub.wire.methods.set('pnp', (request) => ({ status: 202, payload: { ran: request.methodName } }));
    const command = await hub.call('POST', '/digitaltwins/pnp/components/thermostat1/commands/reboot', {
      body: 3,
    });
    assert.equal(command.headers['x-ms-command-statuscode'], '202');
    assert.deepEqual(command.json, { ran: 'thermostat1*reboot' });
  });
});

describe('direct methods over REST', () => {
  let hub: Harness;
  before(async () => {
    hub = await startHarness();
    await hub.registry.create({ deviceId: 'dev' });
    await hub.registry.addModule({ deviceId: 'dev', moduleId: 'mod' });
  });
  after(async () => {
    await hub.stop();
  });

  test('returns status and payload of devices and modules', async () => {
    hub.wire.methods.set('dev', (request) => ({ status: 418, payload: { echo: request } }));
    hub.wire.methods.set('dev/mod', () => ({ status: 200, payload: null }));
    const { result } = await hub.client.invokeDeviceMethod('dev', {
      methodName: 'brew',
      payload: { cups: 2 },
      responseTimeoutInSeconds: 15,
      connectTimeoutInSeconds: 3,
    });
    assert.deepEqual(result, {
      status: 418,
      payload: {
        echo: {
          methodName: 'brew',
          payload: { cups: 2 },
          responseTimeoutInSeconds: 15,
          connectTimeoutInSeconds: 3,
        },
      },
    });
    const ofModule = await hub.client.invokeDeviceMethod('dev', 'mod', { methodName: 'x' });
    assert.deepEqual(ofModule.result, { status: 200, payload: null });
  });

  test('gives the hub’s codes for devices that are offline, unknown or silent', async () => {
    hub.wire.methods.clear();
    const offline = await hub.call('POST', '/twins/dev/methods', { body: { methodName: 'x' } });
    assert.equal(offline.status, 404);
    const message = JSON.parse(offline.json.Message);
    assert.equal(message.errorCode, 404103);
    assert.deepEqual(message.info, { timeout: '00:00:00' });
    assert.equal(offline.json.ExceptionMessage, '');
    const unknown = await hub.call('POST', '/twins/nobody/methods', { body: { methodName: 'x' } });
    assert.equal(JSON.parse(unknown.json.Message).errorCode, 404001);
    hub.wire.methods.set('dev', async () => {
      const { HubError } = await import('../iothub/hub-error.ts');
      throw new HubError('GatewayTimeout');
    });
    const silent = await hub.call('POST', '/twins/dev/methods', { body: { methodName: 'x' } });
    assert.equal(silent.status, 504);
    assert.equal(JSON.parse(silent.json.Message).errorCode, 504101);
  });

  test('checks name, timeouts and payload', async () => {
    const call = (body: unknown) => hub.call('POST', '/twins/dev/methods', { body });
    assert.equal((await call({})).status, 400);
    assert.equal((await call({ methodName: 'x', responseTimeoutInSeconds: 4 })).status, 400);
    assert.equal((await call({ methodName: 'x', responseTimeoutInSeconds: 301 })).status, 400);
    assert.equal((await call({ methodName: 'x', connectTimeoutInSeconds: 301 })).status, 400);
    assert.equal((await call({ methodName: 'x', payload: 'x'.repeat(128 * 1024) })).status, 413);
  });
});
