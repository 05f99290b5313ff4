import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { chmod, mkdir, readdir, stat, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { after, before, describe, test } from 'node:test';
import { HUB_THING, LocalSystem } from '../../scripts/local/system.ts';
import { Program } from './program.ts';

describe('--check', () => {
  const system = new LocalSystem({ devices: 0 });
  const program = new Program();
  let environment: Record<string, string> = {};
  let stateDirectory = '';

  before(async () => {
    await Promise.all([system.start(), program.start()]);
    stateDirectory = path.join(program.directory, 'state');
    const { caFile, thingworxUrl, thingworxAppKey, iotHubConnectionString, storageConnectionString } =
      system.cloud;
    environment = {
      THINGWORX_URL: thingworxUrl,
      THINGWORX_APP_KEY: thingworxAppKey,
      SIDECAR_STATE_DIR: stateDirectory,
      SIDECAR_ALLOW_LOCAL_AZURE: 'true',
      NODE_EXTRA_CA_CERTS: caFile,
      HUB: iotHubConnectionString,
      STORAGE: storageConnectionString,
    };
  });
  after(async () => {
    await system.stop();
    await program.stop();
  });

  const outcomes = (output: string) =>
    new Map(
      output
        .split('\n\n')[0]
        ?.split('\n')
        .slice(2)
        .map((line) => line.split(/ {2,}/))
        .map(([step = '', outcome = '', message = '']) => [step, { outcome, message }]),
    );

  test('leaves secrets to CheckConnection that only ThingWorx has, and creates nothing', async () => {
    const { code, output } = await program.run(['--check'], { environment });
    const steps = outcomes(output);
    assert.equal(code, 0, output);
    for (const step of ['Settings', 'State directory', 'Application key', `${HUB_THING}: settings`])
      assert.equal(steps.get(step)?.outcome, 'ok', step);
    assert.match(steps.get('Application key')?.message ?? '', new RegExp(HUB_THING));
    const azure = steps.get(`${HUB_THING}: Built-in endpoint`);
    assert.equal(azure?.outcome, 'skipped');
    assert.match(azure?.message ?? '', /running sidecar only; .* CheckConnection/);
    assert.equal(existsSync(stateDirectory), false);
  });

  test('tests Azure with the references of a hub Thing', async () => {
    await system.platform.setProperties(HUB_THING, {
      secretReferences: { iotHubConnectionString: 'env:HUB', storageConnectionString: 'env:STORAGE' },
    });
    const { code, output } = await program.run(['--check'], { environment });
    assert.equal(code, 0, output);
    const steps = outcomes(output);
    for (const step of ['IoT Hub: service connection', 'Built-in endpoint', 'Storage for checkpoints'])
      assert.equal(steps.get(`${HUB_THING}: ${step}`)?.outcome, 'ok', output);
  });

  test('trusts an authority that only the file of --env-file names', async () => {
    const { NODE_EXTRA_CA_CERTS: authorities, ...rest } = environment;
    const file = path.join(program.directory, 'environment');
    const check = () => program.run(['--check'], { environment: rest, nodeOptions: [`--env-file=${file}`] });
    await writeFile(file, `NODE_EXTRA_CA_CERTS=${authorities}\n`);
    const { code, output } = await check();
    assert.equal(code, 0, output);
    assert.equal(outcomes(output).get(`${HUB_THING}: IoT Hub: service connection`)?.outcome, 'ok', output);
    await writeFile(file, `NODE_EXTRA_CA_CERTS=${file}.nowhere\n`);
    assert.match((await check()).errors, /SETTING_INVALID: NODE_EXTRA_CA_CERTS: the file .* cannot be used/);
  });

  for (const [what, change, failed, named] of [
    ['a setting', { SIDECAR_PORT: 'many' }, 'Settings', /SETTING_INVALID: SIDECAR_PORT/],
    ['the application key', { THINGWORX_APP_KEY: 'nobody' }, 'Application key', /THINGWORX_UNAUTHORIZED/],
    [
      'the address',
      { THINGWORX_URL: 'http://127.0.0.1:9/Thingworx' },
      'Application key',
      /THINGWORX_UNREACHABLE/,
    ],
    ['the policy', { HUB: 'HostName=x' }, `${HUB_THING}: Built-in endpoint`, /CONNECTION_STRING_INVALID/],
    ['a reference', { HUB: '' }, `${HUB_THING}: references`, /SECRET_UNREADABLE.*HUB/],
  ] as const) {
    test(`fails and says what is wrong with ${what}`, async () => {
      const { code, output, errors } = await program.run(['--check'], {
        environment: { ...environment, ...change },
      });
      assert.equal(code, 1);
      assert.equal(errors, '');
      const step = outcomes(output).get(failed);
      assert.equal(step?.outcome, 'failed', output);
      assert.match(step?.message ?? '', named);
      assert.match(output, /\n\nWhat to do\n/);
      assert.ok(!output.includes(system.cloud.iotHubConnectionString));
    });
  }

  test('refuses a state directory that others can write to, and does not change it', async () => {
    const shared = path.join(program.directory, 'shared');
    await mkdir(shared);
    await chmod(shared, 0o777);
    const { code, output } = await program.run(['--check'], {
      environment: { ...environment, SIDECAR_STATE_DIR: shared },
    });
    assert.equal(code, 1);
    assert.match(outcomes(output).get('State directory')?.message ?? '', /chmod 700/);
    assert.equal((await stat(shared)).mode & 0o777, 0o777);
    assert.deepEqual(await readdir(shared), []);
  });
});
