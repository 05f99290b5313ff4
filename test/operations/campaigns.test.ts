import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import type { Row } from '../../scripts/local/platform.ts';
import { Installer } from '../packages/installer.ts';
import { eventually, Factory, HUB_THING } from './factory.ts';

const STORAGE_THING = 'Plant.Storage';
const FILES_THING = 'Plant.Packages';

/** Campaigns, with the whole product as it is installed and installers on Microsoft's device SDK. */
describe('a campaign of a software package', () => {
  const factory = new Factory({ builtInSources: ['twinChangeEvents', 'deviceConnectionStateEvents'] });
  before(async () => {
    await factory.start();
    await factory.createStorage(STORAGE_THING);
    await factory.createContainer(FILES_THING, STORAGE_THING, 'packages');
    for (const version of ['1', '2', '3'])
      await factory.call(FILES_THING, 'SaveText', { path: `/${version}.zip`, content: `version ${version}` });
    await factory.listen(HUB_THING, 'CampaignChanged');
  });
  after(() => factory.stop());

  const begin = (deviceIds: readonly string[], version: string, more: Row = {}): Promise<Row> =>
    factory.hub('StartCampaign', {
      repository: FILES_THING,
      path: `/${version}.zip`,
      name: 'vision',
      version,
      deviceIds: { array: deviceIds },
      ...more,
    });
  const reaches = (campaign: unknown, state: string): Promise<Row> =>
    eventually(async () => {
      const row = await factory.hub('GetCampaign', { campaign });
      assert.equal(row.state, state, JSON.stringify(row));
      return row;
    });
  const deviceRows = async (campaign: unknown, more: Row = {}) =>
    (await factory.hub<{ rows: Row[] }>('ListCampaignDevices', { campaign, ...more })).rows;
  const changes = async (campaign: unknown) =>
    (await factory.heard(HUB_THING, 'CampaignChanged')).filter((one) => one.campaign === campaign);

  test('goes wave by wave, misses the threshold, pauses, and is rolled back', async () => {
    const ids = ['press-1', 'press-2', 'press-3', 'press-4'];
    for (const id of ids) await factory.createDevice(id);
    const installers = await Promise.all(ids.map(async (id) => new Installer(await factory.connect(id))));
    const first = await begin(ids, '1');
    assert.equal(first.waveCount, 0);
    const done = await reaches(first.id, 'completed');
    assert.equal(done.installed, 4);
    const { rows: waves } = done.waves as { rows: Row[] };
    assert.deepEqual(
      waves.map(({ wave, state, installed }) => [wave, state, installed]),
      [
        [1, 'passed', 1],
        [2, 'passed', 3],
      ],
    );
    const [shown] = ((await factory.read('press-2')).softwarePackages as { rows: Row[] }).rows;
    assert.deepEqual([shown?.version, shown?.state], ['1', 'installed']);

    for (const installer of installers.slice(1))
      installer.steps = ({ version }) =>
        version === '2' ? [{ state: 'failed', message: 'No space.' }] : [{ state: 'installed' }];
    const second = await begin(ids, '2', { waves: '1, 50 %, 100 %' });
    const paused = await reaches(second.id, 'paused');
    assert.equal(paused.code, 'CAMPAIGN_THRESHOLD');
    const [failed] = await deviceRows(second.id, { state: 'failed' });
    assert.deepEqual([failed?.deviceId, failed?.wave, failed?.message], ['press-2', 2, 'No space.']);
    await factory.hub('RollBackCampaign', { campaign: second.id });
    const back = await reaches(second.id, 'rolledBack');
    assert.equal(back.rolledBack, 1);
    assert.equal(back.cancelled, 2);
    assert.deepEqual(
      installers.map(({ orders }) => orders.map(({ version }) => version)),
      [['1', '2', '1'], ['1', '2'], ['1'], ['1']],
    );
    await eventually(async () => assert.equal((await changes(second.id)).at(-1)?.change, 'rolledBack'));
    const told = await changes(second.id);
    assert.deepEqual(
      told.map(({ change }) => change),
      ['started', 'waveEnded', 'waveEnded', 'paused', 'rollingBack', 'rolledBack'],
    );
    assert.deepEqual([told[2]?.wave, told[2]?.failed, told[3]?.code], [2, 1, 'CAMPAIGN_THRESHOLD']);
    assert.ok(Number.isFinite(Date.parse(String(told[0]?.time))));
    const { rows } = await factory.hub<{ rows: Row[] }>('ListCampaigns', { name: 'vision' });
    assert.deepEqual(rows.map(({ id }) => id).slice(0, 2), [second.id, first.id]);
  });

  test('goes on after a crash in the middle; an offline device gets the package when it comes', async () => {
    const ids = ['lathe-1', 'lathe-2', 'lathe-3'];
    for (const id of ids) await factory.createDevice(id);
    const here = new Installer(await factory.connect('lathe-1'));
    const { promise, resolve } = Promise.withResolvers<void>();
    here.steps = () => [{ state: 'installing' }, promise, { state: 'installed' }];
    const condition = "STARTSWITH(deviceId, 'lathe-')";
    const { id } = await begin([], '3', { deviceIds: undefined, condition, waves: '100 %' });
    await eventually(async () => {
      const row = await factory.hub('GetCampaign', { campaign: id });
      assert.deepEqual([row.deploying, row.waiting], [1, 2], JSON.stringify(row));
    });
    await factory.system.sidecar.kill();
    resolve();
    await factory.system.sidecar.start();
    await factory.system.waitForState('running');
    // A wave does not wait for those that are offline, but the campaign does.
    await eventually(async () => {
      const row = await factory.hub('GetCampaign', { campaign: id });
      assert.deepEqual([row.state, row.installed, row.waiting], ['running', 1, 2], JSON.stringify(row));
    });
    assert.equal(new Set(here.orders.map(({ deploymentId }) => deploymentId)).size, 1);
    const late = new Installer(await factory.connect('lathe-2'));
    await eventually(async () => {
      const rows = await deviceRows(id, { state: 'installed' });
      assert.deepEqual(rows.map(({ deviceId }) => deviceId).sort(), ['lathe-1', 'lathe-2']);
    });
    assert.equal(late.loaded.length, 1);
    await factory.hub('PauseCampaign', { campaign: id });
    await assert.rejects(factory.hub('PauseCampaign', { campaign: 'none' }), /REQUEST_INVALID: .*campaign/);
    assert.match(
      String((await factory.hub('CancelCampaign', { campaign: id })).state),
      /^cancelling$|^cancelled$/,
    );
    const cancelled = await reaches(id, 'cancelled');
    assert.deepEqual([cancelled.installed, cancelled.cancelled], [2, 1]);
    await assert.rejects(factory.hub('ResumeCampaign', { campaign: id }), /CAMPAIGN_STATE: .* is cancelled/);
  });

  test('that cannot work is refused at once', async () => {
    const refused = (more: Row, reason: RegExp) => assert.rejects(begin(['press-1'], '1', more), reason);
    await refused({ condition: '*' }, /REQUEST_INVALID: Either condition or deviceIds/);
    await refused({ deviceIds: undefined }, /REQUEST_INVALID: Either condition or deviceIds/);
    await refused({ waves: '1, 10 %' }, /REQUEST_INVALID: waves: the last wave must be 100 %/);
    await refused({ rollBackPath: '/2.zip' }, /REQUEST_INVALID: rollBackPath and rollBackVersion/);
    await refused({ path: '/none.zip' }, /FILE_NOT_FOUND: /);
    await refused({ repository: 'Nobody' }, /REQUEST_INVALID: repository names/);
    await refused({ successPercent: 101 }, /REQUEST_INVALID: .*successPercent/);
    await refused({ name: 'a.b' }, /REQUEST_INVALID: .*name/);
    await refused({ deviceIds: { array: ['a b'] } }, /REQUEST_INVALID: .*deviceIds/);
    const unknown = '20260131120000000-1a2b3c4d';
    await assert.rejects(factory.hub('GetCampaign', { campaign: unknown }), /CAMPAIGN_NOT_FOUND: /);
  });
});
