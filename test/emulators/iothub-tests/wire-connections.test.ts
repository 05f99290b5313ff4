import assert from 'node:assert/strict';
import { once } from 'node:events';
import { after, before, describe, test } from 'node:test';
import common from 'azure-iot-common';
import deviceSdk, { type Client, type Twin } from 'azure-iot-device';
import amqp from 'azure-iot-device-amqp';
import mqtt from 'azure-iot-device-mqtt';
import rhea, { type Sender } from 'rhea';
import { selfSignedClient } from '../authority.ts';
import type { IotHubEmulator } from '../iothub/emulator.ts';
import { DialAgent, serviceToken } from './state-harness.ts';
import {
  addDevice,
  addModule,
  consume,
  type DeviceTransport,
  openDevice,
  openModule,
  startTrusted,
  until,
} from './wire-support.ts';

const transports = {
  MQTT: mqtt.Mqtt as unknown as DeviceTransport,
  AMQP: amqp.Amqp as unknown as DeviceTransport,
};

function watchDisconnect(client: Client): { count: number } {
  const seen = { count: 0 };
  client.on('disconnect', () => {
    seen.count += 1;
  });
  client.on('error', () => undefined);
  client.setRetryPolicy(new common.NoRetry());
  return seen;
}

/** AMQP connects a device with its first link. */
async function attach(client: Client): Promise<void> {
  client.on('message', () => undefined);
  await client.sendEvent(new deviceSdk.Message('hello'));
}

for (const [name, transport] of Object.entries(transports)) {
  describe(`connections of devices over ${name}`, () => {
    let hub: IotHubEmulator;
    before(async () => {
      hub = await startTrusted();
    });
    after(() => hub.stop());

    test('the registry shows who is connected, and since when', async () => {
      const client = await openDevice(hub, addDevice(hub, 'state'), transport);
      await attach(client);
      assert.equal(hub.identities.get('state')?.connectionState, 'Connected');
      assert.ok(Date.parse(hub.identities.get('state')?.lastActivityTime ?? '') > Date.now() - 60_000);
      await client.close();
      await until(() => hub.identities.get('state')?.connectionState === 'Disconnected');
    });

    test('a second connection of the same device replaces the first', async () => {
      const connectionString = addDevice(hub, 'twice');
      const first = await openDevice(hub, connectionString, transport);
      const lost = watchDisconnect(first);
      await attach(first);
      const second = await openDevice(hub, connectionString, transport);
      await attach(second);
      await until(() => lost.count > 0);
      assert.equal(hub.identities.get('twice')?.connectionState, 'Connected');
      await attach(second);
      await second.close();
    });

    test('a wrong key, an unknown device and a disabled one are refused', async () => {
      const good = addDevice(hub, 'refused');
      const open = (connectionString: string) => openDevice(hub, connectionString, transport);
      await assert.rejects(open(good.replace(/SharedAccessKey=.*/, 'SharedAccessKey=d3Jvbmc=')), {
        name: 'UnauthorizedError',
      });
      await assert.rejects(open(good.replace('DeviceId=refused', 'DeviceId=nobody')), {
        name: 'UnauthorizedError',
      });
      hub.identities.update('refused', undefined, { status: 'disabled' });
      await assert.rejects(open(good), { name: 'UnauthorizedError' });
      hub.identities.update('refused', undefined, { status: 'enabled' });
      const client = await open(good);
      await attach(client);
      await client.close();
    });

    test('disabling or deleting a device ends its connection', async () => {
      for (const end of [
        (id: string) => hub.identities.update(id, undefined, { status: 'disabled' }),
        (id: string) => hub.identities.delete(id),
      ]) {
        const id = `ended-${Math.random()}`;
        const client = await openDevice(hub, addDevice(hub, id), transport);
        const lost = watchDisconnect(client);
        await attach(client);
        end(id);
        await until(() => lost.count > 0);
        assert.equal(hub.sessions.isConnected(id), false);
        await client.close().catch(() => undefined);
      }
    });

    test('a token is renewed before its end; one that is not ends the connection', async () => {
      const client = deviceSdk.Client.fromConnectionString(addDevice(hub, 'renew'), transport);
      await client.setOptions({
        ca: hub.authority.ca,
        tokenRenewal: { tokenValidTimeInSeconds: 4, tokenRenewalMarginInSeconds: 2 },
      });
      await client.open();
      const lost = watchDisconnect(client);
      client.onDeviceMethod('m', (_request, response) => {
        response.send(200, 'here', () => undefined);
      });
      await attach(client);
      await until(() => hub.sessions.get('renew')?.acceptsMethods === true);
      const before = hub.sessions.get('renew')?.principal.expiresAtMs ?? 0;
      await until(() => (hub.sessions.get('renew')?.principal.expiresAtMs ?? 0) > before);
      await until(() => Date.now() > before + 1000);
      // Over MQTT the renewal is a new connection of a persistent session, which keeps its subscriptions.
      const request = {
        methodName: 'm',
        payload: null,
        responseTimeoutInSeconds: 5,
        connectTimeoutInSeconds: 5,
      };
      const { payload } = await hub.sessions.invokeMethod('renew', undefined, request);
      assert.equal(payload, 'here');
      assert.equal(lost.count, 0);
      await client.close();

      const key = hub.identities.get('renew')?.authentication.symmetricKey.primaryKey ?? '';
      const token = common.SharedAccessSignature.create(
        `${hub.hostName}%2Fdevices%2Frenew`,
        '',
        key,
        Math.floor(Date.now() / 1000) + 2,
      );
      // The SDK's connection string takes no token, but its factory for tokens does.
      const text = token.toString().replace(/&skn=(?=&|$)/, '');
      const short = deviceSdk.Client.fromSharedAccessSignature(
        text.replace(`sr=${hub.hostName}%2F`, `sr=${hub.hostName}%2F`),
        transport as never,
      );
      await short.setOptions({ ca: hub.authority.ca });
      dial(short, hub);
      const ended = watchDisconnect(short);
      await short.open();
      await attach(short);
      await until(() => ended.count > 0);
      assert.equal(hub.sessions.isConnected('renew'), false);
    });

    test('certificates: a registered thumbprint, and one signed by an authority that the hub trusts', async () => {
      const own = await selfSignedClient('x-self');
      const thumbprint = new (await import('node:crypto')).X509Certificate(own.certificate).fingerprint256;
      hub.identities.create('x-self', undefined, {
        authentication: { type: 'selfSigned', x509Thumbprint: { primaryThumbprint: thumbprint } },
      });
      hub.identities.create('x-ca', undefined, { authentication: { type: 'certificateAuthority' } });
      const signed = await hub.authority.issueClient('x-ca');
      const consumer = consume(hub);
      const open = async (deviceId: string, pair: { certificate: string; key: string }) => {
        const text = `HostName=${hub.hostName}:${hub.port};DeviceId=${deviceId};x509=true`;
        const client = deviceSdk.Client.fromConnectionString(text, transport);
        await client.setOptions({ ca: hub.authority.ca, cert: pair.certificate, key: pair.key });
        try {
          await client.open();
          await client.sendEvent(new deviceSdk.Message(`"from ${deviceId}"`));
        } catch (error) {
          await client.close().catch(() => undefined);
          throw error;
        }
        return client;
      };
      for (const [deviceId, pair] of [
        ['x-self', own],
        ['x-ca', signed],
      ] as const) {
        const client = await open(deviceId, pair);
        const isFrom = ({ body }: { body: unknown }) => body === `from ${deviceId}`;
        await consumer.until((events) => events.some(isFrom));
        const method = consumer.events.find(isFrom)?.systemProperties?.['iothub-connection-auth-method'];
        assert.equal(JSON.parse(method).type, 'x509');
        await client.close();
      }
      await assert.rejects(open('x-ca', own));
      await assert.rejects(open('x-self', signed));
      await consumer.close();
    });
  });
}

describe('devices over WebSocket', () => {
  let hub: IotHubEmulator;
  let agent: DialAgent;
  before(async () => {
    hub = await startTrusted();
    // The SDKs insist on port 443; an agent dials the emulator's.
    agent = new DialAgent(hub.port, hub.authority.ca);
  });
  after(async () => {
    agent.destroy();
    await hub.stop();
  });

  for (const [name, transport] of Object.entries({
    'MQTT over WebSocket': mqtt.MqttWs as unknown as DeviceTransport,
    'AMQP over WebSocket': amqp.AmqpWs as unknown as DeviceTransport,
  })) {
    test(name, async () => {
      const deviceId = name.replaceAll(' ', '-');
      const connectionString = addDevice(hub, deviceId).replace(`:${hub.port}`, '');
      const client = deviceSdk.Client.fromConnectionString(connectionString, transport);
      await client.setOptions({
        ca: hub.authority.ca,
        mqtt: { webSocketAgent: agent },
        amqp: { webSocketAgent: agent },
      });
      await client.open();
      const consumer = consume(hub);
      await client.sendEvent(new deviceSdk.Message(JSON.stringify({ by: name })));
      await consumer.until((events) => events.some(({ body }) => body.by === name));
      const twin: Twin = await client.getTwin();
      assert.equal(twin.properties.desired.$version, 1);
      await consumer.close();
      await client.close();
    });
  }
});

describe('modules and what the hub says of connections', () => {
  let hub: IotHubEmulator;
  before(async () => {
    hub = await startTrusted({ builtInSources: ['deviceConnectionStateEvents'] });
  });
  after(() => hub.stop());

  for (const [name, transport] of Object.entries(transports)) {
    test(`a module's messages, outputs and inputs over ${name}`, async () => {
      const deviceId = `edge-${name}`;
      addDevice(hub, deviceId);
      const module = await openModule(hub, addModule(hub, deviceId, 'filter'), transport);
      const consumer = consume(hub);
      await module.sendOutputEvent('out1', new deviceSdk.Message(JSON.stringify({ via: name })));
      await consumer.until((events) => events.some(({ body }) => body.via === name));
      const event = consumer.events.find(({ body }) => body.via === name);
      assert.equal(event?.systemProperties?.['iothub-connection-device-id'], deviceId);
      assert.equal(event?.systemProperties?.['iothub-connection-module-id'], 'filter');
      const inputs: [string, string][] = [];
      module.on('inputMessage', (input: string, message: common.Message) => {
        inputs.push([input, message.getData().toString()]);
        void module.complete(message);
      });
      await until(() => {
        hub.sessions.get(deviceId, 'filter')?.sendInput('in1', Buffer.from('{"x":1}'), { a: 'b' });
        return inputs.length > 0;
      });
      assert.deepEqual(inputs[0], ['in1', '{"x":1}']);
      await consumer.close();
      await module.close();
    });
  }

  test('several devices on one AMQP connection, and a batch of messages from one', async () => {
    addDevice(hub, 'gw-1');
    addDevice(hub, 'gw-2');
    const connection = rhea.create_container().connect({
      transport: 'tls',
      host: 'localhost',
      port: hub.port,
      ca: [hub.authority.ca],
      username: `device@sas.root.${hub.hubName}`,
      password: serviceToken(hub.policies, 'device', hub.hostName),
      reconnect: false,
    });
    const consumer = consume(hub);
    const senders = ['gw-1', 'gw-2'].map((id) => connection.open_sender(`/devices/${id}/messages/events`));
    await Promise.all(senders.map((sender) => once(sender, 'sendable')));
    const [first, second] = senders as [Sender, Sender];
    const encode = (body: unknown) =>
      rhea.message.encode({ body: rhea.message.data_section(Buffer.from(JSON.stringify(body))) });
    second.send({ body: rhea.message.data_section(Buffer.from('{"gw":2}')) });
    const batch = rhea.message.encode({
      body: rhea.message.data_sections([encode({ gw: 1, n: 1 }), encode({ gw: 1, n: 2 })]),
    });
    first.send(batch, undefined, 0x80013700);
    await consumer.until((events) => events.filter(({ body }) => body.gw).length === 3);
    const senderOf = ({ systemProperties }: { systemProperties?: Record<string, unknown> }) =>
      systemProperties?.['iothub-connection-device-id'];
    assert.deepEqual(
      consumer.events.filter(({ body }) => body.gw === 1).map((event) => [event.body.n, senderOf(event)]),
      [
        [1, 'gw-1'],
        [2, 'gw-1'],
      ],
    );
    const method = consumer.events.find(({ body }) => body.gw === 2)?.systemProperties?.[
      'iothub-connection-auth-method'
    ];
    assert.equal(JSON.parse(method).scope, 'hub');
    const detached = once(first, 'sender_error');
    hub.identities.delete('gw-1');
    await detached;
    assert.equal(hub.sessions.isConnected('gw-2'), true);
    const closed = once(connection, 'connection_close');
    connection.close();
    await closed;
    await until(() => !hub.sessions.isConnected('gw-2'));
    await consumer.close();
  });

  test('connection state events', async () => {
    const consumer = consume(hub);
    const client = await openDevice(hub, addDevice(hub, 'noticed'));
    await client.close();
    const mine = () => consumer.events.filter(({ properties }) => properties?.deviceId === 'noticed');
    await until(() => mine().length === 2);
    assert.deepEqual(
      mine().map(({ properties }) => properties?.opType),
      ['deviceConnected', 'deviceDisconnected'],
    );
    const system = mine()[0]?.systemProperties ?? {};
    assert.equal(system['iothub-message-source'], 'deviceConnectionStateEvents');
    await consumer.close();
  });
});

/** A client made from a token knows the host of the token only; it is told the port. */
function dial(client: Client, hub: IotHubEmulator): void {
  const inner = client as unknown as {
    _transport: { _authenticationProvider: { _credentials: { gatewayHostName?: string } } };
  };
  inner._transport._authenticationProvider._credentials.gatewayHostName = `${hub.hostName}:${hub.port}`;
}
