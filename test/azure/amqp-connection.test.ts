import assert from 'node:assert/strict';
import { once } from 'node:events';
import net, { type AddressInfo } from 'node:net';
import { after, afterEach, before, describe, test } from 'node:test';
import type { Message } from 'azure-iot-common';
import type { AmqpTransport } from '../../sidecar/azure/amqp-connection.ts';
import { parseIotHub } from '../../sidecar/azure/connection-string.ts';
import { hubCredentials } from '../../sidecar/azure/credentials.ts';
import { openEventSource } from '../../sidecar/azure/event-hubs/event-source.ts';
import type { EventSource } from '../../sidecar/azure/event-hubs/event-types.ts';
import { discoverEventHub } from '../../sidecar/azure/iot-hub/endpoint-discovery.ts';
import { HubClients } from '../../sidecar/azure/iot-hub/hub-clients.ts';
import { type FeedbackRecord, listenToFeedback } from '../../sidecar/azure/iot-hub/hub-listener.ts';
import type { IotHubEmulator } from '../emulators/iothub/emulator.ts';
import { Recorder, until } from './helpers.ts';
import { startTrustedHub } from './iot-hub/hub-emulator.ts';
import { connectDevice } from './iot-hub/hub-support.ts';

const transport: AmqpTransport = 'amqp-websockets';

describe('AMQP over WebSockets', () => {
  let hub: IotHubEmulator;
  let clients: HubClients;
  const sources: EventSource[] = [];
  before(async () => {
    hub = await startTrustedHub({ partitionCount: 2, feedbackBatchMs: 50 });
    const credentials = await hubCredentials({ connectionString: hub.connectionString(), transport });
    clients = new HubClients({ credentials });
    await clients.registry.createDevice({ deviceId: 'dev-1' });
  });
  afterEach(async () => {
    await Promise.all(sources.splice(0).map((source) => source.stop()));
  });
  after(async () => {
    await clients.close();
    await hub.stop();
  });

  const append = (text: string) =>
    hub.stream.append({
      source: 'Telemetry',
      deviceId: 'dev-1',
      body: Buffer.from(text),
      properties: { contentType: 'application/json', contentEncoding: 'utf-8', application: {} },
    });

  async function open(recorder: Recorder): Promise<void> {
    const hubConnection = parseIotHub(hub.connectionString('service'));
    const connectionString = await discoverEventHub(hubConnection, { transport });
    sources.push(
      await openEventSource({
        endpoint: { kind: 'connectionString', connectionString, transport },
        consumerGroup: '$Default',
        handlers: recorder,
        startPosition: { from: 'earliest' },
        lagIntervalMs: 0,
      }),
    );
  }

  test('the endpoint is found, events arrive, and go on after every connection was cut', async () => {
    const recorder = new Recorder();
    await open(recorder);
    await append('{"n":1}');
    await until('the first event', () => recorder.events.length === 1);
    assert.ok(hub.cut('amqp') > 0, 'the emulator takes the connections for AMQP in WebSockets');
    await append('{"n":2}');
    await until('the second event', () =>
      recorder.events.some(({ event }) => event.body.toString() === '{"n":2}'),
    );
  });

  test('messages reach a device, and its feedback comes back', async () => {
    const heard: FeedbackRecord[] = [];
    const credentials = await hubCredentials({ connectionString: hub.connectionString(), transport });
    const listener = listenToFeedback({
      credentials,
      handler: (records) => void heard.push(...records),
      onState: () => undefined,
    });
    const device = await connectDevice(hub, clients, 'dev-1');
    try {
      listener.start();
      device.on('message', (message: Message) => device.complete(message, () => {}));
      const { messageId } = await clients.messages.send('dev-1', { body: 'x', ack: 'full' });
      await until('the feedback', () => heard.some((record) => record.originalMessageId === messageId));
      assert.equal(heard[0]?.statusCode, 'Success');
    } finally {
      await device.close();
      await listener.stop();
    }
  });

  test('nobody there, nobody who speaks WebSockets, a wrong key', async (t) => {
    const at = (port: number) => parseIotHub(hub.connectionString().replace(`:${hub.port}`, `:${port}`));
    await assert.rejects(discoverEventHub(at(1), { transport }), { code: 'AZURE_UNREACHABLE' });
    const rude = net.createServer((socket) => socket.destroy());
    t.after(() => rude.close());
    rude.listen(0, '127.0.0.1');
    await once(rude, 'listening');
    await assert.rejects(discoverEventHub(at((rude.address() as AddressInfo).port), { transport }), {
      code: 'AZURE_UNREACHABLE',
    });
    const wrong = hub
      .connectionString()
      .replace(/SharedAccessKey=.*/, `SharedAccessKey=${Buffer.from('no').toString('base64')}`);
    await assert.rejects(discoverEventHub(parseIotHub(wrong), { transport }), {
      code: 'AZURE_UNAUTHORIZED',
    });
  });
});
