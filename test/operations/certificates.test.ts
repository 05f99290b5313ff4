import assert from 'node:assert/strict';
import { X509Certificate } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { after, before, describe, test } from 'node:test';
import device from 'azure-iot-device';
import { openAuthority, selfSignedClient } from '../emulators/authority.ts';
import { Factory, TRANSPORT_NAMES, type TransportName } from './factory.ts';

const { Message } = device;

describe('devices with certificates', () => {
  const factory = new Factory();
  before(() => factory.start());
  after(() => factory.stop());

  /** Whether a method reaches the device that connects with the certificate. */
  async function reaches(
    deviceId: string,
    pair: { certificate: string; key: string },
    transport: TransportName,
  ): Promise<void> {
    const client = factory.withCertificate(deviceId, transport);
    await client.setOptions({ cert: pair.certificate, key: pair.key });
    await factory.open(client);
    client.onDeviceMethod('hello', (_request, response) => void response.send(200, { from: deviceId }));
    const answer = await factory.call(deviceId, 'InvokeMethod', {
      methodName: 'hello',
      connectTimeoutSeconds: 10,
    });
    assert.deepEqual([answer.status, answer.payload], [200, { from: deviceId }]);
    await client.close();
  }

  /** Over AMQP the refusal comes with the first message. */
  async function isRefused(
    deviceId: string,
    pair: { certificate: string; key: string },
    transport: TransportName,
  ): Promise<void> {
    const client = factory.withCertificate(deviceId, transport);
    await client.setOptions({ ca: await readFile(factory.system.cloud.caFile, 'utf8') });
    await client.setOptions({ cert: pair.certificate, key: pair.key });
    const trying = client.open().then(() => client.sendEvent(new Message('{}')));
    await assert.rejects(trying, deviceId);
    await client.close().catch(() => undefined);
  }

  for (const transport of TRANSPORT_NAMES) {
    test(`self-signed ones are known by their thumbprint, the next one beside the first, over ${transport}`, async () => {
      const deviceId = `self-${transport}`;
      const [first, next, other] = await Promise.all([1, 2, 3].map(() => selfSignedClient(deviceId)));
      assert.ok(first && next && other);
      // With colons, as OpenSSL writes it.
      await factory.createDevice(deviceId, {
        primaryThumbprint: new X509Certificate(first.certificate).fingerprint256,
      });
      await reaches(deviceId, first, transport);
      await isRefused(deviceId, next, transport);
      await factory.hub('UpdateDevice', {
        deviceId,
        primaryThumbprint: new X509Certificate(first.certificate).fingerprint.replaceAll(':', ''),
        secondaryThumbprint: new X509Certificate(next.certificate).fingerprint.replaceAll(':', ''),
      });
      await reaches(deviceId, first, transport);
      await reaches(deviceId, next, transport);
      await isRefused(deviceId, other, transport);
    });

    test(`those of an authority are known by it over ${transport}`, async () => {
      const deviceId = `signed-${transport}`;
      await factory.createDevice(deviceId, { authentication: 'certificateAuthority' });
      const authority = await openAuthority(path.dirname(factory.system.cloud.caFile));
      await reaches(deviceId, await authority.issueClient(deviceId), transport);
      await isRefused(deviceId, await selfSignedClient(deviceId), transport);
      await isRefused(deviceId, await authority.issueClient('somebody-else'), transport);
    });
  }
});
