import assert from 'node:assert/strict';
import { createRequire } from 'node:module';
import { after, before, describe, test } from 'node:test';
import type * as Device from 'azure-iot-device';
import { deviceToken, type Harness, startHarness } from './state-harness.ts';

const require = createRequire(import.meta.url);
const { Client, Message } = require('azure-iot-device') as typeof Device;
const { Http } = require('azure-iot-device-http') as { Http: never };

describe('devices that speak HTTP', () => {
  let hub: Harness;
  let device: Device.Client;
  let key = '';
  before(async () => {
    hub = await startHarness();
    const created = (await hub.registry.create({ deviceId: 'http-dev' })).responseBody;
    key = created.authentication?.symmetricKey?.primaryKey ?? '';
    device = Client.fromConnectionString(`HostName=localhost;DeviceId=http-dev;SharedAccessKey=${key}`, Http);
    const receivePolicy = { interval: 1, at: null, cron: null, manualPolling: false, drain: true };
    await device.setOptions({ http: { agent: hub.agent, receivePolicy } } as never);
    await device.open();
  });
  after(async () => {
    await device.close();
    await hub.stop();
  });
  const telemetry = () => hub.wire.events.filter((event) => event.source === 'Telemetry');

  test('sends a message with all its properties', async () => {
    hub.wire.events.length = 0;
    const message = new Message('{"t":1}');
    message.messageId = 'm-1';
    message.correlationId = 'c-1';
    message.userId = 'u-1';
    message.contentType = 'application/json';
    message.contentEncoding = 'utf-8';
    message.properties.add('colour', 'red');
    message.properties.add('dt-subject', 'thermostat1');
    message.properties.add('iothub-creation-time-utc', '2024-01-02T03:04:05Z');
    await device.sendEvent(message);
    const [event] = telemetry();
    assert.equal(Buffer.from(event?.body ?? []).toString(), '{"t":1}');
    assert.deepEqual(event?.properties, {
      application: { colour: 'red' },
      messageId: 'm-1',
      correlationId: 'c-1',
      userId: 'u-1',
      contentType: 'application/json',
      contentEncoding: 'utf-8',
      componentName: 'thermostat1',
      creationTimeUtc: '2024-01-02T03:04:05Z',
    });
    assert.equal(event?.authMethod?.includes('"scope":"device"'), true);
    assert.equal(event?.authGenerationId, hub.state.identities.get('http-dev')?.generationId);
  });

  test('sends batches', async () => {
    hub.wire.events.length = 0;
    const batch = [1, 2, 3].map((number) => {
      const message = new Message(JSON.stringify({ number }));
      message.properties.add('n', String(number));
      return message;
    });
    await device.sendEventBatch(batch);
    const seen = telemetry().map((event) => [
      JSON.parse(Buffer.from(event.body).toString()).number,
      event.properties.application.n,
    ]);
    assert.deepEqual(seen, [
      [1, '1'],
      [2, '2'],
      [3, '3'],
    ]);
    const plain = await hub.call('POST', '/devices/http-dev/messages/events', {
      authorization: deviceToken('http-dev', key),
      headers: { 'Content-Type': 'application/vnd.microsoft.iothub.json' },
      raw: Buffer.from('[{"body":"text","base64Encoded":false},{"nobody":1}]'),
    });
    assert.equal(plain.status, 400);
  });

  test('refuses a message above 256 KB', async () => {
    await assert.rejects(device.sendEvent(new Message(Buffer.alloc(256 * 1024 + 1))), {
      name: 'MessageTooLargeError',
    });
  });

  test('polls cloud-to-device messages and settles them', async () => {
    const properties = { messageId: 'c2d-1', correlationId: 'cc', application: { order: 'stop' } };
    await hub.wire.enqueue('http-dev', { body: Buffer.from('halt'), properties, ack: 'full' });
    const { promise, resolve } = Promise.withResolvers<Device.Message>();
    device.on('message', resolve);
    const message = await promise;
    device.removeAllListeners('message');
    assert.equal(message.getData().toString(), 'halt');
    assert.equal(message.messageId, 'c2d-1');
    assert.equal(message.correlationId, 'cc');
    assert.equal(message.properties.getValue('iothub-app-order'), 'stop');
    await device.complete(message);
    assert.equal(hub.wire.count('http-dev'), 0);
    await assert.rejects(device.complete(message));
  });

  test('abandons and rejects by address', async () => {
    const polled = (await hub.registry.create({ deviceId: 'polled' })).responseBody;
    const authorization = deviceToken('polled', polled.authentication?.symmetricKey?.primaryKey ?? '');
    const path = '/devices/polled/messages/devicebound';
    await hub.wire.enqueue('polled', {
      body: Buffer.from('1'),
      properties: { application: {} },
      ack: 'none',
    });
    const first = await hub.call('GET', path, { authorization });
    assert.equal(first.status, 200);
    const lock = String(first.headers.etag).replaceAll('"', '');
    assert.equal((await hub.call('POST', `${path}/${lock}/abandon`, { authorization })).status, 204);
    const second = await hub.call('GET', path, { authorization });
    assert.equal(second.headers['iothub-deliverycount'], '2');
    const again = String(second.headers.etag).replaceAll('"', '');
    assert.equal((await hub.call('DELETE', `${path}/${again}?reject`, { authorization })).status, 204);
    assert.equal((await hub.call('GET', path, { authorization })).status, 204);
    const lost = await hub.call('DELETE', `${path}/${again}`, { authorization });
    assert.equal(lost.status, 412);
    assert.equal(lost.headers['iothub-errorcode'], 'DeviceMessageLockLost');
  });

  test('purges a queue for the service', async () => {
    for (const text of ['1', '2']) {
      await hub.wire.enqueue('polled', {
        body: Buffer.from(text),
        properties: { application: {} },
        ack: 'none',
      });
    }
    assert.equal((await hub.registry.get('polled')).responseBody.cloudToDeviceMessageCount, 2);
    const answer = await hub.call('DELETE', '/devices/polled/commands');
    assert.deepEqual(answer.json, { deviceId: 'polled', moduleId: null, totalMessagesPurged: 2 });
  });

  test('sends for a module with the module’s key', async () => {
    const module = (await hub.registry.addModule({ deviceId: 'http-dev', moduleId: 'mod' })).responseBody;
    const authentication = module.authentication as { symmetricKey: { primaryKey: string } };
    hub.wire.events.length = 0;
    const path = '/devices/http-dev/modules/mod/messages/events';
    const authorization = deviceToken('http-dev', authentication.symmetricKey.primaryKey, 'mod');
    const sent = await hub.call('POST', path, { authorization, raw: Buffer.from('x') });
    assert.equal(sent.status, 204);
    assert.equal(telemetry()[0]?.moduleId, 'mod');
    const byDevice = await hub.call('POST', path, {
      authorization: deviceToken('http-dev', key),
      raw: Buffer.from('x'),
    });
    assert.equal(byDevice.status, 401);
  });

  test('is refused once disabled', async () => {
    await hub.registry.create({ deviceId: 'off', status: 'disabled' });
    const off = hub.state.identities.get('off')?.authentication.symmetricKey.primaryKey ?? '';
    const answer = await hub.call('POST', '/devices/off/messages/events', {
      authorization: deviceToken('off', off),
      raw: Buffer.from('x'),
    });
    assert.equal(answer.status, 401);
  });
});
