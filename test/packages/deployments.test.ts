import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, before, describe, type TestContext, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Client } from 'azure-iot-device';
import type { HubClients } from '../../sidecar/azure/iot-hub/hub-clients.ts';
import { listenToFeedback } from '../../sidecar/azure/iot-hub/hub-listener.ts';
import type { ContainerFiles } from '../../sidecar/files/container-files.ts';
import { Records } from '../../sidecar/lib/records.ts';
import { createLog } from '../../sidecar/observe/log.ts';
import { isDeployment } from '../../sidecar/packages/deployment.ts';
import { Deployments } from '../../sidecar/packages/deployments.ts';
import type { PackageRequest, PackageRow } from '../../sidecar/packages/types.ts';
import { until } from '../azure/helpers.ts';
import { startTrustedHub } from '../azure/iot-hub/hub-emulator.ts';
import { connectDevice, openClients } from '../azure/iot-hub/hub-support.ts';
import type { IotHubEmulator } from '../emulators/iothub/emulator.ts';
import { type Account, connect, NEVER, newContainer, STORAGE, startAccount } from '../files/support.ts';
import { Installer } from './installer.ts';

const CONTENT = Buffer.from('some program');

/** Deployments with a real device SDK on the other side, but without ThingWorx: what they announce is written down. */
describe('deployments', () => {
  let account: Account;
  let hub: IotHubEmulator;
  let clients: HubClients;
  before(async () => {
    account = await startAccount();
    hub = await startTrustedHub({ feedbackBatchMs: 50 });
    clients = await openClients(hub);
  });
  after(async () => {
    await clients.close();
    await hub.stop();
    await account.stop();
  });

  interface Bench {
    readonly deviceId: string;
    readonly files: ContainerFiles;
    /** States that were announced, without repeats. */
    readonly rows: PackageRow[];
    states(): string[];
    /** A process; the next one goes on with what the last has left. */
    open(): Deployments;
    device(): Promise<Client>;
    request(more?: Partial<PackageRequest>): PackageRequest;
  }

  async function start(t: TestContext): Promise<Bench> {
    const directory = await mkdtemp(path.join(tmpdir(), 'packages-'));
    const { files, name } = await newContainer(account);
    await files.write('/p.zip', CONTENT, {}, NEVER);
    const deviceId = `dev-${randomUUID()}`;
    await clients.registry.createDevice({ deviceId });
    const rows: PackageRow[] = [];
    const opened: Deployments[] = [];
    const connected: Client[] = [];
    t.after(async () => {
      await Promise.all([...opened.map((one) => one.stop()), ...connected.map((one) => one.close())]);
      await rm(directory, { recursive: true, force: true });
    });
    return {
      deviceId,
      files,
      rows,
      states: () => rows.map(({ state }) => state).filter((state, index, all) => state !== all[index - 1]),
      open() {
        const deployments = new Deployments({
          records: new Records(directory, isDeployment),
          log: createLog('silent'),
          clients: async () => clients,
          storages: account.storages,
          announce: async (told) => {
            rows.push(...told.map(({ data }) => data as unknown as PackageRow));
            return 0;
          },
          firstPauseMs: 20,
          longestPauseMs: 100,
        });
        opened.push(deployments);
        return deployments;
      },
      async device() {
        const client = await connectDevice(hub, clients, deviceId);
        connected.push(client);
        return client;
      },
      request: (more = {}) => ({
        deviceId,
        name: 'app',
        version: '1',
        account: STORAGE,
        container: name,
        path: '/p.zip',
        delivery: 'method',
        methodName: 'installPackage',
        timeoutMinutes: 5,
        deleteFile: false,
        ...more,
      }),
    };
  }

  const ended = (bench: Bench, state: string) => until(state, () => bench.rows.at(-1)?.state === state);

  test('wait for a device that is not connected, and reach it when it is', async (t) => {
    const bench = await start(t);
    await bench.open().deploy(bench.request(), NEVER);
    await until('the reason', () => bench.rows.at(-1)?.code === 'DEVICE_OFFLINE');
    assert.equal(bench.rows.at(-1)?.state, 'waiting');
    const installer = new Installer(await bench.device());
    await ended(bench, 'installed');
    assert.deepEqual(installer.loaded, [CONTENT]);
    assert.equal(bench.rows.at(-1)?.code, '');
  });

  test('end when the device refuses, or reports that it failed', async (t) => {
    const bench = await start(t);
    const deployments = bench.open();
    const installer = new Installer(await bench.device());
    installer.answer = () => ({ status: 409, payload: { message: 'The disk is full.' } });
    await deployments.deploy(bench.request(), NEVER);
    await ended(bench, 'failed');
    assert.equal(bench.rows.at(-1)?.code, 'PACKAGE_FAILED');
    assert.match(bench.rows.at(-1)?.message ?? '', /status 409: The disk is full/);
    installer.answer = () => ({ status: 202 });
    installer.steps = () => [{ state: 'installing' }, { state: 'failed', message: 'Rolled back.' }];
    await deployments.deploy(bench.request(), NEVER);
    await until('the failure', () => bench.rows.at(-1)?.message === 'Rolled back.');
    assert.equal(bench.rows.at(-1)?.code, 'PACKAGE_FAILED');
    // One that is quick may say it in its answer.
    installer.answer = () => ({ status: 200, payload: { state: 'installed', message: 'At once.' } });
    await deployments.deploy(bench.request(), NEVER);
    await until('the end', () => bench.rows.at(-1)?.message === 'At once.');
    assert.equal(bench.rows.at(-1)?.state, 'installed');
  });

  test('are one while they are under way: the same again is the same, another version is refused', async (t) => {
    const bench = await start(t);
    const deployments = bench.open();
    const first = await deployments.deploy(bench.request(), NEVER);
    const again = await deployments.deploy(bench.request(), NEVER);
    assert.equal(again.deploymentId, first.deploymentId);
    await assert.rejects(deployments.deploy(bench.request({ version: '2' }), NEVER), {
      code: 'PACKAGE_PENDING',
      message: /app 1 is waiting on .*CancelPackage/,
    });
    await bench.files.write('/q.zip', CONTENT, {}, NEVER);
    await assert.rejects(deployments.deploy(bench.request({ path: '/q.zip' }), NEVER), {
      code: 'PACKAGE_PENDING',
    });
    await bench.files.write('/p.zip', Buffer.from('another'), {}, NEVER);
    const other = await deployments.deploy(bench.request({ name: 'driver' }), NEVER);
    assert.notEqual(other.deploymentId, first.deploymentId);
    const names = (await deployments.list({})).map(({ name }) => name);
    assert.deepEqual(names, ['driver', 'app']);
    // The file that was meant is no more: the device installs none in its place, not even when the order was on its way.
    const installer = new Installer(await bench.device());
    await until('the end', () => bench.rows.some(({ name, state }) => name === 'app' && state === 'failed'));
    await until('the other', () =>
      bench.rows.some(({ name, state }) => name === 'driver' && state === 'installed'),
    );
    assert.deepEqual(installer.loaded.map(String), ['another']);
  });

  test('that cannot work are refused at once', async (t) => {
    const bench = await start(t);
    const deployments = bench.open();
    const refused = async (code: string, more: Partial<PackageRequest>) =>
      assert.rejects(deployments.deploy(bench.request(more), NEVER), { code });
    await refused('FILE_NOT_FOUND', { path: '/none' });
    await refused('PATH_INVALID', { path: '/../p.zip' });
    await refused('CONTAINER_NOT_FOUND', { container: 'not-there' });
    await refused('STORAGE_NOT_CONNECTED', { account: 'Nobody' });
    await refused('DEVICE_NOT_FOUND', { deviceId: 'nobody' });
    await refused('DEVICE_NOT_FOUND', { moduleId: 'nobody' });
    await refused('REQUEST_INVALID', { delivery: 'message', moduleId: 'nobody' });
    await assert.rejects(deployments.cancel({ deviceId: bench.deviceId, name: 'app' }), {
      code: 'PACKAGE_NOT_FOUND',
    });
    assert.deepEqual(await deployments.list({}), []);
  });

  test('go on after a crash, wherever it comes, and the device gets one file', async (t) => {
    const bench = await start(t);
    const first = bench.open();
    await first.deploy(bench.request({ deleteFile: true }), NEVER);
    await until('the reason', () => bench.rows.at(-1)?.code === 'DEVICE_OFFLINE');
    await first.stop();
    const installer = new Installer(await bench.device());
    const { promise, resolve } = Promise.withResolvers<void>();
    installer.steps = () => [{ state: 'installing' }, promise, { state: 'installed' }];
    const second = bench.open();
    await second.start();
    await ended(bench, 'installing');
    await second.stop();
    // The device is done while nobody listens.
    resolve();
    await until('the report', async () => {
      const { properties } = await clients.twins.get({ deviceId: bench.deviceId });
      return JSON.stringify(properties.reported).includes('"installed"');
    });
    const third = bench.open();
    await third.start();
    await until('the file is gone', () => bench.rows.at(-1)?.fileDeleted === true);
    assert.equal(bench.rows.at(-1)?.state, 'installed');
    assert.equal(installer.loaded.length, 1);
    await assert.rejects(bench.files.facts('/p.zip', NEVER), { code: 'FILE_NOT_FOUND' });
    const [only] = await third.list({});
    assert.equal((await third.list({})).length, 1);
    assert.equal(only?.state, 'installed');
  });

  test('whose answer got lost are sent again under the same id', async (t) => {
    const bench = await start(t);
    const client = await bench.device();
    const ids: string[] = [];
    // The first order is never answered: the process that sent it ends first.
    client.onDeviceMethod('installPackage', (request, response) => {
      ids.push(request.payload.deploymentId);
      if (ids.length > 1) void response.send(200, { state: 'installed' });
    });
    const first = bench.open();
    const { deploymentId } = await first.deploy(bench.request(), NEVER);
    await until('the order', () => ids.length === 1);
    await first.stop();
    await bench.open().start();
    await ended(bench, 'installed');
    assert.deepEqual(ids, [deploymentId, deploymentId]);
  });

  test('fail when their time is over, and hear it when the device is done late', async (t) => {
    const bench = await start(t);
    const deployments = bench.open();
    const client = await bench.device();
    const installer = new Installer(client);
    const { promise, resolve } = Promise.withResolvers<void>();
    installer.steps = () => [{ state: 'installing' }, promise, { state: 'installed' }];
    await deployments.deploy(bench.request({ timeoutMinutes: 1 / 60, deleteFile: true }), NEVER);
    await ended(bench, 'failed');
    assert.equal(bench.rows.at(-1)?.code, 'DEVICE_TIMEOUT');
    assert.match(bench.rows.at(-1)?.message ?? '', /last state was installing/);
    resolve();
    await until('the report', async () => {
      const { properties } = await clients.twins.get({ deviceId: bench.deviceId });
      return JSON.stringify(properties.reported).includes('"installed"');
    });
    deployments.deviceChanged(bench.deviceId);
    await ended(bench, 'installed');
    await until('the file is gone', () => bench.rows.at(-1)?.fileDeleted === true);
  });

  test('say so when they never reached the device', async (t) => {
    const bench = await start(t);
    await bench.open().deploy(bench.request({ timeoutMinutes: 1 / 60 }), NEVER);
    await ended(bench, 'failed');
    assert.equal(bench.rows.at(-1)?.code, 'DEVICE_OFFLINE');
    assert.match(bench.rows.at(-1)?.message ?? '', /device did not receive it in time/);
  });

  test('that are given up in time reach nobody; later the device is told', async (t) => {
    const bench = await start(t);
    const deployments = bench.open();
    const name = { deviceId: bench.deviceId, name: 'app' };
    await deployments.deploy(bench.request(), NEVER);
    const early = await deployments.cancel(name);
    assert.equal(early.state, 'cancelled');
    assert.match(early.message, /before the device received it/);
    assert.equal((await deployments.cancel(name)).deploymentId, early.deploymentId);
    const installer = new Installer(await bench.device());
    const { promise, resolve } = Promise.withResolvers<void>();
    t.after(() => resolve());
    installer.steps = () => [{ state: 'installing' }, promise];
    await deployments.deploy(bench.request({ version: '2' }), NEVER);
    await ended(bench, 'installing');
    const late = await deployments.cancel(name);
    assert.equal(late.state, 'cancelled');
    assert.match(late.message, /confirmed that it has stopped/);
    assert.deepEqual(
      installer.orders.map(({ version, cancel }) => [version, cancel]),
      [
        ['2', undefined],
        [undefined, true],
      ],
    );
    installer.answer = ({ cancel }) => ({ status: cancel ? 404 : 202 });
    await deployments.deploy(bench.request({ version: '3' }), NEVER);
    await until(
      'the third',
      () => bench.rows.at(-1)?.version === '3' && bench.rows.at(-1)?.state === 'installing',
    );
    assert.match((await deployments.cancel(name)).message, /may still install it/);
  });

  test('keep a file that another device still needs', async (t) => {
    const one = await start(t);
    const other = `dev-${randomUUID()}`;
    await clients.registry.createDevice({ deviceId: other });
    const deployments = one.open();
    new Installer(await one.device());
    await deployments.deploy(one.request({ deleteFile: true }), NEVER);
    await deployments.deploy(one.request({ deviceId: other, deleteFile: true }), NEVER);
    await until('the first', async () => (await deployments.list({ state: 'installed' })).length === 1);
    await sleep(300);
    assert.equal((await one.files.facts('/p.zip', NEVER)).size, CONTENT.length);
    const client = await connectDevice(hub, clients, other);
    t.after(() => client.close());
    const second = new Installer(client);
    await until('both', async () =>
      (await deployments.list({})).every(({ state, fileDeleted }) => state === 'installed' && fileDeleted),
    );
    assert.deepEqual(second.loaded, [CONTENT]);
    await assert.rejects(one.files.facts('/p.zip', NEVER), { code: 'FILE_NOT_FOUND' });
  });

  test('leave a file that was changed after it was installed', async (t) => {
    const bench = await start(t);
    const installer = new Installer(await bench.device());
    installer.steps = () => [
      bench.files.write('/p.zip', Buffer.from('next version'), {}, NEVER),
      { state: 'installed' },
    ];
    await bench.open().deploy(bench.request({ deleteFile: true }), NEVER);
    await until('the end', () => /not deleted/.test(bench.rows.at(-1)?.message ?? ''));
    assert.equal(bench.rows.at(-1)?.state, 'installed');
    assert.equal((await bench.files.read('/p.zip', NEVER)).toString(), 'next version');
  });

  test('wait for their storage, before and after the installation', async (t) => {
    const bench = await start(t);
    const deployments = bench.open();
    await deployments.deploy(bench.request({ deleteFile: true }), NEVER);
    await until('the first try', () => bench.rows.at(-1)?.code === 'DEVICE_OFFLINE');
    await account.storages.disconnect(STORAGE);
    // Only then the device: a try that had its link before the storage was gone would reach it.
    await until('the reason', () => bench.rows.at(-1)?.code === 'STORAGE_NOT_CONNECTED');
    const installer = new Installer(await bench.device());
    await sleep(100);
    assert.equal(installer.orders.length, 0);
    installer.steps = () => [account.storages.disconnect(STORAGE), { state: 'installed' }];
    await connect(account);
    await ended(bench, 'installed');
    await sleep(100);
    assert.equal(bench.rows.at(-1)?.fileDeleted, false);
    await connect(account);
    await until('the file is gone', () => bench.rows.at(-1)?.fileDeleted === true);
  });

  test('by message end when the device does not take it, and say when it has', async (t) => {
    const bench = await start(t);
    const deployments = bench.open();
    const listener = listenToFeedback({
      credentials: clients.credentials,
      handler: async (records) => {
        for (const { originalMessageId, statusCode, description } of records)
          await deployments.feedback(originalMessageId, statusCode, description);
      },
      onState: () => undefined,
    });
    listener.start();
    t.after(() => listener.stop());
    const name = { deviceId: bench.deviceId, name: 'app' };
    await deployments.deploy(bench.request({ delivery: 'message' }), NEVER);
    await until('it is sent', () => bench.rows.at(-1)?.state === 'sent');
    await clients.messages.purge(bench.deviceId);
    await ended(bench, 'failed');
    assert.match(bench.rows.at(-1)?.message ?? '', /did not accept the message: Purged/);
    await deployments.deploy(bench.request({ delivery: 'message' }), NEVER);
    const client = await bench.device();
    client.on('message', (message) => void client.complete(message));
    await until('it is taken', () => /has accepted the message/.test(bench.rows.at(-1)?.message ?? ''));
    assert.equal(bench.rows.at(-1)?.state, 'sent');
    assert.match((await deployments.cancel(name)).message, /may still install it/);
  });

  test('pass over what a device reports of something else, or nonsense', async (t) => {
    const bench = await start(t);
    const client = await bench.device();
    const twin = await client.getTwin();
    const report = (softwarePackages: unknown) =>
      new Promise<void>((resolve, reject) =>
        twin.properties.reported.update({ softwarePackages }, (error: Error | null) =>
          error ? reject(error) : resolve(),
        ),
      );
    await report({ app: { deploymentId: 'of-yesterday', state: 'installed' }, other: 7 });
    client.onDeviceMethod('installPackage', (_request, response) => void response.send(202, 'yes'));
    const { deploymentId } = await bench.open().deploy(bench.request(), NEVER);
    await until('it is sent', () => bench.rows.at(-1)?.state === 'sent');
    for (const app of [7, { deploymentId, state: 'burning' }, { deploymentId: 8, state: 'failed' }])
      await report({ app });
    await sleep(300);
    assert.equal(bench.rows.at(-1)?.state, 'sent');
    await report({ app: { deploymentId, state: 'installed', progress: 'much', message: 9 } });
    await ended(bench, 'installed');
    assert.deepEqual([bench.rows.at(-1)?.progress, bench.rows.at(-1)?.message], [undefined, '']);
  });
});
