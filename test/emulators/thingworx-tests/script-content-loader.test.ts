import assert from 'node:assert/strict';
import http from 'node:http';
import https from 'node:https';
import type { AddressInfo } from 'node:net';
import { after, before, beforeEach, describe, test } from 'node:test';
import { gzipSync } from 'node:zlib';
import { generate } from 'selfsigned';
import { PasswordCipher } from '../thingworx/password-cipher.ts';
import { contentLoaderFunctions } from '../thingworx/resources/content-loader.ts';
import { defaultScriptSwitches, type ScriptSwitches } from '../thingworx/script-switches.ts';
import { serviceArguments } from '../thingworx/service-arguments.ts';
import { Password, type PlatformValue } from '../thingworx/values.ts';
import { ScriptFixture } from './script-fixture.ts';

interface Seen {
  method: string;
  url: string;
  headers: http.IncomingHttpHeaders;
  body: string;
}

describe('ContentLoaderFunctions', () => {
  const seen: Seen[] = [];
  let server: http.Server;
  let secure: https.Server;
  let url: string;
  let secureUrl: string;
  const switches: ScriptSwitches = { ...defaultScriptSwitches };
  const cipher = new PasswordCipher();
  const resource = contentLoaderFunctions(cipher, switches);

  const call = async (service: string, given: Record<string, unknown>): Promise<PlatformValue> => {
    const found = resource.services[service];
    assert.ok(found, service);
    const args = serviceArguments(found.definition, given, { defaults: 'ignore' });
    return await found.invoke(args, { dataShapeFields: () => undefined });
  };

  const answer = (request: http.IncomingMessage, response: http.ServerResponse, body: string): void => {
    seen.push({ method: request.method ?? '', url: request.url ?? '', headers: request.headers, body });
    switch (request.url) {
      case '/json':
        response.setHeader('Content-Type', 'application/json').end(JSON.stringify({ a: 1, headers: 'own' }));
        break;
      case '/array':
        response.end('[1,2]');
        break;
      case '/text':
        response.setHeader('Content-Type', 'text/plain').end('hello');
        break;
      case '/gzip':
        response.setHeader('Content-Encoding', 'gzip').end(gzipSync('{"zipped":true}'));
        break;
      case '/error':
        response.writeHead(404, 'Not Here').end('{"code":"E"}');
        break;
      case '/html':
        response.writeHead(403).end('<html>no</html>');
        break;
      case '/private':
        if (request.headers.authorization === undefined) {
          response.writeHead(401, { 'WWW-Authenticate': 'Basic realm="r"' }).end();
        } else {
          response.end(JSON.stringify({ login: request.headers.authorization }));
        }
        break;
      case '/bare401':
        response.writeHead(401).end('{}');
        break;
      case '/moved':
        response.writeHead(302, { Location: '/json' }).end();
        break;
      case '/cut':
        response.writeHead(200, { 'Content-Length': '100' }).write('{"a":');
        setTimeout(() => request.socket.destroy(), 20);
        break;
      case '/drop':
        request.socket.destroy();
        break;
      case '/silent':
        break;
      default:
        response.end(JSON.stringify({ method: request.method, type: request.headers['content-type'] ?? '' }));
    }
  };

  const listener: http.RequestListener = (request, response) => {
    let body = '';
    request.setEncoding('utf8');
    request.on('data', (chunk: string) => {
      body += chunk;
    });
    request.on('end', () => answer(request, response, body));
  };

  before(async () => {
    server = http.createServer(listener);
    const { private: key, cert } = await generate([{ name: 'commonName', value: 'localhost' }]);
    secure = https.createServer({ key, cert }, listener);
    await Promise.all(
      [server, secure].map((one) => new Promise<void>((resolve) => one.listen(0, '127.0.0.1', resolve))),
    );
    url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    secureUrl = `https://127.0.0.1:${(secure.address() as AddressInfo).port}`;
  });
  after(async () => {
    for (const one of [server, secure]) {
      one.closeAllConnections();
      await new Promise((resolve) => one.close(resolve));
    }
  });
  beforeEach(() => {
    seen.length = 0;
    Object.assign(switches, defaultScriptSwitches);
  });

  test('JSON with headers and status merged in', async () => {
    const result = (await call('GetJSON', { url: `${url}/json` })) as Record<string, Record<string, unknown>>;
    assert.equal(result.a, 1);
    assert.equal(result.headers?.['Content-Type'], 'application/json');
    assert.deepEqual(result.responseHeaders, result.headers);
    assert.deepEqual(result.responseStatus, {
      protocolVersion: 'HTTP/1.1',
      statusCode: 200,
      reasonPhrase: 'OK',
    });
    assert.equal(seen[0]?.headers.accept, 'application/json');
  });

  test('older versions add headers alone', async () => {
    switches.contentLoaderStatusKeys = false;
    const result = (await call('GetJSON', { url: `${url}/json` })) as object;
    assert.deepEqual(Object.keys(result), ['a', 'headers']);
    assert.equal(await call('Delete', { url: `${url}/thing` }), null);
  });

  test('an array is boxed, gzip is unpacked, GET follows redirects', async () => {
    assert.deepEqual(((await call('LoadJSON', { url: `${url}/array` })) as { array: unknown }).array, [1, 2]);
    assert.equal(((await call('GetJSON', { url: `${url}/gzip` })) as { zipped: unknown }).zipped, true);
    assert.equal(((await call('GetJSON', { url: `${url}/moved` })) as { a: unknown }).a, 1);
  });

  test('bodies', async () => {
    await call('PostJSON', { url: `${url}/x`, content: { a: [1] }, headers: { 'X-Own': 'v', n: 5 } });
    await call('PutJSON', {
      url: `${url}/x`,
      content: '{"b":2}',
      headers: { 'content-type': 'application/own' },
    });
    await call('PostText', { url: `${url}/x`, content: 'plain', contentType: 'text/csv' });
    await call('PutBinary', { url: `${url}/x`, content: 'AQID' });
    const shown = seen.map(({ method, body, headers }) => [method, body, headers['content-type']]);
    assert.deepEqual(shown, [
      ['POST', '{"a":[1]}', 'application/json'],
      ['PUT', '{"b":2}', 'application/own'],
      ['POST', 'plain', 'text/csv'],
      ['PUT', '\u0001\u0002\u0003', 'application/octet-stream'],
    ]);
    assert.deepEqual([seen[0]?.headers['x-own'], seen[0]?.headers.n], ['v', '5']);
  });

  test('text with the headers behind it', async () => {
    assert.match(
      (await call('GetText', { url: `${url}/text` })) as string,
      /^hello\^Content-Type: text\/plain\^/,
    );
    assert.equal(await call('GetText', { url: `${url}/text`, appendHeader: false }), 'hello');
  });

  test('a non-2xx answer is a result', async () => {
    const error = (await call('GetJSON', { url: `${url}/error` })) as Record<string, unknown>;
    assert.equal(error.code, 'E');
    assert.deepEqual(error.responseStatus, {
      protocolVersion: 'HTTP/1.1',
      statusCode: 404,
      reasonPhrase: 'Not Here',
    });
    const html = (await call('PostJSON', { url: `${url}/html`, content: {} })) as object;
    assert.deepEqual(Object.keys(html), ['headers', 'responseHeaders', 'responseStatus']);
  });

  test('a non-2xx answer throws, where that is switched on', async () => {
    switches.contentLoaderThrows = true;
    await assert.rejects(call('GetJSON', { url: `${url}/error` }), { message: 'HTTP 404 Not Here' });
  });

  test('a login is sent after a challenge', async () => {
    const args = { url: `${url}/private`, username: 'u', password: new Password('p') };
    const result = (await call('PostJSON', { ...args, content: { a: 1 } })) as Record<string, unknown>;
    assert.equal(result.login, `Basic ${Buffer.from('u:p').toString('base64')}`);
    assert.deepEqual(
      seen.map(({ headers, body }) => [headers.authorization !== undefined, body]),
      [
        [false, '{"a":1}'],
        [true, '{"a":1}'],
      ],
    );
    seen.length = 0;
    await call('GetJSON', { ...args, url: `${url}/bare401` });
    assert.equal(seen.length, 1);
    seen.length = 0;
    switches.contentLoaderPreemptiveLogin = true;
    await call('GetJSON', args);
    assert.equal(seen.length, 1);
  });

  test('certificates are checked unless that is switched off', async () => {
    await assert.rejects(call('GetJSON', { url: `${secureUrl}/json` }), {
      javaClass: 'javax.net.ssl.SSLHandshakeException',
    });
    const result = (await call('GetJSON', { url: `${secureUrl}/json`, ignoreSSLErrors: true })) as {
      a: unknown;
    };
    assert.equal(result.a, 1);
  });

  test('connections that fail', async () => {
    const free = http.createServer();
    await new Promise<void>((resolve) => free.listen(0, '127.0.0.1', resolve));
    const { port } = free.address() as AddressInfo;
    await new Promise((resolve) => free.close(resolve));
    const cases: [Record<string, unknown>, string][] = [
      [{ url: `http://127.0.0.1:${port}/` }, 'org.apache.http.conn.HttpHostConnectException'],
      [{ url: `${url}/cut` }, 'org.apache.http.ConnectionClosedException'],
      [{ url: `${url}/drop` }, 'org.apache.http.NoHttpResponseException'],
      [{ url: `${url}/silent`, timeout: 0.2 }, 'java.net.SocketTimeoutException'],
      [{ url: 'no url' }, 'java.lang.IllegalStateException'],
    ];
    for (const [args, javaClass] of cases) {
      await assert.rejects(call('GetJSON', args), { name: 'PlatformError', javaClass }, javaClass);
    }
    await assert.rejects(call('GetJSON', { url, useProxy: true }), /proxies/);
    await assert.rejects(call('GetJSON', {}), /\[url\]/);
  });

  test('from a script, with a secret that it cannot read', async () => {
    const fixture = new ScriptFixture({}, { token: 'PASSWORD' });
    fixture.platform.addResource(resource);
    fixture.platform.set('T', 'token', new Password('s3cret'));
    try {
      const source = `
        var answer = Resources["ContentLoaderFunctions"].PostJSON({url: "${url}/private", username: "u", password: me.token,
          content: {list: [1, 2], when: new Date(0)}});
        var status = answer.responseStatus.statusCode;
        var failed;
        try { Resources.ContentLoaderFunctions.GetJSON({url: "${url}/drop"}); } catch (e) { failed = e.message; }
        result = {login: answer.login, status: status, failed: failed};`;
      const result = (await fixture.run(source)) as Record<string, unknown>;
      assert.equal(result.login, `Basic ${Buffer.from('u:s3cret').toString('base64')}`);
      assert.equal(result.status, 200);
      assert.match(String(result.failed), /^org.apache.http.NoHttpResponseException: /);
      assert.equal(seen[0]?.body, '{"list":[1,2],"when":"1970-01-01T00:00:00.000Z"}');
    } finally {
      await fixture.stop();
    }
  });
});
