import assert from 'node:assert/strict';
import { connect } from 'node:net';
import { describe, type TestContext, test } from 'node:test';
import { Router } from 'express';
import { OPERATIONS } from '../../sidecar/operations/index.ts';
import { eventually, probe, startApp, TOKEN } from './fixture.ts';

/** Sends the head, then the drop again and again, until the other side closes the connection. */
function drip(t: TestContext, port: number, head: string, drop: string) {
  const state = { closed: false, answer: '' };
  let timer: NodeJS.Timeout | undefined;
  const socket = connect(port, '127.0.0.1', () => {
    socket.write(head);
    timer = setInterval(() => socket.write(drop), 20);
  });
  socket.on('data', (chunk) => {
    state.answer += chunk.toString('latin1');
  });
  // Writing to a connection that the other side has closed fails.
  socket.on('error', () => {});
  socket.on('close', () => {
    clearInterval(timer);
    state.closed = true;
  });
  t.after(() => socket.destroy());
  return state;
}

const WITH_TOKEN = `Authorization: Bearer ${TOKEN}\r\n`;
const JSON_BODY = 'Content-Type: application/json\r\n';

describe('clients that never end', () => {
  test('their headers are cut off within the time limit of headers', async (t) => {
    const { call, port } = await startApp(t, {}, { headersMs: 100 });
    const clients = [
      ['more headers', 'GET /v1/hubs HTTP/1.1\r\nHost: localhost\r\n', 'X-More: 1\r\n'],
      ['a request line', 'GET /v1/', 'a'],
      ['half a header, then nothing', 'GET /v1/hubs HTTP/1.1\r\nHost: localh', ''],
      ['nothing', '', ''],
    ].map(([what = '', head = '', drop = '']) => ({ what, client: drip(t, port, head, drop) }));
    for (const { what, client } of clients) {
      await eventually(async () => assert.ok(client.closed, what));
      assert.match(client.answer, /^HTTP\/1\.1 408 /, what);
    }
    assert.equal((await call('GET', '/v1/hubs')).status, 200);
  });

  test('their bodies are cut off within the time limit of bodies, on every kind of route', async (t) => {
    const mount = Router().post('/health/ready', (_request, response) => void response.json({}));
    const { call, port } = await startApp(t, {
      mount,
      operations: [probe({}), ...OPERATIONS],
      limits: { bodyMs: 100, bodyBytes: 600_000 },
    });
    const heads = [
      ['an operation', `POST /v1/probe HTTP/1.1\r\n${WITH_TOKEN}${JSON_BODY}`, ''],
      ['an operation by name', `POST /v1/things/Hub/GetStatus HTTP/1.1\r\n${WITH_TOKEN}${JSON_BODY}`, ''],
      ['another type', `POST /v1/probe HTTP/1.1\r\n${WITH_TOKEN}Content-Type: text/plain\r\n`, '400'],
      ['no token', `POST /v1/probe HTTP/1.1\r\n${JSON_BODY}`, '401'],
      ['an operation without a body', `GET /v1/hubs HTTP/1.1\r\n${WITH_TOKEN}`, '200'],
      ['a mounted route', 'POST /health/ready HTTP/1.1\r\n', '200'],
      ['no route', `POST /nothing HTTP/1.1\r\n${WITH_TOKEN}`, '404'],
    ] as const;
    const bodies = [
      ['stops', 'Content-Length: 500', ''],
      ['drips', 'Content-Length: 500000', ' '],
      ['drips in chunks', 'Transfer-Encoding: chunked', '1\r\n \r\n'],
    ] as const;
    const clients = heads.flatMap(([route, head, status]) =>
      bodies.map(([body, length, drop]) => ({
        what: `${route}, ${body}`,
        status,
        client: drip(t, port, `${head}Host: localhost\r\n${length}\r\n\r\n`, drop),
      })),
    );
    for (const { what, status, client } of clients) {
      await eventually(async () => assert.ok(client.closed, what));
      if (status === '') assert.equal(client.answer, '', what);
      else assert.ok(client.answer.startsWith(`HTTP/1.1 ${status} `), `${what}: ${client.answer}`);
    }
    assert.equal((await call('GET', '/v1/hubs')).status, 200);
  });
});
