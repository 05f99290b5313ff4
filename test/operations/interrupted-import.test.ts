import assert from 'node:assert/strict';
import { readdir, rm } from 'node:fs/promises';
import path from 'node:path';
import { after, before, describe, test } from 'node:test';
import type { Row } from '../../scripts/local/platform.ts';
import { registerDevices } from '../../scripts/local/registry.ts';
import { eventually, Factory, HUB_THING } from './factory.ts';

/** An import remembers how far it came after each page of the registry. */
const DEVICES_PER_PAGE = 500;

describe('imports that are interrupted', () => {
  const factory = new Factory();
  before(async () => {
    await factory.start();
    await factory.listen(HUB_THING, 'ImportProgress');
    await factory.listen(HUB_THING, 'ImportCompleted');
  });
  after(() => factory.stop());

  async function register(prefix: string, count: number): Promise<string[]> {
    const ids = Array.from({ length: count }, (_, index) => `${prefix}-${String(index).padStart(3, '0')}`);
    await registerDevices(factory.system.cloud.iotHubConnectionString, ids);
    return ids;
  }

  const selected = (prefix: string) => ({ condition: `STARTSWITH(deviceId, '${prefix}-')` });

  /** Begins an import on a slow platform and gives its id when it is in the middle of a page. */
  async function begin(prefix: string, least: number): Promise<string> {
    await factory.thingworxFault({ action: 'delayAnswer', path: 'CreateThings', delayMs: 150 });
    const task = await factory.hub<string>('StartImport', selected(prefix));
    await eventually(async () => {
      const row = await factory.hub('GetImport', { task });
      assert.ok(Number(row.done) >= least && Number(row.done) % DEVICES_PER_PAGE > 0, JSON.stringify(row));
      // Who looks at the report has it written.
      assert.ok((await report(task)).length >= least);
    });
    return task;
  }

  async function ended(task: string): Promise<Row> {
    return await eventually(async () => {
      const row = await factory.hub('GetImport', { task });
      assert.ok(!['queued', 'running'].includes(String(row.state)), JSON.stringify(row));
      return row;
    });
  }

  const report = async (task: string): Promise<Row[]> =>
    (await factory.hub<{ rows: Row[] }>('GetTaskReport', { task, limit: 5_000 })).rows;

  async function present(ids: readonly string[]): Promise<string[]> {
    const { things } = await factory.hub<{ things: Row }>('DescribeThings', { names: { names: ids } });
    return Object.keys(things).sort();
  }

  const told = (task: string): Promise<Row> =>
    eventually(async () => {
      const event = (await factory.heard(HUB_THING, 'ImportCompleted')).find((heard) => heard.task === task);
      assert.ok(event);
      return event;
    });

  test('after a SIGKILL in the middle nothing is missing, in ThingWorx or in the report, and nothing is there twice', async () => {
    const ids = await register('killed', 600);
    const task = await begin('killed', 60);
    await factory.system.sidecar.kill();
    await factory.clearThingworxFaults();
    const halfWay = await present(ids);
    assert.ok(halfWay.length >= 60 && halfWay.length < 600, `${halfWay.length} were made before`);
    await factory.system.sidecar.start();
    await eventually(async () => assert.ok(await factory.hub('GetImport', { task })));
    const row = await ended(task);
    assert.deepEqual([row.state, row.done, row.total, row.failed], ['completed', 600, 600, 0]);
    assert.equal(Number(row.created) + Number(row.existed), 600);
    const lines = await report(task);
    assert.deepEqual(lines.map(({ item }) => item).sort(), ids);
    assert.deepEqual(await present(ids), ids);
    for (const id of [ids[0], ids[60], halfWay.at(-1), ids[599]] as string[]) {
      const { hubThing, deviceId } = await factory.read(id);
      assert.deepEqual([hubThing, deviceId], [HUB_THING, id]);
    }
    const { kind, state, done, total, created } = await told(task);
    assert.deepEqual(
      [kind, state, done, total, created],
      ['StartImport', 'completed', 600, 600, row.created],
    );
    assert.ok((await factory.heard(HUB_THING, 'ImportProgress')).length > 0);
    assert.equal((await factory.hub<{ rows: Row[] }>('ListImports')).rows[0]?.id, task);
  });

  test('cancelled in the middle: what was made stays and is in the report, nothing more is made', async () => {
    const ids = await register('cancelled', 400);
    const task = await begin('cancelled', 40);
    const row = await factory.hub('CancelImport', { task });
    assert.equal(row.state, 'cancelled');
    const made = await present(ids);
    assert.ok(made.length >= 40 && made.length < 400, `${made.length} were made`);
    const lines = await report(task);
    assert.deepEqual(
      lines.map(({ item }) => item).sort(),
      made,
      'the report tells of each Thing that was made',
    );
    assert.deepEqual([row.done, row.created, row.total], [made.length, made.length, 400]);
    assert.deepEqual([(await told(task)).state, (await told(task)).done], ['cancelled', made.length]);
    await factory.clearThingworxFaults();
    assert.deepEqual(
      (await factory.hub('CancelImport', { task })).state,
      'cancelled',
      'once more is no error',
    );
    // A later import goes on where it was left, and shows that nothing was made behind its back.
    const { row: rest } = await run('cancelled');
    assert.deepEqual([rest.created, rest.existed], [400 - made.length, made.length]);
  });

  test('cancelled while ThingWorx is away: it ends at once', async () => {
    const ids = await register('away', 60);
    await factory.thingworxFault({ action: 'status', path: 'CreateThings', status: 503 });
    const task = await factory.hub<string>('StartImport', { deviceIds: { array: ids } });
    await eventually(async () => assert.equal((await factory.hub('GetImport', { task })).state, 'running'));
    assert.deepEqual((await factory.hub('CancelImport', { task })).state, 'cancelled');
    await factory.clearThingworxFaults();
    assert.deepEqual(await present(ids), []);
  });

  test('cancelled while it waits for another one', async () => {
    await register('before', 200);
    const first = await begin('before', 1);
    const second = await factory.hub<string>('StartImport', { deviceIds: { array: ['behind-000'] } });
    assert.equal((await factory.hub('GetImport', { task: second })).state, 'queued');
    assert.equal((await factory.hub('CancelImport', { task: second })).state, 'cancelled');
    await factory.clearThingworxFaults();
    assert.equal((await ended(first)).state, 'completed');
    assert.deepEqual(await present(['behind-000']), []);
  });

  test('an export that is killed in the middle makes every device once; a comparison begins again', async () => {
    const { platform } = factory.system;
    await platform.invokeOn('Resources', 'EntityServices', 'CreateThingTemplate', {
      name: 'Exported_TT',
      description: '',
      thingTemplateName: 'AzureIoT.Device_TT',
    });
    const names = Array.from({ length: 250 }, (_, index) => `exported-${String(index).padStart(3, '0')}`);
    for (const name of names) await platform.createThing(name, 'Exported_TT');
    await factory.hub('GrantPermissions', { template: 'Exported_TT' });
    await factory.thingworxFault({ action: 'delay', path: 'CreateThings', delayMs: 300 });
    const task = await factory.hub<string>('ExportThings', { template: 'Exported_TT' });
    await eventually(async () => assert.ok(Number((await factory.hub('GetImport', { task })).done) >= 100));
    await factory.thingworxFault({ action: 'delay', path: 'ListDeviceThings', delayMs: 60_000 });
    const comparison = await factory.hub<string>('CompareRegistry');
    await eventually(async () =>
      assert.equal((await factory.hub('GetImport', { task: comparison })).state, 'running'),
    );
    await factory.system.sidecar.kill();
    await factory.clearThingworxFaults();
    await factory.system.sidecar.start();
    await eventually(async () => assert.ok(await factory.hub('GetImport', { task })));
    const row = await ended(task);
    assert.deepEqual([row.state, row.done, row.failed], ['completed', 250, 0]);
    assert.deepEqual((await report(task)).map(({ item }) => item).sort(), names);
    const { rows } = await factory.hub<{ rows: Row[] }>('ListDevices', {
      condition: "STARTSWITH(deviceId, 'exported-')",
      pageSize: 1_000,
    });
    assert.equal(rows.length, 250);
    assert.equal((await factory.read('exported-249')).hubThing, HUB_THING);
    // A comparison begins again, and tells of its end.
    const compared = await ended(comparison);
    assert.deepEqual([compared.state, compared.done], ['completed', compared.total]);
    assert.equal((await told(comparison)).state, 'completed');
  });

  describe('and go on at another sidecar, which does not have their files', () => {
    /** Kills the sidecar, and takes from it what only its disk has. */
    async function moveElsewhere(task: string): Promise<void> {
      const { sidecar } = factory.system;
      await sidecar.kill();
      const removed: string[] = [];
      for (const file of await readdir(sidecar.stateDirectory, { recursive: true })) {
        if (!file.endsWith('.scratch')) continue;
        await rm(path.join(sidecar.stateDirectory, file), { recursive: true });
        removed.push(path.basename(file));
      }
      assert.ok(
        removed.some((name) => name.startsWith(task)),
        `The task has a directory: ${removed}`,
      );
      await factory.clearThingworxFaults();
      await factory.control('/faults', {});
      await sidecar.start();
      await eventually(async () => assert.ok(await factory.hub('GetImport', { task })));
    }

    test('an import makes what is missing', async () => {
      const ids = await register('moved', 600);
      const task = await begin('moved', 60);
      await moveElsewhere(task);
      const row = await ended(task);
      assert.deepEqual([row.state, row.done, row.failed], ['completed', 600, 0]);
      assert.equal(Number(row.created) + Number(row.existed), 600);
      assert.deepEqual((await report(task)).map(({ item }) => item).sort(), ids);
      assert.deepEqual(await present(ids), ids);
    });

    test('a dry run knows the names again that it has given', async () => {
      const ids = await register('named', 1_100);
      await factory.control('/rest-faults', { path: 'devices/query', delayMs: 4_000 });
      const task = await factory.hub<string>('StartImport', {
        ...selected('named'),
        dryRun: true,
        thingName: 'one-name-for-all',
      });
      await eventually(async () => {
        const { done } = await factory.hub('GetImport', { task });
        assert.ok(Number(done) >= DEVICES_PER_PAGE && Number(done) < 1_100, String(done));
      });
      await moveElsewhere(task);
      const row = await ended(task);
      assert.deepEqual([row.state, row.done, row.created, row.failed], ['completed', 1_100, 1, 1_099]);
      const lines = await report(task);
      assert.deepEqual(lines.map(({ item }) => item).sort(), [...ids].sort());
      assert.match(
        String(lines.find(({ item }) => item === ids[1_099])?.message),
        /one-name-for-all belongs to the device named-000 already/,
      );
    });

    test('an export makes every device once', async () => {
      const names = Array.from({ length: 250 }, (_, index) => `later-${String(index).padStart(3, '0')}`);
      for (const name of names) await factory.system.platform.createThing(name, 'Exported_TT');
      await factory.thingworxFault({ action: 'delay', path: 'CreateThings', delayMs: 300 });
      const task = await factory.hub<string>('ExportThings', { template: 'Exported_TT' });
      await eventually(async () => assert.ok(Number((await factory.hub('GetImport', { task })).done) >= 100));
      await moveElsewhere(task);
      const row = await ended(task);
      // The Things of the export before belong to the template, too.
      assert.deepEqual([row.state, row.done, row.total, row.failed], ['completed', 500, 500, 0]);
      const items = (await report(task)).map(({ item }) => String(item));
      assert.deepEqual([items.length, new Set(items).size], [500, 500]);
      assert.equal((await factory.read('later-249')).hubThing, HUB_THING);
    });

    test('a comparison compares all again', async () => {
      await factory.control('/rest-faults', { path: 'devices/query', delayMs: 4_000 });
      const task = await factory.hub<string>('CompareRegistry');
      await eventually(async () => {
        const { done } = await factory.hub('GetImport', { task });
        assert.ok(Number(done) >= DEVICES_PER_PAGE, String(done));
      });
      await moveElsewhere(task);
      const row = await ended(task);
      assert.deepEqual([row.state, row.done], ['completed', row.total]);
      const items = (await report(task)).map(({ item }) => item);
      assert.equal(new Set(items).size, items.length, 'each is told once');
      const again = await ended(await factory.hub<string>('CompareRegistry'));
      assert.deepEqual([row.done, row.matched], [again.done, again.matched]);
    });
  });

  async function run(prefix: string): Promise<{ row: Row }> {
    return { row: await ended(await factory.hub<string>('StartImport', selected(prefix))) };
  }
});
