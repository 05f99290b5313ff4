import assert from 'node:assert/strict';
import { after, before, beforeEach, describe, test } from 'node:test';
import { BlobServiceClient } from '@azure/storage-blob';
import type { HubClients } from '../../sidecar/azure/iot-hub/hub-clients.ts';
import { type HubSettings, withDefaults } from '../../sidecar/contract/hub-settings.ts';
import { ConnectorError } from '../../sidecar/errors/connector-error.ts';
import type { DevicePage, Place } from '../../sidecar/import/devices.ts';
import { RegistryReader } from '../../sidecar/import/registry-reader.ts';
import type { RunningTask } from '../../sidecar/tasks/task.ts';
import { until } from '../azure/helpers.ts';
import { startTrustedHub } from '../azure/iot-hub/hub-emulator.ts';
import { openClients } from '../azure/iot-hub/hub-support.ts';
import { listeningLog } from '../dead-letters/letters.ts';
import { type Azurite, startAzurite } from '../emulators/azurite.ts';
import type { IotHubEmulator } from '../emulators/iothub/emulator.ts';

/** More than one unit of S1 reads by queries in five minutes. */
const DEVICES = 50_100;

describe('the reading of a registry', () => {
  let hub: IotHubEmulator;
  let clients: HubClients;
  let azurite: Azurite;
  let stop: AbortController;
  let notes: string[];
  let expected: [total: number, perSecond: number | undefined][];
  let tasks = 0;

  before(async () => {
    hub = await startTrustedHub();
    clients = await openClients(hub);
    azurite = await startAzurite();
    for (let number = 0; number < DEVICES; number += 1)
      hub.identities.create(`device-${String(number).padStart(6, '0')}`, undefined, { status: 'enabled' });
  });
  after(async () => {
    await clients.close();
    await hub.stop();
    await azurite.stop();
  });
  beforeEach(() => {
    stop = new AbortController();
    notes = [];
    expected = [];
  });

  function open(settings: Partial<HubSettings> = {}, id?: string): RegistryReader {
    tasks += 1;
    const task: Partial<RunningTask> = {
      id: id ?? `task-${tasks}`,
      signal: stop.signal,
      note: (text) => notes.push(text),
      expect: (total, perSecond) => expected.push([total, perSecond]),
    };
    const options = {
      hubThing: 'Hub',
      azure: async () => clients,
      settings: () => ({
        ...withDefaults({}),
        storageConnectionString: azurite.connectionString,
        ...settings,
      }),
      log: listeningLog().log,
    };
    return new RegistryReader(options, task as RunningTask, { kind: 'all' });
  }

  async function first(reader: RegistryReader, from?: Place): Promise<DevicePage> {
    for await (const page of reader.pages(from)) return page;
    throw new Error('There is no page');
  }

  async function all(reader: RegistryReader, from?: Place): Promise<DevicePage[]> {
    const pages: DevicePage[] = [];
    for await (const page of reader.pages(from)) pages.push(page);
    return pages;
  }

  async function blobs(): Promise<string[]> {
    const names: string[] = [];
    const service = BlobServiceClient.fromConnectionString(azurite.connectionString);
    for await (const { name } of service.getContainerClient('registry-exports').listBlobsFlat())
      names.push(name);
    return names;
  }

  test('is done by an export job when queries take longer than five minutes, and goes on at its place', async () => {
    const reader = open();
    const pages = await all(reader);
    const ids = pages.flatMap(({ devices }) => devices.map(({ deviceId }) => deviceId));
    assert.equal(ids.length, DEVICES);
    assert.equal(new Set(ids).size, DEVICES);
    assert.ok(pages.every(({ devices }) => devices.length <= 500));
    assert.deepEqual(expected, [[DEVICES, undefined]]);
    const rest = await all(open({}, 'task-1'), pages[9]?.next);
    assert.deepEqual(
      rest.flatMap(({ devices }) => devices.map(({ deviceId }) => deviceId)),
      pages.slice(10).flatMap(({ devices }) => devices.map(({ deviceId }) => deviceId)),
    );
    const view = pages[0]?.devices[0]?.view;
    assert.deepEqual(
      [view?.desired.$version, view?.reported.$version, view?.tags.$version, view?.connectionState],
      [1, 1, 0, undefined],
    );
    assert.deepEqual(await blobs(), ['Hub/task-1.txt']);
    await reader.close();
    assert.deepEqual(await blobs(), []);
  });

  test('is done by queries when they are fast enough, or storage is missing, or somebody wants it', async () => {
    const large = await openClients(hub, 'iothubowner', { tier: 'S3', units: 1 });
    const small = clients;
    clients = large;
    try {
      assert.ok((await first(open())).next?.token);
      assert.deepEqual(
        expected.map(([total, pace]) => [total, Math.round(pace ?? 0)]),
        [[DEVICES, 8_333]],
      );
    } finally {
      clients = small;
      await large.close();
    }
    assert.ok((await first(open({ registryReading: 'queries' }))).next?.token);
    assert.ok((await first(open({ storageConnectionString: '' }))).next?.token);
    await assert.rejects(first(open({ registryReading: 'export-job', storageConnectionString: '' })), {
      code: 'SETTING_MISSING',
    });
  });

  test('is done by queries when the job cannot begin or fails, unless it is forced', async () => {
    const wrongKey = azurite.connectionString.replace(/AccountKey=[^;]{8}/, 'AccountKey=AAAAAAAA');
    assert.ok((await first(open({ storageConnectionString: wrongKey }))).next?.token);
    assert.match(notes.at(-1) ?? '', /^The registry is read by queries: /);
    await assert.rejects(first(open({ registryReading: 'export-job', storageConnectionString: wrongKey })), {
      code: 'AZURE_UNAUTHORIZED',
    });
    hub.state.bulkJobs.hold(true);
    const container = BlobServiceClient.fromConnectionString(azurite.connectionString).getContainerClient(
      'removed',
    );
    const page = first(open({ registryContainer: 'removed' }));
    await until('the job', () => notes.some((note) => note.startsWith('IoT Hub exports')));
    await container.delete();
    hub.state.bulkJobs.hold(false);
    assert.ok((await page).next?.token);
    assert.match(notes.at(-1) ?? '', /^The registry is read by queries: The export job .* state failed: /);
  });

  test('leaves out modules, and takes the job of an earlier attempt', async () => {
    await clients.modules.createModule({ deviceId: 'device-000003', moduleId: 'camera' });
    await first(open({}, 'killed'));
    const before = (await clients.registryJobs.list()).length;
    const again = open({}, 'killed');
    const devices = (await all(again)).flatMap((page) => page.devices.map(({ deviceId }) => deviceId));
    assert.equal(devices.filter((deviceId) => deviceId === 'device-000003').length, 1);
    assert.equal((await clients.registryJobs.list()).length, before);
    stop.abort(new ConnectorError('STOPPING', 'The sidecar is stopping.'));
    await again.close();
    assert.ok((await blobs()).includes('Hub/killed.txt'), 'the task goes on with it');
  });

  test('is done by queries when a device has a model id, which an export lacks', async () => {
    hub.identities.setModelId('device-000001', undefined, 'dtmi:example:Pump;1');
    const page = await first(open());
    assert.ok(page.next?.token);
    assert.equal(
      page.devices.find(({ deviceId }) => deviceId === 'device-000001')?.modelId,
      'dtmi:example:Pump;1',
    );
  });
});
