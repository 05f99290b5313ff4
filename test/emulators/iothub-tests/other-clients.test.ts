import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { X509Certificate } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, before, describe, type TestContext, test } from 'node:test';
import { promisify } from 'node:util';
import { BlobServiceClient } from '@azure/storage-blob';
import { type KeyPair, selfSignedClient } from '../authority.ts';
import { type Azurite, startAzurite } from '../azurite.ts';
import type { IotHubEmulator } from '../iothub/emulator.ts';
import { findPython, hasProgram, Program } from './other-programs.ts';
import { deviceToken } from './state-harness.ts';
import { consume, fill, openService, startTrusted, until } from './wire-support.ts';

const run = promisify(execFile);
const paho = findPython('paho.mqtt.client');
const eventHubs = findPython(
  'azure.eventhub._pyamqp',
  'azure.eventhub.extensions.checkpointstoreblob',
  'websocket',
);

const API_VERSION = '2021-04-12';

/** What an MQTT client of any make needs to be the device. */
function credentials(hub: IotHubEmulator, deviceId: string) {
  const identity = hub.identities.create(deviceId, undefined, {});
  return {
    clientId: deviceId,
    userName: `${hub.hostName}/${deviceId}/?api-version=${API_VERSION}`,
    password: deviceToken(deviceId, identity.authentication.symmetricKey.primaryKey ?? ''),
  };
}

describe('mosquitto_pub and mosquitto_sub', {
  skip: hasProgram('mosquitto_pub') ? false : 'not here: install mosquitto-clients',
}, () => {
  let hub: IotHubEmulator;
  before(async () => {
    hub = await startTrusted();
  });
  after(() => hub.stop());

  function argumentsOf(deviceId: string): string[] {
    const { clientId, userName, password } = credentials(hub, deviceId);
    const server = ['-h', 'localhost', '-p', `${hub.port}`, '--cafile', hub.caFile, '-V', 'mqttv311'];
    return [...server, '-i', clientId, '-u', userName, '-P', password, '-q', '1'];
  }

  test('telemetry with properties', async (t) => {
    const consumer = consume(hub);
    t.after(() => consumer.close());
    const topic = 'devices/mosquitto/messages/events/$.ct=application%2Fjson&$.ce=utf-8&alert=yes%20%26%20no';
    await run('mosquitto_pub', [...argumentsOf('mosquitto'), '-t', topic, '-m', '{"temperature":21.5}']);
    const [event] = await consumer.until((events) => events.length > 0);
    assert.deepEqual(event?.body, { temperature: 21.5 });
    assert.equal(event?.contentType, 'application/json');
    assert.deepEqual(event?.properties, { alert: 'yes & no' });
    assert.equal(event?.systemProperties?.['iothub-connection-device-id'], 'mosquitto');
  });

  test('a cloud-to-device message, completed by its acknowledgement', async () => {
    const args = argumentsOf('mosquitto-sub');
    await hub.commands.enqueue('mosquitto-sub', {
      body: Buffer.from('open the valve'),
      properties: { messageId: 'c-1', application: { urgent: 'yes' } },
      ack: 'none',
    });
    const topic = 'devices/mosquitto-sub/messages/devicebound/#';
    const { stdout } = await run('mosquitto_sub', [
      ...args,
      '-t',
      topic,
      '-C',
      '1',
      '-W',
      '20',
      '-F',
      '%t %p',
    ]);
    assert.match(
      stdout,
      /^devices\/mosquitto-sub\/messages\/devicebound\/%24\.mid=c-1&.*urgent=yes open the valve\n$/,
    );
    await until(() => hub.commands.count('mosquitto-sub') === 0);
  });

  test('a wrong key and the id of another device are refused', async () => {
    const good = argumentsOf('mosquitto-wrong');
    const publish = ['-t', 'devices/mosquitto-wrong/messages/events/', '-m', '1'];
    const wrongKey = good.with(good.indexOf('-P') + 1, deviceToken('mosquitto-wrong', 'd3Jvbmc='));
    const wrongName = good.with(
      good.indexOf('-u') + 1,
      `${hub.hostName}/mosquitto/?api-version=${API_VERSION}`,
    );
    for (const args of [wrongKey, wrongName])
      await assert.rejects(run('mosquitto_pub', [...args, ...publish]), /not authorised|refused/i);
    await run('mosquitto_pub', [...good, ...publish]);
  });
});

describe('a device on Eclipse Paho for Python', {
  skip: paho ? false : 'not here: install python3-paho-mqtt',
}, () => {
  let hub: IotHubEmulator;
  let directory: string;
  before(async () => {
    hub = await startTrusted();
    directory = await mkdtemp(path.join(tmpdir(), 'paho-'));
  });
  after(async () => {
    await hub.stop();
    await rm(directory, { recursive: true, force: true });
  });

  const TWIN_TOPICS = ['$iothub/twin/res/#', '$iothub/twin/PATCH/properties/desired/#'];

  async function open(t: TestContext, options: { clientId: string; topics: string[] }): Promise<Program> {
    const device = new Program(t, paho ?? '', 'mqtt_device.py', {
      ca: hub.caFile,
      port: hub.port,
      ...options,
    });
    assert.equal((await device.next('connected')).code, 0);
    if (options.topics.length > 0) await device.next('subscribed');
    return device;
  }

  test('telemetry, a cloud-to-device message and a direct method', async (t) => {
    const topics = ['devices/paho/messages/devicebound/#', '$iothub/methods/POST/#'];
    const device = await open(t, { ...credentials(hub, 'paho'), topics });
    assert.deepEqual((await device.next('subscribed')).granted, [1, 1]);
    const consumer = consume(hub);
    t.after(() => consumer.close());
    device.write({ topic: 'devices/paho/messages/events/n=1', payload: '{"from":"paho"}' });
    await device.next('published');
    const [event] = await consumer.until((events) => events.length > 0);
    assert.deepEqual(event?.body, { from: 'paho' });
    const service = await openService(hub);
    t.after(() => service.close());
    await service.send('paho', 'hello');
    const command = await device.next('message', ({ topic }) => /devicebound/.test(String(topic)));
    assert.equal(command.payload, 'hello');
    await until(() => hub.commands.count('paho') === 0);
    const { result } = await service.invokeDeviceMethod('paho', {
      methodName: 'echo',
      payload: { text: 'ä' },
      responseTimeoutInSeconds: 10,
    });
    assert.deepEqual(result, { status: 200, payload: { text: 'ä' } });
    await device.end();
    await until(() => !hub.sessions.isConnected('paho'));
  });

  test('the twin: read, reported, a change of desired properties, a patch that is refused', async (t) => {
    const device = await open(t, { ...credentials(hub, 'paho-twin'), topics: TWIN_TOPICS });
    const response = (status: number, requestId: string) =>
      device.next('message', ({ topic }) =>
        String(topic).startsWith(`$iothub/twin/res/${status}/?$rid=${requestId}`),
      );
    device.write({ topic: '$iothub/twin/GET/?$rid=r1', payload: '' });
    assert.deepEqual(JSON.parse(String((await response(200, 'r1')).payload)), {
      desired: { $version: 1 },
      reported: { $version: 1 },
    });
    const reported = '$iothub/twin/PATCH/properties/reported/?$rid=';
    device.write({ topic: `${reported}r2`, payload: '{"firmware":"1.10"}' });
    assert.match(String((await response(204, 'r2')).topic), /\$version=2$/);
    device.write({ topic: `${reported}r3`, payload: '{"list":[{"b":null}]}' });
    const { errorCode, message } = JSON.parse(String((await response(400, 'r3')).payload));
    assert.equal(errorCode, 400004);
    assert.match(message, /cannot be null/);
    hub.twins.patch('paho-twin', undefined, { properties: { desired: { interval: 5 } } });
    const desired = await device.next('message', ({ topic }) =>
      /PATCH\/properties\/desired/.test(String(topic)),
    );
    assert.deepEqual(JSON.parse(String(desired.payload)), { interval: 5, $version: 2 });
    assert.deepEqual(hub.twins.getDeviceView('paho-twin').reported, { firmware: '1.10', $version: 2 });
    await device.end();
  });

  test('a user name without api-version connects', async (t) => {
    const given = credentials(hub, 'paho-bare');
    const device = await open(t, {
      ...given,
      userName: `${hub.hostName}/paho-bare`,
      topics: TWIN_TOPICS,
    } as never);
    device.write({ topic: '$iothub/twin/PATCH/properties/reported/?$rid=1', payload: '{"a":1}' });
    await device.next('message', ({ topic }) => String(topic).startsWith('$iothub/twin/res/400/'));
    await device.end();
  });

  test('certificates: by thumbprint and by authority', async (t) => {
    const own = await selfSignedClient('paho-self');
    const thumbprint = new X509Certificate(own.certificate).fingerprint256;
    hub.identities.create('paho-self', undefined, {
      authentication: { type: 'selfSigned', x509Thumbprint: { primaryThumbprint: thumbprint } },
    });
    hub.identities.create('paho-ca', undefined, { authentication: { type: 'certificateAuthority' } });
    const signed = await hub.authority.issueClient('paho-ca');
    const files = async (name: string, pair: KeyPair) => {
      const [cert, key] = [path.join(directory, `${name}.pem`), path.join(directory, `${name}-key.pem`)];
      await writeFile(cert, pair.certificate);
      await writeFile(key, pair.key, { mode: 0o600 });
      return { cert, key };
    };
    const name = (deviceId: string) => ({
      clientId: deviceId,
      userName: `${hub.hostName}/${deviceId}/?api-version=${API_VERSION}`,
      topics: [],
    });
    for (const [deviceId, pair] of [
      ['paho-self', own],
      ['paho-ca', signed],
    ] as const) {
      const device = await open(t, { ...name(deviceId), ...(await files(deviceId, pair)) });
      device.write({ topic: `devices/${deviceId}/messages/events/`, payload: '1' });
      await device.next('published');
      await device.end();
    }
    const foreign = new Program(t, paho ?? '', 'mqtt_device.py', {
      ca: hub.caFile,
      port: hub.port,
      ...name('paho-ca'),
      ...(await files('foreign', own)),
    });
    assert.equal((await foreign.next('connected')).code, 5);
  });
});

describe('azure-eventhub for Python', {
  skip: eventHubs ? false : 'not here: install python3-azure and python3-websocket',
}, () => {
  let hub: IotHubEmulator;
  let azurite: Azurite;
  before(async () => {
    [hub, azurite] = await Promise.all([
      startTrusted({ consumerGroups: ['python'], partitionCount: 2 }),
      startAzurite(),
    ]);
  });
  after(async () => {
    await azurite.stop();
    await hub.stop();
  });

  const start = (t: TestContext, options: object) =>
    new Program(t, eventHubs ?? '', 'event_hubs.py', {
      ca: hub.caFile,
      port: hub.port,
      connectionString: hub.eventHubConnectionString(),
      group: 'python',
      ...options,
    });

  test('reads with checkpoints in Blob Storage, and goes on where it was', async (t) => {
    const container = 'python-checkpoints';
    const blobs = BlobServiceClient.fromConnectionString(azurite.connectionString).getContainerClient(
      container,
    );
    await blobs.create();
    await fill(hub, 'py', 0, 20);
    const options = { what: 'read', storage: azurite.connectionString, container, seconds: 120 };
    const first = start(t, { ...options, count: 20 });
    await until(() => first.of('event').length === 20, 'the first 20 events');
    await first.end();
    assert.deepEqual((await first.next('hub')).partitions, ['0', '1']);
    const indexes = (program: Program) =>
      program.of('event').map(({ body }) => (body as { index: number }).index);
    assert.deepEqual(
      indexes(first),
      Array.from({ length: 20 }, (_, index) => index),
    );
    const [event] = first.of('event');
    assert.deepEqual(event?.properties, { n: '0' });
    const system = event?.system as Record<string, unknown>;
    assert.equal(system['iothub-connection-device-id'], 'py');
    assert.equal(system['x-opt-sequence-number'], event?.sequenceNumber);
    const checkpoints: string[] = [];
    for await (const { name } of blobs.listBlobsFlat())
      if (name.includes('/checkpoint/')) checkpoints.push(name);
    assert.equal(checkpoints.length, 1, 'one device has one partition');
    await fill(hub, 'py', 20, 30);
    // More than a frame holds.
    const padding = 'x'.repeat(150_000);
    await hub.stream.append({
      source: 'Telemetry',
      deviceId: 'py',
      body: Buffer.from(JSON.stringify({ index: 30, padding })),
      properties: { application: {} },
    });
    const second = start(t, { ...options, count: 11 });
    await until(() => second.of('event').length >= 11, 'the next 11 events');
    await second.end();
    assert.deepEqual(
      indexes(second),
      Array.from({ length: 11 }, (_, index) => 20 + index),
    );
    const last = second.of('event').at(-1);
    assert.deepEqual(last?.body, { index: 30, padding });
  });

  test('writes a batch whose annotations are kept, over AMQP and over WebSocket', async (t) => {
    for (const webSocket of [false, true]) {
      const consumer = consume(hub);
      t.after(() => consumer.close());
      const writer = start(t, {
        what: 'write',
        webSocket,
        connectionString: hub.eventHubConnectionString('RootManageSharedAccessKey'),
        partition: '1',
        // More than a frame holds, less than an event may have.
        paddingBytes: 150_000,
        bodies: [
          { webSocket, n: 1 },
          { webSocket, n: 2 },
        ],
      });
      assert.equal((await writer.next('sent')).bytes, 1024 * 1024);
      await writer.end();
      const mine = () => consumer.events.filter(({ body }) => body.webSocket === webSocket);
      await until(() => mine().length === 2);
      for (const event of mine()) {
        assert.equal(event.body.padding.length, 150_000);
        assert.deepEqual(event.properties, { by: 'python' });
        assert.equal(event.systemProperties?.['x-opt-origin'], 'python');
        assert.equal(event.partitionId, '1');
      }
      await consumer.close();
    }
  });

  test('is told of a wrong key', async (t) => {
    const wrong = hub.eventHubConnectionString().replace(/SharedAccessKey=[^;]+/, 'SharedAccessKey=d3Jvbmc=');
    const stranger = start(t, { what: 'read', connectionString: wrong, count: 1 });
    await assert.rejects(stranger.end(), /AuthenticationError|CBS|401/);
  });
});
