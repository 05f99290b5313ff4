import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { describe, type TestContext, test } from 'node:test';
import { createLog } from '../../sidecar/observe/log.ts';
import { ServiceManager } from '../../sidecar/observe/service-manager.ts';

/** Node.js has no datagram sockets of the Unix domain, so a line of Python is systemd's end of the socket. */
const RECEIVER = `
import socket, sys
receiver = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
receiver.bind(sys.argv[1])
print('bound', flush=True)
while True: print(receiver.recv(4096).decode(), flush=True)
`;

const missing = ['systemd-notify', 'python3'].find((program) => spawnSync(program, ['--version']).error);
const skip = missing === undefined ? false : `${missing} is not installed`;

async function receive(t: TestContext) {
  const directory = await mkdtemp(path.join(tmpdir(), 'notify-'));
  const socket = path.join(directory, 'socket');
  const child = spawn('python3', ['-c', RECEIVER, socket], { stdio: ['ignore', 'pipe', 'inherit'] });
  let text = '';
  child.stdout.on('data', (chunk: Buffer) => {
    text += chunk;
  });
  t.after(async () => {
    child.kill();
    await rm(directory, { recursive: true });
  });
  const until = async (pattern: RegExp) => {
    while (!pattern.test(text)) await once(child.stdout, 'data', { signal: AbortSignal.timeout(20_000) });
  };
  await until(/bound/);
  return { socket, until };
}

describe('the service manager', { skip }, () => {
  test('hears that the sidecar is ready, alive and stopping', async (t) => {
    const { socket, until } = await receive(t);
    const manager = new ServiceManager(
      { NOTIFY_SOCKET: socket, WATCHDOG_USEC: '200000' },
      createLog('silent'),
    );
    // systemd-notify takes the socket from its own environment, as it does in a unit.
    process.env['NOTIFY_SOCKET'] = socket;
    t.after(() => {
      manager.stop();
      delete process.env['NOTIFY_SOCKET'];
    });
    manager.start();
    await until(/READY=1/);
    await until(/WATCHDOG=1[\s\S]*WATCHDOG=1/);
    manager.stop();
    await until(/STOPPING=1/);
  });

  test('is not called where there is none', () => {
    const manager = new ServiceManager({}, createLog('silent'));
    manager.start();
    manager.stop();
    manager.stop();
  });
});
