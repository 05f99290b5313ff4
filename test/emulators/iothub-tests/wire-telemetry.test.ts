import assert from 'node:assert/strict';
import { once } from 'node:events';
import { after, before, describe, test } from 'node:test';
import tls, { type TLSSocket } from 'node:tls';
import common from 'azure-iot-common';
import sdk from 'azure-iot-device';
import amqp from 'azure-iot-device-amqp';
import mqtt from 'azure-iot-device-mqtt';
import mqttPacket, { type Packet } from 'mqtt-packet';
import type { IotHubEmulator } from '../iothub/emulator.ts';
import {
  addDevice,
  type Consumer,
  consume,
  type DeviceTransport,
  openDevice,
  type Received,
  startTrusted,
  until,
} from './wire-support.ts';

const transports = {
  MQTT: mqtt.Mqtt as unknown as DeviceTransport,
  AMQP: amqp.Amqp as unknown as DeviceTransport,
};

for (const [name, transport] of Object.entries(transports)) {
  describe(`telemetry over ${name}, read through the Event Hubs SDK`, () => {
    let hub: IotHubEmulator;
    let consumer: Consumer;
    before(async () => {
      hub = await startTrusted();
      consumer = consume(hub);
    });
    after(async () => {
      await consumer.close();
      await hub.stop();
    });
    const from = (deviceId: string) =>
      consumer.events.filter(
        ({ systemProperties }) => systemProperties?.['iothub-connection-device-id'] === deviceId,
      );

    test('a message arrives with body, system properties and application properties', async () => {
      const client = await openDevice(hub, addDevice(hub, 'dev-1'), transport);
      const message = new sdk.Message(JSON.stringify({ temperature: 21.5 }));
      message.messageId = 'm-1';
      message.correlationId = 'c-1';
      message.contentType = 'application/json';
      message.contentEncoding = 'utf-8';
      message.interfaceId = 'dtmi:example:Thermostat;1';
      message.properties.add('alert', 'yes & no/ä');
      message.properties.add('dt-subject', 'thermostat1');
      message.properties.add('iothub-creation-time-utc', '2026-01-02T03:04:05.678Z');
      const before = Date.now();
      await client.sendEvent(message);
      await until(() => from('dev-1').length === 1);
      const [event] = from('dev-1') as [Received];
      assert.deepEqual(event.body, { temperature: 21.5 });
      assert.equal(event.messageId, 'm-1');
      assert.equal(event.correlationId, 'c-1');
      assert.equal(event.contentType, 'application/json');
      assert.deepEqual(event.properties, {
        alert: 'yes & no/ä',
        'iothub-creation-time-utc': '2026-01-02T03:04:05.678Z',
      });
      const {
        'iothub-enqueuedtime': enqueued,
        'iothub-connection-auth-method': auth,
        ...system
      } = event.systemProperties ?? {};
      assert.ok(enqueued >= before && enqueued <= Date.now());
      assert.deepEqual(JSON.parse(auth), {
        scope: 'device',
        type: 'sas',
        issuer: 'iothub',
        acceptingIpFilterRule: null,
      });
      assert.deepEqual(
        Object.fromEntries(Object.entries(system).filter(([key]) => /^(iothub|dt)-/.test(key))),
        {
          'iothub-connection-device-id': 'dev-1',
          'iothub-connection-auth-generation-id': hub.identities.get('dev-1')?.generationId,
          'iothub-message-source': 'Telemetry',
          'iothub-interface-id': 'dtmi:example:Thermostat;1',
          'dt-subject': 'thermostat1',
        },
      );
      assert.ok(event.enqueuedTimeUtc.getTime() >= before);
      await client.close();
    });

    test('bodies: empty, bytes, the largest, and one that is too large', async () => {
      const connectionString = addDevice(hub, 'bodies');
      const client = await openDevice(hub, connectionString, transport);
      const large = `"${'x'.repeat(255 * 1024)}"`;
      for (const body of ['', Buffer.from([0, 255, 1]), large]) await client.sendEvent(new sdk.Message(body));
      await until(() => from('bodies').length === 3);
      const [empty, bytes, big] = from('bodies').map(({ body }) => body);
      assert.equal((empty as Buffer).length, 0);
      assert.deepEqual([...(bytes as Buffer)], [0, 255, 1]);
      assert.equal((big as string).length, 255 * 1024);
      const message = new sdk.Message('x'.repeat(256 * 1024));
      message.properties.add('more', 'than the hub takes');
      await assert.rejects(client.sendEvent(message));
      await client.close().catch(() => undefined);
    });

    test('an id with special characters', async () => {
      const deviceId = "a-b.c+d%e_f#g*h?i!j(k),l=m@n$o'p:q";
      const client = await openDevice(hub, addDevice(hub, deviceId), transport);
      await client.sendEvent(new sdk.Message('1'));
      await until(() => from(deviceId).length === 1);
      await client.close();
    });
  });
}

/** A device that speaks MQTT packet by packet, for what the SDK does not do. */
class RawDevice {
  readonly packets: Packet[] = [];
  readonly socket: TLSSocket;
  closed = false;

  constructor(hub: IotHubEmulator) {
    this.socket = tls.connect({ host: 'localhost', port: hub.port, ca: hub.authority.ca });
    const parser = mqttPacket.parser({ protocolVersion: 4 });
    parser.on('packet', (packet: Packet) => this.packets.push(packet));
    this.socket.on('data', (chunk) => parser.parse(chunk));
    this.socket.on('error', () => undefined);
    this.socket.on('close', () => {
      this.closed = true;
    });
  }

  send(packet: Packet): void {
    this.socket.write(mqttPacket.generate(packet));
  }

  async next(cmd: Packet['cmd']): Promise<Packet> {
    await until(() => this.packets.some((packet) => packet.cmd === cmd), cmd);
    const [packet] = this.packets.splice(
      this.packets.findIndex((candidate) => candidate.cmd === cmd),
      1,
    );
    return packet as Packet;
  }
}

async function connectRaw(
  hub: IotHubEmulator,
  deviceId: string,
  options: {
    /** What follows the device id. */
    query?: string;
    returnCode?: number;
    modelId?: string;
    clean?: boolean;
    will?: { topic: string; payload: Buffer; qos: 1 };
  } = {},
): Promise<{ device: RawDevice; sessionPresent: boolean }> {
  const identity = hub.identities.get(deviceId) ?? hub.identities.create(deviceId, undefined, {});
  const key = identity.authentication.symmetricKey.primaryKey ?? '';
  const expiry = Math.floor(Date.now() / 1000) + 3600;
  const token = common.SharedAccessSignature.create(
    `${hub.hostName}%2Fdevices%2F${deviceId}`,
    '',
    key,
    expiry,
  );
  const model = options.modelId ? `&model-id=${encodeURIComponent(options.modelId)}` : '';
  const device = new RawDevice(hub);
  await once(device.socket, 'secureConnect');
  device.send({
    cmd: 'connect',
    protocolId: 'MQTT',
    protocolVersion: 4,
    clientId: deviceId,
    clean: options.clean ?? true,
    keepalive: 60,
    username: `${hub.hostName}/${deviceId}${options.query ?? `/?api-version=2021-04-12${model}`}`,
    password: Buffer.from(token.toString().replace(/&skn=(?=&|$)/, '')),
    ...(options.will ? { will: options.will } : {}),
  });
  const connack = (await device.next('connack')) as Packet & {
    returnCode?: number;
    sessionPresent?: boolean;
  };
  assert.equal(connack.returnCode, options.returnCode ?? 0);
  return { device, sessionPresent: connack.sessionPresent === true };
}

describe('MQTT as other clients speak it', () => {
  let hub: IotHubEmulator;
  let consumer: Consumer;
  before(async () => {
    hub = await startTrusted();
    consumer = consume(hub);
  });
  after(async () => {
    await consumer.close();
    await hub.stop();
  });
  const publish = { cmd: 'publish', qos: 1, dup: false, retain: false, messageId: 7 } as const;

  test('model id, short property names, the retain flag, QoS 0', async () => {
    const { device } = await connectRaw(hub, 'raw', { modelId: 'dtmi:example:Model;1' });
    const bag =
      '%24.ct=application%2Fjson&%24.ce=utf-8&%24.sub=part&%24.ctime=2026-01-01T00%3A00%3A00Z&plain=1&flag';
    device.send({
      ...publish,
      topic: `devices/raw/messages/events/${bag}`,
      payload: '{"raw":1}',
      retain: true,
    });
    assert.equal((await device.next('puback')).messageId, 7);
    device.send({ ...publish, topic: 'devices/raw/messages/events/', payload: '{"raw":2}', qos: 0 });
    await consumer.until((events) => events.filter(({ body }) => body.raw).length === 2);
    const [event] = consumer.events.filter(({ body }) => body.raw === 1) as [Received];
    assert.equal(event.contentType, 'application/json');
    assert.equal(event.systemProperties?.['dt-dataschema'], 'dtmi:example:Model;1');
    assert.equal(event.systemProperties?.['dt-subject'], 'part');
    assert.deepEqual(event.properties, {
      plain: '1',
      flag: '',
      'mqtt-retain': 'true',
      'iothub-creation-time-utc': '2026-01-01T00:00:00Z',
    });
    assert.equal(hub.identities.get('raw')?.modelId, 'dtmi:example:Model;1');
    device.socket.destroy();
  });

  test('a last will is stored when the device is lost, not when it says goodbye', async () => {
    const will = {
      topic: 'devices/will/messages/events/',
      payload: Buffer.from('{"will":1}'),
      qos: 1,
    } as const;
    const polite = await connectRaw(hub, 'will', { will });
    polite.device.send({ cmd: 'disconnect' });
    await once(polite.device.socket, 'close');
    const lost = await connectRaw(hub, 'will', { will });
    lost.device.socket.destroy();
    await consumer.until((events) => events.some(({ body }) => body.will));
    const wills = consumer.events.filter(({ body }) => body.will);
    assert.equal(wills.length, 1);
    assert.equal(wills[0]?.properties?.['iothub-MessageType'], 'Will');
  });

  test('user names of every form connect; reported properties need an api-version', async () => {
    const report = async (device: RawDevice) => {
      device.send({
        cmd: 'subscribe',
        messageId: 1,
        subscriptions: [{ topic: '$iothub/twin/res/#', qos: 0 }],
      });
      await device.next('suback');
      const topic = '$iothub/twin/PATCH/properties/reported/?$rid=1';
      device.send({ ...publish, topic, payload: '{"seen":true}' });
      return (await device.next('publish')) as Packet & { topic: string; payload: Buffer };
    };
    for (const query of [
      '/?api-version=2021-04-12&DeviceClientType=x',
      '/?DeviceClientType=x%2F1%20y&api-version=2021-04-12',
      '/api-version=2016-11-14',
    ]) {
      const { device } = await connectRaw(hub, 'named', { query });
      assert.match((await report(device)).topic, /^\$iothub\/twin\/res\/204\//, query);
      device.socket.destroy();
    }
    const model = encodeURIComponent('dtmi:example:Last;1');
    const modelled = await connectRaw(hub, 'modelled', {
      query: `/?model-id=${model}&api-version=2021-04-12`,
    });
    assert.equal(hub.identities.get('modelled')?.modelId, 'dtmi:example:Last;1');
    modelled.device.socket.destroy();
    for (const query of ['', '/', '/?', '/?DeviceClientType=x']) {
      const { device } = await connectRaw(hub, 'unversioned', { query });
      const answer = await report(device);
      assert.match(answer.topic, /^\$iothub\/twin\/res\/400\//, query);
      assert.match(JSON.parse(answer.payload.toString()).message, /api-version/);
      device.send({ ...publish, topic: 'devices/unversioned/messages/events/', payload: '1' });
      await device.next('puback');
      device.socket.destroy();
    }
    assert.equal(hub.twins.getDeviceView('unversioned').reported.seen, undefined);
    for (const query of ['x', '-2/?api-version=2021-04-12'])
      await connectRaw(hub, 'unversioned', { query, returnCode: 5 });
  });

  test('QoS 2, an unknown topic and the topic of another device end the connection', async () => {
    for (const packet of [
      { ...publish, qos: 2 as const, topic: 'devices/rude/messages/events/', payload: '1' },
      { ...publish, topic: 'some/topic', payload: '1' },
      { ...publish, topic: 'devices/other/messages/events/', payload: '1' },
    ]) {
      const { device } = await connectRaw(hub, 'rude');
      device.send(packet);
      await until(() => device.closed);
    }
  });

  test('subscriptions outlive the connection of a session that is not clean', async () => {
    const first = await connectRaw(hub, 'kept', { clean: false });
    assert.equal(first.sessionPresent, false);
    const subscriptions = [
      { topic: 'devices/kept/messages/devicebound/#', qos: 2 as const },
      { topic: 'somewhere/else', qos: 0 as const },
    ];
    first.device.send({ cmd: 'subscribe', messageId: 9, subscriptions });
    const suback = (await first.device.next('suback')) as Packet & { granted?: number[] };
    assert.deepEqual(suback.granted, [1, 0x80]);
    first.device.socket.destroy();
    await until(() => !hub.sessions.isConnected('kept'));
    await hub.commands.enqueue('kept', {
      body: Buffer.from('later'),
      properties: { messageId: 'c', application: { a: 'ä' } },
      ack: 'none',
    });
    const second = await connectRaw(hub, 'kept', { clean: false });
    assert.equal(second.sessionPresent, true);
    const received = (await second.device.next('publish')) as Packet & { topic?: string; payload?: Buffer };
    assert.equal(received.payload?.toString(), 'later');
    assert.match(
      received.topic ?? '',
      /^devices\/kept\/messages\/devicebound\/%24\.mid=c&%24\.to=.*&a=%C3%A4$/,
    );
    assert.equal(hub.commands.count('kept'), 1);
    second.device.send({ cmd: 'puback', messageId: received.messageId ?? 0 });
    await until(() => hub.commands.count('kept') === 0);
    second.device.socket.destroy();
    const third = await connectRaw(hub, 'kept', { clean: true });
    assert.equal(third.sessionPresent, false);
    third.device.socket.destroy();
  });
});
