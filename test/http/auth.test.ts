import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { Router } from 'express';
import { basic, ENVELOPE, eventually, exchange, startApp, TOKEN } from './fixture.ts';

describe('the token', () => {
  test('is accepted as Bearer and as the password of Basic', async (t) => {
    const { call } = await startApp(t);
    assert.equal((await call('GET', '/v1/hubs')).status, 200);
    const headers = { authorization: basic('thingworx', TOKEN) };
    assert.equal((await call('GET', '/v1/hubs', { anonymous: true, headers })).status, 200);
  });

  test('and the one before it are accepted while the token is changed', async (t) => {
    const previousToken = 'the-token-of-last-year';
    const statusOf = async (app: Awaited<ReturnType<typeof startApp>>, token: string) => {
      const headers = { authorization: `Bearer ${token}` };
      return (await app.call('GET', '/v1/hubs', { anonymous: true, headers })).status;
    };
    const changing = await startApp(t, { previousToken });
    const changed = await startApp(t);
    const tokens = [TOKEN, previousToken, `${TOKEN}${previousToken}`];
    assert.deepEqual(await Promise.all(tokens.map((token) => statusOf(changing, token))), [200, 200, 401]);
    assert.deepEqual(await Promise.all(tokens.map((token) => statusOf(changed, token))), [200, 401, 401]);
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

  test('right is always served, whatever wrong ones came before; missing is always challenged', async (t) => {
    const refusals = { burst: 3, perSecond: 0.01, delayMs: 1, maxDelayed: 50 };
    const { call } = await startApp(t, { limits: { refusals } });
    const wrong = async (token: string) =>
      (await call('GET', '/v1/hubs', { headers: { authorization: `Bearer ${token}` } })).status;
    for (let i = 0; i < 3; i++) assert.equal(await wrong('an-old-token'), 401);
    assert.equal(await wrong('an-old-token'), 429);
    assert.equal(await wrong('another-token'), 401, 'each wrong token has a limit of its own');
    for (let i = 0; i < 60; i++) await wrong(`guess-${i}`);
    for (let i = 0; i < 60; i++) {
      assert.equal((await call('GET', '/v1/hubs')).status, 200);
      assert.equal((await call('GET', '/v1/hubs', { anonymous: true })).status, 401);
    }
  });

  test('wrong is answered late, and only so many at the same time', async (t) => {
    const refusals = { burst: 3, perSecond: 1, delayMs: 60_000, maxDelayed: 2 };
    const { call, server } = await startApp(t, { limits: { refusals } });
    const guess = (token: string) =>
      call('GET', '/v1/hubs', { headers: { authorization: `Bearer ${token}` } });
    const waiting = [guess('a'), guess('b')].map((answer) =>
      answer.then(
        ({ status }) => status,
        () => 'cut off',
      ),
    );
    await eventually(async () => assert.equal((await guess(`c${Math.random()}`)).status, 429));
    assert.equal((await call('GET', '/v1/hubs')).status, 200);
    assert.equal(await Promise.race([...waiting, Promise.resolve('still waiting')]), 'still waiting');
    await server.stop();
    await Promise.all(waiting);
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

describe('a wrong token', () => {
  test('is logged once per Thing that calls, and again after the right one', async (t) => {
    const { call, lines } = await startApp(t, {
      limits: { refusals: { burst: 99, perSecond: 99, delayMs: 0, maxDelayed: 9 } },
    });
    const wrong = { anonymous: true as const, headers: { authorization: basic('thingworx', 'wrong') } };
    const warned = () =>
      lines
        .map((line) => JSON.parse(line) as { level: string; thing?: string })
        .filter(({ level }) => level === 'warn')
        .map(({ thing }) => thing);
    for (let i = 0; i < 3; i += 1)
      for (const path of [
        '/v1/hubs/Plant.Hub/status',
        '/v1/hubs/Plant.Hub',
        '/v1/storage/A%20B/check',
        '/v1/hubs',
      ])
        assert.equal((await call('GET', path, wrong)).status, 401);
    assert.deepEqual(warned(), ['Plant.Hub', 'A B', undefined]);
    await call('GET', '/v1/hubs/Plant.Hub/status');
    await call('GET', '/v1/hubs/Plant.Hub/status', wrong);
    assert.deepEqual(warned(), ['Plant.Hub', 'A B', undefined, 'Plant.Hub']);
    assert.ok(!lines.join('').includes('wrong"'));
  });
});

describe('secrets by one-time secret token', () => {
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
    const put = await call('PUT', '/v1/hubs/h', {
      body: { settings: {}, secretNames: ['storageConnectionString'] },
    });
    const [{ ticket }] = put.json.tickets as [{ ticket: string }];
    const other = await call('PUT', `/v1/secrets/${ticket}`, {
      anonymous: true,
      headers: { authorization: basic('x', 's') },
    });
    assert.equal(other.json.code, 'TICKET_UNKNOWN');
    assert.equal((await call('PUT', `/v1/secrets/${ticket}`)).status, 401);
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
      eventHubConnectionString: 'Ä',
      storageConnectionString: 'k'.repeat(4096),
    });
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

  test('two Host headers are refused, and so is a target that names another host', async (t) => {
    const { port } = await startApp(t);
    const head = `Authorization: Bearer ${TOKEN}\r\nConnection: close\r\n\r\n`;
    const ask = (lines: string) => exchange(port, `${lines}\r\n${head}`);
    assert.match(await ask('GET /v1/hubs HTTP/1.1\r\nHost: localhost'), /^HTTP\/1.1 200 /);
    for (const hosts of ['Host: localhost\r\nHost: localhost', 'Host: localhost\r\nhost: evil.example.com'])
      assert.match(await ask(`GET /v1/hubs HTTP/1.1\r\n${hosts}`), /^HTTP\/1.1 400 [\s\S]*REQUEST_INVALID/);
    for (const target of ['http://evil.example.com/v1/hubs', 'http://localhost@evil.example.com/v1/hubs'])
      assert.match(
        await ask(`GET ${target} HTTP/1.1\r\nHost: localhost`),
        /^HTTP\/1.1 421 [\s\S]*HOST_REFUSED/,
      );
    assert.match(await ask('GET http://localhost/v1/hubs HTTP/1.1\r\nHost: localhost'), /^HTTP\/1.1 200 /);
  });

  test('mounted routes need no token and are not limited', async (t) => {
    const mount = Router();
    mount.get('/health/live', (_request, response) => void response.json({ status: 'live' }));
    const { call } = await startApp(t, { mount, limits: { requests: { burst: 0, perSecond: 0.01 } } });
    assert.equal((await call('GET', '/health/live', { anonymous: true })).status, 200);
    assert.equal((await call('GET', '/health/live', { headers: { host: 'evil.example.com' } })).status, 421);
  });
});
