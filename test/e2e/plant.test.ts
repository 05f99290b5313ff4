import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { BlobServiceClient } from '@azure/storage-blob';
import { Plant } from '../../scripts/local/factory/plant.ts';
import type { Row } from '../../scripts/local/platform.ts';
import { HUB_THING, NOTIFICATION_SOURCES, REPOSITORY_THING } from '../../scripts/local/system.ts';
import { eventually } from './observe.ts';
import { WatchedSystem } from './watched-system.ts';

/** The factory that `npm start` shows: what each machine is there for must work. */
describe('the factory in miniature', () => {
  const system = new WatchedSystem({
    devices: 0,
    builtInSources: NOTIFICATION_SOURCES,
    fileRepository: true,
  });
  const plant = new Plant(system);

  before(async () => {
    await system.start();
    await system.platform.invoke(HUB_THING, 'GrantPermissions');
    await plant.start();
    for (let tick = 0; tick < 30; tick += 1) await plant.tick();
  });
  after(async () => {
    await plant.stop();
    await system.stop();
  });

  /** The rows of a table; none for a service without a result. */
  const call = async (thing: string, service: string, parameters: Row = {}): Promise<Row[]> => {
    const answer = (await system.platform.invoke(thing, service, parameters)) as { rows: Row[] } | undefined;
    return answer?.rows ?? [];
  };
  const values = async (thing: string): Promise<Row> =>
    (await plant.look()).find((line) => line.thing === thing)?.values ?? {};

  test('has a value in every property that is shown', async () => {
    await eventually(async () => {
      for (const { thing, values } of await plant.look())
        for (const [name, value] of Object.entries(values))
          assert.notEqual(value ?? '', '', `${name} of ${thing}`);
    });
  });

  test('has a pump that takes its speed by method, message and twin', async () => {
    const [answer] = await call('pump-01', 'InvokeMethod', {
      methodName: 'setSpeed',
      payload: { speed: 900 },
    });
    assert.equal(answer?.['status'], 200);
    await plant.tick();
    await eventually(async () => assert.equal((await values('pump-01')).speed, 900));
    await system.platform.setProperties('pump-01', { twinDesired: { speed: 1200 } });
    await eventually(async () => {
      const { twinReported } = await system.platform.properties('pump-01');
      assert.equal((twinReported as Row).speed, 1200);
    });
    await call('pump-01', 'SendMessage', { body: 'stop' });
    await eventually(async () => {
      await plant.tick();
      assert.equal((await values('pump-01')).running, false);
    });
  });

  test('has an oven whose sensor fails now and then, which makes dead letters', async () => {
    await eventually(async () => {
      const letters = await call(HUB_THING, 'ListDeadLetters', { deviceId: 'oven-02' });
      assert.equal(letters[0]?.['code'], 'VALUE_WRONG_TYPE');
      assert.equal(letters[0]?.['property'], 'temperature');
    });
  });

  test('has a press whose nested values a mapping reads', async () => {
    const { force, oilTemperature } = await values('press-03');
    assert.ok(Number(force) > 80 && Number(force) < 90);
    assert.ok(Number(oilTemperature) > 50 && Number(oilTemperature) < 60);
  });

  test('has a camera that uploads photos', async () => {
    const container = BlobServiceClient.fromConnectionString(
      system.cloud.storageConnectionString,
    ).getContainerClient('device-uploads');
    const photo = await container.getBlobClient('camera-04/photos/part-001.png').downloadToBuffer();
    assert.equal(photo.subarray(1, 4).toString(), 'PNG');
  });

  test('has a robot that installs software packages', async () => {
    await call(REPOSITORY_THING, 'SaveText', { path: '/robot-2.0.0.txt', content: 'new software' });
    await call('robot-05', 'DeployPackage', {
      repository: REPOSITORY_THING,
      path: '/robot-2.0.0.txt',
      name: 'controller',
      version: '2.0.0',
    });
    await eventually(async () => {
      const { softwarePackages } = (await system.platform.properties('robot-05')) as {
        softwarePackages: { rows: Row[] };
      };
      assert.equal(softwarePackages.rows[0]?.['state'], 'installed');
    });
    await plant.tick();
    await eventually(async () => assert.equal((await values('robot-05')).software, '2.0.0'));
  });

  test('has an OPC UA server to browse, read and write', async () => {
    const endpointUrl = 'opc.tcp://line-1:4840';
    const found = await call('edge-06', 'Browse', { endpointUrl, nodeId: 'ns=2;s=Line1' });
    assert.ok(found.some(({ displayName }) => displayName === 'Running'));
    await call('edge-06', 'WriteValue', {
      endpointUrl,
      nodeId: 'ns=2;s=Line1.Filler.Speed',
      value: '300',
      dataType: 'Double',
    });
    await plant.tick();
    await eventually(async () => assert.equal((await values('edge-06'))['opcpublisher::Speed'], 300));
  });

  test('has devices without Things, which an import finds', async () => {
    const task = ((await call(HUB_THING, 'StartImport', { dryRun: true }))[0] as { result?: string }).result;
    await eventually(async () => {
      const [row] = await call(HUB_THING, 'GetImport', { task });
      assert.equal(row?.['state'], 'completed');
      assert.equal(row?.['created'], 2);
    });
  });
});
