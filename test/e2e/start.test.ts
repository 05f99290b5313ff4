import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { createServer } from 'node:net';
import path from 'node:path';
import { describe, test } from 'node:test';

const SCRIPT = path.join(import.meta.dirname, '..', '..', 'scripts', 'start.ts');

async function start(...args: string[]): Promise<{ code: number | null; out: string; error: string }> {
  const child = spawn(process.execPath, [SCRIPT, ...args], { stdio: ['ignore', 'pipe', 'pipe'] });
  let out = '';
  let error = '';
  child.stdout.on('data', (chunk: Buffer) => {
    out += chunk;
  });
  child.stderr.on('data', (chunk: Buffer) => {
    error += chunk;
  });
  const [code] = (await once(child, 'close')) as [number | null];
  return { code, out, error };
}

describe('npm start', () => {
  test('ends by itself and sums up in one line of JSON', async () => {
    const { code, out, error } = await start(
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
    assert.equal(summary.received, summary.sent);
    assert.equal(summary.delivered, summary.sent);
    assert.equal(summary.ignored, 0);
    assert.equal(summary.deadLettered, 0);
    assert.deepEqual(Object.keys(summary.things), ['machine-01', 'machine-02']);
    assert.equal(summary.things['machine-01'].label, `machine-01 #${summary.things['machine-01'].count}`);
  });

  for (const option of ['--thingworx-port', '--iothub-port', '--storage-port', '--sidecar-port']) {
    test(`ends with one clear line and code 1 when the port of ${option} is taken`, async () => {
      const server = createServer();
      server.listen(0, '127.0.0.1');
      await once(server, 'listening');
      const { port } = server.address() as AddressInfo;
      try {
        const { code, error } = await start(option, String(port), '--seconds', '1');
        assert.equal(code, 1);
        const lines = error.trim().split('\n');
        assert.equal(lines.length, 1, error);
        assert.match(lines[0] ?? '', new RegExp(`npm start failed: .*\\b${port}\\b`));
      } finally {
        server.close();
      }
    });
  }

  test('refuses an option that makes no sense', async () => {
    const { code, error } = await start('--devices', 'many');
    assert.equal(code, 1);
    assert.match(error, /--devices is "many"; expected a whole number/);
  });
});
