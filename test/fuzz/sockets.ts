import assert from 'node:assert/strict';
import net from 'node:net';
import fc from 'fast-check';
import { type FuzzOptions, type FuzzReport, fuzz } from './fuzz-run.ts';

/** Pieces of requests, well formed and not, put together at random. */
const piece = fc.oneof(
  fc.constantFrom(
    'GET / HTTP/1.1\r\n',
    'GET /health/live HTTP/1.1\r\n',
    'GET http://example.com/health/live HTTP/1.1\r\n',
    'POST /v1/hubs HTTP/1.1\r\n',
    'PUT /v1/hubs/a HTTP/1.1\r\n',
    'CONNECT example.com:443 HTTP/1.1\r\n',
    'OPTIONS * HTTP/1.1\r\n',
    'GET / HTTP/9.9\r\n',
    'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n',
    'Host: 127.0.0.1\r\n',
    'Host: example.com\r\n',
    'Host: 127.0.0.1\r\nHost: example.com\r\n',
    'Content-Length: 5\r\n',
    'Content-Length: 5\r\nContent-Length: 6\r\n',
    'Content-Length: -1\r\n',
    'Transfer-Encoding: chunked\r\n',
    'Transfer-Encoding: chunked\r\nContent-Length: 3\r\n',
    'Transfer-Encoding: \tchunked\r\n',
    'Authorization: Bearer x\r\n',
    'Authorization: Basic OnB3\r\n',
    'Content-Type: application/json\r\n',
    'Expect: 100-continue\r\n',
    'Upgrade: websocket\r\nConnection: Upgrade\r\n',
    'X: \u0000\r\n',
    ' folded: yes\r\n',
    '\r\n',
    '5\r\nhello\r\n',
    'ffffffffffffffff\r\n',
    '0\r\n\r\n',
    '{"a":1}',
    '\n\n\n',
    `A: ${'x'.repeat(20_000)}\r\n`,
    '\u0016\u0003\u0001\u0002\u0000\u0001\u0000\u0001\u00fc\u0003\u0003',
  ),
  fc.string({ maxLength: 40, unit: 'binary' }),
);
const pieces = fc.array(piece, { minLength: 1, maxLength: 6 }).map((parts) => parts.join(''));
/** Mostly with a proper beginning, so that the rest is read at all. */
const bytes = fc.oneof(
  pieces,
  fc
    .tuple(fc.constantFrom('GET /health/live', 'GET /v1/hubs', 'PUT /v1/hubs/a'), pieces)
    .map(([line, rest]) => `${line} HTTP/1.1\r\nHost: 127.0.0.1\r\n${rest}`),
  fc
    .tuple(fc.constantFrom('GET /health/ready', 'DELETE /v1/hubs/a', 'POST /nowhere'), pieces)
    .map(([line, rest]) => `${line} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 7\r\n\r\n${rest}`),
);

/** How long the server may leave a connection open on which no whole request comes, beyond what the fuzzer itself waits. */
const QUIET_MS = 150;

/**
 * Writes bytes that are no proper request to the port of the sidecar, then asks whether it is alive. Whatever is answered must be HTTP, and
 * nothing may be done: no answer has a status of 2xx unless it is that of the health check.
 */
export function fuzzSockets(port: number, options: FuzzOptions): Promise<FuzzReport> {
  return fuzz('raw sockets', options, bytes, async (text) => {
    const answer = await exchange(port, text);
    assert.ok(answer === '' || answer.startsWith('HTTP/1.1 '), `not HTTP: ${answer.slice(0, 60)}`);
    const live = await fetch(`http://127.0.0.1:${port}/health/live`, { signal: AbortSignal.timeout(20_000) });
    assert.equal(live.status, 200, 'The sidecar is not alive any more.');
    await live.arrayBuffer();
    return answer === '' ? 'no answer' : answer.slice(9, 12);
  });
}

function exchange(port: number, text: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = net.connect(port, '127.0.0.1');
    let answer = '';
    socket.setTimeout(QUIET_MS, () => socket.destroy());
    socket.on('data', (chunk) => {
      answer += chunk.toString('latin1');
    });
    socket.on('error', (error: NodeJS.ErrnoException) => {
      if (error.code !== 'ECONNRESET' && error.code !== 'EPIPE') reject(error);
    });
    socket.on('close', () => resolve(answer));
    socket.on('connect', () => socket.write(Buffer.from(text, 'latin1')));
  });
}
