import assert from 'node:assert/strict';
import { Agent, request } from 'node:http';
import { connect } from 'node:net';
import { test } from 'node:test';
import { eventually, startApp, TOKEN } from './fixture.ts';

/** More than the sidecar keeps of callers that have not shown the token. */
const CONNECTIONS = 300;

test('many connections without a request close the oldest of their own, never one that has shown the token', async (t) => {
  const { call, port } = await startApp(t);
  const agent = new Agent({ keepAlive: true, maxSockets: 1 });
  t.after(() => agent.destroy());
  const ask = () =>
    new Promise<{ status: number; reused: boolean }>((resolve, reject) => {
      const headers = { authorization: `Bearer ${TOKEN}` };
      const sent = request({ host: '127.0.0.1', port, path: '/v1/hubs', agent, headers }, (answer) => {
        answer.resume();
        answer.on('end', () => resolve({ status: answer.statusCode ?? 0, reused: sent.reusedSocket }));
      });
      sent.on('error', reject);
      sent.end();
    });
  assert.deepEqual(await ask(), { status: 200, reused: false });
  let open = 0;
  const sockets = Array.from({ length: CONNECTIONS }, () => {
    const socket = connect(port, '127.0.0.1', () => {
      open += 1;
    });
    socket.on('error', () => {});
    socket.on('close', () => {
      open -= 1;
    });
    return socket;
  });
  t.after(() => {
    for (const socket of sockets) socket.destroy();
  });
  await eventually(async () => assert.ok(open > 200 && open <= 256, `${open} are open`));
  assert.deepEqual(await ask(), { status: 200, reused: true });
  assert.equal((await call('GET', '/v1/hubs')).status, 200, 'a new connection is accepted');
});
