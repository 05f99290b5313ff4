import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { createServer, request as httpRequest, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import { describe, type TestContext, test } from 'node:test';
import { TOKEN } from '../http/fixture.ts';
import { batchOf } from './batch.ts';
import { createHub, type ExtensionPlatform, HUB, startPlatform, until } from './platform.ts';

const HUB_SECRET =
  'HostName=h.azure-devices.net;SharedAccessKeyName=service;SharedAccessKey=c2VjcmV0LWh1Yg==';
const STORAGE_SECRET =
  'DefaultEndpointsProtocol=https;AccountName=a;AccountKey=c2VjcmV0LXN0b3JhZ2U=;EndpointSuffix=core.windows.net';
const STORAGE = 'Plant.Storage';

/** A program at another address that writes down whatever reaches it. */
interface Listener {
  readonly url: string;
  readonly seen: string[];
}

/** It asks for a password as the sidecar does, and hands a request for an introduction on to the true sidecar. */
async function startListener(t: TestContext, { app }: ExtensionPlatform): Promise<Listener> {
  const seen: string[] = [];
  const server = createServer((request, response) => {
    void bodyOf(request).then((body) => {
      seen.push([request.method, request.url, request.rawHeaders.join('\n'), body].join('\n'));
      if (request.url === '/v1/introductions') {
        const options = { host: '127.0.0.1', port: app.port, path: request.url, method: 'POST' };
        const headers = { 'content-type': 'application/json', 'x-sidecar-envelope': '1' };
        httpRequest({ ...options, headers }, (answer) => {
          void bodyOf(answer).then((text) => response.writeHead(answer.statusCode ?? 500).end(text));
        }).end(body);
        return;
      }
      if (request.headers.authorization === undefined)
        response.writeHead(401, { 'www-authenticate': 'Basic realm="x"' }).end();
      else
        response
          .writeHead(200, { 'content-type': 'application/json' })
          .end('{"ok":true,"result":{"tickets":[]}}');
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.after(() => {
    server.closeAllConnections();
    server.close();
  });
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, seen };
}

async function bodyOf(message: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of message) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks).toString();
}

/** The application key of a user who is a member of the administrators of the connector, and of nothing else. */
async function createAdministrator({ client }: ExtensionPlatform): Promise<string> {
  const keyId = randomUUID();
  const expires = new Date(Date.now() + 86_400_000).toISOString();
  await client.importXml(
    '<Entities><Users><User name="somebody" enabled="true" password="a-Long-Enough-1"/></Users></Entities>',
  );
  await client.importXml(
    `<Entities><ApplicationKeys><ApplicationKey name="somebody" keyId="${keyId}" userNameReference="somebody" clientName=""
      ipWhitelist="" expirationDate="${expires}"/></ApplicationKeys></Entities>`,
  );
  const member = { member: 'somebody', type: 'User' };
  await client.result('Groups/AzureIoT.Administrators_UG', 'AddMember', member);
  return keyId;
}

async function connected(t: TestContext, switches: Parameters<typeof startPlatform>[1] = {}) {
  const platform = await startPlatform(t, switches);
  await createHub(platform, { iotHubConnectionString: HUB_SECRET });
  await platform.client.result(`Things/${HUB}`, 'Connect');
  await platform.client.thing(STORAGE, 'AzureIoT.StorageAccount_TT');
  const { hubs } = platform.app;
  await until(
    'the secret',
    async () => hubs.connected.get(HUB)?.secrets.iotHubConnectionString === HUB_SECRET,
  );
  await platform.client.write(STORAGE, {
    sidecarUrl: `http://127.0.0.1:${platform.app.port}`,
    sidecarToken: TOKEN,
    storageConnectionString: STORAGE_SECRET,
  });
  await platform.client.result(`Things/${STORAGE}`, 'ConnectStorage');
  return { platform, listener: await startListener(t, platform), key: await createAdministrator(platform) };
}

const NOTHING_SECRET = [TOKEN, HUB_SECRET, STORAGE_SECRET].flatMap((secret) => [
  secret,
  Buffer.from(secret).toString('base64').slice(0, -4),
]);

function assertLearnedNothing({ seen }: Listener): void {
  for (const text of seen) {
    assert.doesNotMatch(text, /authorization|password/i);
    for (const secret of NOTHING_SECRET) assert.ok(!text.includes(secret), text);
    for (const [, encoded] of text.matchAll(/Basic ([\w+/=]+)/g))
      assert.ok(
        !Buffer.from(encoded ?? '', 'base64')
          .toString()
          .includes(TOKEN),
      );
  }
}

describe('an address to which an administrator of the connector points sidecarUrl', () => {
  for (const [name, switches] of Object.entries({
    'as supposed': {},
    'that sends credentials at once': { contentLoaderPreemptiveLogin: true },
    'that looks at no right in UpdatePropertyValues': { updateNeedsPropertyWrite: false },
    'that looks at the rights of the caller alone': { nestedRights: 'caller' as const },
  })) {
    test(`gets neither token nor secrets, on a ThingWorx ${name}`, async (t) => {
      const { platform, listener, key } = await connected(t, switches);
      const { client } = platform;
      for (const [thing, service] of [
        [HUB, 'Connect'],
        [STORAGE, 'ConnectStorage'],
      ] as const) {
        const target = `Things/${thing}`;
        assert.equal((await client.write(thing, { sidecarUrl: listener.url }, { key })).status, 200);
        const before = listener.seen.length;
        const answer = await client.service(target, service, {}, { key });
        assert.match(answer.text, /SIDECAR_NOT_INTRODUCED: /);
        assert.ok(listener.seen.length > before, 'it was asked to introduce itself');
        for (const [called, input] of [
          ['CheckSidecar', {}],
          ['CallSidecar', { operation: 'GetStatus' }],
        ] as const)
          assert.match(
            (await client.service(target, called, input, { key })).text,
            /SIDECAR_NOT_INTRODUCED: /,
          );

        // Nor can the administrator say that it has introduced itself.
        const addresses = { addresses: { array: [listener.url] } };
        assert.equal((await client.service(target, 'RegisterSidecar', addresses, { key })).status, 403);
        assert.equal((await client.write(thing, { introducedAddress: listener.url }, { key })).status, 403);
        const values = {
          dataShape: {
            fieldDefinitions: {
              name: { name: 'name', baseType: 'STRING', aspects: { isPrimaryKey: true } },
              time: { name: 'time', baseType: 'DATETIME', aspects: {} },
              value: { name: 'value', baseType: 'VARIANT', aspects: {} },
              quality: { name: 'quality', baseType: 'STRING', aspects: {} },
            },
          },
          rows: [
            {
              name: 'introducedAddress',
              time: Date.now(),
              value: { value: listener.url, baseType: 'STRING' },
              quality: 'GOOD',
            },
          ],
        };
        assert.equal((await client.service(target, 'UpdatePropertyValues', { values }, { key })).status, 403);
        const group = {
          thing,
          properties: ['introducedAddress'],
          baseTypes: ['STRING'],
          rows: [[1, Date.now(), 'GOOD', listener.url]],
        };
        if (thing === HUB)
          await client.service(target, 'ReceiveUpdates', { batch: batchOf([group]) }, { key });
        assert.notEqual(await client.read(thing, 'introducedAddress'), listener.url);
        assert.match((await client.service(target, service, {}, { key })).text, /SIDECAR_NOT_INTRODUCED: /);
      }
      assertLearnedNothing(listener);
    });
  }

  test('gets nothing by being written in another way', async (t) => {
    const { platform, listener, key } = await connected(t);
    const { client, app } = platform;
    const port = new URL(listener.url).port;
    const asks = listener.seen.length;
    for (const sidecarUrl of [
      `http://127.0.0.1:${app.port}@127.0.0.1:${port}`,
      `http://x:y@127.0.0.1:${port}`,
      `http://127.0.0.1:${port}#http://127.0.0.1:${app.port}`,
      `http://127.0.0.1:${port}?http://127.0.0.1:${app.port}`,
      `http://127.0.0.1:${port}\\@127.0.0.1:${app.port}`,
      `http://127.0.0.1:${app.port}/../../@127.0.0.1:${port}`,
      'file:///etc/passwd',
      '//127.0.0.1',
    ]) {
      await client.write(HUB, { sidecarUrl }, { key });
      const { text } = await client.service(`Things/${HUB}`, 'CheckSidecar', {}, { key });
      assert.match(text, /SETTING_INVALID: sidecarUrl must be an address/, sidecarUrl);
    }
    assert.equal(listener.seen.length, asks, 'nothing was sent anywhere');
  });

  test('gets nothing as one of several, or by a pattern, and holds up the sidecar in no way', async (t) => {
    const { platform, listener, key } = await connected(t);
    const { client, app } = platform;
    const own = `http://127.0.0.1:${app.port}`;
    await client.write(HUB, { storageConnectionString: STORAGE_SECRET });
    for (const sidecarUrl of [
      `${listener.url} ${own}`,
      `${own}, ${listener.url}`,
      `http://127.0.0.*:${new URL(listener.url).port}\n${own}`,
    ]) {
      app.hubs.connected.clear();
      const asks = listener.seen.length;
      await client.write(HUB, { sidecarUrl }, { key });
      await client.result(`Things/${HUB}`, 'Connect');
      await until(
        'the secret',
        async () => app.hubs.connected.get(HUB)?.secrets.iotHubConnectionString === HUB_SECRET,
      );
      await client.result(`Things/${HUB}`, 'CallSidecar', { operation: 'CheckSidecar' });
      if (!sidecarUrl.includes('*'))
        assert.ok(listener.seen.length > asks, 'it was asked for an introduction');
    }
    assertLearnedNothing(listener);
  });

  test('gets everything once the sidecar there has introduced itself, by itself', async (t) => {
    const { platform, listener, key } = await connected(t);
    const { client, app } = platform;
    await client.write(HUB, { sidecarUrl: listener.url }, { key });
    assert.match((await client.service(`Things/${HUB}`, 'Connect')).text, /SIDECAR_NOT_INTRODUCED: /);
    app.hubs.connected.clear();
    // "localhost" is another address of the same sidecar.
    await client.write(HUB, { sidecarUrl: `http://LOCALHOST:${app.port}/` }, { key });
    await until(
      'the secret',
      async () => app.hubs.connected.get(HUB)?.secrets.iotHubConnectionString === HUB_SECRET,
    );
    assert.equal(await client.read(HUB, 'introducedAddress'), `http://localhost:${app.port}`);
    assertLearnedNothing(listener);
  });

  test('is that of a sidecar when an entry of sidecarUrl names it', async (t) => {
    const platform = await startPlatform(t);
    await createHub(platform);
    const { client, sidecarKey } = platform;
    for (const [sidecarUrl, address, isNamed] of [
      ['https://a:8780', 'https://a:8780', true],
      ['https://A:443/', 'https://a', true],
      ['https://a:8780', 'https://a:8781', false],
      ['https://a:8780 https://b:8780', 'https://b:8780', true],
      ['https://a:8780,https://b:8780', 'https://c:8780', false],
      ['https://sidecar-*.plant:8780', 'https://sidecar-12.plant:8780', true],
      ['https://sidecar-*.plant:8780', 'https://sidecar-.plant:8780', true],
      ['https://sidecar-*.plant:8780', 'https://sidecar-1.evil.plant:8780', false],
      ['https://sidecar-*.plant:8780', 'https://sidecar-1.plant.evil:8780', false],
      ['https://sidecar-*.plant:8780', 'http://sidecar-1.plant:8780', false],
      ['https://sidecar-*.plant:8780', 'https://sidecar-1xplant:8780', false],
      ['https://*-*.plant', 'https://a-b-c.plant', true],
      ['https://*-*.plant', 'https://abc.plant', false],
      ['https://a*a.plant', 'https://a.plant', false],
      ['https://*a.b*', 'https://aa.b', true],
      ['https://*.a.*.a', 'https://x.a.a.a', true],
      ['https://a.b', 'https://a-b', false],
      ['https://*.*', 'https://a.b.c', false],
      ['https://*.b', 'https://x@evil.b', false],
      ['https://*.b', 'https://evil/.b', false],
      ['https://*.b', 'https://evil:1#.b', false],
      [`https://${'*'.repeat(40)}.b`, `https://${'a'.repeat(40)}.c`, false],
    ] as const) {
      await client.write(HUB, { sidecarUrl });
      const addresses = { addresses: { array: ['http://elsewhere:1', address] } };
      const found = await client.result(`Things/${HUB}`, 'RegisterSidecar', addresses, { key: sidecarKey });
      assert.equal(found, isNamed, `${sidecarUrl} ${address}`);
      const introduced = String(await client.read(HUB, 'introducedAddress')).split(' ');
      assert.equal(introduced.includes(address), isNamed);
    }
  });

  test('stays unknown when the application key may not register it', async (t) => {
    const platform = await startPlatform(t);
    const { client } = platform;
    await client.result('Groups/AzureIoT.Sidecar_UG', 'DeleteMember', {
      member: 'azure-iot-sidecar',
      type: 'User',
    });
    await createHub(platform, { iotHubConnectionString: HUB_SECRET });
    await until('the reason', async () =>
      String(await client.read(HUB, 'lastError')).startsWith('SIDECAR_NOT_INTRODUCED: '),
    );
    assert.equal(platform.app.hubs.connected.size, 0);
  });
});
