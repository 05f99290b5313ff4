import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import type { Row } from '../../scripts/local/platform.ts';
import { registerDevices } from '../../scripts/local/registry.ts';
import { eventually, Factory, HUB_THING } from './factory.ts';

const DEVICE = `thingworx-canary-${HUB_THING}`;
const EVENT_FIELDS = ['paths', 'device', 'code', 'reason', 'since', 'time'];

/** The canary, with the whole product as it is installed. */
describe('the canary of a hub', () => {
  const factory = new Factory({
    // Mappings of an application that take everything must not concern the canary.
    hubSettings: { mappings: { version: 1, rules: [{ name: 'all', ignore: true }] } },
    builtInSources: ['twinChangeEvents', 'deviceConnectionStateEvents'],
  });
  before(async () => {
    await factory.start();
    for (const event of ['CanaryFailed', 'CanaryRecovered'])
      await factory.listen(HUB_THING, event, EVENT_FIELDS);
  });
  after(() => factory.stop());

  const set = (settings: Row) => factory.system.platform.setProperties(HUB_THING, settings);
  const switchOn = (more: Row = {}) =>
    set({ canaryEnabled: true, canaryIntervalSeconds: 5, canaryTimeoutSeconds: 20, ...more });
  const pathsOf = ({ canaryPaths }: Row) => (canaryPaths as { rows: Row[] } | undefined)?.rows ?? [];

  /** The properties of the hub Thing, when the canary is in that state. */
  const whenState = (state: string): Promise<Row> =>
    eventually(async () => {
      const hub = await factory.read(HUB_THING);
      assert.equal(hub.canaryState, state, String(hub.canaryReason));
      return hub;
    });

  /** What the sidecar itself says, also while ThingWorx is away. */
  async function sidecarSays(): Promise<Row> {
    const { url, token } = factory.system.sidecar;
    const answer = await fetch(`${url}/v1/hubs/${HUB_THING}/status`, {
      headers: { authorization: `Bearer ${token}` },
    });
    const { canary } = (await answer.json()) as { canary?: Row };
    return canary ?? {};
  }

  test('is off unless it is switched on', async () => {
    await whenState('off');
    const status = await factory.system.status();
    assert.equal(status['canaryState'], 'off');
    assert.deepEqual(pathsOf(status as Row), []);
    await assert.rejects(factory.hub('GetDevice', { deviceId: DEVICE }), /DEVICE_NOT_FOUND/);
  });

  test('makes its device and Thing, and measures each path', async () => {
    await switchOn();
    const hub = await whenState('ok');
    const paths = pathsOf(hub);
    assert.deepEqual(
      paths.map(({ path, state }) => [path, state]),
      [
        ['telemetry', 'ok'],
        ['method', 'ok'],
        ['twin', 'ok'],
      ],
    );
    for (const { path, p50, p95, p99, last } of paths)
      for (const ms of [p50, p95, p99, last])
        assert.ok(Number(ms) > 0 && Number(ms) <= 20_000, `${path}: ${ms}`);
    for (const name of ['canaryTelemetryP50', 'canaryMethodP95', 'canaryTwinP99'])
      assert.ok(Number(hub[name]) > 0, name);
    assert.ok(String(hub.canarySidecar).length > 0);
    assert.ok(Number(hub.canaryTime) > 0);
    const thing = await factory.read(DEVICE);
    assert.ok(Number(thing.canaryValue) > 0);
    assert.equal(thing.hubThing, HUB_THING);
    const status = await factory.system.status();
    assert.equal(status['canaryState'], 'ok');
    assert.equal(pathsOf(status as Row).length, 3);
    const text = await (await fetch(`${factory.system.sidecar.url}/metrics`)).text();
    assert.match(text, new RegExp(`azure_iot_canary_up\\{hub="${HUB_THING}",path="twin"\\} 1`));
    assert.match(text, /azure_iot_canary_round_trip_seconds\{.*path="method",quantile="0.95"\} 0\.\d/);
  });

  test('cannot be removed while it is on', async () => {
    await assert.rejects(factory.hub('RemoveCanary'), /CANARY_ENABLED: /);
  });

  test('says once which paths failed and why, and once that they work again', async () => {
    await factory.hub('DisableDevice', { deviceId: DEVICE });
    const hub = await whenState('failed');
    assert.match(String(hub.canaryReason), /AZURE_UNAUTHORIZED/);
    // It fails on; nobody is told again.
    const rounds = async () => Number(pathsOf(await factory.read(HUB_THING))[0]?.failures);
    const before = await rounds();
    await eventually(async () => assert.ok((await rounds()) > before + 1));
    const [failed, ...more] = await factory.heard(HUB_THING, 'CanaryFailed');
    assert.deepEqual(more, []);
    assert.equal(failed?.paths, 'telemetry, method, twin');
    assert.equal(failed?.device, DEVICE);
    assert.equal(failed?.code, 'AZURE_UNAUTHORIZED');
    assert.deepEqual(await factory.heard(HUB_THING, 'CanaryRecovered'), []);
    await factory.hub('EnableDevice', { deviceId: DEVICE });
    await whenState('ok');
    await eventually(async () => {
      const [recovered, ...others] = await factory.heard(HUB_THING, 'CanaryRecovered');
      assert.deepEqual(others, []);
      assert.equal(recovered?.paths, 'telemetry, method, twin');
      assert.equal(Date.parse(String(recovered?.since)), Date.parse(String(failed?.since)));
      assert.ok(Date.parse(String(recovered?.time)) > Date.parse(String(recovered?.since)));
    });
  });

  test('is suspended while ThingWorx does not answer, says so, and tells nobody of a failure', async () => {
    await factory.thingworxFault({ action: 'status', status: 503 });
    try {
      await eventually(async () => {
        const { state, reason } = await sidecarSays();
        assert.equal(state, 'suspended');
        assert.match(String(reason), /ThingWorx does not answer/);
      });
    } finally {
      await factory.clearThingworxFaults();
    }
    await whenState('ok');
    assert.equal((await factory.heard(HUB_THING, 'CanaryFailed')).length, 1, 'that of the test before');
  });

  test('goes on after a crash of the sidecar with what it has measured', async () => {
    const rounds = async () => Number(pathsOf(await factory.read(HUB_THING))[0]?.rounds);
    await eventually(async () => assert.ok((await rounds()) >= 5));
    const before = await rounds();
    await factory.system.sidecar.kill();
    await factory.system.sidecar.start();
    await factory.system.waitForState('running');
    await eventually(async () => {
      const { paths } = await sidecarSays();
      assert.ok(Number((paths as Row[])[0]?.rounds) >= before);
    });
    await whenState('ok');
  });

  test('measures only what is switched on', async () => {
    await set({ canaryMethod: false, canaryTwin: false });
    await eventually(async () => {
      const paths = pathsOf(await whenState('ok'));
      assert.deepEqual(
        paths.map(({ path }) => path),
        ['telemetry'],
      );
    });
  });

  test('makes its device again when somebody has deleted it', async () => {
    await factory.hub('DeleteDevice', { deviceId: DEVICE, deleteThing: true });
    await eventually(async () => {
      assert.ok(Number((await factory.read(DEVICE)).canaryValue) > 0);
      assert.equal((await factory.hub('GetDevice', { deviceId: DEVICE })).deviceId, DEVICE);
    });
    await whenState('ok');
  });

  test('goes with its Thing when it is off and removed', async () => {
    await set({ canaryEnabled: false });
    await whenState('off');
    assert.deepEqual(await factory.hub('RemoveCanary'), { deleted: true, thingDeleted: true });
    await assert.rejects(factory.read(DEVICE), /404/);
    await assert.rejects(factory.hub('GetDevice', { deviceId: DEVICE }), /DEVICE_NOT_FOUND/);
    assert.deepEqual(await factory.hub('RemoveCanary'), { deleted: false, thingDeleted: false });
  });

  test('neither uses nor deletes a device of somebody else', async () => {
    await registerDevices(factory.system.cloud.iotHubConnectionString, ['press-1']);
    await factory.createDevice('press-2');
    for (const [canaryDevice, reason] of [
      ['press-1', /press-1 exists and has no Thing/],
      ['press-2', /has the Thing press-2, which is not derived from/],
    ] as const) {
      await switchOn({ canaryDevice });
      await eventually(async () => {
        const hub = await whenState('failed');
        assert.match(String(hub.canaryReason), reason);
        assert.match(String(hub.canaryReason), /CANARY_DEVICE_TAKEN/);
      });
      await set({ canaryEnabled: false });
      await whenState('off');
      await assert.rejects(factory.hub('RemoveCanary'), /CANARY_DEVICE_TAKEN: /);
      assert.equal((await factory.hub('GetDevice', { deviceId: canaryDevice })).status, 'enabled');
    }
    assert.equal((await factory.read('press-2')).deviceId, 'press-2');
  });
});
