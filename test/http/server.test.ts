import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import { connect as tcpConnect } from 'node:net';
import { describe, test } from 'node:test';
import { createApp } from '../../sidecar/http/app.ts';
import { HttpServer } from '../../sidecar/http/server.ts';
import { OPERATIONS } from '../../sidecar/operations/index.ts';
import type { Operation } from '../../sidecar/operations/operation.ts';
import { probe, startApp, TOKEN } from './fixture.ts';

describe('the server', () => {
  test('stopping lets running requests finish and refuses new ones on open connections', async (t) => {
    let release = () => {};
    const gate = new Promise<void>((resolve) => {
      release = resolve;
    });
    let entered = () => {};
    const running = new Promise<void>((resolve) => {
      entered = resolve;
    });
    const run = async () => {
      entered();
      await gate;
      return {};
    };
    const { call, port, server } = await startApp(t, { operations: [probe({ run })] });
    const slow = call('POST', '/v1/probe');
    await running;
    const socket = tcpConnect(port, '127.0.0.1');
    t.after(() => socket.destroy());
    const request = 'GET /v1/hubs HTTP/1.1\r\nHost: localhost\r\n';
    socket.write(request);
    // Answers on other connections, given later, show that the server has seen this one begin its request.
    for (let i = 0; i < 3; i++) await call('GET', '/v1/nothing');
    const stopped = server.stop();
    const answer = new Promise<string>((resolve) => socket.once('data', (data) => resolve(data.toString())));
    socket.write('\r\n');
    assert.match(await answer, /503[\s\S]*STOPPING/);
    release();
    assert.equal((await slow).status, 200);
    await stopped;
    await server.stop();
  });

  test('names a port that is taken', async (t) => {
    const other = createServer();
    await new Promise<void>((resolve) => other.listen(0, '127.0.0.1', resolve));
    t.after(() => other.close());
    const { port } = other.address() as { port: number };
    const { hubs } = await startApp(t);
    const app = createApp({
      operations: OPERATIONS,
      context: {
        hubs,
        history: {} as never,
        storages: {} as never,
        secretTokens: {} as never,
        thingworx: {} as never,
        sidecar: { version: '0', startedAt: new Date() },
      },
      token: TOKEN,
      log: { debug() {}, error() {} } as never,
    });
    await assert.rejects(new HttpServer(app, { host: '127.0.0.1', port }).start(), { code: 'PORT_TAKEN' });
  });

  test('tells an operation that its caller has gone', async (t) => {
    let gone = () => {};
    const aborted = new Promise<void>((resolve) => {
      gone = resolve;
    });
    let entered = () => {};
    const running = new Promise<void>((resolve) => {
      entered = resolve;
    });
    const run: Operation['run'] = async ({ signal }) => {
      signal.addEventListener('abort', gone);
      entered();
      await aborted;
      return {};
    };
    const { port } = await startApp(t, { operations: [probe({ run })] });
    const socket = tcpConnect(port, '127.0.0.1');
    socket.write(
      `POST /v1/probe HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer ${TOKEN}\r\nContent-Length: 0\r\n\r\n`,
    );
    await running;
    socket.destroy();
    await aborted;
  });
});
