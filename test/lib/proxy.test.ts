import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { after, afterEach, before, describe, test } from 'node:test';
import { parseIotHub } from '../../sidecar/azure/connection-string.ts';
import { hubCredentials } from '../../sidecar/azure/credentials.ts';
import { openEventSource } from '../../sidecar/azure/event-hubs/event-source.ts';
import { discoverEventHub } from '../../sidecar/azure/iot-hub/endpoint-discovery.ts';
import { HubClients } from '../../sidecar/azure/iot-hub/hub-clients.ts';
import { openStorage } from '../../sidecar/azure/storage.ts';
import { ConnectorError } from '../../sidecar/errors/connector-error.ts';
import { attempt } from '../../sidecar/files/storage-calls.ts';
import { ThingworxClient } from '../../sidecar/thingworx/client.ts';
import { Recorder, until } from '../azure/helpers.ts';
import { startTrustedHub } from '../azure/iot-hub/hub-emulator.ts';
import type { IotHubEmulator } from '../emulators/iothub/emulator.ts';
import { ConnectProxy } from './connect-proxy.ts';

const transport = 'amqp-websockets';

describe('a proxy between the sidecar and Azure', () => {
  let hub: IotHubEmulator;
  let proxy: ConnectProxy;
  before(async () => {
    hub = await startTrustedHub({ partitionCount: 1 });
    proxy = new ConnectProxy('user:pass-word');
    await proxy.start();
  });
  afterEach(() => {
    for (const name of ['HTTPS_PROXY', 'HTTP_PROXY', 'NO_PROXY']) delete process.env[name];
    proxy.targets.length = 0;
  });
  after(async () => {
    await proxy.stop();
    await hub.stop();
  });

  const statistics = async () => {
    const clients = new HubClients({
      credentials: await hubCredentials({ connectionString: hub.connectionString() }),
    });
    try {
      return await clients.registry.statistics();
    } finally {
      await clients.close();
    }
  };

  test('carries the REST calls of the hub', async () => {
    process.env['HTTPS_PROXY'] = proxy.url;
    await statistics();
    assert.deepEqual(proxy.targets, [`localhost:${hub.port}`]);
  });

  test('carries AMQP in WebSockets: the endpoint is found and events arrive', async () => {
    process.env['HTTPS_PROXY'] = proxy.url;
    const connectionString = await discoverEventHub(parseIotHub(hub.connectionString('service')), {
      transport,
    });
    assert.deepEqual(proxy.targets, [`localhost:${hub.port}`]);
    const recorder = new Recorder();
    const source = await openEventSource({
      endpoint: { kind: 'connectionString', connectionString, transport },
      consumerGroup: '$Default',
      handlers: recorder,
      startPosition: { from: 'earliest' },
      lagIntervalMs: 0,
    });
    await hub.stream.append({
      source: 'Telemetry',
      deviceId: 'dev-1',
      body: Buffer.from('{"n":1}'),
      properties: { application: {} },
    });
    await until('the event', () => recorder.events.length === 1);
    await source.stop();
    assert.ok(proxy.targets.length > 1);
  });

  test('is left aside for the hosts of NO_PROXY', async () => {
    process.env['HTTPS_PROXY'] = proxy.url;
    process.env['NO_PROXY'] = 'example.com,localhost';
    await statistics();
    await discoverEventHub(parseIotHub(hub.connectionString('service')), { transport });
    assert.deepEqual(proxy.targets, []);
  });

  for (const [what, url, words, code] of [
    ['refuses the login', () => proxy.url.replace('pass-word', 'wrong-word'), /407/, 'PROXY_REFUSED'],
    ['is not there', () => 'http://user:wrong-word@127.0.0.1:1', /ECONNREFUSED/, 'AZURE_UNREACHABLE'],
  ] as const) {
    test(`that ${what} is said in plain words, without the login`, async () => {
      process.env['HTTPS_PROXY'] = url();
      const failures = await Promise.allSettled([
        statistics(),
        discoverEventHub(parseIotHub(hub.connectionString('service')), { transport, timeoutMs: 3_000 }),
      ]);
      for (const [index, failure] of failures.entries()) {
        assert.ok(failure.status === 'rejected' && failure.reason instanceof ConnectorError);
        // A WebSocket that fails does not say why.
        assert.equal(failure.reason.code, index === 0 ? code : 'AZURE_UNREACHABLE');
        assert.doesNotMatch(JSON.stringify([failure.reason.message, failure.reason.details]), /wrong-word/);
      }
      const [rest] = failures;
      assert.match(rest.status === 'rejected' ? rest.reason.message : '', words);
    });
  }

  test('carries what goes to storage accounts, and its refusal is said as well', async () => {
    process.env['HTTPS_PROXY'] = proxy.url;
    const account = `AccountName=plant;AccountKey=${Buffer.from('key').toString('base64')}`;
    // The hub stands in for an account: what is shown is the way to it.
    const access = `DefaultEndpointsProtocol=https;${account};BlobEndpoint=https://localhost:${hub.port}/plant`;
    const look = async () => {
      const storage = await openStorage(access);
      return attempt('Looking', 'localhost', () =>
        storage.getProperties({ abortSignal: AbortSignal.timeout(5_000) }),
      );
    };
    await assert.rejects(look());
    assert.ok(proxy.targets.includes(`localhost:${hub.port}`));
    process.env['HTTPS_PROXY'] = proxy.url.replace('pass-word', 'wrong-word');
    await assert.rejects(look(), { code: 'PROXY_REFUSED' });
  });

  test('carries calls to a ThingWorx elsewhere', async () => {
    process.env['HTTPS_PROXY'] = proxy.url.replace('pass-word', 'wrong-word');
    const client = new ThingworxClient({ url: 'https://thingworx.invalid/Thingworx', appKey: 'key' });
    await assert.rejects(client.invoke('Thing', 'Service', {}), {
      code: 'PROXY_REFUSED',
      message: /cannot be reached: the proxy answered 407/,
    });
    assert.deepEqual(proxy.targets, ['thingworx.invalid:443']);
    await client.close();
  });

  test('never sees the application key on its way to a ThingWorx on this machine', async (t) => {
    process.env['HTTP_PROXY'] = proxy.url;
    process.env['NO_PROXY'] = 'example.com';
    const platform = createServer((_request, response) => response.end('{"rows":[]}'));
    platform.listen(0, '127.0.0.1');
    await once(platform, 'listening');
    const { port } = platform.address() as AddressInfo;
    const client = new ThingworxClient({ url: `http://127.0.0.1:${port}/Thingworx`, appKey: 'key' });
    t.after(async () => {
      await client.close();
      platform.close();
    });
    assert.deepEqual(await client.invoke('Thing', 'Service', {}), { rows: [] });
    assert.deepEqual([proxy.targets, proxy.plainRequests], [[], 0]);
  });
});
