import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { after, before, describe, test } from 'node:test';
import type { Row } from '../../scripts/local/platform.ts';
import { registerDevices } from '../../scripts/local/registry.ts';
import { Installer } from '../packages/installer.ts';
import { eventually, Factory, HUB_THING, TRANSPORT_NAMES } from './factory.ts';

const STORAGE_THING = 'Plant.Storage';
const FILES_THING = 'Plant.Packages';
const CONTENT = 'vision 2.1.0, and some bytes';

/** Software packages, with the whole product as it is installed and installers on Microsoft's device SDK. */
describe('a software package', () => {
  const factory = new Factory({ builtInSources: ['twinChangeEvents', 'deviceConnectionStateEvents'] });
  before(async () => {
    await factory.start();
    await factory.createStorage(STORAGE_THING);
    await factory.createContainer(FILES_THING, STORAGE_THING, 'packages');
  });
  after(() => factory.stop());

  /** A device with its Thing, and a file for it. */
  async function prepare(deviceId: string): Promise<string> {
    await factory.createDevice(deviceId);
    await factory.listen(deviceId, 'PackageChanged');
    const path = `/vision/${randomUUID()}.zip`;
    await factory.call(FILES_THING, 'SaveText', { path, content: CONTENT });
    return path;
  }

  function deploy(thing: string, path: string, more: Row = {}): Promise<Row> {
    const order = { repository: FILES_THING, path, name: 'vision', version: '2.1.0' };
    return factory.call(thing, 'DeployPackage', { ...order, ...more });
  }

  const rowsOf = async (thing: string): Promise<Row[]> =>
    ((await factory.read(thing)).softwarePackages as { rows: Row[] } | undefined)?.rows ?? [];

  /** The row of a package, when it is in that state. */
  const row = (thing: string, state: string, name = 'vision'): Promise<Row> =>
    eventually(async () => {
      const found = (await rowsOf(thing)).find((one) => one.name === name);
      assert.equal(found?.state, state, JSON.stringify(found));
      return found ?? {};
    });

  for (const transport of TRANSPORT_NAMES) {
    test(`is installed by a device over ${transport}, which reports how far it is`, async () => {
      const thing = `by-${transport}`;
      const path = await prepare(thing);
      const installer = new Installer(await factory.connect(thing, transport));
      installer.steps = () => [
        { state: 'installing', progress: 50 },
        { state: 'installed', message: 'Done.' },
      ];
      const begun = await deploy(thing, path, { information: { restart: true } });
      assert.equal(begun.state, 'waiting');
      const done = await row(thing, 'installed');
      assert.equal(done.deploymentId, begun.deploymentId);
      assert.equal(done.message, 'Done.');
      assert.equal(done.version, '2.1.0');
      assert.deepEqual(installer.loaded.map(String), [CONTENT]);
      const [order] = installer.orders;
      assert.equal(order?.deploymentId, begun.deploymentId);
      assert.deepEqual(order?.information, { restart: true });
      await eventually(async () => {
        const states = (await factory.heard(thing, 'PackageChanged')).map(({ state }) => state);
        assert.equal(states[0], 'waiting');
        assert.equal(states.at(-1), 'installed');
      });
      assert.equal(
        await factory.call(FILES_THING, 'LoadText', { path }),
        CONTENT,
        'the file stays unless asked',
      );
    });
  }

  test('goes by a message, too, and is deleted after the installation when asked', async () => {
    const path = await prepare('by-message');
    const client = await factory.connect('by-message');
    const installer = new Installer(client);
    const next = factory.inbox(client);
    const begun = await deploy('by-message', path, { delivery: 'message', deleteFile: true });
    const message = await next();
    assert.equal(message.properties.getValue('kind'), 'package');
    assert.equal(message.messageId, begun.deploymentId);
    const order = JSON.parse(message.data.toString());
    assert.equal(order.deleteFile, true);
    await installer.take(order);
    await eventually(async () => assert.equal((await row('by-message', 'installed')).fileDeleted, true));
    await assert.rejects(factory.call(FILES_THING, 'GetFileProperties', { path }), /FILE_NOT_FOUND: /);
  });

  for (const transport of TRANSPORT_NAMES) {
    test(`is installed by a module of an Edge device over ${transport}`, async () => {
      const thing = `edge-${transport}`;
      const { cloud, platform } = factory.system;
      await registerDevices(cloud.iotHubConnectionString, [thing], { iotEdge: true });
      await platform.createThing(thing, 'AzureIoT.EdgeDevice_TT');
      await platform.setProperties(thing, { hubThing: HUB_THING });
      await factory.hub('CreateModule', { deviceId: thing, moduleId: 'installer' });
      const path = '/edge/module.zip';
      await factory.call(FILES_THING, 'SaveText', { path, content: CONTENT });
      const installer = new Installer(await factory.connectModule(thing, 'installer', transport));
      await deploy(thing, path, { moduleId: 'installer', deleteFile: true });
      await eventually(async () => assert.equal((await row(thing, 'installed')).fileDeleted, true));
      const [shown, ...others] = await rowsOf(thing);
      assert.equal(shown?.moduleId, 'installer');
      assert.deepEqual(others, []);
      assert.deepEqual(installer.loaded.map(String), [CONTENT]);
      await assert.rejects(
        deploy(thing, path, { moduleId: 'installer', delivery: 'message' }),
        /REQUEST_INVALID: moduleId: modules receive no messages/,
      );
    });
  }

  test('is on its Thing beside all others that go to the device at the same time', async () => {
    const path = await prepare('many');
    const installer = new Installer(await factory.connect('many'));
    const names = Array.from({ length: 12 }, (_, index) => `package${index}`);
    await Promise.all(names.map((name) => deploy('many', path, { name })));
    for (const name of names) await row('many', 'installed', name);
    assert.equal((await rowsOf('many')).length, names.length);
    assert.equal(installer.loaded.length, names.length);
  });

  test('waits for a device that is not connected, over a crash of the sidecar, and is on its Thing beside others', async () => {
    const path = await prepare('offline');
    await deploy('offline', path, { name: 'other', version: '7' });
    await deploy('offline', path);
    await eventually(async () => assert.equal((await row('offline', 'waiting')).code, 'DEVICE_OFFLINE'));
    await factory.system.sidecar.kill();
    await factory.system.sidecar.start();
    await factory.system.waitForState('running');
    const installer = new Installer(await factory.connect('offline'));
    await row('offline', 'installed');
    await row('offline', 'installed', 'other');
    assert.equal((await rowsOf('offline')).length, 2);
    assert.equal(installer.loaded.length, 2);
    const { rows } = await factory.hub<{ rows: Row[] }>('ListPackages', {
      state: 'installed',
      name: 'other',
    });
    assert.deepEqual(
      rows.map(({ deviceId, version }) => [deviceId, version]),
      [['offline', '7']],
    );
  });

  test('whose state ThingWorx could not take is shown when it does again', async () => {
    const path = await prepare('unseen');
    const installer = new Installer(await factory.connect('unseen'));
    installer.steps = () => [
      factory.thingworxFault({ action: 'status', path: 'ReceiveEvents', status: 503, count: 4 }),
      { state: 'installed' },
    ];
    await deploy('unseen', path);
    const shown = await row('unseen', 'installed');
    assert.equal(shown.version, '2.1.0');
    await eventually(async () => {
      const states = (await factory.heard('unseen', 'PackageChanged')).map(({ state }) => state);
      assert.equal(states.at(-1), 'installed');
    });
  });

  test('is one while it is under way, and can be given up', async () => {
    const path = await prepare('given-up');
    const first = await deploy('given-up', path);
    assert.equal((await deploy('given-up', path)).deploymentId, first.deploymentId);
    await assert.rejects(
      deploy('given-up', path, { version: '3' }),
      /PACKAGE_PENDING: vision 2\.1\.0 is waiting/,
    );
    const given = await factory.call('given-up', 'CancelPackage', { name: 'vision' });
    assert.equal(given.state, 'cancelled');
    await row('given-up', 'cancelled');
    await assert.rejects(factory.call('given-up', 'CancelPackage', { name: 'none' }), /PACKAGE_NOT_FOUND: /);
    await deploy('given-up', path, { version: '3' });
    await eventually(async () => assert.equal((await row('given-up', 'waiting')).version, '3'));
  });

  test('that cannot be delivered is refused at once', async () => {
    const path = await prepare('refused');
    await assert.rejects(deploy('refused', '/none'), /FILE_NOT_FOUND: /);
    await assert.rejects(
      deploy('refused', path, { repository: 'Nobody' }),
      /REQUEST_INVALID: repository names/,
    );
    await assert.rejects(
      deploy('refused', path, { repository: STORAGE_THING }),
      /SETTING_MISSING: storageThing/,
    );
    await assert.rejects(deploy('refused', path, { name: 'a.b' }), /REQUEST_INVALID: .*name/);
    await assert.rejects(deploy('refused', path, { moduleId: 'nobody' }), /DEVICE_NOT_FOUND: /);
    assert.deepEqual(await rowsOf('refused'), []);
  });
});
