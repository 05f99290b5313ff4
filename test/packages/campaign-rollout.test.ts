import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { readdir } from 'node:fs/promises';
import path from 'node:path';
import { after, before, describe, test } from 'node:test';
import { Records } from '../../sidecar/lib/records.ts';
import { type Campaign, campaignDetail, isCampaign } from '../../sidecar/packages/campaigns/campaign.ts';
import { until } from '../azure/helpers.ts';
import { NEVER } from '../files/support.ts';
import { becomes, CampaignSite, type ConnectedDevice, deviceOf, failing, reaches } from './campaign-site.ts';
import type { PackageOrder } from './installer.ts';

/** The waves and their devices, with installers on Microsoft's device SDK. */
describe('the rollout of a campaign', () => {
  const site = new CampaignSite();
  before(() => site.start());
  after(() => site.stop());

  test('reaches its devices wave by wave', async (t) => {
    const fixture = await site.fixture(t);
    const targets = await fixture.connectDevices(5);
    const { board } = await fixture.startProcess();
    const order: string[] = [];
    for (const { id, installer } of targets)
      installer.steps = () => {
        order.push(id);
        return [{ state: 'installed' }];
      };
    const ids = targets.map(({ id }) => id);
    const { id } = await board.launch(
      fixture.request({ sizes: '1, 60 %, 100 %' }),
      [...ids, ids[0] as string],
      NEVER,
    );
    const done = await reaches(board, id, 'completed');
    assert.equal(order[0], ids[0], 'the first wave is the first device');
    assert.deepEqual(new Set(order.slice(1, 3)), new Set(ids.slice(1, 3)));
    assert.equal(done.installed, 5);
    assert.deepEqual(
      done.waves.map(({ state, devices, installed }) => [state, devices, installed]),
      [
        ['passed', 1, 1],
        ['passed', 2, 2],
        ['passed', 2, 2],
      ],
    );
    await until('the last event', () => fixture.notices.at(-1)?.change === 'completed');
    assert.deepEqual(fixture.changes(), ['started', 'waveEnded', 'waveEnded', 'waveEnded', 'completed']);
    assert.deepEqual(
      fixture.notices.slice(1, 4).map(({ wave, devices, installed }) => [wave, devices, installed]),
      [
        [1, 1, 1],
        [2, 2, 2],
        [3, 2, 2],
      ],
    );
    assert.deepEqual(
      targets.map(({ versions }) => versions().length),
      [1, 1, 1, 1, 1],
    );
  });

  test('takes the devices that a condition selects', async (t) => {
    const fixture = await site.fixture(t);
    const targets = await fixture.connectDevices(2);
    const other = await fixture.connectDevices(1);
    const plant = randomUUID();
    for (const { id } of targets) await site.clients.twins.patch({ deviceId: id }, { tags: { plant } });
    const { board } = await fixture.startProcess();
    const selection = { kind: 'query', condition: `tags.plant = '${plant}'` } as const;
    const { id } = await board.launch(fixture.request({ selection }), [], NEVER);
    const done = await reaches(board, id, 'completed');
    assert.equal(done.devices, 2);
    assert.deepEqual(other[0]?.versions(), []);
    const refused = (condition: string, code: string) =>
      assert.rejects(board.launch(fixture.request({ selection: { kind: 'query', condition } }), [], NEVER), {
        code,
      });
    await refused("tags.plant = 'nowhere'", 'CAMPAIGN_EMPTY');
    await refused('tags.plant =', 'AZURE_REJECTED');
  });

  test('below the threshold pauses; resumed, it accepts the wave and goes on', async (t) => {
    const fixture = await site.fixture(t);
    const targets = await fixture.connectDevices(4);
    const { board } = await fixture.startProcess();
    (targets[0] as ConnectedDevice).installer.steps = failing;
    const { id } = await board.launch(
      fixture.request(),
      targets.map(({ id }) => id),
      NEVER,
    );
    const paused = await reaches(board, id, 'paused');
    assert.equal(paused.code, 'CAMPAIGN_THRESHOLD');
    assert.match(paused.message, /Wave 1 misses 90 %: 0 installed, 1 failed/);
    assert.deepEqual(
      paused.waves.map(({ state }) => state),
      ['missed', 'waiting'],
    );
    assert.match((await deviceOf(board, id, (targets[0] as ConnectedDevice).id))?.message ?? '', /No space/);
    assert.equal((await board.change(id, 'pause')).state, 'paused');
    await board.change(id, 'resume');
    const done = await reaches(board, id, 'completed');
    assert.deepEqual(
      done.waves.map(({ state }) => state),
      ['accepted', 'passed'],
    );
    assert.equal(done.installed, 3);
    await until('the last event', () => fixture.notices.at(-1)?.change === 'completed');
    assert.deepEqual(fixture.changes(), [
      'started',
      'waveEnded',
      'paused',
      'resumed',
      'waveEnded',
      'completed',
    ]);
    await assert.rejects(board.change(id, 'resume'), {
      code: 'CAMPAIGN_STATE',
      message: /is completed; resume needs one of the states paused/,
    });
    await assert.rejects(board.change('20260131120000000-1a2b3c4d', 'resume'), {
      code: 'CAMPAIGN_NOT_FOUND',
    });
  });

  test('pauses after each wave when nextWave is manual', async (t) => {
    const fixture = await site.fixture(t);
    const targets = await fixture.connectDevices(3);
    const { board } = await fixture.startProcess();
    const request = fixture.request({ nextWave: 'manual', sizes: '1, 2, 100 %' });
    const { id } = await board.launch(
      request,
      targets.map(({ id }) => id),
      NEVER,
    );
    for (const [wave, installed] of [1, 2].entries()) {
      await until(`wave ${wave + 1}`, async () => {
        const { state, installed: now } = await board.get(id);
        return state === 'paused' && now === installed;
      });
      assert.match((await board.get(id)).message, new RegExp(`Wave ${installed} has ended`));
      await board.change(id, 'resume');
    }
    assert.equal((await reaches(board, id, 'completed')).installed, 3);
  });

  test('does not wait for offline devices; they get the package when they connect', async (t) => {
    const fixture = await site.fixture(t);
    const targets = await fixture.connectDevices(2);
    const [away, never] = [await fixture.createDevice(), await fixture.createDevice()];
    const { board, deployments } = await fixture.startProcess();
    const ids = targets.map(({ id }) => id);
    const request = fixture.request({ sizes: '75 %, 100 %', timeoutMinutes: 5 });
    const { id } = await board.launch(request, [ids[0] as string, away, never, ids[1] as string], NEVER);
    // The second wave begins although two of the first one are not there.
    await becomes(board, id, ids[1] as string, 'installed');
    await until('the counts', async () => (await board.get(id)).pending === 2);
    const running = await board.get(id);
    assert.equal(running.state, 'running');
    assert.equal(running.waiting, 2);
    const waiting = await deviceOf(board, id, away);
    assert.equal(waiting?.code, 'DEVICE_OFFLINE');
    assert.ok(waiting?.deadline);
    assert.equal((await deployments.list({})).length, 2, 'a device that is offline costs no deployment');
    const late = await fixture.connect(away);
    board.deviceChanged(away);
    await becomes(board, id, away, 'installed');
    assert.deepEqual(late.versions(), ['1']);
    await board.change(id, 'cancel');
    const done = await reaches(board, id, 'cancelled');
    assert.equal(done.cancelled, 1);
  });

  test('counts a device as failed when its time limit ends', async (t) => {
    const fixture = await site.fixture(t);
    const [target] = (await fixture.connectDevices(1)) as [ConnectedDevice];
    const away = await fixture.createDevice();
    const { board } = await fixture.startProcess();
    const request = fixture.request({ sizes: '100 %', timeoutMinutes: 1 / 60 });
    const { id } = await board.launch(request, [target.id, away], NEVER);
    const row = await becomes(board, id, away, 'failed');
    assert.equal(row?.code, 'DEVICE_OFFLINE');
    assert.match(row?.message ?? '', /time limit passed before/);
    const paused = await reaches(board, id, 'paused');
    assert.equal(paused.code, 'CAMPAIGN_THRESHOLD');
  });

  test('skips devices that do not exist or have the version, and waits for another deployment', async (t) => {
    const fixture = await site.fixture(t);
    const [has, busy] = (await fixture.connectDevices(2)) as [ConnectedDevice, ConnectedDevice];
    const { board, deployments } = await fixture.startProcess();
    const one = await board.launch(fixture.request({ version: '2', sizes: '100 %' }), [has.id], NEVER);
    await reaches(board, one.id, 'completed');
    const { promise, resolve } = Promise.withResolvers<void>();
    t.after(() => resolve());
    busy.installer.steps = ({ version }: PackageOrder) =>
      version === '1' ? [{ state: 'installing' }, promise, { state: 'installed' }] : [{ state: 'installed' }];
    const { waves: _, successPercent: __, ...base } = fixture.request({ version: '1' });
    await deployments.deploy(
      { ...base, deviceId: busy.id, delivery: 'method', deleteFile: false, timeoutMinutes: 5 },
      NEVER,
    );
    await until(
      'the installation',
      async () => (await deployments.list({ state: 'installing' })).length === 1,
    );
    const request = fixture.request({ version: '2', sizes: '100 %' });
    const { id } = await board.launch(request, ['gone', has.id, busy.id], NEVER);
    const waiting = await becomes(board, id, busy.id, 'waiting');
    assert.equal(waiting?.code, 'PACKAGE_PENDING');
    resolve();
    const done = await reaches(board, id, 'completed');
    assert.equal(done.installed, 1);
    assert.equal(done.skipped, 2);
    assert.equal((await deviceOf(board, id, 'gone'))?.code, 'DEVICE_NOT_FOUND');
    assert.match((await deviceOf(board, id, has.id))?.message ?? '', /already had version 2/);
    assert.deepEqual(has.versions(), ['2']);
    assert.deepEqual(busy.versions(), ['1', '2']);
  });

  test('can have ten thousand devices, which are stored in parts', async (t) => {
    const fixture = await site.fixture(t);
    const targets = await fixture.connectDevices(3);
    const { board } = await fixture.startProcess();
    const many = Array.from({ length: 9_997 }, (_, index) => `nobody-${index}`);
    const ids = [...many, ...targets.map(({ id }) => id)];
    const { id } = await board.launch(fixture.request({ sizes: '10 %, 100 %', parallel: 50 }), ids, NEVER);
    const isDone = async () => (await board.get(id)).state === 'completed';
    await until('the end', isDone, 120_000);
    const done = await board.get(id);
    assert.equal(done.skipped, 9_997);
    assert.equal(done.installed, 3);
    const stored = async (work: string) =>
      (await readdir(path.join(fixture.directory, work))).filter((name) => name.endsWith('.json')).length;
    assert.equal(await stored('campaign-devices'), 20);
    assert.equal(await stored('packages'), 3);
    const page = await board.devices(id, { state: 'skipped', from: 9_000, limit: 5 });
    assert.deepEqual(
      page.map(({ deviceId }) => deviceId),
      many.slice(9_000, 9_005),
    );
    const rows = await board.devices(id, { wave: 1, from: 0, limit: 5_000 });
    assert.equal(rows.length, 1_000);
  });

  test('is read from the store as it was', async (t) => {
    const fixture = await site.fixture(t);
    const { board } = await fixture.startProcess();
    const away = await fixture.createDevice();
    const { id } = await board.launch(fixture.request({ moduleId: 'installer' }), [away], NEVER);
    await reaches(board, id, 'completed');
    assert.equal((await board.get(id)).skipped, 1, 'the device has no such module');
    await fixture.stopProcess();
    const stored = await new Records<Campaign>(path.join(fixture.directory, 'campaigns'), isCampaign).read(
      id,
    );
    assert.ok(stored);
    const next = await fixture.startProcess();
    assert.deepEqual(campaignDetail(stored), await next.board.get(id));
  });
});
