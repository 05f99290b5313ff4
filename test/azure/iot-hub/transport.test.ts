import assert from 'node:assert/strict';
import { once } from 'node:events';
import type { IncomingMessage, RequestListener } from 'node:http';
import { createServer, type Server } from 'node:https';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import { after, before, describe, test } from 'node:test';
import { hubCredentials } from '../../../sidecar/azure/credentials.ts';
import { HubClients } from '../../../sidecar/azure/iot-hub/hub-clients.ts';
import { RestClient } from '../../../sidecar/azure/iot-hub/rest-client.ts';
import { callJobClient, callRegistry } from '../../../sidecar/azure/iot-hub/transport.ts';
import type { IotHubEmulator } from '../../emulators/iothub/emulator.ts';
import { startTrustedHub } from './hub-emulator.ts';

const CALL = { operation: 'other', action: 'Testing', right: 'RegistryRead' } as const;

describe('the transport below azure-iothub', () => {
  let hub: IotHubEmulator;
  let server: Server;
  let connectionString: string;
  let rest: RestClient;
  let listener: RequestListener;
  const seen: Array<{ method?: string; url?: string; headers: IncomingMessage['headers']; body: string }> =
    [];

  before(async () => {
    hub = await startTrustedHub();
    server = createServer(
      { cert: hub.authority.certificate, key: hub.authority.key },
      async (request, response) => {
        const { method = '', url = '', headers } = request;
        seen.push({ method, url, headers, body: await text(request) });
        listener(request, response);
      },
    );
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { port } = server.address() as AddressInfo;
    connectionString = hub.connectionString().replace(/:\d+;/, `:${port};`);
    rest = new RestClient({ credentials: await hubCredentials({ connectionString }) });
  });
  after(async () => {
    await rest.close();
    server.closeAllConnections();
    server.close();
    await hub.stop();
  });

  function answer(status: number, body: unknown, headers: Record<string, string> = {}): void {
    seen.length = 0;
    listener = (_request, response) => {
      response.writeHead(status, headers).end(typeof body === 'string' ? body : JSON.stringify(body));
    };
  }

  test('the ETag of the call replaces the asterisk of the package; without one the asterisk is sent unquoted', async () => {
    answer(200, { deviceId: 'd' });
    await callRegistry(rest, { ...CALL, ifMatch: 'AAA=' }, (registry) => registry.delete('d'));
    await callRegistry(rest, CALL, (registry) => registry.delete('d'));
    assert.deepEqual(
      seen.map(({ headers }) => headers['if-match']),
      ['"AAA="', '*'],
    );
  });

  test('query parameters of the package and of the call are sent, with one API version', async () => {
    answer(200, []);
    await callJobClient(rest, CALL, (jobs) => jobs.createQuery('scheduleUpdateTwin').next(''));
    await callRegistry(rest, { ...CALL, query: { top: 100 } }, (registry) => registry.getConfigurations());
    assert.deepEqual(
      seen.map(({ url }) => url),
      [
        '/jobs/v2/query?api-version=2021-04-12&jobType=scheduleUpdateTwin',
        '/configurations?api-version=2021-04-12&top=100',
      ],
    );
  });

  test('page size and continuation token travel in both directions', async () => {
    answer(200, [{ deviceId: 'd' }], { 'x-ms-continuation': 'next' });
    const page = await callRegistry(rest, CALL, (registry) => registry.createQuery('SELECT', 7).next('this'));
    assert.equal(page.continuation, 'next');
    assert.equal(seen[0]?.headers['x-ms-max-item-count'], '7');
    assert.equal(seen[0]?.headers['x-ms-continuation'], 'this');
  });

  test('the response is returned as the hub sent it', async () => {
    const body = { deviceId: 'd', properties: JSON.parse('{"desired":{"__proto__":1}}') };
    answer(200, JSON.stringify(body));
    const { body: received } = await callRegistry(rest, CALL, (registry) => registry.getTwin('d'));
    assert.equal(JSON.stringify(received), JSON.stringify(body));
  });

  test('errors have the codes of the sidecar', async () => {
    answer(404, { Message: 'ErrorCode:DeviceNotFound;no' });
    await assert.rejects(
      callRegistry(rest, CALL, (registry) => registry.get('d')),
      { code: 'DEVICE_NOT_FOUND' },
    );
  });

  test('a response that the package does not expect is an error of the call and does not end the process', async () => {
    answer(200, { not: 'a device' });
    await assert.rejects(
      callRegistry(rest, CALL, (registry) => registry.get('d')),
      { code: 'AZURE_FAILED', message: /Testing: IoT Hub returned an unexpected response/ },
    );
  });

  test('arguments that the package refuses are errors of the request', async () => {
    answer(200, {});
    await assert.rejects(
      callRegistry(rest, CALL, (registry) => registry.get('')),
      { code: 'REQUEST_INVALID', message: /Testing: deviceId is ''/ },
    );
    assert.equal(seen.length, 0);
  });

  test('ids of dots are refused, whichever call of the package builds the path', async () => {
    answer(200, {});
    for (const dots of ['.', '..']) {
      await assert.rejects(
        callRegistry(rest, CALL, (registry) => registry.removeModule('d', dots)),
        { code: 'REQUEST_INVALID' },
      );
      await assert.rejects(
        callJobClient(rest, CALL, (jobs) => jobs.getJob(dots)),
        { code: 'REQUEST_INVALID' },
      );
    }
    assert.equal(seen.length, 0);
  });

  test('the deadline and the signal of the call apply', async () => {
    answer(200, {});
    listener = () => {};
    await assert.rejects(
      callRegistry(rest, { ...CALL, timeoutMs: 1_000 }, (registry) => registry.get('d')),
      { code: 'AZURE_TIMEOUT' },
    );
    // Both requests have arrived before their calls end, so that none of them arrives in the next test.
    const abort = new AbortController();
    listener = () => abort.abort();
    await assert.rejects(
      callRegistry(rest, { ...CALL, signal: abort.signal }, (registry) => registry.get('d')),
      { code: 'AZURE_CANCELLED' },
    );
    assert.equal(seen.length, 2);
  });

  describe('what the sidecar does itself', () => {
    let clients: HubClients;
    before(async () => {
      clients = new HubClients({ credentials: await hubCredentials({ connectionString }) });
    });
    after(() => clients.close());

    const bodies = () => seen.map(({ body }) => (body === '' ? undefined : JSON.parse(body)));

    test('jobs keep the payloads 0, false and the empty string, and the connect timeout', async () => {
      answer(200, { jobId: 'j' });
      for (const payload of [0, false, ''])
        await clients.jobs.scheduleMethod(
          { jobId: 'j', queryCondition: '*' },
          { methodName: 'm', payload, connectTimeoutSeconds: 20 },
        );
      assert.deepEqual(
        bodies().map(({ cloudToDeviceMethod }) => cloudToDeviceMethod),
        [0, false, ''].map((payload) => ({
          methodName: 'm',
          payload,
          responseTimeoutInSeconds: 30,
          connectTimeoutInSeconds: 20,
        })),
      );
    });

    test('direct methods keep the payloads 0, false and the empty string', async () => {
      answer(200, { status: 200, payload: null });
      for (const payload of [0, false, ''])
        await clients.invokeMethod({ deviceId: 'd', methodName: 'm', payload });
      assert.deepEqual(
        bodies().map(({ payload }) => payload),
        [0, false, ''],
      );
    });

    test('job ids are encoded', async () => {
      answer(200, { jobId: 'a/b?c#d' });
      await clients.jobs.get('a/b?c#d');
      await clients.jobs.cancel('a/b?c#d');
      assert.deepEqual(
        seen.map(({ url }) => url?.split('?')[0]),
        ['/jobs/v2/a%2Fb%3Fc%23d', '/jobs/v2/a%2Fb%3Fc%23d/cancel'],
      );
    });

    test('a bulk update without authentication is refused; other bulk calls send no keys', async () => {
      answer(200, { isSuccessful: true, errors: [] });
      await assert.rejects(clients.registry.bulk('update', [{ deviceId: 'd' }]), { code: 'REQUEST_INVALID' });
      await clients.registry.bulk('create', [{ deviceId: 'd' }]);
      await clients.registry.bulk('delete', [{ deviceId: 'd' }]);
      assert.deepEqual(
        bodies().map(([device]) => device.authentication),
        [{ type: 'sas' }, { type: 'sas' }],
      );
    });

    test('twin replacement, service statistics and purge', async () => {
      answer(200, { connectedDeviceCount: 3, totalMessagesPurged: 4 });
      await clients.twins.replace({ deviceId: 'd' }, { tags: { a: 1 } });
      assert.equal(await clients.registry.connectedDeviceCount(), 3);
      assert.equal(await clients.messages.purge('d'), 4);
      assert.deepEqual(
        seen.map(({ method, url }) => `${method} ${url?.split('?')[0]}`),
        ['PUT /twins/d', 'GET /statistics/service', 'DELETE /devices/d/commands'],
      );
    });
  });
});
