import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { after, before, describe, test } from 'node:test';
import type { Row } from '../../scripts/local/platform.ts';
import type { Sidecar } from '../../scripts/local/sidecar.ts';
import { HUB_THING } from '../../scripts/local/system.ts';
import { Balancer } from './balancer.ts';
import { eventually } from './observe.ts';
import { WatchedSystem } from './watched-system.ts';

const STORAGE_THING = 'Plant.Storage';
const ARCHIVE_THING = 'Plant.Archives';

describe('two sidecars behind a load balancer', () => {
  const balancer = new Balancer();
  const members: Sidecar[] = [];
  let system: WatchedSystem;

  before(async () => {
    await balancer.start();
    system = new WatchedSystem({
      devices: 2,
      sidecarEnvironment: { SIDECAR_PUBLIC_URL: balancer.url, SIDECAR_LOAD_BALANCED: 'true' },
      hubSettings: { sidecarUrl: balancer.url },
      onStep: (step) => {
        if (step.startsWith('Creating the hub Thing')) balancer.add(system.sidecar.url);
      },
    });
    await system.start();
    members.push(system.sidecar);
  });
  after(async () => {
    await members[1]?.stop();
    await system.stop();
    await balancer.stop();
  });

  const invoke = (thing: string, service: string, parameters: Row = {}) =>
    system.platform.invoke(thing, service, parameters);

  async function shown(): Promise<Row[]> {
    const { sidecars } = await system.platform.properties(HUB_THING);
    return ((sidecars ?? {}) as { rows?: Row[] }).rows ?? [];
  }

  /** Waits until so many sidecars share the partitions. */
  async function share(...partitions: number[]): Promise<void> {
    await eventually(async () => {
      const rows = await shown();
      assert.deepEqual(
        rows.map((row) => row['partitions']),
        partitions,
      );
      for (const { address, name } of rows) assert.equal(address, `${balancer.url}#${name}`);
    });
  }

  test('both join by its address, which is the only one in sidecarUrl', async () => {
    const second = await system.addMember(2);
    members.push(second);
    balancer.add(second.url);
    await share(2, 2);
  });

  test('each gets changed settings and secrets', async () => {
    await system.platform.setProperties(HUB_THING, { maxRowsPerCall: 321 });
    await invoke(HUB_THING, 'Connect');
    for (const { stateDirectory } of members)
      await eventually(async () => {
        const file = path.join(stateDirectory, 'settings', `${HUB_THING}.json`);
        const { settings } = JSON.parse(await readFile(file, 'utf8')) as { settings: Row };
        assert.equal(settings['maxRowsPerCall'], 321);
      });
    await share(2, 2);
    for (const device of system.devices) await device.sendReading();
    for (const { deviceId } of system.devices)
      await eventually(async () => assert.equal((await system.platform.properties(deviceId))['count'], 1));
  });

  test('calls reach any of them, also those for a storage Thing', async () => {
    await system.platform.createThing(STORAGE_THING, 'AzureIoT.StorageAccount_TT');
    await system.platform.setProperties(STORAGE_THING, {
      sidecarUrl: balancer.url,
      sidecarToken: system.sidecar.token,
      storageConnectionString: system.cloud.storageConnectionString,
    });
    await invoke(STORAGE_THING, 'ConnectStorage');
    await invoke(STORAGE_THING, 'CreateContainer', { containerName: 'archives' });
    await system.platform.createThing(ARCHIVE_THING, 'AzureIoT.BlobContainer_TT');
    await system.platform.setProperties(ARCHIVE_THING, {
      storageThing: STORAGE_THING,
      containerName: 'archives',
    });
    await invoke(ARCHIVE_THING, 'SaveText', { path: '/a.txt', content: 'some text' });
    const before = balancer.targets.map(({ connections }) => connections);
    for (let call = 0; call < 6; call += 1) {
      assert.equal((await system.status()).state, 'running');
      const { rows } = (await invoke(ARCHIVE_THING, 'LoadText', { path: '/a.txt' })) as { rows: Row[] };
      assert.equal(rows[0]?.['result'], 'some text');
    }
    for (const [index, { connections }] of balancer.targets.entries())
      assert.ok(connections > (before[index] ?? 0), `sidecar ${index + 1} got no call`);
  });

  test('one that is killed is passed over, and gets its settings when it is back', async () => {
    await members[0]?.kill();
    for (let call = 0; call < 4; call += 1) assert.equal((await system.status()).state, 'running');
    await share(4);
    await system.platform.setProperties(HUB_THING, { maxRowsPerCall: 322 });
    await invoke(HUB_THING, 'Connect');
    await members[0]?.start();
    await share(2, 2);
    for (const device of system.devices) await device.sendReading();
    for (const { deviceId } of system.devices)
      await eventually(async () => assert.equal((await system.platform.properties(deviceId))['count'], 2));
  });
});
