import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { HUB_THING, REPOSITORY_THING } from '../../scripts/local/system.ts';
import { OtlpReceiver, type ReceivedSpan } from '../observe/otlp-receiver.ts';
import { eventually, Factory } from '../operations/factory.ts';

describe('traces of a sidecar with a receiver', () => {
  const receiver = new OtlpReceiver();
  const log: string[] = [];
  let factory: Factory;

  before(async () => {
    await receiver.start();
    factory = new Factory({
      devices: 1,
      fileRepository: true,
      sidecarEnvironment: { SIDECAR_TRACES_URL: `${receiver.url}/` },
      onSidecarLine: (line) => log.push(line),
    });
    await factory.start();
  });
  after(async () => {
    await factory?.stop();
    await receiver.stop();
  });

  /** The first span with this name that has a span below it whose name begins so. */
  const withCall = (name: string, call: string): Promise<[ReceivedSpan, ReceivedSpan]> =>
    eventually(async () => {
      for (const span of receiver.spans.filter((one) => one.name === name)) {
        const below = receiver.below(span).find((one) => one.name.startsWith(call));
        if (below) return [span, below];
      }
      return assert.fail(`no ${name} with ${call}: ${receiver.spans.map((one) => one.name).join(', ')}`);
    });

  test('an operation shows its call to IoT Hub', async () => {
    const [machine] = factory.system.devices;
    assert.ok(machine);
    await factory.call(machine.deviceId, 'GetTwin');
    const [operation, call] = await withCall('GetTwin', 'IoT Hub twinRead');
    assert.equal(operation.service, 'azure-iot-sidecar');
    assert.equal(operation.parentSpanId, undefined);
    assert.equal(operation.kind, 2, 'a server span');
    assert.match(String(operation.attributes['http.route']), /GetTwin$/);
    assert.ok(operation.attributes['request.id']);
    assert.equal(call.kind, 3, 'a client span');
    assert.equal(call.attributes['iothub.action'], `Reading the twin of ${machine.deviceId}`);
    assert.equal(call.status.code, 0);
  });

  test('a message to a device and a file in storage are calls, too, without what they carry', async () => {
    const [machine] = factory.system.devices;
    assert.ok(machine);
    await factory.call(machine.deviceId, 'SendMessage', { body: 'a-body-of-its-own' });
    await withCall('SendMessage', 'IoT Hub message');
    await factory.call(REPOSITORY_THING, 'SaveText', { path: '/trace.txt', content: 'a-text-of-its-own' });
    const [, call] = await withCall('SaveText', 'Storage ');
    assert.deepEqual(Object.keys(call.attributes), []);
  });

  test('a batch shows its call of ReceiveUpdates, in a trace of its own', async () => {
    const [machine] = factory.system.devices;
    assert.ok(machine);
    await machine.send(JSON.stringify({ label: 'a-value-of-its-own' }));
    const [batch, call] = await withCall('batch', 'ThingWorx ReceiveUpdates');
    assert.equal(batch.parentSpanId, undefined, 'not a part of Connect, which started the lane');
    assert.equal(batch.kind, 5, 'a consumer span');
    assert.ok(Number(batch.attributes['messaging.batch.message_count']) >= 1);
    assert.match(String(batch.attributes['messaging.destination.partition.id']), /^[01]$/);
    assert.equal(call.attributes['thingworx.entity'], `Things/${HUB_THING}`);
    await eventually(async () =>
      assert.equal((await factory.read(machine.deviceId))['label'], 'a-value-of-its-own'),
    );
  });

  test('an operation that fails names the code of its error', async () => {
    await assert.rejects(factory.hub('GetDevice', { deviceId: 'nobody' }), /DEVICE_NOT_FOUND/);
    const [operation, call] = await withCall('GetDevice', 'IoT Hub registry');
    for (const span of [operation, call]) {
      assert.equal(span.attributes['error.type'], 'DEVICE_NOT_FOUND');
      assert.deepEqual(span.status, { code: 2 });
    }
  });

  test('background work makes no spans beside batches', () => {
    const roots = receiver.spans.filter((span) => span.parentSpanId === undefined);
    assert.deepEqual([...new Set(roots.map((span) => span.kind))].sort(), [2, 5]);
  });

  test('a receiver that refuses is told once in the log, and the sidecar works on', async () => {
    const lines = (message: string) => log.filter((line) => line.includes(message)).length;
    receiver.status = 400;
    for (const refusals of [receiver.refusals + 1, receiver.refusals + 2]) {
      await eventually(async () => {
        await factory.hub('ListDevices');
        assert.ok(receiver.refusals >= refusals);
      });
    }
    receiver.status = 200;
    await factory.hub('ListDevices');
    await eventually(async () => assert.equal(lines('Traces are sent again.'), 1));
    assert.equal(lines('Traces cannot be sent'), 1);
  });

  test('nothing secret and nothing of a message is in a span', () => {
    const { sidecar, cloud, appKey } = factory.system;
    const keys = [cloud.iotHubConnectionString, cloud.storageConnectionString].map(
      (text) => /Key=([^;]+)$|AccountKey=([^;]+)/.exec(text)?.slice(1).find(Boolean) ?? text,
    );
    assert.ok(receiver.received.length > 1_000);
    for (const text of [...keys, appKey, sidecar.token, 'of-its-own', 'sig=', 'SharedAccess'])
      assert.ok(!receiver.received.includes(text), text);
  });
});
