import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import type { IncomingMessage } from 'node:http';
import https from 'node:https';
import net from 'node:net';
import { after, before, beforeEach, describe, test } from 'node:test';
import tls from 'node:tls';
import { fileURLToPath } from 'node:url';
import common from 'azure-iot-common';
import deviceSdk from 'azure-iot-device';
import mqttPacket from 'mqtt-packet';
import rhea from 'rhea';
import type { IotHubEmulator } from '../iothub/emulator.ts';
import { partitionOf } from '../iothub/partition-hash.ts';
import { DialAgent, deviceToken, sdkClients, serviceToken } from './state-harness.ts';
import { addDevice, consume, openDevice, openService, startTrusted, until } from './wire-support.ts';

async function control(
  url: string,
  method: string,
  path: string,
  body?: unknown,
): Promise<Record<string, unknown>> {
  const response = await fetch(url + path, {
    method,
    ...(body === undefined ? {} : { body: typeof body === 'string' ? body : JSON.stringify(body) }),
    headers: { 'content-type': typeof body === 'string' ? 'application/x-ndjson' : 'application/json' },
  });
  assert.equal(response.status, 200, await response.clone().text());
  return (await response.json()) as Record<string, unknown>;
}

describe('the control endpoint', () => {
  let hub: IotHubEmulator;
  const post = (path: string, body?: unknown) => control(hub.controlUrl, 'POST', path, body ?? {});
  before(async () => {
    hub = await startTrusted();
  });
  beforeEach(() => control(hub.controlUrl, 'DELETE', '/faults'));
  after(() => hub.stop());

  test('fills the stream: one event, several, line by line, many copies', async () => {
    const consumer = consume(hub);
    await post('/events', { deviceId: 'pre', body: { one: 1 }, properties: { a: 'b' }, messageId: 'm' });
    await post('/events', [
      { deviceId: 'pre', body: { two: 2 } },
      { deviceId: 'pre', bodyBase64: Buffer.from([1, 2, 3]).toString('base64') },
    ]);
    const lines = [4, 5, 6].map((n) => JSON.stringify({ deviceId: 'pre', body: { n } })).join('\n');
    assert.deepEqual(await post('/events', lines), { appended: 3 });
    assert.deepEqual(await post('/events?copies=1000', { deviceId: 'pre', body: 'text' }), {
      appended: 1000,
    });
    await consumer.until((events) => events.length === 1006);
    assert.deepEqual(consumer.events[0]?.properties, { a: 'b' });
    assert.equal(consumer.events[0]?.systemProperties?.['iothub-message-source'], 'Telemetry');
    await consumer.close();
  });

  test('a cut connection: the consumer comes back and misses nothing', async () => {
    const consumer = consume(hub);
    const mine = () =>
      consumer.events.filter(({ body }) => body.cut !== undefined).map(({ body }) => body.cut);
    let next = 0;
    for (let round = 0; round < 3; round += 1) {
      for (let index = 0; index < 20; index += 1) {
        await post('/events', { deviceId: `cut-${index % 4}`, body: { cut: next++ } });
      }
      await until(() => mine().length === next);
      const { cut } = await post('/cut', { protocol: 'amqp' });
      assert.equal(cut, 1);
    }
    assert.deepEqual(
      mine().sort((left, right) => left - right),
      Array.from({ length: next }, (_, index) => index),
    );
    await consumer.close();
  });

  // Without the Event Hubs SDK: after a detach it forgets a timer that keeps the process alive for 45 minutes.
  test('detached links are told why', async () => {
    const connection = rhea.create_container().connect({
      transport: 'tls',
      host: 'localhost',
      port: hub.port,
      ca: [hub.authority.ca],
      username: 'listen',
      password: hub.policies.eventHub.get('listen')?.primaryKey ?? '',
      reconnect: false,
    });
    const receiver = connection.open_receiver(`${hub.hubName}/ConsumerGroups/$Default/Partitions/1`);
    await once(receiver, 'receiver_open');
    const detached = once(receiver, 'receiver_error');
    assert.deepEqual(await post('/detach', { address: 'Partitions/0' }), { detached: 0 });
    const order = { address: 'Partitions/1', condition: 'amqp:internal-error', description: 'on purpose' };
    assert.deepEqual(await post('/detach', order), { detached: 1 });
    await detached;
    const { condition, description } = receiver.error as { condition?: string; description?: string };
    assert.deepEqual([condition, description], ['amqp:internal-error', 'on purpose']);
    const closed = once(connection, 'connection_close');
    connection.close();
    await closed;
  });

  test('a paused partition keeps its events back', async () => {
    const partition = partitionOf('paused', 4);
    const other = ['a', 'b', 'c', 'd', 'e', 'f'].find((id) => partitionOf(id, 4) !== partition) as string;
    const consumer = consume(hub);
    await post('/pause', { partition });
    await post('/events', { deviceId: 'paused', body: { paused: true } });
    await post('/events', { deviceId: other, body: { flowing: true } });
    await consumer.until((events) => events.some(({ body }) => body.flowing));
    assert.equal(
      consumer.events.some(({ body }) => body.paused),
      false,
    );
    await post('/pause', { partition, paused: false });
    await consumer.until((events) => events.some(({ body }) => body.paused));
    await consumer.close();
  });

  test('refused connections: MQTT says so, the others are cut', async () => {
    const connectionString = addDevice(hub, 'refused');
    await post('/refuse', { protocol: 'mqtt' });
    await assert.rejects(openDevice(hub, connectionString), { name: 'ServiceUnavailableError' });
    await post('/refuse', { protocol: 'mqtt', refused: false });
    await (await openDevice(hub, connectionString)).close();
  });

  test('REST answers with throttling and errors as often as asked', async () => {
    const agent = new DialAgent(hub.port, hub.authority.ca);
    const { registry } = sdkClients(hub.connectionString().replace(`:${hub.port}`, ''), agent);
    addDevice(hub, 'rest');
    const options = { status: 429, errorCode: 429001, retryAfterSeconds: 1, count: 1, path: '^/devices/' };
    await post('/rest-faults', options);
    await assert.rejects(registry.get('rest'), { name: 'ThrottlingError' });
    assert.equal((await registry.get('rest')).responseBody.deviceId, 'rest');
    await post('/rest-faults', { status: 503, count: 1 });
    await assert.rejects(registry.get('rest'), { name: 'ServiceUnavailableError' });
    await post('/rest-faults', { cut: 'before', count: 1 });
    await assert.rejects(registry.get('rest'));
    agent.destroy();
  });

  test('delays hold back requests, acknowledgements and events', async () => {
    const agent = new DialAgent(hub.port, hub.authority.ca);
    const { registry } = sdkClients(hub.connectionString().replace(`:${hub.port}`, ''), agent);
    const client = await openDevice(hub, addDevice(hub, 'delayed'));
    for (const point of ['http', 'telemetry', 'events']) await post('/delay', { point, milliseconds: 300 });
    // Timers may fire a millisecond early, never more.
    const atLeast = async (work: Promise<unknown>) => {
      const begin = performance.now();
      await work;
      assert.ok(performance.now() - begin >= 298);
    };
    await atLeast(registry.get('delayed'));
    await atLeast(client.sendEvent(new deviceSdk.Message('{"delayed":true}')));
    const consumer = consume(hub);
    await atLeast(consumer.until((events) => events.some(({ body }) => body.delayed)));
    await consumer.close();
    await client.close();
    agent.destroy();
  });

  test('expired tokens: the connection ends and a new token is needed', async () => {
    const client = await openDevice(hub, addDevice(hub, 'expire'));
    client.setRetryPolicy(new common.NoRetry());
    let lost = 0;
    client.on('disconnect', () => {
      lost += 1;
    });
    client.on('error', () => undefined);
    await client.sendEvent(new deviceSdk.Message('"before"'));
    await post('/expire-tokens');
    await until(() => lost > 0);
    assert.equal(hub.sessions.isConnected('expire'), false);
    await client.close().catch(() => undefined);
  });

  test('a clock that is off: the Date of REST answers, and the end of tokens', async () => {
    const agent = new DialAgent(hub.port, hub.authority.ca);
    const token = serviceToken(hub.policies, 'iothubowner');
    const get = async () => {
      const request = https.get({
        host: 'localhost',
        path: '/devices?api-version=2021-04-12',
        headers: { authorization: token },
        agent,
      });
      const [response] = (await once(request, 'response')) as [IncomingMessage];
      response.resume();
      return { status: response.statusCode, aheadMs: Date.parse(response.headers.date ?? '') - Date.now() };
    };
    const level = await get();
    assert.equal(level.status, 200);
    assert.ok(Math.abs(level.aheadMs) < 60_000, `${level.aheadMs}`);
    const day = 86_400_000;
    await post('/clock', { offsetMs: day });
    const ahead = await get();
    assert.equal(ahead.status, 401, 'for the hub the token is over');
    assert.ok(Math.abs(ahead.aheadMs - day) < 60_000, `${ahead.aheadMs}`);
    await post('/clock', { offsetMs: -day });
    const behind = await get();
    assert.equal(behind.status, 200);
    assert.ok(Math.abs(behind.aheadMs + day) < 60_000, `${behind.aheadMs}`);
    await control(hub.controlUrl, 'DELETE', '/faults');
    assert.ok(Math.abs((await get()).aheadMs) < 60_000);
    agent.destroy();
  });

  test('a request from a browser page is refused, an unknown one is not found', async () => {
    const refused = await fetch(hub.controlUrl, { headers: { origin: 'https://example.org' } });
    assert.equal(refused.status, 403);
    assert.equal((await fetch(`${hub.controlUrl}/nothing`, { method: 'POST' })).status, 404);
    const state = await control(hub.controlUrl, 'GET', '/');
    assert.equal(state.hubName, 'local-hub');
  });
});

test('the emulator as a process: says where it is in one line, ends on SIGTERM', async () => {
  const main = fileURLToPath(new URL('../iothub/main.ts', import.meta.url));
  const child = spawn(process.execPath, [main, '--partitions', '2', '--consumer-group', 'other'], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const [line] = (await once(child.stdout, 'data')) as [Buffer];
  const ready = JSON.parse(line.toString()) as Record<string, string>;
  assert.match(
    ready.iotHubConnectionString ?? '',
    /^HostName=localhost:\d+;SharedAccessKeyName=iothubowner;/,
  );
  const state = await control(ready.controlUrl ?? '', 'GET', '/');
  assert.equal((state.partitions as unknown[]).length, 2);
  child.kill('SIGTERM');
  const [code] = await once(child, 'exit');
  assert.equal(code, 0);
});

describe('what must not harm the emulator', () => {
  let hub: IotHubEmulator;
  before(async () => {
    hub = await startTrusted();
  });
  after(() => hub.stop());

  test('throttling on demand reaches devices and services in their protocols', async () => {
    const connectionString = addDevice(hub, 'slow');
    const device = await openDevice(hub, connectionString);
    const service = await openService(hub);
    service.setRetryPolicy(new common.NoRetry());
    await device.getTwin();
    await control(hub.controlUrl, 'POST', '/throttle', { factor: 0.0001, burstSeconds: 0.001 });
    const readTwin = () =>
      new Promise<void>((resolve, reject) => {
        const inner = device as unknown as {
          _transport: { getTwin(done: (error?: Error | null) => void): void };
        };
        inner._transport.getTwin((error) => (error ? reject(error) : resolve()));
      });
    await readTwin();
    await assert.rejects(readTwin(), /throttled/);
    const message = new common.Message('x');
    await service.send('slow', message);
    await assert.rejects(service.send('slow', message), { name: 'ThrottlingError' });
    await control(hub.controlUrl, 'POST', '/throttle', { on: false });
    await readTwin();
    await service.close();
    await device.close();
  });

  test('clients that say nothing do not hold up the end', { timeout: 20_000 }, async (t) => {
    const other = await startTrusted();
    // One before its TLS handshake, one after it: the emulator would wait 30 s for the first bytes of either.
    const bare = net.connect(other.port, '127.0.0.1');
    const silent = tls.connect({ host: 'localhost', port: other.port, ca: other.authority.ca });
    for (const socket of [bare, silent]) {
      socket.on('error', () => undefined);
      t.after(() => socket.destroy());
    }
    await Promise.all([once(bare, 'connect'), once(silent, 'secureConnect')]);
    const closed = Promise.all([once(bare, 'close'), once(silent, 'close')]);
    await other.stop();
    await closed;
  });

  test('a SUBSCRIBE without topics ends the connection and nothing else', async () => {
    addDevice(hub, 'empty-subscribe');
    const key = hub.identities.get('empty-subscribe')?.authentication.symmetricKey.primaryKey ?? '';
    const socket = tls.connect({ host: 'localhost', port: hub.port, ca: hub.authority.ca });
    await once(socket, 'secureConnect');
    socket.write(
      mqttPacket.generate({
        cmd: 'connect',
        protocolId: 'MQTT',
        protocolVersion: 4,
        clientId: 'empty-subscribe',
        clean: true,
        keepalive: 60,
        username: `${hub.hostName}/empty-subscribe`,
        password: Buffer.from(deviceToken('empty-subscribe', key)),
      }),
    );
    await once(socket, 'data');
    // Packet type 8, two bytes: the message id alone.
    socket.write(Buffer.from([0x82, 0x02, 0x00, 0x01]));
    await once(socket, 'close');
    assert.equal(hub.sessions.isConnected('empty-subscribe'), false);
  });

  test('bytes that are no protocol, broken packets and clients that leave in the middle', async () => {
    const pieces = [
      Buffer.from([0, 1, 2, 3]),
      Buffer.from('AMQP'),
      Buffer.from('AMQP\x03\x01\x00\x00garbage that is no frame at all'),
      Buffer.from('AMQP\x00\x01\x00\x00\x00\x00\x00\x0c\x02\x00\x00\x00\xff\xff\xff\xff', 'latin1'),
      Buffer.from([0x10, 0x05, 0x00, 0x04, 0x4d, 0x51, 0x54]),
      Buffer.from([0x10, 0xff, 0xff, 0xff, 0xff, 0xff]),
      Buffer.from('GET / HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n'),
      Buffer.from('POST /devices/query?api-version=2021-04-12 HTTP/1.1\r\nContent-Length: 99999\r\n\r\n{'),
      randomBytes(2000),
    ];
    for (const bytes of pieces) {
      const socket = tls.connect({
        host: '127.0.0.1',
        port: hub.port,
        ca: hub.authority.ca,
        servername: 'localhost',
      });
      socket.on('error', () => undefined);
      await once(socket, 'secureConnect');
      socket.write(bytes);
      await new Promise((resolve) => setTimeout(resolve, 20));
      socket.destroy();
    }
    const device = await openDevice(hub, addDevice(hub, 'survivor'));
    const consumer = consume(hub);
    await device.sendEvent(new deviceSdk.Message('{"alive":true}'));
    await consumer.until((events) => events.some(({ body }) => body.alive));
    await consumer.close();
    await device.close();
  });
});
