import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import type { Row } from '../../scripts/local/platform.ts';
import { registerDevices } from '../../scripts/local/registry.ts';
import type { Sidecar } from '../../scripts/local/sidecar.ts';
import { uploadFile } from '../operations/device-upload.ts';
import { eventually, Factory, HUB_THING } from '../operations/factory.ts';
import { Installer } from '../packages/installer.ts';

const STORAGE_THING = 'Plant.Storage';
const FILES_THING = 'Plant.Packages';
const DEVICES = 300;

/** Tasks, packages and uploads of a hub Thing with two sidecars, one of which is killed. */
/** The lease of the sidecar that was killed ends after 15 seconds; then the work is read and goes on, all the slower on a busy machine. */
const TAKEOVER_MS = 150_000;

describe('background work of several sidecars', () => {
  const factory = new Factory({ localCheckpoints: false, builtInSources: ['twinChangeEvents'] });
  const members: Sidecar[] = [];

  before(async () => {
    await factory.start();
    const { system } = factory;
    members.push(system.sidecar);
    const { port } = new URL(system.sidecar.url);
    await system.platform.setProperties(HUB_THING, { sidecarUrl: `http://127.0.0.*:${port}` });
    await factory.hub('Connect');
    await waitForMembers(1);
    members.push(await system.addMember(2));
    await waitForMembers(2);
    await factory.createStorage(STORAGE_THING);
    await system.platform.setProperties(STORAGE_THING, { sidecarUrl: `http://127.0.0.*:${port}` });
    await factory.call(STORAGE_THING, 'ConnectStorage');
    await factory.createContainer(FILES_THING, STORAGE_THING, 'packages');
    await factory.createDevice('press');
    await factory.listen('press', 'FileUploaded');
    const names = Array.from({ length: DEVICES }, (_, index) => `pump-${index}`);
    await registerDevices(system.cloud.iotHubConnectionString, names);
  });
  after(async () => {
    await members[1]?.stop();
    await factory.stop();
  });

  async function waitForMembers(count: number): Promise<void> {
    await eventually(async () => {
      const { rows } = (await factory.read(HUB_THING))['sidecars'] as { rows: Row[] };
      assert.deepEqual(
        rows.map(({ state }) => state),
        Array(count).fill('running'),
      );
    });
  }

  const member = (number: 1 | 2) => members[number - 1] ?? assert.fail(`There is no member ${number}.`);

  /** What one sidecar answers, which ThingWorx would not have asked. */
  async function ask(number: 1 | 2, operation: string, input: Row): Promise<Row> {
    const { url, token } = member(number);
    const answer = await fetch(`${url}/v1/things/${HUB_THING}/${operation}`, {
      method: 'POST',
      headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
      body: JSON.stringify(input),
    });
    const content = (await answer.json()) as Row;
    assert.equal(answer.status, 200, JSON.stringify(content));
    return content;
  }

  const stateOf = async (number: 1 | 2, task: string) => (await ask(number, 'GetTask', { task }))['state'];
  const importAll = () => factory.hub<string>('StartImport', { condition: "STARTSWITH(deviceId, 'pump-')" });
  let importId = '';
  let campaign = '';

  test('all answer the same, and each can end what another one does', async () => {
    const path = '/vision.zip';
    await factory.call(FILES_THING, 'SaveText', { path, content: 'some program' });
    const order = { repository: FILES_THING, path, name: 'vision', version: '1' };
    await factory.call('press', 'DeployPackage', order);
    await factory.call('press', 'DeployPackage', { ...order, name: 'other' });
    const compared = await factory.hub<string>('CompareRegistry');
    await eventually(async () => assert.equal(await stateOf(2, compared), 'completed'));
    for (const operation of ['ListTasks', 'ListPackages', 'GetTaskReport']) {
      const input = operation === 'GetTaskReport' ? { task: compared } : {};
      await eventually(async () =>
        assert.deepEqual(await ask(2, operation, input), await ask(1, operation, input), operation),
      );
    }
    await ask(2, 'CancelPackage', { deviceId: 'press', name: 'other' });
    const { packages } = (await ask(1, 'ListPackages', { name: 'other' })) as { packages: Row[] };
    assert.equal(packages[0]?.['state'], 'cancelled');
    const place = { account: STORAGE_THING, container: 'packages', path };
    const begun = await ask(2, 'StartCampaign', {
      ...place,
      name: 'fleet',
      version: '1',
      deviceIds: ['press'],
      waves: '100 %',
    });
    campaign = String(begun['id']);
    await eventually(async () => {
      const row = await ask(2, 'GetCampaign', { campaign });
      assert.deepEqual([row['state'], row['waiting']], ['running', 1], JSON.stringify(row));
      assert.deepEqual(await ask(1, 'GetCampaign', { campaign }), row);
    });
    assert.equal((await ask(2, 'PauseCampaign', { campaign }))['state'], 'paused');
    assert.equal((await ask(1, 'ResumeCampaign', { campaign }))['state'], 'running');
    const { task } = await ask(2, 'StartImport', { condition: "STARTSWITH(deviceId, 'pump-')" });
    assert.equal((await ask(2, 'CancelTask', { task }))['state'], 'cancelled');
    assert.equal(await stateOf(1, String(task)), 'cancelled');
  });

  test('another one goes on with a task when the one that runs it is killed', async () => {
    await factory.thingworxFault({
      action: 'status',
      status: 503,
      body: 'Busy',
      path: '/Services/CreateThings',
    });
    importId = await importAll();
    await eventually(async () => assert.equal(await stateOf(2, importId), 'running'));
    await member(1).kill();
    const { state } = await factory.hub('GetTask', { task: importId });
    assert.equal(state, 'running');
    await factory.clearThingworxFaults();
    await eventually(async () => {
      const task = await factory.hub('GetTask', { task: importId });
      assert.equal(task['state'], 'completed');
      assert.equal(task['done'], DEVICES);
    }, TAKEOVER_MS);
    const report = await factory.hub<{ rows: Row[] }>('GetTaskReport', { task: importId });
    assert.equal(new Set(report.rows.map(({ item }) => item)).size, DEVICES);
    assert.equal((await factory.read(`pump-${DEVICES - 1}`))['deviceId'], `pump-${DEVICES - 1}`);
  });

  test('another one goes on with packages, and hears of uploaded files', async () => {
    const client = await factory.connect('press');
    const installer = new Installer(client);
    await eventually(async () => {
      const { rows } = (await factory.read('press'))['softwarePackages'] as { rows: Row[] };
      assert.equal(rows.find(({ name }) => name === 'vision')?.['state'], 'installed');
    });
    await eventually(async () => {
      const row = await factory.hub('GetCampaign', { campaign });
      assert.deepEqual([row['state'], row['installed']], ['completed', 1], JSON.stringify(row));
    }, TAKEOVER_MS);
    assert.deepEqual(installer.loaded.map(String), ['some program', 'some program']);
    const next = factory.inbox(client);
    await factory.call('press', 'SendMessage', { body: 'stop', messageId: 'order-7', ack: 'full' });
    assert.equal((await next()).messageId, 'order-7');
    await uploadFile(factory, 'press', 'log.txt', 'a log');
    await eventually(async () => assert.equal((await factory.heard('press', 'FileUploaded')).length, 1));
  });

  test('one that comes back answers for what happened without it', async () => {
    await member(1).start();
    await waitForMembers(2);
    assert.equal(await stateOf(1, importId), 'completed');
    assert.deepEqual(await ask(1, 'ListPackages', {}), await ask(2, 'ListPackages', {}));
    assert.deepEqual(await ask(1, 'ListCampaigns', {}), await ask(2, 'ListCampaigns', {}));
    for (const number of [1, 2] as const)
      await eventually(async () => {
        const { feedback } = (await ask(number, 'ListMessageFeedback', { deviceId: 'press' })) as {
          feedback: Row[];
        };
        assert.deepEqual(
          feedback.map(({ messageId, outcome }) => [messageId, outcome]),
          [['order-7', 'Success']],
        );
      });
    const task = await importAll();
    await eventually(async () => assert.equal(await stateOf(1, task), 'completed'));
  });
});
