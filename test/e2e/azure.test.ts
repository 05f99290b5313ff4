import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, afterEach, before, describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { HUB_THING, type LocalSystem } from '../../scripts/local/system.ts';
import { type Azurite, startAzurite } from '../emulators/azurite.ts';
import {
  Auditor,
  countListener,
  deadLetters,
  everythingInOrder,
  hubControl,
  type Listener,
  loadDuring,
  store,
  Volume,
} from './instruments.ts';
import { eventually } from './observe.ts';
import { WatchedSystem } from './watched-system.ts';

interface LogLine {
  readonly level: string;
  readonly msg: string;
  readonly partitionId?: string;
}

/** IoT Hub and Azure Storage in trouble under load: the sidecar recovers by itself, and nothing is missing or out of order. */
describe('an Azure that cuts, detaches, pauses and goes away', () => {
  const lines: LogLine[] = [];
  const accountKey = randomBytes(64).toString('base64');
  let directory = '';
  let azurite: Azurite;
  let system: LocalSystem;
  let auditor: Auditor;
  let volume: Volume;
  let listener: Listener;

  before(async () => {
    directory = await mkdtemp(path.join(tmpdir(), 'azure-faults-'));
    azurite = await startAzurite({ directory, accountKey });
    system = new WatchedSystem({
      devices: 4,
      hubSettings: { storageConnectionString: azurite.connectionString },
      onSidecarLine: (line) => lines.push(JSON.parse(line) as LogLine),
    });
    await system.start();
    volume = new Volume(
      system,
      system.devices.map(({ deviceId }) => deviceId),
    );
    listener = await countListener(system, 'Counts', volume.deviceIds);
    auditor = new Auditor(() => system.sidecar.url);
    auditor.start();
  });
  after(async () => {
    await auditor?.end();
    await system?.stop();
    await azurite?.stop();
    await rm(directory, { recursive: true, force: true });
  });
  afterEach(() => hubControl(system, 'faults', {}, 'DELETE'));

  const allInOrder = () => everythingInOrder(listener, volume);
  const during = (trouble: () => Promise<void>) => loadDuring(listener, volume, trouble);

  test('connections of the hub are cut again and again', async () => {
    await during(async () => {
      for (let cut = 0; cut < 4; cut += 1) {
        await hubControl(system, 'cut', { protocol: 'amqp' });
        await sleep(600);
      }
    });
  });

  test('its links are detached, and once as if another reader had taken the partition', async () => {
    await during(async () => {
      for (const condition of [
        'amqp:link:detach-forced',
        'com.microsoft:server-busy',
        'amqp:internal-error',
        'amqp:link:stolen',
      ]) {
        const { detached } = await hubControl(system, 'detach', { address: 'Partitions', condition });
        assert.ok(Number(detached) > 0, condition);
        await sleep(800);
      }
    });
  });

  test('the hub refuses connections for a while', async () => {
    await during(async () => {
      await hubControl(system, 'refuse', { protocol: 'amqp', refused: true });
      await hubControl(system, 'cut', { protocol: 'amqp' });
      await sleep(3_000);
      await hubControl(system, 'refuse', { protocol: 'amqp', refused: false });
    });
  });

  test('tokens expire all at once', async () => {
    await during(async () => {
      await hubControl(system, 'expire-tokens');
      await sleep(500);
    });
  });

  test('partitions deliver nothing from their opening on: lag and stall show, the watchdog opens them again, nothing is missing', async () => {
    for (const partition of [0, 1, 2, 3]) await hubControl(system, 'pause', { partition, paused: true });
    await system.sidecar.stop();
    await volume.send(10);
    await system.sidecar.start();
    lines.length = 0;
    const stalled = async () => (await system.platform.properties(HUB_THING))['ingestionStalled'];
    const said = (begin: string) => lines.some(({ msg }) => msg.startsWith(begin));
    await eventually(async () => assert.equal((await system.status())['lag'], 10 * volume.deviceIds.length));
    await eventually(async () => assert.ok(said('The messages of the partition do not move')));
    await eventually(async () => assert.equal(await stalled(), true));
    for (const partition of [0, 1, 2, 3]) await hubControl(system, 'pause', { partition, paused: false });
    await allInOrder();
    await eventually(async () => assert.equal(await stalled(), false));
    const { stall } = (await system.status()) as { stall?: Record<string, string> };
    assert.equal(stall?.['code'], 'INGESTION_STALLED');
    assert.match(stall?.['reason'] ?? '', /^Partition \d has \d+ messages/);
  });

  test('the storage account is gone: it goes on without checkpoints, waits with dead letters, and says each once', async () => {
    const [deviceId = ''] = volume.deviceIds;
    lines.length = 0;
    const { port } = azurite;
    await azurite.stop();
    await volume.send(50);
    await store(system, [{ deviceId, body: 'no json' }]);
    await eventually(async () => assert.equal((await system.status())['state'], 'waiting'));
    await volume.send(50);
    await sleep(4_000);
    azurite = await startAzurite({ directory, accountKey, port });
    await allInOrder();
    await eventually(async () => {
      const letters = await deadLetters(system);
      assert.deepEqual(
        letters.map(({ code }) => code),
        ['BODY_NOT_JSON'],
      );
    });
    await system.waitForState('running');
    const said = (begin: string) =>
      lines.filter(({ level, msg }) => level === 'warn' && msg.startsWith(begin)).length;
    assert.equal(said('Hub waiting'), 1);
    assert.ok(said('A checkpoint could not be written') <= volume.deviceIds.length, 'once per partition');
  });

  test('after all of it a restart finds its checkpoints: nothing comes twice', async () => {
    await system.sidecar.stop();
    await volume.send(20);
    await system.sidecar.start();
    await allInOrder();
    const { counters } = (await system.status()) as { counters?: { received?: number } };
    assert.equal(counters?.received, 20 * volume.deviceIds.length);
  });

  test('the accounts added up at every scrape', () => auditor.stop());
});
