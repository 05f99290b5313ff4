import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import path from 'node:path';
import { describe, test } from 'node:test';
import { Command, withPortTaken } from './command.ts';

async function facts(command: Command): Promise<Record<string, string>> {
  const out = await command.untilOutput(/\n/);
  return JSON.parse(out.split('\n')[0] ?? '') as Record<string, string>;
}

describe('npm run local-cloud', () => {
  test('two run side by side, and Ctrl-C ends one with all its parts and files', async (t) => {
    const commands = [
      new Command(t, 'local-cloud.ts'),
      new Command(t, 'local-cloud.ts', [
        '--partitions',
        '2',
        '--consumer-group',
        'line-1',
        '--consumer-group',
        'line-2',
      ]),
    ];
    const [first = {}, second = {}] = await Promise.all(commands.map(facts));
    assert.deepEqual(Object.keys(first), [
      'iotHubConnectionString',
      'eventHubConnectionString',
      'storageConnectionString',
      'thingworxUrl',
      'thingworxAppKey',
      'thingworxUser',
      'thingworxPassword',
      'caFile',
      'iotHubControlUrl',
      'thingworxControlUrl',
    ]);
    commands[0]?.ctrlC();
    assert.deepEqual(
      { ...(await commands[0]?.end()), out: '' },
      {
        code: 0,
        out: '',
        error: '',
      },
    );
    for (const url of [first.iotHubControlUrl, first.thingworxControlUrl, first.thingworxUrl])
      await assert.rejects(fetch(String(url)), TypeError);
    assert.equal(existsSync(String(first.caFile)), false);
    const hub = (await (await fetch(String(second.iotHubControlUrl))).json()) as {
      partitions: unknown[];
      consumerGroups: string[];
    };
    assert.equal(hub.partitions.length, 2);
    assert.deepEqual(hub.consumerGroups, ['$Default', 'line-1', 'line-2']);
    assert.equal((await fetch(`${second.thingworxUrl}/health`)).status, 200);
    commands[1]?.ctrlC();
    assert.equal((await commands[1]?.end())?.code, 0);
  });

  test('ends when the shell between it and npm is ended', async (t) => {
    const script = path.join(import.meta.dirname, '..', '..', 'scripts', 'local-cloud.ts');
    const shell = spawn('sh', ['-c', '"$0" "$1"; exit', process.execPath, script], {
      stdio: ['ignore', 'pipe', 'inherit'],
      env: { ...process.env, npm_lifecycle_event: 'local-cloud' },
    });
    t.after(() => shell.kill('SIGKILL'));
    const [line] = (await once(shell.stdout, 'data')) as [Buffer];
    const { iotHubControlUrl } = JSON.parse(line.toString()) as Record<string, string>;
    assert.equal((await fetch(String(iotHubControlUrl))).status, 200);
    shell.kill('SIGTERM');
    // The pipe closes when its last owner has ended.
    await once(shell, 'close');
    await assert.rejects(fetch(String(iotHubControlUrl)), TypeError);
  });

  for (const option of ['--iothub-port', '--thingworx-port', '--storage-port']) {
    test(`ends with one clear line and code 1 when the port of ${option} is taken`, (t) =>
      withPortTaken(async (port) => {
        const { code, out, error } = await new Command(t, 'local-cloud.ts', [option, String(port)]).end();
        assert.deepEqual([code, out], [1, '']);
        assert.match(error, new RegExp(`^npm run local-cloud failed: .*\\b${port}\\b.*\\n$`));
      }));
  }

  test('explains itself', async (t) => {
    const { code, out } = await new Command(t, 'local-cloud.ts', ['--help']).end();
    assert.equal(code, 0);
    assert.match(out, /--standard-ports/);
  });

  test('refuses an option that makes no sense', async (t) => {
    const { code, error } = await new Command(t, 'local-cloud.ts', ['--partitions', 'x']).end();
    assert.equal(code, 2);
    assert.match(error, /^npm run local-cloud: --partitions is "x"; expected a whole number/);
    const group = await new Command(t, 'local-cloud.ts', ['--consumer-group', 'a b']).end();
    assert.equal(group.code, 2);
    assert.match(group.error, /^npm run local-cloud: --consumer-group is "a b"; expected 1 to 50 letters/);
    const unknown = await new Command(t, 'local-cloud.ts', ['--port', '1']).end();
    assert.equal(unknown.code, 2);
    assert.match(unknown.error, /^npm run local-cloud: Unknown option '--port'.*\n/);
  });
});
