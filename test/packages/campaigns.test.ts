import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, before, describe, type TestContext, test } from 'node:test';
import type { Client } from 'azure-iot-device';
import type { HubClients } from '../../sidecar/azure/iot-hub/hub-clients.ts';
import { Records } from '../../sidecar/lib/records.ts';
import { createLog } from '../../sidecar/observe/log.ts';
import {
  type Campaign,
  type CampaignRequest,
  campaignDetail,
  isCampaign,
} from '../../sidecar/packages/campaigns/campaign.ts';
import { CampaignBoard } from '../../sidecar/packages/campaigns/campaign-board.ts';
import { type CampaignPart, isCampaignPart } from '../../sidecar/packages/campaigns/campaign-devices.ts';
import type { CampaignNotice, DeviceState } from '../../sidecar/packages/campaigns/types.ts';
import { waveSizes } from '../../sidecar/packages/campaigns/waves.ts';
import { type Deployment, isDeployment } from '../../sidecar/packages/deployment.ts';
import { Deployments } from '../../sidecar/packages/deployments.ts';
import { until } from '../azure/helpers.ts';
import { startTrustedHub } from '../azure/iot-hub/hub-emulator.ts';
import { connectDevice, openClients } from '../azure/iot-hub/hub-support.ts';
import type { IotHubEmulator } from '../emulators/iothub/emulator.ts';
import { type Account, NEVER, newContainer, STORAGE, startAccount } from '../files/support.ts';
import { Installer, type PackageOrder } from './installer.ts';

const VERSIONS = ['1', '2', '3'];

/** Campaigns with installers on Microsoft's device SDK, but without ThingWorx: the events are written down. */
describe('a campaign', () => {
  let account: Account;
  let hub: IotHubEmulator;
  let clients: HubClients;
  before(async () => {
    account = await startAccount();
    hub = await startTrustedHub();
    clients = await openClients(hub);
  });
  after(async () => {
    await clients.close();
    await hub.stop();
    await account.stop();
  });

  /** The device of a campaign. */
  interface Target {
    readonly id: string;
    readonly installer: Installer;
    readonly client: Client;
    versions(): string[];
  }

  async function start(t: TestContext) {
    const directory = await mkdtemp(path.join(tmpdir(), 'campaigns-'));
    const { files, name: container } = await newContainer(account);
    for (const version of VERSIONS) await files.write(`/${version}.zip`, Buffer.from(version), {}, NEVER);
    const notices: CampaignNotice[] = [];
    const open: { board: CampaignBoard; deployments: Deployments }[] = [];
    const connected: Client[] = [];
    const close = async (process = open.at(-1)) => {
      await Promise.all([process?.board.close(), process?.deployments.stop()]);
    };
    t.after(async () => {
      await Promise.all([...open.map(close), ...connected.map((one) => one.close())]);
      await rm(directory, { recursive: true, force: true });
    });
    const of = (work: string) => path.join(directory, work);
    const connect = async (id: string): Promise<Target> => {
      const client = await connectDevice(hub, clients, id);
      connected.push(client);
      const installer = new Installer(client);
      const versions = () => installer.orders.filter(({ cancel }) => !cancel).map(({ version }) => version);
      return { id, installer, client, versions };
    };
    const bench = {
      files,
      notices,
      directory,
      connect,
      close,
      changes: () => notices.map(({ change }) => change),
      async newDevice(): Promise<string> {
        const deviceId = `dev-${randomUUID()}`;
        await clients.registry.createDevice({ deviceId });
        return deviceId;
      },
      /** Devices that are connected and have an installer. */
      async targets(count: number): Promise<Target[]> {
        const ids = await Promise.all(Array.from({ length: count }, () => bench.newDevice()));
        return await Promise.all(ids.map(connect));
      },
      /** A process; the next one goes on with what the last has left. */
      async open(): Promise<{ board: CampaignBoard; deployments: Deployments }> {
        const common = {
          log: createLog('silent'),
          clients: async () => clients,
          storages: account.storages,
        };
        const deployments = new Deployments({
          ...common,
          records: new Records<Deployment>(of('packages'), isDeployment),
          announce: async () => 0,
          firstPauseMs: 20,
          longestPauseMs: 100,
        });
        const board = new CampaignBoard({
          ...common,
          announce: async (told) => {
            notices.push(...told.map(({ data }) => data as unknown as CampaignNotice));
            return 0;
          },
          pace: { roundMs: 20, lookMs: 50, queryMs: 10 },
        });
        board.use({
          records: new Records<Campaign>(of('campaigns'), isCampaign),
          parts: () => new Records<CampaignPart>(of('campaign-devices'), isCampaignPart),
          post: async () => undefined,
        });
        const process = { board, deployments };
        open.push(process);
        await board.begin(deployments);
        return process;
      },
      request: (more: Partial<CampaignRequest> & { sizes?: string } = {}): CampaignRequest => {
        const { sizes = '1, 100 %', ...rest } = more;
        const version = rest.version ?? '1';
        return {
          name: 'app',
          version,
          account: STORAGE,
          container,
          path: `/${version}.zip`,
          methodName: 'installPackage',
          selection: { kind: 'list' },
          waves: waveSizes(sizes),
          successPercent: 90,
          timeoutMinutes: 5,
          nextWave: 'automatic',
          belowThreshold: 'pause',
          parallel: 10,
          ...rest,
        };
      },
    };
    return bench;
  }

  /** Waits for a campaign to be in a state. */
  const reaches = async (board: CampaignBoard, id: string, state: string) => {
    await until(`the state ${state}`, async () => (await board.get(id)).state === state);
    return await board.get(id);
  };
  const stateOf = async (board: CampaignBoard, campaign: string, deviceId: string) =>
    (await board.devices(campaign, { from: 0, limit: 50_000 })).find((row) => row.deviceId === deviceId);
  /** Waits for a device of a campaign to be in a state. */
  const becomes = async (board: CampaignBoard, campaign: string, deviceId: string, state: DeviceState) => {
    await until(
      `${deviceId} is ${state}`,
      async () => (await stateOf(board, campaign, deviceId))?.state === state,
    );
    return await stateOf(board, campaign, deviceId);
  };
  const failing = () => [{ state: 'failed', message: 'No space.' }];

  test('reaches its devices wave by wave', async (t) => {
    const bench = await start(t);
    const targets = await bench.targets(5);
    const { board } = await bench.open();
    const order: string[] = [];
    for (const { id, installer } of targets)
      installer.steps = () => {
        order.push(id);
        return [{ state: 'installed' }];
      };
    const ids = targets.map(({ id }) => id);
    const { id } = await board.launch(
      bench.request({ sizes: '1, 60 %, 100 %' }),
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
    await until('the last event', () => bench.notices.at(-1)?.change === 'completed');
    assert.deepEqual(bench.changes(), ['started', 'waveEnded', 'waveEnded', 'waveEnded', 'completed']);
    assert.deepEqual(
      bench.notices.slice(1, 4).map(({ wave, devices, installed }) => [wave, devices, installed]),
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
    const bench = await start(t);
    const targets = await bench.targets(2);
    const other = await bench.targets(1);
    const plant = randomUUID();
    for (const { id } of targets) await clients.twins.patch({ deviceId: id }, { tags: { plant } });
    const { board } = await bench.open();
    const selection = { kind: 'query', condition: `tags.plant = '${plant}'` } as const;
    const { id } = await board.launch(bench.request({ selection }), [], NEVER);
    const done = await reaches(board, id, 'completed');
    assert.equal(done.devices, 2);
    assert.deepEqual(other[0]?.versions(), []);
    const refused = (condition: string, code: string) =>
      assert.rejects(board.launch(bench.request({ selection: { kind: 'query', condition } }), [], NEVER), {
        code,
      });
    await refused("tags.plant = 'nowhere'", 'CAMPAIGN_EMPTY');
    await refused('tags.plant =', 'AZURE_REJECTED');
  });

  test('below the threshold pauses; resumed, it accepts the wave and goes on', async (t) => {
    const bench = await start(t);
    const targets = await bench.targets(4);
    const { board } = await bench.open();
    (targets[0] as Target).installer.steps = failing;
    const { id } = await board.launch(
      bench.request(),
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
    assert.match((await stateOf(board, id, (targets[0] as Target).id))?.message ?? '', /No space/);
    assert.equal((await board.change(id, 'pause')).state, 'paused');
    await board.change(id, 'resume');
    const done = await reaches(board, id, 'completed');
    assert.deepEqual(
      done.waves.map(({ state }) => state),
      ['accepted', 'passed'],
    );
    assert.equal(done.installed, 3);
    await until('the last event', () => bench.notices.at(-1)?.change === 'completed');
    assert.deepEqual(bench.changes(), [
      'started',
      'waveEnded',
      'paused',
      'resumed',
      'waveEnded',
      'completed',
    ]);
    await assert.rejects(board.change(id, 'resume'), {
      code: 'CAMPAIGN_STATE',
      message: /is completed; expected/,
    });
    await assert.rejects(board.change('20260131120000000-1a2b3c4d', 'resume'), {
      code: 'CAMPAIGN_NOT_FOUND',
    });
  });

  test('rolls back to the version that each device had before', async (t) => {
    const bench = await start(t);
    const [first, second, third] = (await bench.targets(3)) as [Target, Target, Target];
    const { board } = await bench.open();
    const ids = [first.id, second.id];
    const one = await board.launch(bench.request({ version: '1', sizes: '100 %' }), ids, NEVER);
    await reaches(board, one.id, 'completed');
    third.installer.steps = failing;
    const request = bench.request({ version: '2', sizes: '2, 100 %', successPercent: 100 });
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
    assert.equal((await stateOf(board, two.id, first.id))?.versionBefore, '1');
    await until('the last event', () => bench.notices.at(-1)?.change === 'rolledBack');
    assert.deepEqual(bench.changes().slice(-5), [
      'waveEnded',
      'waveEnded',
      'paused',
      'rollingBack',
      'rolledBack',
    ]);
  });

  test('rolls back by itself when told so, to the version that it names; an unknown version stays', async (t) => {
    const bench = await start(t);
    const targets = await bench.targets(2);
    const [good, bad] = targets as [Target, Target];
    const { board } = await bench.open();
    bad.installer.steps = ({ version }: PackageOrder) =>
      version === '3' ? failing() : [{ state: 'installed' }];
    const ids = [good.id, bad.id];
    const { account: storage, container } = bench.request();
    const rollBack = { account: storage, container, path: '/2.zip', version: '2' };
    const named = bench.request({ version: '3', belowThreshold: 'rollBack', rollBack });
    const { id } = await board.launch(named, ids, NEVER);
    const done = await reaches(board, id, 'rolledBack');
    assert.equal(done.code, 'CAMPAIGN_THRESHOLD');
    assert.deepEqual(good.versions(), ['3', '2']);
    // Without a version before, the device keeps what it has, and the campaign says so.
    const fresh = await bench.targets(1);
    const [device] = fresh as [Target];
    const lone = await board.launch(bench.request({ version: '1' }), [device.id], NEVER);
    await reaches(board, lone.id, 'completed');
    await Promise.all([board.change(lone.id, 'rollBack'), board.change(lone.id, 'rollBack')]);
    await reaches(board, lone.id, 'rolledBack');
    const row = await stateOf(board, lone.id, device.id);
    assert.equal(row?.state, 'rollbackFailed');
    assert.equal(row?.code, 'ROLLBACK_UNKNOWN');
    assert.deepEqual(device.versions(), ['1']);
  });

  test('does not wait for devices that are offline; they get the package when they come', async (t) => {
    const bench = await start(t);
    const targets = await bench.targets(2);
    const [away, never] = [await bench.newDevice(), await bench.newDevice()];
    const { board, deployments } = await bench.open();
    const ids = targets.map(({ id }) => id);
    const request = bench.request({ sizes: '75 %, 100 %', timeoutMinutes: 5 });
    const { id } = await board.launch(request, [ids[0] as string, away, never, ids[1] as string], NEVER);
    // The second wave begins although two of the first one are not there.
    await becomes(board, id, ids[1] as string, 'installed');
    await until('the counts', async () => (await board.get(id)).pending === 2);
    const running = await board.get(id);
    assert.equal(running.state, 'running');
    assert.equal(running.waiting, 2);
    const waiting = await stateOf(board, id, away);
    assert.equal(waiting?.code, 'DEVICE_OFFLINE');
    assert.ok(waiting?.deadline);
    assert.equal((await deployments.list({})).length, 2, 'a device that is offline costs no deployment');
    const late = await bench.connect(away);
    board.deviceChanged(away);
    await becomes(board, id, away, 'installed');
    assert.deepEqual(late.versions(), ['1']);
    await board.change(id, 'cancel');
    const done = await reaches(board, id, 'cancelled');
    assert.equal(done.cancelled, 1);
  });

  test('counts a device as failed when its time is over', async (t) => {
    const bench = await start(t);
    const [target] = (await bench.targets(1)) as [Target];
    const away = await bench.newDevice();
    const { board } = await bench.open();
    const request = bench.request({ sizes: '100 %', timeoutMinutes: 1 / 60 });
    const { id } = await board.launch(request, [target.id, away], NEVER);
    const row = await becomes(board, id, away, 'failed');
    assert.equal(row?.code, 'DEVICE_OFFLINE');
    assert.match(row?.message ?? '', /time was over before/);
    const paused = await reaches(board, id, 'paused');
    assert.equal(paused.code, 'CAMPAIGN_THRESHOLD');
  });

  test('waits after each wave when the next one is begun by hand', async (t) => {
    const bench = await start(t);
    const targets = await bench.targets(3);
    const { board } = await bench.open();
    const request = bench.request({ nextWave: 'manual', sizes: '1, 2, 100 %' });
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

  test('paused, begins with nobody, and takes what was under way', async (t) => {
    const bench = await start(t);
    const targets = await bench.targets(3);
    const [busy] = targets as [Target];
    const { promise, resolve } = Promise.withResolvers<void>();
    t.after(() => resolve());
    busy.installer.steps = () => [{ state: 'installing' }, promise, { state: 'installed' }];
    const { board, deployments } = await bench.open();
    const { id } = await board.launch(
      bench.request({ parallel: 1 }),
      targets.map(({ id }) => id),
      NEVER,
    );
    await until(
      'the installation',
      async () => (await deployments.list({ state: 'installing' })).length === 1,
    );
    await board.change(id, 'pause');
    resolve();
    await becomes(board, id, busy.id, 'installed');
    await until('the counts', async () => (await board.get(id)).pending === 2);
    assert.equal((await board.get(id)).state, 'paused');
    assert.deepEqual(
      targets.slice(1).map(({ versions }) => versions().length),
      [0, 0],
    );
    await board.change(id, 'resume');
    assert.equal((await reaches(board, id, 'completed')).installed, 3);
  });

  test('cancelled, tells those that have the package, and begins with nobody else', async (t) => {
    const bench = await start(t);
    const targets = await bench.targets(3);
    const [busy] = targets as [Target];
    const { promise, resolve } = Promise.withResolvers<void>();
    t.after(() => resolve());
    busy.installer.steps = () => [{ state: 'installing' }, promise];
    const { board, deployments } = await bench.open();
    const { id } = await board.launch(
      bench.request({ parallel: 1 }),
      targets.map(({ id }) => id),
      NEVER,
    );
    await until(
      'the installation',
      async () => (await deployments.list({ state: 'installing' })).length === 1,
    );
    assert.match((await board.change(id, 'cancel')).state, /^cancelling$|^cancelled$/);
    const done = await reaches(board, id, 'cancelled');
    assert.equal(done.cancelled, 3);
    assert.ok(done.endedAt);
    assert.equal(busy.installer.orders.at(-1)?.cancel, true);
    assert.deepEqual(
      targets.slice(1).map(({ versions }) => versions().length),
      [0, 0],
    );
    assert.equal((await board.change(id, 'cancel')).state, 'cancelled');
  });

  test('goes on after a crash, wherever it comes, and no device gets the package twice', async (t) => {
    const bench = await start(t);
    const targets = await bench.targets(6);
    const [busy] = targets as [Target];
    const { promise, resolve } = Promise.withResolvers<void>();
    busy.installer.steps = () => [{ state: 'installing' }, promise, { state: 'installed' }];
    const first = await bench.open();
    const { id } = await first.board.launch(
      bench.request({ sizes: '3, 100 %' }),
      targets.map(({ id }) => id),
      NEVER,
    );
    await until('the others', async () => (await first.board.get(id)).installed === 2);
    await bench.close();
    // The device is done while nobody listens.
    resolve();
    await until('the report', async () => {
      const { properties } = await clients.twins.get({ deviceId: busy.id });
      return JSON.stringify(properties.reported).includes('"installed"');
    });
    // Some processes that end at once, in whatever state they are.
    for (let round = 0; round < 4; round += 1) {
      await bench.open();
      await bench.close();
    }
    const last = await bench.open();
    const done = await reaches(last.board, id, 'completed');
    assert.equal(done.installed, 6);
    for (const { installer } of targets)
      assert.equal(new Set(installer.orders.map(({ deploymentId }) => deploymentId)).size, 1);
    await until('the last event', () => bench.notices.at(-1)?.change === 'completed');
    const told = bench.notices.filter(({ change }) => change === 'waveEnded').map(({ wave }) => wave);
    assert.deepEqual([...new Set(told)], [1, 2]);
  });

  test('goes on with its way back after a crash', async (t) => {
    const bench = await start(t);
    const targets = await bench.targets(3);
    const ids = targets.map(({ id }) => id);
    const first = await bench.open();
    const one = await first.board.launch(bench.request({ version: '1', sizes: '100 %' }), ids, NEVER);
    await reaches(first.board, one.id, 'completed');
    const two = await first.board.launch(bench.request({ version: '2', sizes: '100 %' }), ids, NEVER);
    await reaches(first.board, two.id, 'completed');
    await first.board.change(two.id, 'rollBack');
    await bench.close();
    const next = await bench.open();
    const done = await reaches(next.board, two.id, 'rolledBack');
    assert.equal(done.rolledBack, 3);
    for (const { versions } of targets) assert.deepEqual(versions(), ['1', '2', '1']);
  });

  test('passes over devices that are gone or have the version, and waits for another deployment', async (t) => {
    const bench = await start(t);
    const [has, busy] = (await bench.targets(2)) as [Target, Target];
    const { board, deployments } = await bench.open();
    const one = await board.launch(bench.request({ version: '2', sizes: '100 %' }), [has.id], NEVER);
    await reaches(board, one.id, 'completed');
    const { promise, resolve } = Promise.withResolvers<void>();
    t.after(() => resolve());
    busy.installer.steps = ({ version }: PackageOrder) =>
      version === '1' ? [{ state: 'installing' }, promise, { state: 'installed' }] : [{ state: 'installed' }];
    const { waves: _, successPercent: __, ...base } = bench.request({ version: '1' });
    await deployments.deploy(
      { ...base, deviceId: busy.id, delivery: 'method', deleteFile: false, timeoutMinutes: 5 },
      NEVER,
    );
    await until(
      'the installation',
      async () => (await deployments.list({ state: 'installing' })).length === 1,
    );
    const request = bench.request({ version: '2', sizes: '100 %' });
    const { id } = await board.launch(request, ['gone', has.id, busy.id], NEVER);
    const waiting = await becomes(board, id, busy.id, 'waiting');
    assert.equal(waiting?.code, 'PACKAGE_PENDING');
    resolve();
    const done = await reaches(board, id, 'completed');
    assert.equal(done.installed, 1);
    assert.equal(done.skipped, 2);
    assert.equal((await stateOf(board, id, 'gone'))?.code, 'DEVICE_NOT_FOUND');
    assert.match((await stateOf(board, id, has.id))?.message ?? '', /had version 2 already/);
    assert.deepEqual(has.versions(), ['2']);
    assert.deepEqual(busy.versions(), ['1', '2']);
  });

  test('pauses when its file has changed, and cannot begin with what does not work', async (t) => {
    const bench = await start(t);
    const targets = await bench.targets(2);
    const ids = targets.map(({ id }) => id);
    const { board } = await bench.open();
    const { id } = await board.launch(bench.request({ nextWave: 'manual' }), ids, NEVER);
    await reaches(board, id, 'paused');
    await bench.files.write('/1.zip', Buffer.from('another'), {}, NEVER);
    await board.change(id, 'resume');
    await until('the reason', async () => (await board.get(id)).code === 'FILE_REPLACED');
    assert.equal((await board.get(id)).state, 'paused');
    assert.deepEqual(targets[1]?.versions(), []);
    const refused = (code: string, more: Partial<CampaignRequest>, list = ids) =>
      assert.rejects(board.launch(bench.request(more), list, NEVER), { code });
    const { account: storage, container } = bench.request();
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

  test('can have ten thousand devices: they are stored in parts, and few are at work', async (t) => {
    const bench = await start(t);
    const targets = await bench.targets(3);
    const { board } = await bench.open();
    const many = Array.from({ length: 9_997 }, (_, index) => `nobody-${index}`);
    const ids = [...many, ...targets.map(({ id }) => id)];
    const { id } = await board.launch(bench.request({ sizes: '10 %, 100 %', parallel: 50 }), ids, NEVER);
    const isDone = async () => (await board.get(id)).state === 'completed';
    await until('the end', isDone, 120_000);
    const done = await board.get(id);
    assert.equal(done.skipped, 9_997);
    assert.equal(done.installed, 3);
    const stored = async (work: string) =>
      (await readdir(path.join(bench.directory, work))).filter((name) => name.endsWith('.json')).length;
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

  test('has a row that says all of it', async (t) => {
    const bench = await start(t);
    const { board } = await bench.open();
    const away = await bench.newDevice();
    const { id } = await board.launch(bench.request({ moduleId: 'installer' }), [away], NEVER);
    await reaches(board, id, 'completed');
    assert.equal((await board.get(id)).skipped, 1, 'the device has no such module');
    await bench.close();
    const stored = await new Records<Campaign>(path.join(bench.directory, 'campaigns'), isCampaign).read(id);
    assert.ok(stored);
    const next = await bench.open();
    assert.deepEqual(campaignDetail(stored), await next.board.get(id));
  });
});
