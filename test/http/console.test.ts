import assert from 'node:assert/strict';
import { describe, type TestContext, test } from 'node:test';
import { Console } from '../../sidecar/http/console.ts';
import { History } from '../../sidecar/hub/history.ts';
import { MessageWatch } from '../../sidecar/ingest/message-watch.ts';
import { ProcessUsage } from '../../sidecar/lib/process-usage.ts';
import { LogRing } from '../../sidecar/observe/log-ring.ts';
import { startApp, statusOf, TOKEN } from './fixture.ts';

const VIEWER = 'another-token-of-many-characters';
const FROM_CONSOLE = { 'x-sidecar-console': '1' };
const HUB = '/v1/hubs/Hub/status';

async function startConsole(t: TestContext) {
  const hubs = () => [statusOf('Hub')];
  const log = new LogRing({ write: () => undefined });
  const messages = new MessageWatch();
  const consolePages = new Console({
    assets: new Map([
      [
        'index.html',
        { type: 'text/html; charset=utf-8', content: Buffer.from('<p>page</p>'), immutable: false },
      ],
      ['a-AAAAAAAA.js', { type: 'text/javascript', content: Buffer.from('1'), immutable: true }],
    ]),
    viewerToken: VIEWER,
    sources: {
      log,
      messages,
      history: new History({ hubs, stateDirectory: '/', usage: new ProcessUsage() }),
      hubs,
      notReady: () => [],
      sidecar: { version: '0.1.0', startedAt: new Date() },
    },
  });
  t.after(() => consolePages.stop());
  const app = await startApp(t, { console: consolePages });
  await app.hubs.connect('Hub', { settings: {}, refused: new Map() }, []);
  const logIn = async (token: string) => {
    const headers = { ...FROM_CONSOLE, authorization: `Bearer ${token}` };
    const answer = await app.call('POST', '/console/session', { anonymous: true, headers });
    const [cookie = ''] = answer.headers['set-cookie'] ?? [];
    return { answer, setCookie: cookie, cookie: cookie.split(';')[0] ?? '' };
  };
  return { app, logIn, log, messages };
}

describe('the session of a browser', () => {
  test('begins with the token and is a cookie that scripts and other sites cannot use', async (t) => {
    const { app, logIn } = await startConsole(t);
    const { answer, setCookie, cookie } = await logIn(TOKEN);
    assert.equal(answer.status, 200);
    assert.match(setCookie, /; Path=\/; Expires=[^;]+; HttpOnly; SameSite=Strict$/);
    const status = await app.call('GET', HUB, { anonymous: true, headers: { cookie } });
    assert.equal(status.status, 200);
    assert.match(String(status.headers['content-security-policy']), /sandbox/);
  });

  test('does not begin with a wrong token, without one or from another page', async (t) => {
    const { app, logIn } = await startConsole(t);
    const { answer } = await logIn('a-wrong-token-of-some-characters');
    assert.equal(answer.status, 401);
    assert.equal(answer.headers['www-authenticate'], undefined);
    const bare = await app.call('POST', '/console/session', { anonymous: true, headers: FROM_CONSOLE });
    assert.equal(bare.status, 401);
    const foreign = await app.call('POST', '/console/session', {});
    assert.equal(foreign.json['code'], 'FORGERY_REFUSED');
  });

  test('changes nothing without the header of the console', async (t) => {
    const { app, logIn } = await startConsole(t);
    const { cookie } = await logIn(TOKEN);
    const forged = await app.call('DELETE', '/v1/hubs/Hub', { anonymous: true, headers: { cookie } });
    assert.equal(forged.status, 403);
    assert.equal(forged.json['code'], 'FORGERY_REFUSED');
    assert.ok(app.hubs.connected.has('Hub'));
    const headers = { cookie, ...FROM_CONSOLE };
    assert.equal((await app.call('DELETE', '/v1/hubs/Hub', { anonymous: true, headers })).status, 200);
    assert.ok(!app.hubs.connected.has('Hub'));
  });

  test('ends at the logout', async (t) => {
    const { app, logIn } = await startConsole(t);
    const { cookie } = await logIn(TOKEN);
    const headers = { cookie, ...FROM_CONSOLE };
    assert.equal((await app.call('DELETE', '/console/session', { anonymous: true, headers })).status, 200);
    assert.equal((await app.call('GET', HUB, { anonymous: true, headers })).status, 401);
  });
});

describe('the viewer token', () => {
  test('reads, and is refused for everything else and for keys', async (t) => {
    const { app, logIn } = await startConsole(t);
    const { cookie } = await logIn(VIEWER);
    for (const headers of [{ authorization: `Bearer ${VIEWER}` }, { cookie, ...FROM_CONSOLE }]) {
      const call = (method: string, path: string) =>
        app.call(method, path, { anonymous: true, headers: { ...headers } });
      assert.equal((await call('GET', HUB)).status, 200);
      for (const [method, path] of [
        ['DELETE', '/v1/hubs/Hub'],
        ['POST', '/v1/hubs/Hub/dead-letters/delete'],
        ['POST', '/v1/hubs/Hub/check'],
        ['GET', '/v1/hubs/Hub/devices/d/keys'],
        ['PUT', '/v1/storage/S/containers/c/blobs/b'],
      ] as const) {
        const answer = await call(method, path);
        assert.equal(answer.json['code'], 'READ_ONLY', `${method} ${path}`);
      }
      assert.notEqual((await call('POST', '/v1/hubs/Hub/mappings/validate')).json['code'], 'READ_ONLY');
    }
    assert.ok(app.hubs.connected.has('Hub'));
  });
});

describe('the pages', () => {
  test('allow no inline script and no frame; names with a hash may be kept', async (t) => {
    const { app } = await startConsole(t);
    const page = await app.call('GET', '/console/', { anonymous: true });
    assert.equal(page.text, '<p>page</p>');
    const policy = String(page.headers['content-security-policy']);
    assert.match(policy, /default-src 'none'; script-src 'self'; style-src 'self'/);
    assert.match(policy, /frame-ancestors 'none'/);
    assert.doesNotMatch(policy, /unsafe/);
    assert.equal(page.headers['cache-control'], 'no-store');
    const script = await app.call('GET', '/console/a-AAAAAAAA.js', { anonymous: true });
    assert.match(String(script.headers['cache-control']), /immutable/);
    for (const path of ['/console/nothing.js', '/console/..%2f..%2fpackage.json']) {
      assert.equal((await app.call('GET', path, { anonymous: true })).status, 404, path);
    }
  });
});

describe('the stream', () => {
  test('names what is wrong with the request', async (t) => {
    const { app } = await startConsole(t);
    for (const [query, named] of [
      ['', 'topics'],
      ['?topics=status,nothing', 'topics'],
      ['?topics=messages&outcome=lost', 'outcome'],
      ['?topics=log&level=info', 'level'],
    ] as const) {
      const answer = await app.call('GET', `/v1/stream${query}`);
      assert.equal(answer.json['code'], 'REQUEST_INVALID', query);
      assert.match(String(answer.json['detail']), new RegExp(named), query);
    }
    assert.equal((await app.call('GET', '/v1/stream?topics=log', { anonymous: true })).status, 401);
  });

  test('tells of status, log lines and messages; records messages only while somebody looks', async (t) => {
    const { app, log, messages } = await startConsole(t);
    log.write('{"level":"info","msg":"before"}\n');
    assert.equal(messages.isActive, false);
    const abort = new AbortController();
    const response = await fetch(
      `http://127.0.0.1:${app.port}/v1/stream?topics=status,log,messages&outcome=deadLettered`,
      {
        headers: { authorization: `Bearer ${VIEWER}` },
        signal: abort.signal,
      },
    );
    const reader = (response.body as ReadableStream<Uint8Array>).getReader();
    let text = '';
    const until = async (pattern: RegExp) => {
      while (!pattern.test(text)) text += new TextDecoder().decode((await reader.read()).value);
    };
    await until(/event: status\ndata: \{"version":"0\.1\.0"/);
    await until(/event: log\ndata: \{"id":1,"line":\{"level":"info","msg":"before"\}\}/);
    assert.equal(messages.isActive, true);
    const settled = {
      message: {
        body: Buffer.from('{"password":"hidden","a":1}'),
        deviceId: 'd',
        source: 'Telemetry',
        enqueuedTimeMs: 0,
        sequenceNumber: 1,
        offset: '1',
        partitionId: '0',
        systemProperties: {},
        applicationProperties: {},
      },
      updates: [],
      notifications: [],
      ignored: [],
      reasons: [{ code: 'THING_UNKNOWN', reason: 'There is none.' }],
    };
    messages.report('Hub', 'delivered', settled);
    messages.report('Hub', 'deadLettered', settled);
    await until(/event: message\ndata: .*"outcome":"deadLettered".*\n\n/);
    assert.doesNotMatch(text, /hidden|"outcome":"delivered"/);
    abort.abort();
    for (let count = 0; count < 100 && messages.isActive; count += 1) {
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
    assert.equal(messages.isActive, false);
  });
});
