import assert from 'node:assert/strict';
import { once } from 'node:events';
import type { RequestListener } from 'node:http';
import { createServer, type Server } from 'node:https';
import type { AddressInfo } from 'node:net';
import { after, afterEach, before, describe, test } from 'node:test';
import { parseIotHub } from '../../../sidecar/azure/connection-string.ts';
import { hubCredentials } from '../../../sidecar/azure/credentials.ts';
import { hubToken } from '../../../sidecar/azure/iot-hub/authorization.ts';
import { RateLimiter } from '../../../sidecar/azure/iot-hub/rate-limiter.ts';
import { type HubRequest, hubPath, RestClient } from '../../../sidecar/azure/iot-hub/rest-client.ts';
import type { IotHubEmulator } from '../../emulators/iothub/emulator.ts';
import { startTrustedHub } from './hub-emulator.ts';
import { openClients } from './hub-support.ts';

const READ: HubRequest = {
  method: 'GET',
  path: '/devices/a',
  operation: 'registry',
  action: 'Reading',
  right: 'RegistryRead',
};

describe('hub REST', () => {
  let hub: IotHubEmulator;
  const open: RestClient[] = [];
  const servers: Server[] = [];
  before(async () => {
    hub = await startTrustedHub();
  });
  afterEach(async () => {
    await Promise.all(open.splice(0).map((rest) => rest.close()));
    for (const server of servers.splice(0)) {
      server.closeAllConnections();
      server.close();
    }
    hub.faults.clear();
  });
  after(async () => {
    await hub.stop();
  });

  async function rest(
    connectionString = hub.connectionString(),
    rateLimiter?: RateLimiter,
  ): Promise<RestClient> {
    const client = new RestClient({
      credentials: await hubCredentials({ connectionString }),
      ...(rateLimiter ? { rateLimiter } : {}),
    });
    open.push(client);
    return client;
  }

  /** A hub that answers as the test says. */
  async function fake(listener: RequestListener): Promise<string> {
    const server = createServer({ cert: hub.authority.certificate, key: hub.authority.key }, listener);
    servers.push(server);
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { port } = server.address() as AddressInfo;
    return hub.connectionString().replace(/:\d+;/, `:${port};`);
  }

  test('a 429 is waited out while there is time, and handed on when there is none', async () => {
    const clients = await openClients(hub);
    await clients.registry.createDevice({ deviceId: 'a' });
    hub.faults.addRule({
      path: '^/devices/a',
      status: 429,
      errorCode: 429001,
      retryAfterSeconds: 1,
      count: 1,
    });
    const started = performance.now();
    assert.equal((await clients.registry.device('a')).deviceId, 'a');
    assert.ok(performance.now() - started >= 900);
    hub.faults.addRule({ path: '^/devices/a', status: 429, errorCode: 429001, retryAfterSeconds: 60 });
    await assert.rejects(
      clients.registry.device('a', { timeoutMs: 2000 }),
      (error: { code: string; retryAfterMs: number }) => {
        assert.equal(error.code, 'AZURE_THROTTLED');
        assert.ok(error.retryAfterMs > 50_000);
        return true;
      },
    );
    // The class rests now: the next call fails without being sent.
    hub.faults.clear();
    await assert.rejects(clients.registry.device('a', { timeoutMs: 2000 }), { code: 'AZURE_THROTTLED' });
    await clients.close();
  });

  test('a broken connection: reading is tried again, writing is not', async () => {
    const clients = await openClients(hub);
    hub.faults.addRule({ path: '^/statistics', cut: 'before', count: 1 });
    assert.ok((await clients.registry.statistics()).totalDeviceCount >= 0);
    hub.faults.addRule({ path: '^/statistics', cut: 'half', count: 1 });
    assert.ok((await clients.registry.statistics()).totalDeviceCount >= 0);
    hub.faults.addRule({ path: '^/devices/b', cut: 'before', count: 1 });
    await assert.rejects(clients.registry.createDevice({ deviceId: 'b' }), { code: 'AZURE_UNREACHABLE' });
    hub.faults.addRule({ path: '^/statistics', cut: 'before' });
    await assert.rejects(clients.registry.statistics(), { code: 'AZURE_UNREACHABLE' });
    await clients.close();
  });

  test('a single 500 or 503 does not fail a read; a write is not sent twice', async () => {
    const clients = await openClients(hub);
    const { registry, modules, twins, configurations, jobs } = clients;
    await registry.createDevice({ deviceId: 'read' });
    await modules.createModule({ deviceId: 'read', moduleId: 'm' });
    await configurations.create({ id: 'read', content: { deviceContent: { 'properties.desired.a': 1 } } });
    const { jobId } = await jobs.scheduleTwinUpdate(
      { queryCondition: "deviceId = 'read'" },
      { tags: { a: 1 } },
    );
    const reads: Readonly<Record<string, () => Promise<unknown>>> = {
      device: () => registry.device('read'),
      deviceKeys: () => registry.deviceKeys('read'),
      statistics: () => registry.statistics(),
      connectedDeviceCount: () => registry.connectedDeviceCount(),
      module: () => modules.module('read', 'm'),
      modules: () => modules.modules('read'),
      moduleKeys: () => modules.moduleKeys('read', 'm'),
      twin: () => twins.get({ deviceId: 'read' }),
      moduleTwin: () => twins.get({ deviceId: 'read', moduleId: 'm' }),
      query: () => twins.query('SELECT * FROM devices'),
      configuration: () => configurations.get('read'),
      configurations: () => configurations.list(),
      job: () => jobs.get(jobId),
      jobs: () => jobs.list(),
      jobResults: () => jobs.results(jobId),
    };
    for (const [name, read] of Object.entries(reads))
      for (const status of [500, 503]) {
        hub.faults.addRule({ status, count: 1 });
        assert.notEqual(await read(), undefined, `${name} after ${status}`);
        assert.equal(hub.faults.take('GET', '/'), undefined, `${name} met the ${status}`);
      }
    hub.faults.addRule({ method: 'PUT', status: 503, count: 1 });
    await assert.rejects(registry.createDevice({ deviceId: 'written' }), { code: 'AZURE_FAILED' });
    await assert.rejects(registry.device('written'), { code: 'DEVICE_NOT_FOUND' });
    await clients.close();
  });

  test('time is bounded, also while the answer trickles', async () => {
    const client = await rest(
      await fake((_request, response) => {
        response.writeHead(200, { 'content-type': 'application/json' });
        response.write('[');
      }),
    );
    await assert.rejects(client.request({ ...READ, timeoutMs: 300 }), { code: 'AZURE_TIMEOUT' });
    const abort = new AbortController();
    const waiting = client.request({ ...READ, signal: abort.signal });
    abort.abort();
    await assert.rejects(waiting, { code: 'AZURE_CANCELLED' });
  });

  test('close ends what is under way', async () => {
    const client = await rest(await fake(() => {}));
    const waiting = client.request(READ);
    const rejected = assert.rejects(waiting, { code: 'STOPPING' });
    await new Promise((resolve) => setTimeout(resolve, 50));
    await client.close();
    await rejected;
    await assert.rejects(client.request(READ), { code: 'STOPPING' });
    await client.close();
  });

  test('answers that are none: not JSON, empty, unknown status, html error', async () => {
    let answer = (): [number, string] => [200, '<html>'];
    const client = await rest(
      await fake((_request, response) => {
        const [status, body] = answer();
        response.writeHead(status, { 'content-type': 'text/html' }).end(body);
      }),
    );
    await assert.rejects(client.request(READ), { code: 'AZURE_FAILED', message: /not JSON/ });
    answer = () => [204, ''];
    assert.equal((await client.request(READ)).body, undefined);
    answer = () => [502, '<html><body>Bad gateway</body></html>'];
    await assert.rejects(client.request(READ), { code: 'AZURE_FAILED' });
    answer = () => [418, '{}'];
    await assert.rejects(client.request(READ), { code: 'AZURE_REJECTED' });
    answer = () => [401, '{"Message":"ErrorCode:IotHubUnauthorizedAccess;Unauthorized"}'];
    await assert.rejects(client.request(READ), { code: 'AZURE_UNAUTHORIZED', message: /RegistryRead/ });
  });

  test('a wrong key, an unknown host, a certificate that is not trusted', async () => {
    const wrong = hub.connectionString().replace(/SharedAccessKey=.*/, 'SharedAccessKey=AAAA');
    await assert.rejects((await rest(wrong)).request(READ), { code: 'AZURE_UNAUTHORIZED' });
    const nowhere = hub.connectionString().replace(/localhost:\d+/, 'no-such-host.invalid');
    await assert.rejects((await rest(nowhere)).request(READ), {
      code: 'AZURE_UNREACHABLE',
      message: /no-such-host/,
    });
    // The certificate is made for localhost and 127.0.0.1, not for this name of the same address.
    const other = hub.connectionString().replace('localhost:', '127.0.0.2:');
    await assert.rejects((await rest(other)).request(READ), { code: 'AZURE_UNREACHABLE' });
  });

  test('a given signature is used as it is, and refused here when it has expired', async () => {
    const key = parseIotHub(hub.connectionString());
    const signature = hubToken(key, '', 600);
    const signed = `HostName=${hub.hostName}:${hub.port};SharedAccessSignature=${signature}`;
    const client = await rest(signed);
    assert.equal((await client.request({ ...READ, path: '/statistics/devices' })).status, 200);
    const old = `HostName=${hub.hostName}:${hub.port};SharedAccessSignature=${hubToken(key, '', -10)}`;
    await assert.rejects((await rest(old)).request(READ), { code: 'AZURE_UNAUTHORIZED', message: /expired/ });
  });

  test('Microsoft Entra ID: a bearer token, asked for once and again after a refusal', async () => {
    let asked = 0;
    const seen: Array<string | undefined> = [];
    let status = 200;
    const connectionString = await fake((request, response) => {
      seen.push(request.headers.authorization);
      response.writeHead(status).end('{}');
    });
    const hostName = parseIotHub(connectionString).hostName;
    const credential = {
      getToken: async (scopes: string | string[]) => {
        asked += 1;
        assert.equal(scopes, 'https://iothubs.azure.net/.default');
        return { token: `token-${asked}`, expiresOnTimestamp: Date.now() + 3_600_000 };
      },
    };
    const client = new RestClient({ credentials: await hubCredentials({ hostName, credential }) });
    open.push(client);
    await client.request(READ);
    await client.request(READ);
    status = 401;
    await assert.rejects(client.request(READ), { code: 'AZURE_UNAUTHORIZED' });
    status = 200;
    await client.request(READ);
    assert.deepEqual(seen, ['Bearer token-1', 'Bearer token-1', 'Bearer token-1', 'Bearer token-2']);
    const none = new RestClient({
      credentials: await hubCredentials({ hostName, credential: { getToken: async () => null } }),
    });
    open.push(none);
    await assert.rejects(none.request(READ), { code: 'AZURE_UNAUTHORIZED' });
  });

  test('path segments are encoded, and segments of dots are refused', async () => {
    assert.equal(hubPath('devices', "a/b %_#*?!(),=@$'"), "/devices/a%2Fb%20%25_%23*%3F!()%2C%3D%40%24'");
    assert.equal(hubPath('devices', '...'), '/devices/...');
    const client = await rest();
    for (const dots of ['.', '..']) {
      const path = hubPath('devices', 'a', 'modules', dots);
      await assert.rejects(client.request({ ...READ, path }), { code: 'REQUEST_INVALID' });
    }
  });

  test('ten thousand calls are held to the rate of the tier', async () => {
    const client = await rest(hub.connectionString(), new RateLimiter({ tier: 'S1', units: 1 }));
    const started = performance.now();
    const outcomes = await Promise.allSettled(
      Array.from({ length: 10_000 }, () =>
        client.request({ ...READ, path: '/statistics/devices', timeoutMs: 8000 }),
      ),
    );
    const seconds = (performance.now() - started) / 1000;
    const sent = outcomes.filter(({ status }) => status === 'fulfilled').length;
    // 100 a minute: five seconds' worth at once, then what the time allows.
    assert.ok(sent >= 8 && sent <= 9 + (seconds * 100) / 60, `${sent} were sent in ${seconds} s`);
    const reasons = new Set(
      outcomes.map((outcome) => (outcome.status === 'rejected' ? outcome.reason.code : 'sent')),
    );
    // One whose turn came at the very end may run out of time on the way.
    reasons.delete('AZURE_TIMEOUT');
    assert.deepEqual([...reasons].sort(), ['AZURE_THROTTLED', 'sent']);
  });
});
