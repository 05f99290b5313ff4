import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import Type from 'typebox';
import { ConnectorError } from '../../sidecar/errors/connector-error.ts';
import type { Operation } from '../../sidecar/operations/operation.ts';
import { VERSION } from '../../sidecar/version.ts';
import { ENVELOPE, probe, startApp } from './fixture.ts';

describe('operations over HTTP', () => {
  test('connects, shows, lists and disconnects a hub', async (t) => {
    const { call, hubs } = await startApp(t);
    const body = { settings: { consumerGroup: 'thingworx' }, secretNames: [] };
    const put = await call('PUT', '/v1/hubs/My%20Hub', { body });
    assert.equal(put.status, 200);
    assert.equal((put.json.status as { thing: string }).thing, 'My Hub');
    assert.equal(hubs.connected.get('My Hub')?.settings.consumerGroup, 'thingworx');
    assert.equal(hubs.connected.get('My Hub')?.settings.maxRowsPerCall, 1_000);
    assert.equal((await call('GET', '/v1/hubs/My%20Hub/status')).json.lag, 7);
    assert.equal(((await call('GET', '/v1/hubs')).json.hubs as unknown[]).length, 1);
    assert.deepEqual((await call('DELETE', '/v1/hubs/My%20Hub')).json, { disconnected: true });
    assert.equal((await call('GET', '/v1/hubs/My%20Hub/status')).json.code, 'HUB_NOT_CONNECTED');
  });

  test('says version and uptime', async (t) => {
    const { call } = await startApp(t);
    const { json } = await call('GET', '/v1/sidecar');
    assert.equal(json.version, VERSION);
    assert.equal(typeof json.uptimeSeconds, 'number');
  });

  test('takes operations by name, in the name of the Thing that calls alone', async (t) => {
    const { call, hubs } = await startApp(t);
    const named = (thing: string, operation: string, body: unknown = {}) =>
      call('POST', `/v1/things/${thing}/${operation}`, { body });
    assert.equal((await named('My%20Hub', 'Connect', { settings: {}, secretNames: [] })).status, 200);
    assert.deepEqual([...hubs.connected.keys()], ['My Hub']);
    const other = await named('Other', 'GetStatus', { hub: 'My Hub' });
    assert.equal(other.json.code, 'REQUEST_INVALID');
    assert.match(String(other.json.detail), /^hub is not known/);
    assert.equal((await named('Other', 'GetStatus')).json.code, 'HUB_NOT_CONNECTED');
    for (const operation of ['ListHubs', 'ListStorage', 'PutSecret', 'getStatus', 'constructor', '..%2Fhubs'])
      assert.equal((await named('My%20Hub', operation)).json.code, 'ROUTE_NOT_FOUND', operation);
    assert.equal((await call('GET', '/v1/things/My%20Hub/GetStatus')).status, 404);
    assert.equal((await named('My%20Hub', 'Disconnect')).status, 200);
    assert.equal(hubs.connected.size, 0);
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
    const { call } = await startApp(t, { operations: [probe({ output, run })] });
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
    assert.equal(json.instance, `urn:azure-iot-sidecar:request:${id}`, 'an id that is no UUID');
    const uuid = '0189d0f6-7a3c-7cc0-8d3e-1f2a3b4c5d6e';
    const own = await call('GET', '/v1/hubs/none/status', { headers: { 'x-request-id': uuid } });
    assert.equal(own.json.instance, `urn:uuid:${uuid}`);
    assert.equal(json.retryable, false);
  });

  test('name the request by a UUID of RFC 9562, and only a UUID as one', async (t) => {
    const { call, lines } = await startApp(t);
    const random = /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/;
    const seen = new Set<unknown>();
    const refused = [
      'short',
      'x'.repeat(65),
      'with space in it',
      'urn:uuid:0189d0f6-7a3c-7cc0-8d3e-1f2a3b4c5d6e',
      '{0189d0f6-7a3c-7cc0-8d3e-1f2a3b4c5d6e}',
      '../../../etc/passwd',
    ];
    for (const given of [undefined, ...refused]) {
      const headers: Record<string, string> = given === undefined ? {} : { 'x-request-id': given };
      const answer = await call('GET', '/v1/hubs/none/status', { headers });
      const id = String(answer.headers['x-request-id']);
      assert.match(id, random, given);
      assert.equal(answer.json.instance, `urn:uuid:${id}`);
      assert.ok(lines.some((line) => line.includes(`"requestId":"${id}"`)));
      seen.add(id);
    }
    assert.equal(seen.size, refused.length + 1);
    for (const given of [
      '0189d0f67a3c7cc08d3e1f2a3b4c5d6e',
      '0189d0f6-7a3c-7cc0-8d3e-1f2a3b4c5d6g',
      '0189d0f6-7a3c-7cc0-8d3e1f2a-3b4c5d6e',
      '-----------',
    ]) {
      const { json } = await call('GET', '/v1/nothing', { headers: { 'x-request-id': given } });
      assert.equal(json.instance, `urn:azure-iot-sidecar:request:${given}`);
    }
  });

  test('of an unexpected error show nothing of it, and the log holds it', async (t) => {
    const run = async () => {
      throw new Error('inner detail');
    };
    const { call, lines } = await startApp(t, { operations: [probe({ run })] });
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
    const { call } = await startApp(t, { operations: [probe({ run })] });
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
    const list = probe({
      name: 'List',
      method: 'GET',
      path: '/list',
      input,
      output,
      run: run as Operation['run'],
    });
    const make = probe({
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
