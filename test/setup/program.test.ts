import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { type AddressInfo, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, before, describe, test } from 'node:test';
import { type Cloud, startCloud } from '../../scripts/local/cloud.ts';
import { Program } from '../commands/program.ts';

/** A port that nothing listens on. */
async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}

const { status: systemctl } = spawnSync('systemctl', ['--version']);
const isRoot = process.getuid?.() === 0;

/** The program from the zip against the local cloud, as a new user runs it. */
describe('sidecar.mjs setup', () => {
  const program = new Program();
  let cloud: Cloud;
  let folder = '';
  let port = 0;
  let environment: Record<string, string> = {};

  before(async () => {
    folder = await mkdtemp(path.join(tmpdir(), 'setup-program-'));
    [cloud] = await Promise.all([startCloud({ directory: path.join(folder, 'cloud') }), program.start()]);
    port = await freePort();
    environment = {
      THINGWORX_URL: cloud.thingworxUrl,
      THINGWORX_ADMINISTRATOR: cloud.thingworxUser,
      THINGWORX_ADMINISTRATOR_PASSWORD: cloud.thingworxPassword,
      AZURE_IOTHUB_CONNECTION_STRING: cloud.iotHubConnectionString,
      AZURE_STORAGE_CONNECTION_STRING: cloud.storageConnectionString,
      SIDECAR_ALLOW_LOCAL_AZURE: 'true',
      NODE_EXTRA_CA_CERTS: cloud.caFile,
    };
  });
  after(async () => {
    await cloud?.stop();
    await program.stop();
    await rm(folder, { recursive: true, force: true });
  });

  const words = (...more: string[]) => [
    'setup',
    '--directory',
    path.join(folder, 'settings'),
    '--state-directory',
    path.join(folder, 'state'),
    '--zip',
    program.zip,
    '--sidecar-url',
    `http://127.0.0.1:${port}`,
    ...more,
  ];

  test('ends with the table of CheckConnection, in which nothing fails, and --check agrees', async () => {
    const { code, output, errors } = await program.run(words(), { environment });
    assert.equal(errors, '');
    assert.equal(code, 0, output);
    const table = output.slice(output.indexOf('Step '));
    for (const step of [
      'Sidecar',
      'Token',
      'Application key',
      'IoT Hub: service connection',
      'Built-in endpoint',
      'Storage for checkpoints',
      'Ingestion',
    ])
      assert.match(table, new RegExp(`^${step} +ok `, 'm'));
    assert.doesNotMatch(table, /^.+ {2}failed {2}/m);
    for (const secret of [
      cloud.thingworxPassword,
      cloud.iotHubConnectionString,
      cloud.storageConnectionString,
    ])
      assert.ok(!output.includes(secret));
    // As setup says that the sidecar is started; the authority of the local cloud is in this file.
    const checked = await program.run(['--check'], {
      environment: { SIDECAR_ALLOW_LOCAL_AZURE: 'true' },
      nodeOptions: [`--env-file=${path.join(folder, 'settings', 'environment')}`],
    });
    assert.equal(checked.code, 0, checked.output);
    assert.match(checked.output, /IoTHub/);
  });

  test('is undone', async () => {
    const { code, output } = await program.run(words('--undo'), { environment });
    assert.equal(code, 0, output);
    await assert.rejects(stat(path.join(folder, 'settings')), { code: 'ENOENT' });
  });

  test('asks on a terminal for what is missing, and does not show secrets', async (t) => {
    const {
      AZURE_STORAGE_CONNECTION_STRING: _storage,
      THINGWORX_ADMINISTRATOR_PASSWORD: password = '',
      AZURE_IOTHUB_CONNECTION_STRING: hub = '',
      ...rest
    } = environment;
    const line = [process.execPath, path.join(program.directory, 'sidecar.mjs'), ...words('--no-check')]
      .map((word) => `'${word}'`)
      .join(' ');
    const child = spawn('script', ['--quiet', '--return', '--command', line, '/dev/null'], {
      env: { ...rest, PATH: process.env['PATH'], TERM: 'dumb' },
    });
    const failed = await new Promise<boolean>((resolve) => {
      child.once('error', () => resolve(true));
      child.once('spawn', () => resolve(false));
    });
    if (failed) return t.skip('script of util-linux is not installed');
    let shown = '';
    const answers: [RegExp, string][] = [
      [/Password of \w+: $/, password],
      [/Connection string of the IoT Hub[^:]*:\S* or file:\/path: $/, hub],
      [/Connection string of the storage account[^:]*: $/, ''],
    ];
    child.stdout.on('data', (chunk: Buffer) => {
      shown += chunk.toString('utf8');
      const next = answers[0];
      if (!next?.[0].test(shown)) return;
      answers.shift();
      shown += '\n';
      child.stdin.write(`${next[1]}\n`);
    });
    const code = await new Promise((resolve) => child.once('exit', resolve));
    assert.equal(code, 0, shown);
    assert.deepEqual(answers, []);
    for (const secret of [password, hub]) assert.ok(!shown.includes(secret), shown);
    assert.match(shown, /Hub Thing IoTHub: done/);
    assert.equal((await program.run(words('--undo'), { environment })).code, 0);
  });

  const skip =
    systemctl !== 0 || !isRoot ? 'systemd is not installed, or the tests do not run as root' : false;
  test('installs the service into an image, and takes it out again', { skip }, async () => {
    const root = path.join(folder, 'image');
    await mkdir(path.join(root, 'etc'), { recursive: true });
    for (const name of ['passwd', 'group', 'shadow', 'gshadow'])
      await writeFile(path.join(root, 'etc', name), '');
    const service = ['setup', '--zip', program.zip, '--systemd', '--root', root];
    const first = await program.run(service, { environment });
    assert.equal(first.code, 0, first.output + first.errors);
    const unit = path.join(root, 'etc/systemd/system/azure-iot-sidecar.service');
    assert.match(await readFile(unit, 'utf8'), new RegExp(`^ExecStart=${process.execPath} --`, 'm'));
    const { stdout } = spawnSync('systemctl', ['--root', root, 'is-enabled', 'azure-iot-sidecar'], {
      encoding: 'utf8',
    });
    assert.equal(stdout.trim(), 'enabled');
    const modes = async (name: string) => {
      const { mode, uid } = await stat(path.join(root, name));
      return [(mode & 0o777).toString(8), uid] as const;
    };
    const [, , uid] = (await readFile(path.join(root, 'etc/passwd'), 'utf8')).split(':');
    assert.deepEqual(await modes('etc/azure-iot-sidecar/thingworx-app-key'), ['600', 0]);
    assert.deepEqual(await modes('var/lib/azure-iot-sidecar'), ['700', Number(uid)]);
    assert.deepEqual(await modes('var/lib/azure-iot-sidecar/sidecar-token'), ['600', Number(uid)]);
    assert.doesNotMatch(
      await readFile(path.join(root, 'etc/azure-iot-sidecar/environment'), 'utf8'),
      /APP_KEY|STATE_DIR/,
    );
    assert.deepEqual(await modes('opt/azure-iot-sidecar'), ['755', 0]);
    assert.deepEqual(await modes('opt/azure-iot-sidecar/program.mjs'), ['644', 0]);
    const second = await program.run(service, { environment });
    assert.doesNotMatch(second.output, / done /, second.output);
    const undone = await program.run([...service, '--undo'], { environment });
    assert.equal(undone.code, 0, undone.output + undone.errors);
    for (const name of ['opt/azure-iot-sidecar', 'etc/azure-iot-sidecar', 'var/lib/azure-iot-sidecar'])
      await assert.rejects(stat(path.join(root, name)), { code: 'ENOENT' }, name);
    await assert.rejects(stat(unit), { code: 'ENOENT' });
    assert.equal(await readFile(path.join(root, 'etc/passwd'), 'utf8'), '');
  });
});
