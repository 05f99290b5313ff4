import assert from 'node:assert/strict';
import { after, before, describe, type TestContext, test } from 'node:test';
import type { CampaignRequest } from '../../sidecar/packages/campaigns/campaign.ts';
import { until } from '../azure/helpers.ts';
import { NEVER } from '../files/support.ts';
import { becomes, CampaignSite, type ConnectedDevice, reaches } from './campaign-site.ts';

/** The services that change a running campaign, and a crash in the middle of one. */
describe('a campaign that is paused, cancelled or interrupted', () => {
  const site = new CampaignSite();
  before(() => site.start());
  after(() => site.stop());

  /** A campaign that installs on one device after the other. The first one is installing until `finish` is called. */
  async function startInstalling(t: TestContext, lastSteps: readonly { state: string }[]) {
    const fixture = await site.fixture(t);
    const devices = await fixture.connectDevices(3);
    const [busy] = devices as [ConnectedDevice];
    const { promise, resolve: finish } = Promise.withResolvers<void>();
    t.after(() => finish());
    busy.installer.steps = () => [{ state: 'installing' }, promise, ...lastSteps];
    const { board, deployments } = await fixture.startProcess();
    const ids = devices.map(({ id }) => id);
    const { id } = await board.launch(fixture.request({ parallel: 1 }), ids, NEVER);
    await until(
      'the installation',
      async () => (await deployments.list({ state: 'installing' })).length === 1,
    );
    const othersAreUntouched = () =>
      assert.deepEqual(
        devices.slice(1).map(({ versions }) => versions().length),
        [0, 0],
      );
    return { board, id, busy, finish, othersAreUntouched };
  }

  test('paused, begins no deployment, and counts the one that was running', async (t) => {
    const { board, id, busy, finish, othersAreUntouched } = await startInstalling(t, [
      { state: 'installed' },
    ]);
    await board.change(id, 'pause');
    finish();
    await becomes(board, id, busy.id, 'installed');
    await until('the counts', async () => (await board.get(id)).pending === 2);
    assert.equal((await board.get(id)).state, 'paused');
    othersAreUntouched();
    await board.change(id, 'resume');
    assert.equal((await reaches(board, id, 'completed')).installed, 3);
  });

  test('cancelled, asks the device that has the package to stop, and begins no deployment', async (t) => {
    const { board, id, busy, othersAreUntouched } = await startInstalling(t, []);
    assert.match((await board.change(id, 'cancel')).state, /^cancelling$|^cancelled$/);
    const done = await reaches(board, id, 'cancelled');
    assert.equal(done.cancelled, 3);
    assert.ok(done.endedAt);
    assert.equal(busy.installer.orders.at(-1)?.cancel, true);
    othersAreUntouched();
    assert.equal((await board.change(id, 'cancel')).state, 'cancelled');
  });

  test('continues after crashes at any time, and no device gets the package twice', async (t) => {
    const fixture = await site.fixture(t);
    const targets = await fixture.connectDevices(6);
    const [busy] = targets as [ConnectedDevice];
    const { promise, resolve } = Promise.withResolvers<void>();
    busy.installer.steps = () => [{ state: 'installing' }, promise, { state: 'installed' }];
    const first = await fixture.startProcess();
    const { id } = await first.board.launch(
      fixture.request({ sizes: '3, 100 %' }),
      targets.map(({ id }) => id),
      NEVER,
    );
    await until('the others', async () => (await first.board.get(id)).installed === 2);
    await fixture.stopProcess();
    // The device finishes while no process runs.
    resolve();
    await until('the report', async () => {
      const { properties } = await site.clients.twins.get({ deviceId: busy.id });
      return JSON.stringify(properties.reported).includes('"installed"');
    });
    // Processes that end at once, whatever they are doing.
    for (let round = 0; round < 4; round += 1) {
      await fixture.startProcess();
      await fixture.stopProcess();
    }
    const last = await fixture.startProcess();
    const done = await reaches(last.board, id, 'completed');
    assert.equal(done.installed, 6);
    for (const { installer } of targets)
      assert.equal(new Set(installer.orders.map(({ deploymentId }) => deploymentId)).size, 1);
    await until('the last event', () => fixture.notices.at(-1)?.change === 'completed');
    const announced = fixture.notices.filter(({ change }) => change === 'waveEnded').map(({ wave }) => wave);
    assert.deepEqual([...new Set(announced)], [1, 2]);
  });

  test('pauses when its file has changed, and refuses a request that cannot work', async (t) => {
    const fixture = await site.fixture(t);
    const targets = await fixture.connectDevices(2);
    const ids = targets.map(({ id }) => id);
    const { board } = await fixture.startProcess();
    const { id } = await board.launch(fixture.request({ nextWave: 'manual' }), ids, NEVER);
    await reaches(board, id, 'paused');
    await fixture.files.write('/1.zip', Buffer.from('another'), {}, NEVER);
    await board.change(id, 'resume');
    await until('the reason', async () => (await board.get(id)).code === 'FILE_REPLACED');
    assert.equal((await board.get(id)).state, 'paused');
    assert.deepEqual(targets[1]?.versions(), []);
    const refused = (code: string, more: Partial<CampaignRequest>, list = ids) =>
      assert.rejects(board.launch(fixture.request(more), list, NEVER), { code });
    const { account: storage, container } = fixture.request();
    const file = { account: storage, container, version: '9' };
    await refused('FILE_NOT_FOUND', { path: '/none' });
    await refused('FILE_NOT_FOUND', { rollBack: { ...file, path: '/none' } });
    await refused('REQUEST_INVALID', { rollBack: { ...file, version: '1', path: '/2.zip' } });
    await refused('STORAGE_NOT_CONNECTED', { account: 'Nobody' });
    await refused('CAMPAIGN_EMPTY', {}, []);
    await refused(
      'CAMPAIGN_LIMIT',
      {},
      Array.from({ length: 50_001 }, (_, index) => `d${index}`),
    );
    assert.equal((await board.list()).length, 1);
  });
});
