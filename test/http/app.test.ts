import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import { connect as tcpConnect } from 'node:net';
import { describe, test } from 'node:test';
import { Router } from 'express';
import Type from 'typebox';
import { defineOperation, type Operation } from '../../sidecar/contract/operation.ts';
import { OPERATIONS } from '../../sidecar/contract/operations/index.ts';
import { ConnectorError } from '../../sidecar/errors/connector-error.ts';
import { createApp } from '../../sidecar/http/app.ts';
import { HttpServer } from '../../sidecar/http/server.ts';
import { basic, startApp, TOKEN } from './fixture.ts';

const ENVELOPE = { 'x-sidecar-envelope': '1' };

function operation(part: Partial<Operation>): Operation {
  return defineOperation({
    name: 'Probe',
    category: 'Test',
    summary: 'For a test.',
    method: 'POST',
    path: '/probe',
    input: Type.Object({}),
    output: Type.Object({}),
    errors: [],
    run: async () => ({}),
    ...part,
  } as Operation);
}

describe('operations over HTTP', () => {
  test('connects, shows, lists and disconnects a hub', async (t) => {
    const { call, hubs } = await startApp(t);
    const body = { settings: { consumerGroup: 'thingworx' }, secretNames: [] };
    const put = await call('PUT', '/v1/hubs/My%20Hub', { body });
    assert.equal(put.status, 200);
    assert.equal((put.json.status as { thing: string }).thing, 'My Hub');
    assert.equal(hubs.connected.get('My Hub')?.settings.consumerGroup, 'thingworx');
    assert.equal(hubs.connected.get('My Hub')?.settings.maxRowsPerCall, 500);
    assert.equal((await call('GET', '/v1/hubs/My%20Hub/status')).json.lag, 7);
    assert.equal(((await call('GET', '/v1/hubs')).json.hubs as unknown[]).length, 1);
    assert.deepEqual((await call('DELETE', '/v1/hubs/My%20Hub')).json, { disconnected: true });
    assert.equal((await call('GET', '/v1/hubs/My%20Hub/status')).json.code, 'HUB_NOT_CONNECTED');
  });

  test('says version and uptime', async (t) => {
    const { call } = await startApp(t);
    const { json } = await call('GET', '/v1/sidecar');
    assert.equal(json.version, '0.1.0');
    assert.equal(typeof json.uptimeSeconds, 'number');
  });

  test('takes POST with an override as DELETE, and no other override', async (t) => {
    const { call, hubs } = await startApp(t);
    await call('PUT', '/v1/hubs/h', { body: { settings: {}, secretNames: [] } });
    const gone = await call('POST', '/v1/hubs/h', {
      body: {},
      headers: { 'x-http-method-override': 'DELETE' },
    });
    assert.equal(gone.status, 200);
    assert.equal(hubs.connected.size, 0);
    assert.equal(
      (await call('POST', '/v1/hubs', { body: {}, headers: { 'x-http-method-override': 'GET' } })).status,
      405,
    );
  });
});

describe('the token', () => {
  test('is accepted as Bearer and as the password of Basic', async (t) => {
    const { call } = await startApp(t);
    assert.equal((await call('GET', '/v1/hubs')).status, 200);
    const headers = { authorization: basic('thingworx', TOKEN) };
    assert.equal((await call('GET', '/v1/hubs', { anonymous: true, headers })).status, 200);
  });

  test('missing or wrong is a real 401 with a challenge, in an envelope too', async (t) => {
    const { call } = await startApp(t);
    for (const headers of [
      {},
      { authorization: basic('thingworx', 'wrong') },
      { authorization: 'Bearer x' },
      ENVELOPE,
    ]) {
      const answer = await call('GET', '/v1/hubs', { anonymous: true, headers });
      assert.equal(answer.status, 401);
      assert.match(String(answer.headers['www-authenticate']), /^Basic realm="azure-iot-sidecar"/);
      assert.equal(answer.json.code, 'UNAUTHORIZED');
    }
  });

  test('wrong many times is refused for a while, the right one as well; missing is not counted', async (t) => {
    const { call } = await startApp(t, { limits: { refusals: { burst: 3, perSecond: 0.01 } } });
    for (let i = 0; i < 5; i++)
      assert.equal((await call('GET', '/v1/hubs', { anonymous: true })).status, 401);
    const headers = { authorization: 'Bearer wrong' };
    for (let i = 0; i < 3; i++) assert.equal((await call('GET', '/v1/hubs', { headers })).status, 401);
    const refused = await call('GET', '/v1/hubs');
    assert.equal(refused.status, 429);
    assert.ok(Number(refused.headers['retry-after']) > 0);
  });

  test('never stands in an answer or log line', async (t) => {
    const { call, lines } = await startApp(t);
    const answers = [
      await call('GET', '/v1/openapi.json'),
      await call('GET', '/v1/nothing'),
      await call('PUT', '/v1/hubs/h', {
        body: { settings: { iotHubConnectionString: TOKEN }, secretNames: [TOKEN] },
      }),
    ];
    for (const text of [...lines, ...answers.map((answer) => answer.text)])
      assert.ok(!text.includes(TOKEN), text);
  });
});

describe('secrets by ticket', () => {
  test('arrive as the password of Basic, once', async (t) => {
    const { call, hubs, lines } = await startApp(t);
    const secret = 'HostName=h.azure-devices.net;SharedAccessKeyName=service;SharedAccessKey=c2VjcmV0:x';
    const put = await call('PUT', '/v1/hubs/h', {
      body: { settings: {}, secretNames: ['iotHubConnectionString'] },
    });
    const [{ ticket }] = put.json.tickets as [{ ticket: string }];
    const challenge = await call('PUT', `/v1/secrets/${ticket}`, {
      anonymous: true,
      headers: ENVELOPE,
      body: {},
    });
    assert.equal(challenge.status, 401);
    const hand = { anonymous: true as const, headers: { authorization: basic(ticket, secret) }, body: {} };
    const done = await call('PUT', `/v1/secrets/${ticket}`, hand);
    assert.deepEqual(done.json, { name: 'iotHubConnectionString', awaited: 0 });
    assert.equal(hubs.connected.get('h')?.secrets.iotHubConnectionString, secret);
    assert.equal((await call('PUT', `/v1/secrets/${ticket}`, hand)).json.code, 'TICKET_UNKNOWN');
    assert.ok(!lines.join('').includes(ticket), 'tickets stay out of the log');
    assert.ok(!lines.join('').includes('c2VjcmV0'));
  });

  test('are refused when user name and path differ, and when they come as Bearer', async (t) => {
    const { call } = await startApp(t);
    await call('PUT', '/v1/hubs/h', { body: { settings: {}, secretNames: ['storageConnectionString'] } });
    const other = await call('PUT', '/v1/secrets/ticket-0', {
      anonymous: true,
      headers: { authorization: basic('x', 's') },
    });
    assert.equal(other.json.code, 'TICKET_UNKNOWN');
    assert.equal((await call('PUT', '/v1/secrets/ticket-0')).status, 401);
  });

  test('may be empty, in Latin-1, and longer than a header line is wide', async (t) => {
    const { call, hubs } = await startApp(t);
    const names = ['iotHubConnectionString', 'eventHubConnectionString', 'storageConnectionString'];
    const put = await call('PUT', '/v1/hubs/h', { body: { settings: {}, secretNames: names } });
    const tickets = (put.json.tickets as { ticket: string }[]).map(({ ticket }) => ticket);
    const latin = `Basic ${Buffer.from(`${tickets[1]}:Ä`, 'latin1').toString('base64')}`;
    const values = [basic(String(tickets[0]), ''), latin, basic(String(tickets[2]), 'k'.repeat(4096))];
    for (const [index, authorization] of values.entries()) {
      assert.equal(
        (await call('PUT', `/v1/secrets/${tickets[index]}`, { anonymous: true, headers: { authorization } }))
          .status,
        200,
      );
    }
    const secrets = hubs.connected.get('h')?.secrets;
    assert.deepEqual(secrets, {
      iotHubConnectionString: '',
      eventHubConnectionString: 'Ä',
      storageConnectionString: 'k'.repeat(4096),
    });
  });
});

describe('the envelope', () => {
  test('answers 200 with the result or the problem', async (t) => {
    const { call } = await startApp(t);
    const good = await call('GET', '/v1/hubs', { headers: ENVELOPE });
    assert.deepEqual(good.json, { ok: true, result: { hubs: [] } });
    for (const [method, path] of [
      ['GET', '/v1/hubs/none/status'],
      ['GET', '/v1/nothing'],
      ['POST', '/v1/hubs'],
    ] as const) {
      const bad = await call(method, path, { headers: ENVELOPE });
      assert.equal(bad.status, 200);
      assert.equal(bad.json.ok, false);
      assert.ok((bad.json.problem as { code: string }).code);
    }
  });

  test('never holds a top-level key that ThingWorx overwrites', async (t) => {
    const run = async () => ({ headers: 1 });
    const output = Type.Object({}, { additionalProperties: true });
    const { call } = await startApp(t, { operations: [operation({ output, run })] });
    const answer = await call('POST', '/v1/probe');
    assert.equal(answer.status, 500);
    assert.equal(answer.json.code, 'INTERNAL');
  });
});

describe('problems', () => {
  test('follow RFC 9457 and hold the request id', async (t) => {
    const { call } = await startApp(t);
    const id = '0123456789abcdef';
    const { status, headers, json } = await call('GET', '/v1/hubs/none/status', {
      headers: { 'x-request-id': id },
    });
    assert.equal(status, 409);
    assert.match(String(headers['content-type']), /^application\/problem\+json/);
    assert.equal(headers['x-request-id'], id);
    assert.equal(json.type, 'urn:azure-iot-sidecar:problem:HUB_NOT_CONNECTED');
    assert.equal(json.instance, `urn:uuid:${id}`);
    assert.equal(json.retryable, false);
  });

  test('of an unexpected error show nothing of it, and the log holds it', async (t) => {
    const run = async () => {
      throw new Error('inner detail');
    };
    const { call, lines } = await startApp(t, { operations: [operation({ run })] });
    const answer = await call('POST', '/v1/probe');
    assert.equal(answer.json.code, 'INTERNAL');
    assert.ok(!answer.text.includes('inner detail'));
    assert.ok(lines.some((line) => line.includes('inner detail')));
  });

  test('carry the time to wait', async (t) => {
    const run = async () => {
      throw new ConnectorError('AZURE_THROTTLED', 'Too many.', {
        retryAfterMs: 1500,
        details: { azureCode: 429001 },
      });
    };
    const { call } = await startApp(t, { operations: [operation({ run })] });
    const answer = await call('POST', '/v1/probe');
    assert.equal(answer.status, 429);
    assert.equal(answer.headers['retry-after'], '2');
    assert.equal(answer.json.retryAfterMs, 1500);
    assert.equal(answer.json.azureCode, 429001);
  });
});

describe('malformed requests', () => {
  test('unknown routes are 404, other methods of a route 405', async (t) => {
    const { call } = await startApp(t);
    assert.equal((await call('GET', '/v1/nothing')).json.code, 'ROUTE_NOT_FOUND');
    const wrong = await call('POST', '/v1/hubs/h', { body: {} });
    assert.equal(wrong.status, 405);
    assert.equal(wrong.headers.allow, 'PUT, DELETE');
    assert.equal((await call('POST', '/v1/hubs/h', { anonymous: true, body: {} })).status, 401);
  });

  test('a body that is no JSON, no object, too large or of another type is named', async (t) => {
    const { call } = await startApp(t, { limits: { bodyBytes: 1000 } });
    const put = async (body: unknown, headers = {}) =>
      (await call('PUT', '/v1/hubs/h', { body, headers })).json;
    assert.equal((await put('{"settings":')).code, 'REQUEST_INVALID');
    assert.match(String((await put('[1]')).detail), /The body is a list of 1; expected a JSON object/);
    assert.equal(
      (await put({ settings: {}, secretNames: [], x: 'y'.repeat(2000) })).code,
      'REQUEST_TOO_LARGE',
    );
    assert.match(String((await put('a=b', { 'content-type': 'text/plain' })).detail), /Content-Type/);
    assert.equal((await call('PUT', '/v1/hubs/%E0%A4%A', { body: {} })).json.code, 'REQUEST_INVALID');
    assert.equal((await call('PUT', '/v1/hubs/h')).json.code, 'REQUEST_INVALID');
  });

  test('every wrong field is named with what is wrong and what is expected', async (t) => {
    const { call } = await startApp(t);
    const settings = {
      maxRowsPerCall: 0,
      maxBytesPerCall: '1000000',
      unknownThing: 'drop',
      startPosition: '2026-01-31 12:00',
      logPayloads: 'yes',
      colour: 'blue',
      iotHubConnectionString: 'HostName=h;SharedAccessKey=c2VjcmV0',
    };
    const answer = await call('PUT', '/v1/hubs/h', { body: { settings, secretNames: ['password'] } });
    assert.equal(answer.status, 400);
    const errors = answer.json.errors as { field: string; problem: string; expected: string }[];
    const byField = new Map(
      errors.map((error) => [error.field, `${error.problem}; expected ${error.expected}`]),
    );
    assert.equal(byField.get('settings.maxRowsPerCall'), 'is 0; expected a whole number from 1 to 10000');
    assert.equal(
      byField.get('settings.maxBytesPerCall'),
      'is a text of 7 characters; expected a whole number from 10000 to 20000000',
    );
    assert.equal(
      byField.get('settings.unknownThing'),
      'is a text of 4 characters; expected one of dead-letter, create, ignore',
    );
    assert.match(
      String(byField.get('settings.startPosition')),
      /expected latest, earliest or a time with its zone/,
    );
    assert.equal(byField.get('settings.logPayloads'), 'is a text of 3 characters; expected true or false');
    assert.match(String(byField.get('settings.colour')), /^is not known; expected one of enabled, /);
    assert.match(String(byField.get('settings.iotHubConnectionString')), /^is not known/);
    assert.ok(byField.has('secretNames[0]'));
    assert.ok(!answer.text.includes('c2VjcmV0'), 'values are not repeated');
  });

  test('query strings are converted, bodies are not', async (t) => {
    const input = Type.Object({
      count: Type.Integer({ minimum: 1 }),
      names: Type.Array(Type.String()),
      deep: Type.Optional(Type.Object({})),
    });
    const run = async (_: unknown, given: object) => ({ given });
    const output = Type.Object({ given: Type.Unknown() });
    const list = operation({
      name: 'List',
      method: 'GET',
      path: '/list',
      input,
      output,
      run: run as Operation['run'],
    });
    const make = operation({
      name: 'Make',
      method: 'POST',
      path: '/make',
      input,
      output,
      run: run as Operation['run'],
    });
    const { call } = await startApp(t, { operations: [list, make] });
    const got = await call('GET', `/v1/list?count=3&names=a&deep=${encodeURIComponent('{"a":1}')}`);
    assert.deepEqual(got.json.given, { count: 3, names: ['a'], deep: { a: 1 } });
    assert.equal((await call('GET', '/v1/list?count=x&names=a')).status, 400);
    assert.equal((await call('POST', '/v1/make', { body: { count: '3', names: ['a'] } })).status, 400);
    assert.equal((await call('POST', '/v1/make', { body: { count: 3, names: ['a'] } })).status, 200);
  });

  test('hostile keys are refused and change nothing', async (t) => {
    const { call, hubs } = await startApp(t);
    const body = '{"settings":{"__proto__":{"polluted":true}},"secretNames":[],"constructor":1}';
    assert.equal((await call('PUT', '/v1/hubs/__proto__', { body })).json.code, 'REQUEST_INVALID');
    assert.equal(({} as { polluted?: boolean }).polluted, undefined);
    await call('PUT', '/v1/hubs/__proto__', { body: { settings: {}, secretNames: [] } });
    assert.ok(hubs.connected.has('__proto__'));
  });
});

describe('access', () => {
  test('another Host is refused, configured ones are accepted', async (t) => {
    const { call, port } = await startApp(t, { hosts: ['sidecar.example.com'] });
    const ask = async (host: string) => (await call('GET', '/v1/hubs', { headers: { host } })).status;
    assert.equal(await ask('evil.example.com'), 421);
    assert.equal(await ask(`evil.example.com:${port}`), 421);
    assert.equal(await ask('127.0.0.1.evil.example.com'), 421);
    assert.equal(await ask('Sidecar.Example.com:8443'), 200);
    assert.equal(await ask('[::1]:80'), 200);
    assert.equal(await ask('localhost'), 200);
  });

  test('too many requests are told when to come again', async (t) => {
    const { call } = await startApp(t, { limits: { requests: { burst: 2, perSecond: 0.01 } } });
    assert.equal((await call('GET', '/v1/hubs')).status, 200);
    assert.equal((await call('GET', '/v1/hubs')).status, 200);
    const refused = await call('GET', '/v1/hubs');
    assert.equal(refused.json.code, 'RATE_LIMITED');
    assert.ok(Number(refused.json.retryAfterMs) > 0);
  });

  test('mounted routes need no token and are not limited', async (t) => {
    const mount = Router();
    mount.get('/health/live', (_request, response) => void response.json({ status: 'live' }));
    const { call } = await startApp(t, { mount, limits: { requests: { burst: 0, perSecond: 0.01 } } });
    assert.equal((await call('GET', '/health/live', { anonymous: true })).status, 200);
    assert.equal((await call('GET', '/health/live', { headers: { host: 'evil.example.com' } })).status, 421);
  });
});

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
    const { call, port, server } = await startApp(t, { operations: [operation({ run })] });
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
      context: { hubs, tickets: hubs, sidecar: { version: '0', startedAt: new Date() } },
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
    const { port } = await startApp(t, { operations: [operation({ run })] });
    const socket = tcpConnect(port, '127.0.0.1');
    socket.write(
      `POST /v1/probe HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer ${TOKEN}\r\nContent-Length: 0\r\n\r\n`,
    );
    await running;
    socket.destroy();
    await aborted;
  });
});
