import assert from 'node:assert/strict';
import { after, before, beforeEach, describe, test } from 'node:test';
import { hubCredentials } from '../../../sidecar/azure/credentials.ts';
import { HubClients } from '../../../sidecar/azure/iot-hub/hub-clients.ts';
import type { MeteredUse } from '../../../sidecar/azure/iot-hub/metering.ts';
import type { IotHubEmulator } from '../../emulators/iothub/emulator.ts';
import { until } from '../helpers.ts';
import { startTrustedHub } from './hub-emulator.ts';
import { connectDevice } from './hub-support.ts';

/** What IoT Hub counts of the calls that Microsoft's client makes. */
describe('what calls use of the daily quota', () => {
  let hub: IotHubEmulator;
  let clients: HubClients;
  let used: MeteredUse[];
  before(async () => {
    hub = await startTrustedHub();
    const credentials = await hubCredentials({ connectionString: hub.connectionString('iothubowner') });
    clients = new HubClients({ credentials, onMetered: (use) => used.push(use) });
  });
  beforeEach(() => {
    used = [];
  });
  after(async () => {
    await clients.close();
    await hub.stop();
  });

  const sizesOf = (use: MeteredUse | undefined) => (use && use.kind !== 'job' ? use.sizes : []);

  test('the registry is free', async () => {
    await clients.registry.createDevice({ deviceId: 'a+b' });
    await clients.registry.createDevice({ deviceId: 'press' });
    await clients.registry.device('press');
    await clients.registry.statistics();
    await clients.configurations.list().catch(() => undefined);
    assert.deepEqual(used, []);
  });

  test('reads of twins by their size, changes by what is sent, with the device', async () => {
    const desired = { one: 'x'.repeat(2_500), two: 'x'.repeat(2_500) };
    await clients.twins.patch({ deviceId: 'a+b' }, { desired });
    const [change] = used;
    assert.deepEqual({ ...change, sizes: [] }, { kind: 'twin', deviceId: 'a+b', sizes: [], isOwn: false });
    const [sent = 0] = sizesOf(change);
    assert.ok(sent >= 5_000 && sent < 5_200, `${sent}`);
    await clients.twins.get({ deviceId: 'a+b' }, { isOwn: true });
    const read = used[1];
    assert.deepEqual({ ...read, sizes: [] }, { kind: 'twin', deviceId: 'a+b', sizes: [], isOwn: true });
    assert.ok((sizesOf(read)[0] ?? 0) > sent);
  });

  test('queries by their result, without a device; the list of jobs is free', async () => {
    await clients.twins.find('SELECT * FROM devices');
    assert.equal(used.length, 1);
    assert.equal(used[0]?.kind, 'twin');
    assert.ok(!('deviceId' in (used[0] ?? {})));
    assert.ok((sizesOf(used[0])[0] ?? 0) > 5_000);
    await clients.jobs.list();
    assert.equal(used.length, 1);
  });

  test('methods by both payloads, also when nobody answers, but not when the call is refused', async () => {
    const offline = { deviceId: 'press', methodName: 'start', payload: { speed: 10 } };
    await assert.rejects(clients.invokeMethod(offline), { code: 'DEVICE_OFFLINE' });
    assert.deepEqual(used, [
      { kind: 'method', deviceId: 'press', sizes: ['{"speed":10}'.length], isOwn: false },
    ]);
    await assert.rejects(clients.invokeMethod({ ...offline, deviceId: 'nobody' }), {
      code: 'DEVICE_NOT_FOUND',
    });
    assert.equal(used.length, 1);
    const device = await connectDevice(hub, clients, 'press');
    try {
      device.onDeviceMethod('start', (_request, response) => void response.send(200, 'y'.repeat(6_000)));
      await clients.invokeMethod({ ...offline, connectTimeoutSeconds: 20 });
      const [request, response = 0] = sizesOf(used.at(-1));
      assert.equal(request, '{"speed":10}'.length);
      assert.ok(Math.abs(response - 6_002) < 10, `${response}`);
    } finally {
      await device.close();
    }
  });

  test('messages with their properties', async () => {
    await clients.messages.send('press', { body: 'hello', messageId: 'm1', properties: { line: 'A1' } });
    assert.deepEqual(used, [{ kind: 'message', deviceId: 'press', sizes: [13], isOwn: false }]);
  });

  test('jobs by the devices for which they have ended', async () => {
    const schedule = { jobId: 'j1', queryCondition: "deviceId IN ['press', 'a+b']" };
    await clients.jobs.scheduleTwinUpdate(schedule, { desired: { speed: 2 } });
    await until('the job', async () => (await clients.jobs.get('j1')).status === 'completed');
    const last = used.at(-1);
    assert.equal(last?.kind, 'job');
    assert.deepEqual(last?.kind === 'job' && [last.jobId, last.devices, last.messagesPerDevice], [
      'j1',
      2,
      1,
    ]);
  });
});
