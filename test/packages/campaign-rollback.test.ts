import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { until } from '../azure/helpers.ts';
import { NEVER } from '../files/support.ts';
import { CampaignSite, type ConnectedDevice, deviceOf, failing, reaches } from './campaign-site.ts';
import type { PackageOrder } from './installer.ts';

/** Which version devices get in a rollback. */
describe('the rollback of a campaign', () => {
  const site = new CampaignSite();
  before(() => site.start());
  after(() => site.stop());

  test('gives each device the version that it had before', async (t) => {
    const fixture = await site.fixture(t);
    const [first, second, third] = (await fixture.connectDevices(3)) as [
      ConnectedDevice,
      ConnectedDevice,
      ConnectedDevice,
    ];
    const { board } = await fixture.startProcess();
    const ids = [first.id, second.id];
    const one = await board.launch(fixture.request({ version: '1', sizes: '100 %' }), ids, NEVER);
    await reaches(board, one.id, 'completed');
    third.installer.steps = failing;
    const request = fixture.request({ version: '2', sizes: '2, 100 %', successPercent: 100 });
    const two = await board.launch(request, [...ids, third.id], NEVER);
    await reaches(board, two.id, 'paused');
    await board.change(two.id, 'rollBack');
    const done = await reaches(board, two.id, 'rolledBack');
    assert.equal(done.rolledBack, 2);
    assert.equal(done.failed, 1);
    assert.deepEqual(first.versions(), ['1', '2', '1']);
    assert.deepEqual(second.versions(), ['1', '2', '1']);
    assert.deepEqual(third.versions(), ['2'], 'the device that has failed by itself is left alone');
    assert.equal(first.installer.loaded.at(-1)?.toString(), '1');
    assert.equal((await deviceOf(board, two.id, first.id))?.versionBefore, '1');
    await until('the last event', () => fixture.notices.at(-1)?.change === 'rolledBack');
    assert.deepEqual(fixture.changes().slice(-5), [
      'waveEnded',
      'waveEnded',
      'paused',
      'rollingBack',
      'rolledBack',
    ]);
  });

  test('begins by itself if the campaign says so, with the version that it names; without a known version the device stays as it is', async (t) => {
    const fixture = await site.fixture(t);
    const targets = await fixture.connectDevices(2);
    const [good, bad] = targets as [ConnectedDevice, ConnectedDevice];
    const { board } = await fixture.startProcess();
    bad.installer.steps = ({ version }: PackageOrder) =>
      version === '3' ? failing() : [{ state: 'installed' }];
    const ids = [good.id, bad.id];
    const { account: storage, container } = fixture.request();
    const rollBack = { account: storage, container, path: '/2.zip', version: '2' };
    const named = fixture.request({ version: '3', belowThreshold: 'rollBack', rollBack });
    const { id } = await board.launch(named, ids, NEVER);
    const done = await reaches(board, id, 'rolledBack');
    assert.equal(done.code, 'CAMPAIGN_THRESHOLD');
    assert.deepEqual(good.versions(), ['3', '2']);
    // Without a version before, the device keeps what it has, and the campaign says so.
    const fresh = await fixture.connectDevices(1);
    const [device] = fresh as [ConnectedDevice];
    const lone = await board.launch(fixture.request({ version: '1' }), [device.id], NEVER);
    await reaches(board, lone.id, 'completed');
    await Promise.all([board.change(lone.id, 'rollBack'), board.change(lone.id, 'rollBack')]);
    await reaches(board, lone.id, 'rolledBack');
    const row = await deviceOf(board, lone.id, device.id);
    assert.equal(row?.state, 'rollbackFailed');
    assert.equal(row?.code, 'ROLLBACK_UNKNOWN');
    assert.deepEqual(device.versions(), ['1']);
  });

  test('continues after a crash', async (t) => {
    const fixture = await site.fixture(t);
    const targets = await fixture.connectDevices(3);
    const ids = targets.map(({ id }) => id);
    const first = await fixture.startProcess();
    const one = await first.board.launch(fixture.request({ version: '1', sizes: '100 %' }), ids, NEVER);
    await reaches(first.board, one.id, 'completed');
    const two = await first.board.launch(fixture.request({ version: '2', sizes: '100 %' }), ids, NEVER);
    await reaches(first.board, two.id, 'completed');
    await first.board.change(two.id, 'rollBack');
    await fixture.stopProcess();
    const next = await fixture.startProcess();
    const done = await reaches(next.board, two.id, 'rolledBack');
    assert.equal(done.rolledBack, 3);
    for (const { versions } of targets) assert.deepEqual(versions(), ['1', '2', '1']);
  });
});
