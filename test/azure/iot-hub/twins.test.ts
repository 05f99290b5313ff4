import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import type { HubClients } from '../../../sidecar/azure/iot-hub/hub-clients.ts';
import { nextNonEmpty, quoteForQuery } from '../../../sidecar/azure/iot-hub/twins.ts';
import type { IotHubEmulator } from '../../emulators/iothub/emulator.ts';
import { range, until } from '../helpers.ts';
import { startTrustedHub } from './hub-emulator.ts';
import { connectDevice, connectModule, openClients } from './hub-support.ts';

interface DeviceTwin {
  readonly properties: {
    readonly desired: Record<string, unknown>;
    readonly reported: { update(patch: unknown, done: (error?: Error) => void): void };
  };
  on(event: string, listener: (patch: Record<string, unknown>) => void): void;
}

describe('twins', () => {
  let hub: IotHubEmulator;
  let clients: HubClients;
  before(async () => {
    hub = await startTrustedHub();
    clients = await openClients(hub);
    await clients.registry.createDevice({ deviceId: 'dev-1' });
    await clients.modules.createModule({ deviceId: 'dev-1', moduleId: 'mod' });
  });
  after(async () => {
    await clients.close();
    await hub.stop();
  });

  test('a patch merges and null removes; a replacement empties the rest', async () => {
    const { twins } = clients;
    const name = { deviceId: 'dev-1' };
    const first = await twins.patch(name, {
      tags: { site: 'A', line: 1 },
      desired: { interval: 5, mode: 'auto' },
    });
    assert.deepEqual(first.tags, { site: 'A', line: 1 });
    const second = await twins.patch(name, { tags: { line: null }, desired: { interval: 6 } });
    assert.deepEqual(second.tags, { site: 'A' });
    assert.equal(second.properties.desired.interval, 6);
    assert.equal(second.properties.desired.mode, 'auto');
    assert.ok(second.version > first.version);
    const third = await twins.replace(name, { desired: { only: true } });
    assert.deepEqual(third.tags ?? {}, {});
    assert.equal(third.properties.desired.interval, undefined);
    assert.equal(third.properties.desired.only, true);
    assert.equal((await twins.get(name)).etag, third.etag);
  });

  test('an ETag that no longer holds is refused', async () => {
    const { twins } = clients;
    const { etag } = await twins.get({ deviceId: 'dev-1' });
    await twins.patch({ deviceId: 'dev-1' }, { tags: { n: 1 } }, { etag });
    await assert.rejects(twins.patch({ deviceId: 'dev-1' }, { tags: { n: 2 } }, { etag }), {
      code: 'PRECONDITION_FAILED',
    });
    await assert.rejects(twins.replace({ deviceId: 'dev-1' }, {}, { etag }), { code: 'PRECONDITION_FAILED' });
  });

  test('a missing device and what the hub does not take', async () => {
    const { twins } = clients;
    await assert.rejects(twins.get({ deviceId: 'nobody' }), { code: 'DEVICE_NOT_FOUND' });
    await assert.rejects(twins.get({ deviceId: 'dev-1', moduleId: 'none' }), { code: 'DEVICE_NOT_FOUND' });
    await assert.rejects(twins.patch({ deviceId: 'dev-1' }, { tags: { 'a.b': 1 } }), {
      code: 'AZURE_REJECTED',
    });
  });

  for (const transport of ['mqtt', 'amqp'] as const) {
    test(`desired reaches a device over ${transport}, reported comes back`, async () => {
      const device = await connectDevice(hub, clients, 'dev-1', transport);
      try {
        const twin = (await device.getTwin()) as unknown as DeviceTwin;
        const seen: Record<string, unknown>[] = [];
        twin.on('properties.desired', (patch) => seen.push(patch));
        // Again and again: the device SDK subscribes in its own time.
        let count = 0;
        await until('the patch', async () => {
          count += 1;
          await clients.twins.patch({ deviceId: 'dev-1' }, { desired: { from: transport, count } });
          return seen.some((patch) => patch.from === transport);
        });
        await new Promise<void>((resolve, reject) => {
          twin.properties.reported.update({ answered: transport }, (error) =>
            error ? reject(error) : resolve(),
          );
        });
        const { properties, connectionState } = await clients.twins.get({ deviceId: 'dev-1' });
        assert.equal(properties.reported.answered, transport);
        assert.equal(connectionState, 'Connected');
      } finally {
        await device.close();
      }
    });
  }

  test('the twin of a module', async () => {
    const module = await connectModule(hub, clients, 'dev-1', 'mod');
    try {
      const name = { deviceId: 'dev-1', moduleId: 'mod' };
      const twin = (await module.getTwin()) as unknown as DeviceTwin;
      const seen: Record<string, unknown>[] = [];
      twin.on('properties.desired', (patch) => seen.push(patch));
      const { moduleId } = await clients.twins.patch(name, { desired: { level: 3 } });
      assert.equal(moduleId, 'mod');
      await until('the patch', () => seen.some((patch) => patch.level === 3));
    } finally {
      await module.close();
    }
  });

  test('queries page by page, to the end and no further', async () => {
    await clients.bulkDevices(
      'create',
      range(25).map((index) => ({ deviceId: `page-${String(index).padStart(2, '0')}` })),
    );
    for (const index of range(5)) {
      await clients.twins.patch({ deviceId: `page-0${index}` }, { tags: { owner: "O'Hara" } });
    }
    const sql = "SELECT * FROM devices WHERE STARTSWITH(deviceId, 'page-')";
    const first = await clients.twins.query(sql, { pageSize: 10 });
    assert.equal(first.items.length, 10);
    assert.ok(first.continuationToken);
    const ids: string[] = [];
    let pages = 0;
    for await (const page of clients.twins.pages(sql, { pageSize: 10 })) {
      pages += 1;
      ids.push(...page.map(({ deviceId }) => deviceId));
    }
    assert.equal(pages, 3);
    assert.equal(new Set(ids).size, 25);
    const owned = await clients.twins.query(
      `SELECT * FROM devices WHERE tags.owner = ${quoteForQuery("O'Hara")}`,
    );
    assert.equal(owned.items.length, 5);
    assert.equal(quoteForQuery('a\\b'), "'a\\\\b'");
    assert.equal(owned.continuationToken, undefined);
    const [count] = (await clients.twins.query<{ total: number }>('SELECT COUNT() AS total FROM devices'))
      .items;
    assert.equal(count?.total, 26);
    const pagesOf = (...pages: { items: number[]; continuationToken?: string }[]) =>
      nextNonEmpty(
        async ({ continuationToken = '0' }) => pages[Number(continuationToken)] ?? { items: [] },
        {},
      );
    const [empty, filled] = [
      { items: [], continuationToken: '1' },
      { items: [7], continuationToken: '2' },
    ];
    assert.deepEqual(await pagesOf(empty, filled), filled, 'an empty page is not the end');
    assert.deepEqual(await pagesOf(empty, { items: [] }), { items: [] });
    const none = await clients.twins.query("SELECT * FROM devices WHERE deviceId = 'nobody'");
    assert.deepEqual(none.items, []);
    await assert.rejects(clients.twins.query('SELEKT * FROM devices'), { code: 'AZURE_REJECTED' });
  });
});
