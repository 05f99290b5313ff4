import assert from 'node:assert/strict';
import { describe, type TestContext, test } from 'node:test';
import { parseEventHub, parseIotHub, parseStorage } from '../../sidecar/azure/connection-string.ts';
import { hubCredentials } from '../../sidecar/azure/credentials.ts';
import { createEventHubClient } from '../../sidecar/azure/event-hubs/event-hub-client.ts';
import { openStorage } from '../../sidecar/azure/storage.ts';

const REFUSED = { code: 'CONNECTION_STRING_INVALID' };

/** A credential that must never be asked. */
const credential = {
  async getToken(): Promise<never> {
    return assert.fail('A token was asked for.');
  },
};

/** Sets the variables for one test; the runner allows emulators otherwise. */
function environment(t: TestContext, values: Record<string, string>): void {
  const names = ['SIDECAR_ALLOW_LOCAL_AZURE', 'SIDECAR_AZURE_SUFFIXES'];
  const before = names.map((name) => process.env[name]);
  const set = (name: string, value: string | undefined) => {
    if (value === undefined) delete process.env[name];
    else process.env[name] = value;
  };
  for (const name of names) set(name, values[name]);
  t.after(() => {
    for (const [index, name] of names.entries()) set(name, before[index]);
  });
}

const eventHub = (namespace: string) =>
  createEventHubClient({ kind: 'entra', namespace, eventHubName: 'e', credential }, '$Default', {} as never, {
    ownerId: 'o',
    timeoutMs: 1,
    updateIntervalMs: 1,
    ownershipExpiryMs: 1,
  });

describe('a Microsoft Entra token', () => {
  test('goes to hosts of the clouds of Azure', async (t) => {
    environment(t, {});
    for (const hostName of ['h.azure-devices.net', 'h.azure-devices.us', 'H.Azure-Devices.cn'])
      assert.equal((await hubCredentials({ hostName, credential })).kind, 'entra');
    for (const suffix of ['core.windows.net', 'core.usgovcloudapi.net', 'core.chinacloudapi.cn'])
      assert.ok(await openStorage(`https://account.blob.${suffix}`, { credential }));
    await eventHub('n.servicebus.windows.net').close();
  });

  test('goes to no other host', async (t) => {
    environment(t, {});
    for (const host of [
      'evil.example.com',
      'azure-devices.net.evil.example.com',
      'evilazure-devices.net',
      'core.windows.net',
      '127.0.0.1',
      '10.0.0.1',
      '[::1]',
    ]) {
      await assert.rejects(hubCredentials({ hostName: host, credential }), REFUSED, host);
      await assert.rejects(openStorage(`https://${host}`, { credential }), REFUSED, host);
      assert.throws(() => eventHub(host), REFUSED, host);
    }
    await assert.rejects(
      openStorage('https://a.blob.core.windows.net@evil.example.com', { credential }),
      REFUSED,
    );
  });

  test('goes to the private links that a setting names', async (t) => {
    environment(t, { SIDECAR_AZURE_SUFFIXES: 'azure.plant.example, .other.example' });
    assert.ok(await openStorage('https://account.azure.plant.example', { credential }));
    assert.ok(await hubCredentials({ hostName: 'hub.other.example', credential }));
    await assert.rejects(hubCredentials({ hostName: 'evilother.example', credential }), REFUSED);
  });
});

test('link-local and metadata addresses are refused, whatever the sign-in', async (t) => {
  environment(t, { SIDECAR_ALLOW_LOCAL_AZURE: 'true' });
  const key = 'SharedAccessKeyName=n;SharedAccessKey=a2V5';
  for (const host of [
    '169.254.169.254',
    '168.63.129.16',
    'metadata.google.internal',
    '[fe80::1]',
    '[::ffff:a9fe:a9fe]',
  ]) {
    assert.throws(() => parseIotHub(`HostName=${host};${key}`), REFUSED, host);
    assert.throws(() => parseEventHub(`Endpoint=sb://${host}/;${key};EntityPath=e`), REFUSED, host);
    assert.throws(
      () => parseStorage(`AccountName=a;AccountKey=a2V5;BlobEndpoint=http://${host}`),
      REFUSED,
      host,
    );
    await assert.rejects(openStorage(`http://${host}/?sig=x`), REFUSED, host);
  }
  await assert.rejects(openStorage('http://2852039166/?sig=x'), REFUSED, '169.254.169.254 as one number');
});

test('what has no TLS needs the setting for emulators on this machine', async (t) => {
  environment(t, {});
  const attempts: (() => unknown)[] = [
    () => parseStorage('UseDevelopmentStorage=true'),
    () => parseStorage('DefaultEndpointsProtocol=http;AccountName=a;AccountKey=a2V5'),
    () => parseStorage('AccountName=a;AccountKey=a2V5;BlobEndpoint=http://127.0.0.1:10000/a'),
    () =>
      parseEventHub(
        'Endpoint=sb://127.0.0.1/;SharedAccessKeyName=n;SharedAccessKey=a2V5;EntityPath=e;UseDevelopmentEmulator=true',
      ),
  ];
  for (const attempt of attempts) assert.throws(attempt, REFUSED);
  await assert.rejects(openStorage('http://127.0.0.1:10000/a?sig=x'), REFUSED);
  process.env['SIDECAR_ALLOW_LOCAL_AZURE'] = 'true';
  for (const attempt of attempts) assert.ok(attempt());
  assert.ok(await openStorage('http://127.0.0.1:10000/a?sig=x'));
});
