import assert from 'node:assert/strict';
import { connect, type Socket } from 'node:net';
import { describe, type TestContext, test } from 'node:test';
import { BodyBudget } from '../../sidecar/http/body-budget.ts';
import { basic, eventually, probe, startApp, TOKEN } from './fixture.ts';

test('what is given back can be taken again, once', () => {
  const budget = new BodyBudget(10);
  const release = budget.take(10);
  assert.throws(() => budget.take(1), { code: 'RATE_LIMITED', retryAfterMs: 1000 });
  release();
  release();
  budget.take(10);
  assert.throws(() => budget.take(1), { code: 'RATE_LIMITED' });
});

/** A request that has sent its head, and of its body nothing. */
function begin(t: TestContext, port: number, head: string): { socket: Socket; text: () => string } {
  const socket = connect(port, '127.0.0.1', () =>
    socket.write(
      `${head}\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 1000\r\n\r\n`,
    ),
  );
  let answer = '';
  socket.on('data', (chunk) => {
    answer += chunk.toString();
  });
  socket.on('error', () => {});
  t.after(() => socket.destroy());
  return { socket, text: () => answer };
}

describe('bodies', () => {
  test('of callers without the token are refused before they are read', async (t) => {
    const { call, port } = await startApp(t, { limits: { bodiesBytes: 500 } });
    const heads = [
      'POST /v1/hubs/h/check HTTP/1.1',
      'PUT /v1/secrets/nobodys HTTP/1.1',
      `PUT /v1/secrets/nobodys HTTP/1.1\r\nAuthorization: ${basic('nobodys', 'x')}`,
      'PUT /v1/storage/a/containers/c/blobs/b HTTP/1.1',
    ];
    for (const head of heads) {
      const { text } = begin(t, port, head);
      await eventually(async () =>
        assert.match(text(), /^HTTP\/1.1 40[14] .*\r\n[\s\S]*(UNAUTHORIZED|TICKET_UNKNOWN)/, head),
      );
    }
    assert.equal((await call('GET', '/v1/hubs')).status, 200);
  });

  test('under way share one limit', async (t) => {
    const { call, port } = await startApp(t, { operations: [probe({})], limits: { bodiesBytes: 1500 } });
    const head = `POST /v1/probe HTTP/1.1\r\nAuthorization: Bearer ${TOKEN}`;
    const first = begin(t, port, head);
    await eventually(async () => {
      const second = begin(t, port, head);
      await eventually(async () => assert.match(second.text(), /429/));
    });
    assert.equal((await call('POST', '/v1/probe', { body: {} })).status, 200, 'small ones still fit');
    assert.equal(first.text(), '');
    first.socket.destroy();
    await eventually(async () =>
      assert.equal((await call('POST', '/v1/probe', { body: { x: 'y'.repeat(1200) } })).status, 400),
    );
  });
});
