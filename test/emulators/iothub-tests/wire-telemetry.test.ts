import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import device from 'azure-iot-device';
import type { IotHubEmulator } from '../iothub/emulator.ts';
import { addDevice, consume, openDevice, startTrusted } from './wire-support.ts';

describe('telemetry over MQTT, read through the Event Hubs SDK', () => {
  let hub: IotHubEmulator;
  before(async () => {
    hub = await startTrusted();
  });
  after(() => hub.stop());

  test('a message arrives with body, system properties and application properties', async () => {
    const client = await openDevice(hub, addDevice(hub, 'dev-1'));
    const consumer = consume(hub);
    const message = new device.Message(JSON.stringify({ temperature: 21.5 }));
    message.messageId = 'm-1';
    message.correlationId = 'c-1';
    message.contentType = 'application/json';
    message.contentEncoding = 'utf-8';
    message.properties.add('alert', 'yes & no/ä');
    const before = Date.now();
    await client.sendEvent(message);
    const [event] = await consumer.until((events) => events.length === 1);
    assert.deepEqual(event?.body, { temperature: 21.5 });
    assert.equal(event.messageId, 'm-1');
    assert.equal(event.correlationId, 'c-1');
    assert.equal(event.contentType, 'application/json');
    assert.deepEqual(event.properties, { alert: 'yes & no/ä' });
    const system = event.systemProperties ?? {};
    assert.equal(system['iothub-connection-device-id'], 'dev-1');
    assert.equal(system['iothub-message-source'], 'Telemetry');
    assert.deepEqual(JSON.parse(system['iothub-connection-auth-method']), {
      scope: 'device',
      type: 'sas',
      issuer: 'iothub',
      acceptingIpFilterRule: null,
    });
    assert.equal(system['iothub-connection-auth-generation-id'], hub.identities.get('dev-1')?.generationId);
    assert.ok(system['iothub-enqueuedtime'] >= before);
    assert.equal(event.sequenceNumber, 0);
    assert.equal(event.offset, '0');
    assert.ok(event.enqueuedTimeUtc.getTime() >= before);
    await consumer.close();
    await client.close();
  });
});
