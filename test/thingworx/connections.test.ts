import assert from 'node:assert/strict';
import { once } from 'node:events';
import http from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { test } from 'node:test';
import { ThingworxClient } from '../../sidecar/thingworx/client.ts';

test('after a call without an answer, the next ones use new connections', async (t) => {
  const silent = new Set<Socket>();
  const sockets = new Set<Socket>();
  let together = 0;
  const waiting: (() => void)[] = [];
  const server = http.createServer((request, response) => {
    if (silent.has(request.socket)) return;
    const answer = () => response.setHeader('content-type', 'application/json').end('{}');
    if (together === 0) {
      answer();
      return;
    }
    // Calls that are under way at the same time have a connection each.
    waiting.push(answer);
    if (waiting.length === together) for (const one of waiting.splice(0)) one();
  });
  server.on('connection', (socket) => sockets.add(socket));
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  const client = new ThingworxClient({
    url: `http://127.0.0.1:${port}/Thingworx`,
    appKey: 'key',
    connections: 3,
  });
  t.after(async () => {
    await client.close();
    server.closeAllConnections();
    server.close();
  });
  together = 3;
  await Promise.all([1, 2, 3].map(() => client.invoke('hub', 'GetStatus', {})));
  assert.equal(sockets.size, 3);
  together = 0;
  // As after a fault of the network: they stay open, and nothing comes back.
  for (const socket of sockets) silent.add(socket);
  await assert.rejects(client.invoke('hub', 'GetStatus', {}, { timeoutMs: 300 }), {
    code: 'THINGWORX_UNAVAILABLE',
  });
  const answers = [1, 2, 3].map(() => client.invoke('hub', 'GetStatus', {}, { timeoutMs: 60_000 }));
  assert.deepEqual(await Promise.all(answers), [{}, {}, {}]);
});
