import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { PassThrough } from 'node:stream';
import { after, before, beforeEach, describe, test } from 'node:test';
import { buildPackage } from '../../scripts/build.ts';
import { ConnectorError } from '../../sidecar/errors/connector-error.ts';
import { setup } from '../../sidecar/setup/setup.ts';
import { startThingworx, type ThingworxEmulator } from '../emulators/thingworx/emulator.ts';
import { Password } from '../emulators/thingworx/values.ts';
import { Client } from '../emulators/thingworx-tests/platform-support.ts';

const PASSWORD = 'administrator-of-the-test';
const IOT_HUB = `HostName=plant.azure-devices.net;SharedAccessKeyName=service;SharedAccessKey=${btoa('secret-of-the-hub')}`;
const STORAGE = `AccountName=plant;AccountKey=${btoa('secret-of-the-storage')};EndpointSuffix=core.windows.net`;
const HUB = 'Plant.Hub';
const USER = 'azure-iot-sidecar';

describe('setup', () => {
  let emulator: ThingworxEmulator;
  let client: Client;
  let folder = '';
  let directory = '';
  let stateDirectory = '';
  let zip = '';

  before(async () => {
    folder = await mkdtemp(path.join(tmpdir(), 'setup-'));
    zip = await buildPackage({ withoutSidecar: true, outputDirectory: path.join(folder, 'dist') });
    emulator = await startThingworx({ administratorPassword: PASSWORD, scriptWorkers: 1 });
    client = new Client(emulator);
  });
  beforeEach(async () => {
    const run = await mkdtemp(path.join(folder, 'run-'));
    directory = path.join(run, 'settings');
    stateDirectory = path.join(run, 'state');
  });
  after(async () => {
    await emulator.stop();
    await rm(folder, { recursive: true });
  });

  const environment = () => ({
    THINGWORX_URL: `${emulator.url}/Thingworx`,
    THINGWORX_ADMINISTRATOR: 'Administrator',
    THINGWORX_ADMINISTRATOR_PASSWORD: PASSWORD,
    AZURE_IOTHUB_CONNECTION_STRING: IOT_HUB,
    AZURE_STORAGE_CONNECTION_STRING: STORAGE,
  });
  const options = (more: Record<string, string | boolean> = {}) => ({
    directory,
    'state-directory': stateDirectory,
    zip,
    'hub-thing': HUB,
    'no-check': true,
    ...more,
  });

  /** Runs setup; gives its lines. */
  async function run(
    more: Record<string, string | boolean> = {},
    env: Record<string, string | undefined> = environment(),
  ): Promise<string[]> {
    const output = new PassThrough();
    const chunks: Buffer[] = [];
    output.on('data', (chunk: Buffer) => chunks.push(chunk));
    try {
      await setup(options(more), env, { input: new PassThrough(), output });
    } finally {
      const text = Buffer.concat(chunks).toString('utf8');
      for (const secret of [PASSWORD, IOT_HUB, STORAGE]) assert.ok(!text.includes(secret));
    }
    return Buffer.concat(chunks).toString('utf8').trim().split('\n');
  }

  /** What setup can change in ThingWorx and in files, without what is new in each run by its nature. */
  async function state(): Promise<unknown> {
    const { store } = emulator.platform;
    const names = (collection: 'Users' | 'ApplicationKeys' | 'Things' | 'Groups') =>
      store
        .all(collection)
        .map(({ name }) => name)
        .toSorted();
    const hub = store.get('Things', HUB);
    const values = hub ? (await client.get(`/Things/${HUB}/Properties/`)).json.rows[0] : undefined;
    const files: Record<string, string> = {};
    for (const top of [directory, stateDirectory]) {
      if (!existsSync(top)) continue;
      for (const name of await readdir(top))
        files[name] = ((await stat(path.join(top, name))).mode & 0o777).toString(8);
    }
    return {
      users: names('Users'),
      keys: names('ApplicationKeys'),
      things: names('Things'),
      members: store.get('Groups', 'AzureIoT.Sidecar_UG')?.members,
      extensions: (await client.control('GET', '/extensions')).installed.map(
        ({ name }: { name: string }) => name,
      ),
      grants: grants(),
      hub: values && {
        enabled: hub?.enabled,
        sidecarUrl: values.sidecarUrl,
        secretReferences: values.secretReferences,
      },
      secrets: hub && (await secretsMatch()),
      files,
    };
  }

  /** ThingWorx as it was before the first test. */
  async function removeExtension(): Promise<void> {
    const { installed } = await client.control('GET', '/extensions');
    for (const { name: packageName } of installed)
      await client.result('Subsystems/PlatformSubsystem', 'DeleteExtensionPackage', { packageName });
  }

  async function isInterrupted(running: Promise<unknown>): Promise<boolean> {
    try {
      await running;
      return false;
    } catch (error) {
      assert.ok(error instanceof ConnectorError, String(error));
      assert.equal(error.code, 'THINGWORX_UNREACHABLE');
      return true;
    }
  }

  /** Principals of the extension that have a right on a resource of the platform. */
  function grants(): string[] {
    const { store } = emulator.platform;
    return ['EntityServices', 'InfoTableFunctions', 'ContentLoaderFunctions'].flatMap((name) => {
      const resource = store.get('Resources', name);
      const given = [...(resource?.runTime ?? [])].flatMap(([service, rights]) =>
        [...rights.values()].flat().map((principal) => `${name} ${service} ${principal.name}`),
      );
      return [...given, ...(resource?.visibility ?? []).map((principal) => `${name} ${principal.name}`)]
        .filter((text) => text.includes('AzureIoT.'))
        .toSorted();
    });
  }

  /** Whether the hub Thing has the secrets that were answered, and the token that the sidecar has. */
  async function secretsMatch(): Promise<boolean> {
    const token = (await readFile(path.join(stateDirectory, 'sidecar-token'), 'utf8').catch(() => '')).trim();
    const found = passwords();
    return (
      found['iotHubConnectionString'] === IOT_HUB &&
      found['storageConnectionString'] === STORAGE &&
      found['sidecarToken'] === token
    );
  }

  /** The PASSWORD values of the hub Thing in clear, from within the platform. */
  function passwords(): Record<string, string> {
    const thing = emulator.platform.store.get('Things', HUB);
    const found: Record<string, string> = {};
    if (!thing) return found;
    for (const name of ['iotHubConnectionString', 'storageConnectionString', 'sidecarToken']) {
      const value = emulator.platform.properties.read(thing, name).value;
      found[name] = value instanceof Password ? value.clear : '';
    }
    return found;
  }

  test('makes everything that docs/install.md names, and a second run changes nothing', async () => {
    const empty = (await state()) as Record<string, unknown>;
    const first = await run();
    const made = await state();
    assert.ok(
      first.some((line) => /^Extension .*: done \(import version/.test(line)),
      first.join('\n'),
    );
    const key = (await readFile(path.join(directory, 'thingworx-app-key'), 'utf8')).trim();
    const token = (await readFile(path.join(stateDirectory, 'sidecar-token'), 'utf8')).trim();
    assert.deepEqual(passwords(), {
      iotHubConnectionString: IOT_HUB,
      storageConnectionString: STORAGE,
      sidecarToken: token,
    });
    assert.equal(emulator.platform.store.get('ApplicationKeys', USER)?.keyId, key);
    const days =
      ((emulator.platform.store.get('ApplicationKeys', USER)?.expirationDate.getTime() ?? 0) - Date.now()) /
      86_400_000;
    assert.ok(days > 1824 && days <= 1825);
    assert.deepEqual((made as { files: unknown }).files, {
      environment: '600',
      'setup.json': '600',
      'sidecar-token': '600',
      'thingworx-app-key': '600',
    });
    assert.match(await readFile(path.join(directory, 'environment'), 'utf8'), /^SIDECAR_PORT=8780$/m);
    assert.equal((await client.get(`/Things/${HUB}/Properties/sidecarUrl`, { key })).status, 200);

    const second = await run();
    assert.deepEqual(
      second.filter((line) => / done /.test(line)),
      [],
    );
    assert.deepEqual(await state(), made);
    assert.equal((await readFile(path.join(directory, 'thingworx-app-key'), 'utf8')).trim(), key);

    await run({ undo: true });
    assert.deepEqual(await state(), empty);
  });

  test('says with --dry-run what it would do, and does nothing', async () => {
    const empty = (await state()) as Record<string, unknown>;
    const lines = await run({ 'dry-run': true });
    assert.ok(lines.filter((line) => line.includes(': would ')).length >= 10, lines.join('\n'));
    assert.deepEqual(await state(), empty);
    assert.ok(!existsSync(directory));
    await run();
    const made = await state();
    const undone = await run({ undo: true, 'dry-run': true });
    assert.ok(undone.some((line) => line.includes(`Hub Thing ${HUB}: would remove it`)));
    assert.deepEqual(await state(), made);
    await run({ undo: true });
    assert.deepEqual(await state(), empty);
  });

  test('stores no login and no secret in a file', async () => {
    await run();
    for (const top of [directory, stateDirectory]) {
      for (const name of await readdir(top)) {
        const text = await readFile(path.join(top, name), 'utf8');
        for (const secret of [PASSWORD, IOT_HUB, STORAGE]) assert.ok(!text.includes(secret), name);
      }
    }
    await run({ undo: true });
  });

  test('writes only what differs, and undo leaves what was there before', async () => {
    assert.equal((await client.upload(await readFile(zip))).status, 200);
    await client.result('Resources/EntityServices', 'CreateUser', {
      name: USER,
      password: 'a-Long-Enough-1',
    });
    await client.thing(HUB, 'AzureIoT.Hub_TT');
    const before = await state();
    await run();
    const lines = await run(
      {},
      {
        ...environment(),
        AZURE_STORAGE_CONNECTION_STRING: `${STORAGE};BlobEndpoint=https://plant.example.com`,
      },
    );
    assert.deepEqual(
      lines.filter((line) => line.includes(' done ')),
      [`Settings of ${HUB}: done (set storageConnectionString)`],
    );
    await writeFile(path.join(directory, 'environment'), 'LOG_LEVEL=debug\nSIDECAR_PORT=1\n');
    await run();
    const text = await readFile(path.join(directory, 'environment'), 'utf8');
    assert.match(text, /^LOG_LEVEL=debug$/m);
    assert.match(text, /^SIDECAR_PORT=8780$/m);
    assert.doesNotMatch(text, /SIDECAR_PORT=1$/m);
    await run({ undo: true });
    const after = (await state()) as Record<string, unknown>;
    for (const part of ['users', 'keys', 'things', 'members', 'extensions', 'files'])
      assert.deepEqual(after[part], (before as Record<string, unknown>)[part], part);
    await client.result('Resources/EntityServices', 'DeleteThing', { name: HUB });
    await client.result('Resources/EntityServices', 'DeleteUser', { name: USER });
  });

  test('keeps references in secretReferences, for the sidecar to resolve', async () => {
    const {
      AZURE_IOTHUB_CONNECTION_STRING: _hub,
      AZURE_STORAGE_CONNECTION_STRING: _storage,
      ...rest
    } = environment();
    await run({ iothub: 'env:PLANT_HUB', storage: 'file:/run/secrets/storage' }, rest);
    const { secretReferences } = (await client.get(`/Things/${HUB}/Properties/`)).json.rows[0];
    assert.deepEqual(secretReferences, {
      iotHubConnectionString: 'env:PLANT_HUB',
      storageConnectionString: 'file:/run/secrets/storage',
    });
    assert.deepEqual(
      (await run({ iothub: 'env:PLANT_HUB', storage: 'file:/run/secrets/storage' }, rest)).filter((line) =>
        line.includes(' done '),
      ),
      [],
    );
    await run({ undo: true });
  });

  test('continues after an interruption of any call, and undo takes all back', async () => {
    await client.upload(await readFile(zip));
    const empty = (await state()) as Record<string, unknown>;
    await run();
    const complete = await state();
    assert.ok((complete as { grants: string[]; secrets: boolean }).secrets);
    await run({ undo: true });
    // The extension was there before, and its groups keep the rights.
    const afterwards = { ...empty, grants: (complete as { grants: string[] }).grants };
    assert.deepEqual(await state(), afterwards);
    // An interruption between two changes leaves what one right after the first change leaves.
    const path = '/(Create|Add|Set|Enable|Restart|Grant)[A-Za-z]+$|/Properties/\\*$';
    for (let skip = 0; ; skip += 1) {
      await client.control('POST', '/faults', { action: 'dropAnswer', skip, path });
      const interrupted = await isInterrupted(run());
      await client.control('DELETE', '/faults');
      // Every second time what was begun is taken back, else it is continued first.
      if (skip % 2 === 0) {
        await run();
        assert.deepEqual(await state(), complete, `after ${skip} changes`);
      }
      await run({ undo: true });
      assert.deepEqual(await state(), afterwards, `undo after ${skip} changes`);
      if (!interrupted) break;
    }
  });

  test('continues an undo that was interrupted', async () => {
    await removeExtension();
    await run();
    await run({ undo: true });
    const empty = await state();
    const path = '/Delete(Thing|VisibilityPermission|ApplicationKey|Member|User|ExtensionPackage)$';
    for (let skip = 0; ; skip += 3) {
      await run();
      await client.control('POST', '/faults', { action: 'dropAnswer', skip, path });
      const interrupted = await isInterrupted(run({ undo: true }));
      await client.control('DELETE', '/faults');
      await run({ undo: true });
      assert.deepEqual(await state(), empty, `after ${skip} changes`);
      if (!interrupted) break;
    }
  });

  for (const [what, more, env, code, words] of [
    [
      'a wrong password',
      {},
      { THINGWORX_ADMINISTRATOR_PASSWORD: 'wrong' },
      'THINGWORX_UNAUTHORIZED',
      /login of Administrator/,
    ],
    [
      'no administrator',
      {},
      { THINGWORX_ADMINISTRATOR: '' },
      'SETTING_MISSING',
      /--administrator or THINGWORX_ADMINISTRATOR/,
    ],
    [
      'no password',
      {},
      { THINGWORX_ADMINISTRATOR_PASSWORD: undefined },
      'SETTING_MISSING',
      /THINGWORX_ADMINISTRATOR_PASSWORD/,
    ],
    [
      'no hub',
      {},
      { AZURE_IOTHUB_CONNECTION_STRING: undefined },
      'SETTING_MISSING',
      /--iothub.*AZURE_IOTHUB_CONNECTION_STRING/,
    ],
    ['a secret on the command line', { iothub: IOT_HUB }, {}, 'SETTING_INVALID', /env:NAME or file:\/path/],
    [
      'half a connection string',
      {},
      { AZURE_IOTHUB_CONNECTION_STRING: 'HostName=x' },
      'CONNECTION_STRING_INVALID',
      /SharedAccessKey/,
    ],
    [
      'half a storage string',
      {},
      { AZURE_STORAGE_CONNECTION_STRING: 'AccountName=x' },
      'CONNECTION_STRING_INVALID',
      /AccountKey/,
    ],
    ['an impossible name', { 'hub-thing': 'a/b' }, {}, 'SETTING_INVALID', /--hub-thing/],
    ['an impossible life', { 'key-days': 'long' }, {}, 'SETTING_INVALID', /--key-days/],
    [
      'an address without TLS files',
      { 'sidecar-url': 'https://sidecar.example.com:8780' },
      {},
      'SETTING_INVALID',
      /--tls-cert-file/,
    ],
    ['a root without systemd', { root: '/tmp' }, {}, 'SETTING_INVALID', /--systemd/],
    [
      'another address',
      { 'thingworx-url': 'http://127.0.0.1:9/Thingworx' },
      {},
      'THINGWORX_UNREACHABLE',
      /127\.0\.0\.1:9/,
    ],
    ['no zip', { zip: '/nowhere.zip' }, {}, 'SETTING_INVALID', /--zip.*nowhere/],
  ] as const) {
    test(`refuses ${what} and makes nothing`, async () => {
      await removeExtension();
      const before = await state();
      await assert.rejects(run(more, { ...environment(), ...env }), (error) => {
        assert.ok(error instanceof ConnectorError);
        assert.equal(error.code, code);
        assert.match(error.message, words);
        for (const secret of [PASSWORD, IOT_HUB, STORAGE]) assert.ok(!error.message.includes(secret));
        return true;
      });
      await rm(directory, { recursive: true, force: true });
      assert.deepEqual(await state(), before);
    });
  }

  test('refuses a Thing and a key that are of another kind', async () => {
    await client.upload(await readFile(zip));
    await client.thing(HUB, 'GenericThing');
    await assert.rejects(run(), { code: 'SETUP_CONFLICT', message: /--hub-thing/ });
    await run({ undo: true });
    await client.result('Resources/EntityServices', 'DeleteThing', { name: HUB });
    await client.result('Resources/EntityServices', 'CreateApplicationKey', {
      name: USER,
      user: 'Administrator',
    });
    await assert.rejects(run(), { code: 'SETUP_CONFLICT', message: /belongs to the user Administrator/ });
    await run({ undo: true });
    await client.result('Resources/EntityServices', 'DeleteApplicationKey', { name: USER });
  });

  test('refuses the record of another ThingWorx', async () => {
    await run();
    const other = `http://localhost:${new URL(emulator.url).port}/Thingworx`;
    await assert.rejects(run({ 'thingworx-url': other }), { code: 'SETUP_CONFLICT', message: /--directory/ });
    await run({ undo: true });
  });
});

describe('setup on a ThingWorx that does not allow extensions', () => {
  test('says what ThingWorx has in its log', async () => {
    const folder = await mkdtemp(path.join(tmpdir(), 'setup-'));
    const emulator = await startThingworx({ importPolicy: { importEnabled: false } });
    try {
      const zip = await buildPackage({ withoutSidecar: true, outputDirectory: folder });
      const { name, password } = emulator.administrator;
      await assert.rejects(
        setup(
          { zip, directory: path.join(folder, 'a'), 'state-directory': path.join(folder, 'b') },
          {
            THINGWORX_URL: emulator.url,
            THINGWORX_ADMINISTRATOR: name,
            THINGWORX_ADMINISTRATOR_PASSWORD: password,
            AZURE_IOTHUB_CONNECTION_STRING: IOT_HUB,
          },
          { input: new PassThrough(), output: new PassThrough().resume() },
        ),
        { code: 'EXTENSION_REFUSED', message: /import policy/ },
      );
    } finally {
      await emulator.stop();
      await rm(folder, { recursive: true });
    }
  });
});
