import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { BlobServiceClient } from '@azure/storage-blob';
import { oneRow } from '../../scripts/local/platform.ts';
import { HUB_THING } from '../../scripts/local/system.ts';
import { avroFile, ENQUEUED_MS, ROUTED_SCHEMA, routedLine, routedRecord } from '../ingest/storage/files.ts';
import { accounts, eventually } from './observe.ts';
import { WatchedSystem } from './watched-system.ts';

type Row = Record<string, unknown>;

/** Dead letters, files in storage and retained events, by the services of the hub Thing. */
describe('messages beside the stream', () => {
  const system = new WatchedSystem({
    devices: 2,
    consumerGroups: ['thingworx'],
    hubSettings: { consumerGroup: 'thingworx', watchContainer: 'watched', watchIntervalSeconds: 1 },
  });
  let storage: BlobServiceClient;

  before(async () => {
    await system.start();
    storage = BlobServiceClient.fromConnectionString(system.cloud.storageConnectionString);
  });
  after(() => system.stop());

  const invoke = (service: string, parameters: Row = {}) =>
    system.platform.invoke(HUB_THING, service, parameters);
  const rows = async (service: string, parameters: Row = {}) =>
    ((await invoke(service, parameters)) as { rows: Row[] }).rows;
  /** The result of a service that returns a single text. */
  const text = async (service: string, parameters: Row = {}) =>
    String((await rows(service, parameters))[0]?.['result']);
  const ended = (task: string) =>
    eventually(async () => {
      const record = oneRow(await invoke('GetTask', { task }));
      assert.ok(['completed', 'failed'].includes(String(record['state'])), String(record['state']));
      return record;
    });
  const put = async (container: string, name: string, content: string | Buffer) => {
    const client = storage.getContainerClient(container);
    await client.createIfNotExists();
    const bytes = Buffer.from(content);
    await client.getBlockBlobClient(name).upload(bytes, bytes.length);
  };
  const device = () => system.devices[0] ?? assert.fail();
  const times = async (thing: string) =>
    (await system.platform.history(thing, 100_000)).map((row) => Number(row['timestamp']));

  test('dead letters are listed, shown, replayed once their Thing exists, and deleted', async () => {
    const stranger = await system.addDevice('stranger');
    for (let count = 0; count < 5; count += 1) await stranger.sendReading();
    await device().send('{"temperature":');
    await eventually(async () => assert.equal((await accounts(system)).deadLettered, 6));

    const all = await rows('ListDeadLetters');
    assert.equal(all.length, 6);
    const broken = await rows('ListDeadLetters', { code: 'BODY_NOT_JSON' });
    assert.deepEqual(
      broken.map((row) => row['deviceId']),
      [device().deviceId],
    );
    const id = String(broken[0]?.['id']);
    const whole = oneRow(await invoke('GetDeadLetter', { id }));
    assert.equal(whole['body'], '{"temperature":');
    assert.equal(whole['deviceId'], device().deviceId);
    const strangers = await rows('ListDeadLetters', { deviceId: 'stranger', limit: 2 });
    assert.equal(strangers.length, 2);
    const rest = await rows('ListDeadLetters', { deviceId: 'stranger', after: strangers[1]?.['id'] });
    assert.equal(rest.length, 3);

    await system.platform.createThing('stranger', 'AzureIoT.Device_TT');
    await system.platform.addProperty('stranger', 'temperature', 'NUMBER');
    const record = await ended(await text('ReplayDeadLetters'));
    assert.equal(record['state'], 'completed', JSON.stringify(record));
    assert.deepEqual(record['counts'], { delivered: 5, deadLettered: 1 });
    const values = await system.platform.properties('stranger');
    assert.equal(values['temperature'], stranger.sent.at(-1)?.temperature);
    assert.deepEqual(
      (await rows('ListDeadLetters')).map((row) => row['id']),
      [id],
    );
    const deleted = oneRow(await invoke('DeleteDeadLetters', { ids: { array: [id] } }));
    assert.deepEqual([deleted['deleted'], deleted['more']], [1, false]);
    assert.equal(oneRow(await invoke('CountDeadLetters'))['count'], 0);
    await assert.rejects(invoke('GetDeadLetter', { id }), /DEAD_LETTER_NOT_FOUND/);
    const { received, delivered, ignored, deadLettered, released, inFlight } = await accounts(system);
    assert.equal(received, delivered + ignored + deadLettered + released + inFlight);
    assert.equal(deadLettered, 6, 'a replay has accounts of its own');
  });

  test('a replay to a Thing without the properties deletes nothing and says why; a dry run says so beforehand', async () => {
    await invoke('GrantPermissions');
    const late = await system.addDevice('late');
    const { deadLettered } = await accounts(system);
    for (let count = 0; count < 3; count += 1) await late.sendReading();
    await eventually(async () =>
      assert.equal((await accounts(system)).deadLettered, Number(deadLettered) + 3),
    );
    await invoke('CreateDevice', { deviceId: 'late', createThing: true });
    const codes = async () =>
      (await rows('ListDeadLetters', { deviceId: 'late' })).map((row) => row['codes']);
    const replay = async (parameters: Row = {}) =>
      await ended(await text('ReplayDeadLetters', { deviceId: 'late', ...parameters }));

    assert.deepEqual((await replay({ dryRun: true }))['counts'], { ignored: 3 });
    assert.deepEqual(await codes(), Array(3).fill('THING_UNKNOWN'));
    const record = await replay();
    assert.deepEqual([record['state'], record['counts']], ['completed', { ignored: 3 }]);
    assert.match(String(record['note']), /PROPERTY_UNKNOWN \(late\.\w+\).*kept/);
    assert.deepEqual(await codes(), Array(3).fill('PROPERTY_UNKNOWN'));

    await system.platform.setProperties(HUB_THING, { unknownProperty: 'create' });
    await invoke('Connect');
    assert.deepEqual((await replay())['counts'], { delivered: 3 });
    assert.deepEqual(await codes(), []);
    const values = await system.platform.properties('late');
    assert.equal(values['temperature'], late.sent.at(-1)?.temperature);
    assert.equal(
      (await times('late')).length,
      3,
      'the created properties are logged in the value stream of the zip',
    );

    await system.platform.setProperties(HUB_THING, { deviceValueStream: '' });
    await invoke('Connect');
    await eventually(async () =>
      assert.match(String((await system.status())['reason']), /deviceValueStream is not set/),
    );
    await late.send('{"unlogged":1}');
    await eventually(async () => assert.equal((await system.platform.properties('late'))['unlogged'], 1));
    await system.platform.setProperties(HUB_THING, {
      unknownProperty: 'ignore',
      deviceValueStream: 'AzureIoT.DeviceValues',
    });
    await invoke('Connect');
  });

  test('files that IoT Hub routed are ingested once, with a report of those that are none', async () => {
    const thing = device().deviceId;
    const records = Array.from({ length: 30 }, (_, number) => {
      const record = routedRecord({ device: thing, number });
      return { ...record, Body: { bytes: record.Body } };
    });
    await put('routed', 'hub/0/2026/03/01/10/00', await avroFile(ROUTED_SCHEMA, records));
    await put('routed', 'hub/0/2026/03/01/10/01', `${routedLine({ device: thing, number: 30 })}\n`);
    await put('routed', 'hub/0/2026/03/01/10/02', 'nonsense');
    const before = (await times(thing)).length;
    const task = await text('IngestBlobs', { container: 'routed', prefix: 'hub/' });
    const record = await ended(task);
    assert.deepEqual(record['counts'], { delivered: 31, ingested: 2, setAside: 1 });
    await eventually(async () => assert.equal((await times(thing)).length, before + 31));
    const [line] = await rows('GetTaskReport', { task });
    assert.deepEqual([line?.['item'], line?.['outcome']], ['hub/0/2026/03/01/10/02', 'setAside']);
    const again = await ended(await text('IngestBlobs', { container: 'routed' }));
    assert.deepEqual(again['counts'], { known: 3 });
    const tasks = await rows('ListTasks', { kind: 'IngestBlobs' });
    assert.equal(tasks.length, 2);
  });

  test('a watched container is ingested as files appear', async () => {
    const thing = system.devices[1]?.deviceId ?? '';
    const today = new Date().toISOString().slice(0, 10).replaceAll('-', '/');
    await put('watched', `hub/1/${today}/10/00`, `${routedLine({ device: thing, number: 1 })}\n`);
    await eventually(async () => assert.equal((await times(thing)).length, 1));
    await put('watched', `hub/1/${today}/10/01`, `${routedLine({ device: thing, number: 2 })}\n`);
    await eventually(async () => assert.equal((await times(thing)).length, 2));
  });

  test('a task goes on after the sidecar was killed in the middle of it', async () => {
    const thing = system.devices[1]?.deviceId ?? '';
    const files = 30;
    const each = 100;
    for (let file = 0; file < files; file += 1) {
      const lines = Array.from({ length: each }, (_, i) =>
        routedLine({ device: thing, number: 1_000 + file * each + i }),
      );
      await put('large', `f${String(file).padStart(3, '0')}`, `${lines.join('\n')}\n`);
    }
    const task = await text('IngestBlobs', { container: 'large' });
    await eventually(async () => {
      const { done } = oneRow(await invoke('GetTask', { task }));
      assert.ok(Number(done) >= 3);
    });
    await system.sidecar.kill();
    await system.sidecar.start();
    await system.waitForState('running');
    const record = await ended(task);
    assert.equal(record['state'], 'completed', JSON.stringify(record));
    assert.deepEqual([record['done'], record['total']], [files, files]);
    await eventually(async () => {
      const found = new Set(await times(thing));
      const missing = Array.from(
        { length: files * each },
        (_, i) => ENQUEUED_MS + (1_000 + i) * 1_000,
      ).filter((time) => !found.has(time));
      assert.deepEqual(missing, []);
    });
  });

  test('retained events are ingested again', async () => {
    for (let count = 0; count < 10; count += 1) await device().sendReading();
    await eventually(async () => assert.equal((await accounts(system)).inFlight, 0));
    await eventually(async () => {
      const values = await system.platform.properties(device().deviceId);
      assert.equal(values['count'], device().sent.at(-1)?.count);
    });
    const from = new Date(Date.now() - 3_600_000).toISOString();
    const task = await text('ReplayEvents', { from, deviceId: device().deviceId });
    const record = await ended(task);
    assert.equal(record['state'], 'completed', JSON.stringify(record));
    const { delivered, deadLettered } = record['counts'] as Record<string, number>;
    assert.deepEqual([delivered, deadLettered], [10, 1], 'the readings, and the broken message from before');
    await assert.rejects(invoke('ReplayEvents', { from, consumerGroup: 'thingworx' }), /REQUEST_INVALID/);
    assert.equal((await system.status()).state, 'running', 'the lanes have kept their partitions');
  });

  test('mappings are tried and checked; those that are wrong are refused and change nothing', async () => {
    const message = { deviceId: device().deviceId, body: { temperature: 20 } };
    const trial = (await invoke('TestMapping', { message })) as { values: Row[] };
    assert.deepEqual(
      trial.values.map((value) => [value['property'], value['value']]),
      [['temperature', 20]],
    );
    const wrong = { version: 1, rules: [{ name: 'r', nonsense: true }] };
    const problems = await rows('ValidateMappings', { mappings: wrong });
    assert.ok(problems.length > 0);
    await system.platform.setProperties(HUB_THING, { mappings: wrong });
    // The change of the property connects too; whichever comes later counts.
    await eventually(() => assert.rejects(invoke('Connect'), /MAPPINGS_INVALID/));
    await device().sendReading();
    await eventually(async () => {
      const values = await system.platform.properties(device().deviceId);
      assert.equal(values['count'], device().sent.at(-1)?.count);
    });
    await system.platform.setProperties(HUB_THING, { mappings: {} });
    await invoke('Connect');
  });
});
