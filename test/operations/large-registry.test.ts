import assert from 'node:assert/strict';
import { after, before, beforeEach, describe, test } from 'node:test';
import { ContainerSASPermissions } from '@azure/storage-blob';
import type { Row } from '../../scripts/local/platform.ts';
import { callHub, registerInBulk } from '../../scripts/local/registry.ts';
import { eventually, Factory, HUB_THING } from './factory.ts';

const ENDED = ['completed', 'failed', 'cancelled'];
const DEVICES = 5_000;
const EXPORTS = 'registry-exports';
const MODEL = 'dtmi:example:Pump;1';

describe('a large registry', () => {
  const factory = new Factory({ localCheckpoints: false });

  before(async () => {
    await factory.start();
    const ids = Array.from({ length: DEVICES }, (_, index) => `device-${String(index).padStart(5, '0')}`);
    await registerInBulk(factory.system.cloud.iotHubConnectionString, ids);
  });
  after(() => factory.stop());
  beforeEach(async () => {
    await factory.clearThingworxFaults();
    await factory.control('/faults', {});
    await factory.control('/bulk-jobs', { held: false });
    await factory.control('/throttle', { on: false });
    await settings({ registryReading: 'export-job', tier: 'unknown' });
  });

  async function settings(values: Row): Promise<void> {
    await factory.system.platform.setProperties(HUB_THING, values);
    await factory.hub('Connect');
  }

  const look = (task: string) => factory.hub('GetImport', { task });

  const ended = (task: string): Promise<Row> =>
    eventually(async () => {
      const row = await look(task);
      assert.ok(ENDED.includes(String(row.state)), JSON.stringify(row));
      return row;
    }, 180_000);

  async function report(task: string): Promise<Row[]> {
    const lines: Row[] = [];
    for (;;) {
      const page = { task, from: lines.length, limit: 5_000 };
      const { rows } = await factory.hub<{ rows: Row[] }>('GetTaskReport', page);
      lines.push(...rows);
      if (rows.length < page.limit) return lines;
    }
  }

  const noteOf = (task: string, expected: RegExp) =>
    eventually(async () => assert.match(String((await look(task)).note), expected));

  async function leftOver(): Promise<string[]> {
    const names: string[] = [];
    for await (const { name } of factory.rawContainer(EXPORTS).listBlobsFlat()) names.push(name);
    return names;
  }

  const jobs = async () =>
    (await callHub(factory.system.cloud.iotHubConnectionString, 'GET', 'jobs')) as Row[];

  /** Gives tags to a device past the sidecar. */
  const tag = (deviceId: string, tags: Row) =>
    factory.hub('CallSidecar', { operation: 'UpdateTwin', input: { deviceId, tags } });

  test('5,000 devices are read by one export job without keys, whose blob is removed', async () => {
    await tag('device-00007', { line: 'seven' });
    await factory.control('/bulk-jobs', { held: true });
    const rules = ruleTable([{ template: 'AzureIoT.EdgeDevice_TT', tag: 'line', value: 'seven' }]);
    const task = await factory.hub<string>('StartImport', { dryRun: true, rules });
    await noteOf(task, /IoT Hub exports the registry to the storage account: \d+ %/);
    const [job, ...others] = await jobs();
    assert.equal(others.length, 0);
    assert.equal(job?.excludeKeysInExport, true);
    assert.match(String(job?.outputBlobContainerUri), /[?&]sp=rwd&/);
    await factory.control('/bulk-jobs', { held: false });
    const row = await ended(task);
    assert.deepEqual([row.state, row.total, row.done, row.created], ['completed', DEVICES, DEVICES, DEVICES]);
    assert.match(String(row.note), /no model ids/);
    const lines = await report(task);
    assert.equal(new Set(lines.map(({ item }) => item)).size, DEVICES);
    const seventh = lines.find(({ item }) => item === 'device-00007');
    assert.equal(seventh?.message, 'device-00007 from AzureIoT.EdgeDevice_TT');
    assert.deepEqual(await leftOver(), []);
  });

  test('killed while the job runs and while Things are made: the job is taken up, and no device is missing', async () => {
    const before = (await jobs()).length;
    await factory.control('/bulk-jobs', { held: true });
    const task = await factory.hub<string>('StartImport');
    await noteOf(task, /IoT Hub exports/);
    await factory.system.sidecar.kill();
    await factory.thingworxFault({ action: 'delayAnswer', path: 'CreateThings', delayMs: 50 });
    await factory.system.sidecar.start();
    await factory.control('/bulk-jobs', { held: false });
    await eventually(async () => assert.ok(Number((await look(task)).done) > 1_200), 120_000);
    await factory.system.sidecar.kill();
    await factory.clearThingworxFaults();
    await factory.system.sidecar.start();
    await eventually(async () => assert.ok(Number((await look(task)).done) >= 1_000));
    const row = await ended(task);
    assert.deepEqual([row.state, row.done, row.failed], ['completed', DEVICES, 0]);
    assert.equal(Number(row.created) + Number(row.existed), DEVICES);
    const items = (await report(task)).map(({ item }) => String(item));
    assert.deepEqual([items.length, new Set(items).size], [DEVICES, DEVICES]);
    assert.equal((await jobs()).length, before + 1);
    assert.deepEqual(await leftOver(), []);
    const { deviceId, hubThing, twinDesired } = await factory.read('device-04999');
    assert.deepEqual([deviceId, hubThing], ['device-04999', HUB_THING]);
    assert.equal((twinDesired as Row).$version, 1);
  });

  test('the Things are listed in pages of which none lacks or repeats one', async () => {
    const names: string[] = [];
    let after: unknown;
    do {
      const request = { limit: 400, ...(after === undefined ? {} : { after }) };
      const page = await factory.hub<{ things: Row[]; after?: string }>('ListDeviceThings', { request });
      names.push(...page.things.map(({ thing }) => String(thing)));
      after = page.after;
    } while (after !== undefined);
    assert.equal(names.length, DEVICES);
    assert.deepEqual(names, [...new Set(names)].sort());
  });

  test('waits while another export of the hub runs; cancelled, it leaves neither job nor blob', async () => {
    const uri = await factory.rawContainer(EXPORTS).generateSasUrl({
      permissions: ContainerSASPermissions.parse('rwd'),
      expiresOn: new Date(Date.now() + 3_600_000),
    });
    await factory.control('/bulk-jobs', { held: true });
    const other = { type: 'export', outputBlobContainerUri: uri, outputBlobName: 'other.txt' };
    await callHub(factory.system.cloud.iotHubConnectionString, 'POST', 'jobs/create', other);
    const task = await factory.hub<string>('CompareRegistry');
    await noteOf(task, /another import or export of the registry/);
    await factory.control('/bulk-jobs', { held: false });
    await eventually(async () => assert.ok((await jobs()).every(({ status }) => status === 'completed')));
    await factory.control('/bulk-jobs', { held: true });
    await noteOf(task, /IoT Hub exports/);
    assert.equal((await factory.hub('CancelImport', { task })).state, 'cancelled');
    await factory.control('/bulk-jobs', { held: false });
    await eventually(async () => {
      assert.deepEqual((await jobs()).at(-1)?.status, 'cancelled');
      assert.deepEqual(await leftOver(), ['other.txt']);
    });
    await factory.rawContainer(EXPORTS).getBlobClient('other.txt').delete();
  });

  test('an export job that fails is the error of the task, with its reason and without the signature', async () => {
    await settings({ registryContainer: 'gone-at-once' });
    await factory.control('/bulk-jobs', { held: true });
    const task = await factory.hub<string>('CompareRegistry');
    await noteOf(task, /IoT Hub exports/);
    await factory.rawContainer('gone-at-once').delete();
    await factory.control('/bulk-jobs', { held: false });
    const row = await ended(task);
    assert.deepEqual([row.state, row.errorCode], ['failed', 'EXPORT_JOB_FAILED']);
    assert.match(String(row.error), /container does not exist/i);
    assert.doesNotMatch(String(row.error), /sig=/);
    await settings({ registryContainer: EXPORTS });
  });

  test('a comparison finds what is missing, too much and different; RefreshTwins mirrors the twins', async () => {
    const { platform } = factory.system;
    const client = await factory.connect('device-00001', 'mqtt', { modelId: MODEL });
    await client.close();
    await tag('device-00002', { room: { number: 4.5, doors: ['a', 'b'] } });
    await registerInBulk(factory.system.cloud.iotHubConnectionString, ['device-without-thing']);
    await platform.createThing('thing-without-device', 'AzureIoT.Device_TT');
    await platform.setProperties('thing-without-device', { hubThing: HUB_THING });
    await settings({ registryReading: 'queries' });
    const rules = ruleTable([{ template: 'AzureIoT.EdgeDevice_TT', tag: 'line', value: 'seven' }]);
    const compare = async () => {
      const task = await factory.hub<string>('CompareRegistry', { rules, template: 'AzureIoT.Device_TT' });
      const row = await ended(task);
      const lines = (await report(task)).map(({ item, outcome }) => `${item} ${outcome}`).sort();
      return { row, lines };
    };
    const first = await compare();
    assert.deepEqual(first.lines, [
      'device-00001 otherModel',
      'device-00002 otherTags',
      'device-00007 otherTemplate',
      'device-without-thing withoutThing',
      'thing-without-device withoutDevice',
    ]);
    const { state, total, done, existed, different } = first.row;
    assert.deepEqual(
      [state, total, done, existed, different],
      ['completed', DEVICES + 2, DEVICES + 2, DEVICES - 3, 3],
    );

    const task = await factory.hub<string>('RefreshTwins');
    const refreshed = await ended(task);
    assert.deepEqual([refreshed.state, refreshed.failed, refreshed.withoutThing], ['completed', 0, 1]);
    const { twinTags, modelId } = await factory.read('device-00002');
    assert.deepEqual((twinTags as Row).room, { number: 4.5, doors: ['a', 'b'] });
    assert.equal(modelId ?? '', '');
    assert.equal((await factory.read('device-00001')).modelId, MODEL);
    const second = await compare();
    assert.deepEqual(second.lines, [
      'device-00007 otherTemplate',
      'device-without-thing withoutThing',
      'thing-without-device withoutDevice',
    ]);
  });

  test('within the rates of the tier: it waits out what the hub refuses, and forecasts the end from the start', async () => {
    // The hub is smaller than the setting says.
    await settings({ registryReading: 'queries', tier: 'S3' });
    await factory.control('/throttle', { tier: 'S1', factor: 3, burstSeconds: 1 });
    const task = await factory.hub<string>('RefreshTwins');
    const planned = await eventually(async () => {
      const row = await look(task);
      assert.ok(row.expectedEnd, JSON.stringify(row));
      return row;
    });
    assert.ok(Number(planned.itemsPerSecond) > 0);
    assert.ok(Number(planned.total) >= DEVICES);
    const { rows } = await factory.hub<{ rows: Row[] }>('ListTasks', { kind: 'RefreshTwins' });
    assert.ok(rows[0]?.expectedEnd);
    const row = await ended(task);
    assert.deepEqual([row.state, row.failed, row.expectedEnd], ['completed', 0, undefined]);
    assert.ok(Number(row.existed) > DEVICES - 10);
    const { refused } = (await (await fetch(`${factory.system.cloud.iotHubControlUrl}/throttle`)).json()) as {
      refused: Row;
    };
    assert.ok(Number(refused.query) > 0, JSON.stringify(refused));
  });
});

function ruleTable(rows: Row[]): Row {
  const fields = { template: 'THINGTEMPLATENAME', tag: 'STRING', value: 'STRING' };
  const fieldDefinitions = Object.fromEntries(
    Object.entries(fields).map(([name, baseType], ordinal) => [
      name,
      { name, baseType, description: '', ordinal, aspects: {} },
    ]),
  );
  return { dataShape: { fieldDefinitions }, rows };
}
