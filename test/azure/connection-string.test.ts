import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { parseEventHub, parseIotHub, parseStorage } from '../../sidecar/azure/connection-string.ts';
import { hubCredentials } from '../../sidecar/azure/credentials.ts';
import type { ConnectorError } from '../../sidecar/errors/connector-error.ts';

const KEY = Buffer.from('sixteen bytes ok').toString('base64');

function refused(parse: () => unknown, ...says: RegExp[]): void {
  assert.throws(parse, (error: ConnectorError) => {
    assert.equal(error.code, 'CONNECTION_STRING_INVALID');
    for (const part of says) assert.match(error.message, part);
    assert.doesNotMatch(error.message, new RegExp(`${KEY}|s3cret`), 'the secret is not repeated');
    return true;
  });
}

describe('IoT Hub connection strings', () => {
  test('parts, policy and hub name', () => {
    const hub = parseIotHub(
      `HostName=My-Hub.azure-devices.net;SharedAccessKeyName=service;SharedAccessKey=${KEY}`,
    );
    assert.equal(hub.host, 'My-Hub.azure-devices.net');
    assert.equal(hub.port, undefined);
    assert.equal(hub.hubName, 'My-Hub');
    assert.deepEqual(hub.access, { kind: 'key', keyName: 'service', key: KEY });
  });

  test('a port, other spelling, spaces and a closing semicolon are accepted', () => {
    const hub = parseIotHub(
      ` hostname=localhost:18443 ; sharedaccesskeyname=iothubowner; SharedAccessKey=${KEY};`,
    );
    assert.equal(hub.host, 'localhost');
    assert.equal(hub.port, 18443);
    assert.equal(hub.hostName, 'localhost:18443');
    assert.equal(
      hub.connectionString,
      `HostName=localhost:18443;SharedAccessKeyName=iothubowner;SharedAccessKey=${KEY}`,
    );
  });

  test('a signature instead of a key', () => {
    const hub = parseIotHub(
      'HostName=h.azure-devices.net;SharedAccessSignature=SharedAccessSignature sr=h&sig=x%3D&se=9&skn=service',
    );
    assert.equal(hub.access.kind, 'signature');
  });

  test('each missing or wrong part is named', () => {
    refused(() => parseIotHub(''), /empty/);
    refused(() => parseIotHub(KEY), /Name=value|none of/);
    refused(() => parseIotHub('s3cret=s3cret'), /none of HostName/);
    refused(() => parseIotHub(`SharedAccessKeyName=a;SharedAccessKey=${KEY}`), /HostName is missing/);
    refused(() => parseIotHub(`HostName=h;SharedAccessKey=${KEY}`), /SharedAccessKeyName is missing/);
    refused(() => parseIotHub('HostName=h;SharedAccessKeyName=a'), /SharedAccessKey is missing/);
    refused(() => parseIotHub('HostName=h;SharedAccessKeyName=a;SharedAccessKey=s3cret'), /cut off/);
    refused(
      () => parseIotHub(`HostName=h h;SharedAccessKeyName=a;SharedAccessKey=${KEY}`),
      /HostName is not a host name/,
    );
    refused(
      () => parseIotHub(`HostName=h:99999;SharedAccessKeyName=a;SharedAccessKey=${KEY}`),
      /HostName is not a host name/,
    );
    refused(
      () => parseIotHub(`HostName=h;HostName=i;SharedAccessKeyName=a;SharedAccessKey=${KEY}`),
      /HostName occurs twice/,
    );
    refused(() => parseIotHub(`HostName=h;DeviceId=d;SharedAccessKey=${KEY}`), /of a device/);
  });
});

describe('Event Hubs connection strings', () => {
  const rest = `SharedAccessKeyName=service;SharedAccessKey=${KEY}`;

  test('parts and a port', () => {
    const endpoint = parseEventHub(`Endpoint=sb://ns.servicebus.windows.net:5671/;${rest};EntityPath=hub`);
    assert.equal(endpoint.host, 'ns.servicebus.windows.net');
    assert.equal(endpoint.port, 5671);
    assert.equal(endpoint.entityPath, 'hub');
    assert.equal(endpoint.developmentEmulator, false);
  });

  test('the entity path may come from elsewhere, the emulator flag is kept', () => {
    const endpoint = parseEventHub(
      `Endpoint=sb://127.0.0.1:5672;${rest};UseDevelopmentEmulator=true`,
      undefined,
      'hub',
    );
    assert.equal(endpoint.developmentEmulator, true);
    assert.match(endpoint.connectionString, /EntityPath=hub/);
  });

  test('without a key it stands for Microsoft Entra ID', () => {
    const endpoint = parseEventHub('Endpoint=sb://ns.servicebus.windows.net/;EntityPath=hub');
    assert.equal(endpoint.access, undefined);
    assert.equal(endpoint.host, 'ns.servicebus.windows.net');
  });

  test('each missing or wrong part is named', () => {
    refused(() => parseEventHub(`Endpoint=sb://ns/;${rest}`), /EntityPath is missing/);
    refused(() => parseEventHub(`${rest};EntityPath=h`), /Endpoint is missing/);
    refused(() => parseEventHub(`Endpoint=https://ns/;${rest};EntityPath=h`), /Endpoint must look like sb:/);
    refused(
      () => parseEventHub('Endpoint=sb://ns/;SharedAccessKeyName=a;EntityPath=h', 'eventHubConnectionString'),
      /^eventHub/,
    );
  });
});

describe('storage connection strings', () => {
  test('account with key, own endpoint, signature, development storage', () => {
    assert.equal(
      parseStorage(`AccountName=acc;AccountKey=${KEY}`).blobEndpoint,
      'https://acc.blob.core.windows.net',
    );
    assert.equal(
      parseStorage(
        `DefaultEndpointsProtocol=https;AccountName=acc;AccountKey=${KEY};EndpointSuffix=core.chinacloudapi.cn`,
      ).blobEndpoint,
      'https://acc.blob.core.chinacloudapi.cn',
    );
    assert.equal(
      parseStorage(`AccountName=a;AccountKey=${KEY};BlobEndpoint=http://127.0.0.1:1/a/`).blobEndpoint,
      'http://127.0.0.1:1/a',
    );
    assert.equal(
      parseStorage('BlobEndpoint=https://acc.blob.core.windows.net;SharedAccessSignature=sv=1&sig=s3cret')
        .accountName,
      undefined,
    );
    assert.equal(parseStorage('UseDevelopmentStorage=true').accountName, 'devstoreaccount1');
  });

  test('each missing or wrong part is named', () => {
    refused(() => parseStorage(`AccountKey=${KEY}`), /AccountName is missing/);
    refused(() => parseStorage('AccountName=a'), /AccountKey is missing/);
    refused(() => parseStorage('AccountName=a;AccountKey=s3cret!'), /cut off/);
    refused(() => parseStorage('SharedAccessSignature=sig=s3cret'), /BlobEndpoint is missing/);
    refused(
      () => parseStorage(`BlobEndpoint=ftp://a;AccountName=a;AccountKey=${KEY}`),
      /BlobEndpoint must be/,
    );
    refused(
      () => parseStorage(`DefaultEndpointsProtocol=ws;AccountName=a;AccountKey=${KEY}`),
      /https or http/,
    );
  });
});

describe('hub credentials', () => {
  test('a connection string, or a host name with an identity, or neither', async () => {
    const byKey = await hubCredentials({
      connectionString: `HostName=h;SharedAccessKeyName=a;SharedAccessKey=${KEY}`,
    });
    assert.equal(byKey.kind, 'connectionString');
    const credential = { getToken: async () => null };
    const byIdentity = await hubCredentials({ hostName: 'h.azure-devices.net:8443', credential });
    assert.ok(
      byIdentity.kind === 'entra' && byIdentity.host === 'h.azure-devices.net' && byIdentity.port === 8443,
    );
    await assert.rejects(hubCredentials({}), { code: 'SETTING_MISSING' });
    await assert.rejects(hubCredentials({ hostName: 'no host' }), { code: 'CONNECTION_STRING_INVALID' });
  });

  test('Microsoft Entra ID is loaded when nothing else is given', async () => {
    const found = await hubCredentials({ hostName: 'h.azure-devices.net' });
    assert.ok(found.kind === 'entra' && typeof found.credential.getToken === 'function');
  });
});
