import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import path from 'node:path';
import { describe, type TestContext, test } from 'node:test';
import { promisify } from 'node:util';
import { Platform } from '../../scripts/local/platform.ts';
import { Command, withPortTaken } from './command.ts';
import { eventually } from './observe.ts';

function start(
  t: TestContext,
  ...args: string[]
): Promise<{ code: number | null; out: string; error: string }> {
  return new Command(t, 'start.ts', args).end();
}

describe('npm start', () => {
  test('ends by itself and sums up in one line of JSON', async (t) => {
    const { code, out, error } = await start(
      t,
      '--devices',
      '2',
      '--interval',
      '200',
      '--seconds',
      '3',
      '--json',
    );
    assert.equal(code, 0, error);
    const summary = JSON.parse(out.trim().split('\n').at(-1) ?? '');
    assert.ok(summary.sent >= 4);
    // Beside the readings, the hub tells that devices have connected.
    assert.ok(summary.received >= summary.sent);
    assert.equal(summary.delivered, summary.received);
    assert.equal(summary.ignored, 0);
    assert.equal(summary.deadLettered, 0);
    assert.deepEqual(Object.keys(summary.things), ['machine-01', 'machine-02']);
    assert.equal(summary.things['machine-01'].label, `machine-01 #${summary.things['machine-01'].count}`);
  });

  test('ends in order on Ctrl-C, with whole numbers', async (t) => {
    const command = new Command(t, 'start.ts', ['--devices', '1', '--interval', '50', '--json']);
    await command.untilOutput(/state running/);
    command.ctrlC();
    const { code, out, error } = await command.end();
    assert.equal(error, '');
    assert.equal(code, 0);
    const summary = JSON.parse(out.trim().split('\n').at(-1) ?? '');
    assert.ok(summary.sent >= 1);
    assert.equal(summary.things['machine-01'].count, summary.sent);
  });

  test('prints three addresses in 80 columns, and a device to paste into a terminal', async (t) => {
    const command = new Command(t, 'start.ts');
    const out = await command.untilOutput(/ {2}login .*\n/);
    const table = out.slice(out.indexOf('Thing  '));
    for (const line of table.split('\n')) assert.ok(line.length <= 80, line);
    const address = (label: string) => new RegExp(`^${label} +(http\\S+)$`, 'm').exec(out)?.[1] ?? '';
    for (const label of ['Console', 'Mashups', 'ThingWorx'])
      assert.equal((await fetch(address(label))).status, 200, label);
    const snippet = /^CA=.*?^\}\)\(\);'$/ms.exec(out)?.[0] ?? '';
    await promisify(execFile)('sh', ['-c', snippet], { cwd: path.join(import.meta.dirname, '..', '..') });
    const [, user, password] = / {2}login +(\S+), (\S+)$/m.exec(out) ?? [];
    const platform = new Platform({
      url: address('ThingWorx').replace(/\/$/, '/Thingworx'),
      user: user ?? '',
      password: password ?? '',
    });
    await eventually(async () => assert.equal((await platform.properties('my-device')).temperature, 21.5));
    command.ctrlC();
    assert.equal((await command.end()).code, 0);
  });

  test('ends without a word on Ctrl-C while it starts', async (t) => {
    const command = new Command(t, 'start.ts');
    await command.untilOutput(/Starting storage/);
    command.ctrlC();
    const { code, out, error } = await command.end();
    assert.equal(error, '');
    assert.equal(code, 0);
    assert.doesNotMatch(out, /Waiting until/);
  });

  for (const option of ['--thingworx-port', '--iothub-port', '--storage-port', '--sidecar-port']) {
    test(`ends with one clear line and code 1 when the port of ${option} is taken`, (t) =>
      withPortTaken(async (port) => {
        const { code, error } = await start(t, option, String(port), '--seconds', '1');
        assert.equal(code, 1);
        const lines = error.trim().split('\n');
        assert.equal(lines.length, 1, error);
        assert.match(lines[0] ?? '', new RegExp(`npm start failed: .*\\b${port}\\b`));
      }));
  }

  test('refuses an option that makes no sense', async (t) => {
    const { code, error } = await start(t, '--devices', 'many');
    assert.equal(code, 2);
    assert.match(error, /--devices is "many"; expected a whole number/);
  });
});
