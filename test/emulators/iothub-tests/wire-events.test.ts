import assert from 'node:assert/strict';
import { once } from 'node:events';
import { after, before, describe, type TestContext, test } from 'node:test';
import {
  EventHubConsumerClient,
  EventHubProducerClient,
  type EventPosition,
  latestEventPosition,
  type ReceivedEventData,
} from '@azure/event-hubs';
import rhea, { type EventContext } from 'rhea';
import WebSocket from 'ws';
import type { IotHubEmulator } from '../iothub/emulator.ts';
import { partitionOf } from '../iothub/partition-hash.ts';
import { serviceToken } from './state-harness.ts';
import { consume, fill, startTrusted, until } from './wire-support.ts';

/** The indexes that a reader of one partition gets from a position on. */
async function indexesFrom(
  hub: IotHubEmulator,
  partition: string,
  position: EventPosition,
  count: number,
): Promise<number[]> {
  const client = new EventHubConsumerClient('$Default', hub.eventHubConnectionString());
  const indexes: number[] = [];
  const subscription = client.subscribe(
    partition,
    {
      processEvents: async (events) => {
        for (const event of events) indexes.push(event.body.index);
      },
      processError: async (error) => {
        throw error;
      },
    },
    { startPosition: position, maxBatchSize: 100 },
  );
  await until(() => indexes.length >= count);
  await subscription.close();
  await client.close();
  return indexes;
}

describe('the event stream through the Event Hubs SDK', () => {
  let hub: IotHubEmulator;
  before(async () => {
    hub = await startTrusted({ consumerGroups: ['second'] });
  });
  after(() => hub.stop());

  test('a device has one partition, and there the order of its messages', async () => {
    const consumer = consume(hub);
    const devices = Array.from({ length: 8 }, (_, index) => `order-${index}`);
    await Promise.all(devices.map((deviceId) => fill(hub, deviceId, 0, 50)));
    await consumer.until((events) => events.length >= 400);
    for (const deviceId of devices) {
      const mine = consumer.events.filter(({ body }) => body.deviceId === deviceId);
      assert.deepEqual(
        mine.map(({ body }) => body.index),
        Array.from({ length: 50 }, (_, index) => index),
      );
      assert.deepEqual(new Set(mine.map(({ partitionId }) => partitionId)).size, 1);
    }
    for (const partition of ['0', '1', '2', '3']) {
      const numbers = consumer.events
        .filter(({ partitionId }) => partitionId === partition)
        .map(({ sequenceNumber }) => sequenceNumber);
      assert.deepEqual(
        numbers,
        numbers.map((_, index) => index),
      );
    }
    await consumer.close();
  });

  test('reading starts by offset, sequence number, time, and at the end', async () => {
    const deviceId = 'position';
    const partition = String(partitionOf(deviceId, 4));
    const { last } = hub.log.partitions[Number(partition)] ?? assert.fail();
    const base = last.sequenceNumber + 1;
    await fill(hub, deviceId, 0, 10);
    await until(() => Date.now() > (hub.log.partitions[Number(partition)]?.last.enqueuedTimeMs ?? 0));
    const middle = Date.now();
    await fill(hub, deviceId, 10, 20);
    const all = await indexesFrom(hub, partition, { sequenceNumber: base, isInclusive: true }, 20);
    assert.deepEqual(
      all,
      Array.from({ length: 20 }, (_, index) => index),
    );
    assert.equal((await indexesFrom(hub, partition, { sequenceNumber: base }, 19))[0], 1);
    assert.equal((await indexesFrom(hub, partition, { enqueuedOn: middle - 1 }, 10))[0], 10);
    const consumer = new EventHubConsumerClient('$Default', hub.eventHubConnectionString());
    const { lastEnqueuedOffset } = await consumer.getPartitionProperties(partition);
    const offset = lastEnqueuedOffset;
    assert.deepEqual(await indexesFrom(hub, partition, { offset, isInclusive: true }, 1), [19]);
    await consumer.close();
    const latest = indexesFrom(hub, partition, latestEventPosition, 1);
    let next = 100;
    // Until the reader has attached, events pass by unseen.
    const sending = setInterval(() => void fill(hub, deviceId, next, ++next), 20);
    assert.ok(((await latest)[0] ?? 0) >= 100);
    clearInterval(sending);
  });

  test('an offset that is not in the log is an error', async () => {
    const errors = await firstError(hub, { startPosition: { offset: '999999999' } });
    assert.match(errors.message, /The supplied offset '999999999' is invalid/);
  });

  test('hub and partition properties', async () => {
    const client = new EventHubConsumerClient('$Default', hub.eventHubConnectionString());
    const properties = await client.getEventHubProperties();
    assert.equal(properties.name, 'local-hub');
    assert.deepEqual(properties.partitionIds, ['0', '1', '2', '3']);
    assert.equal(properties.createdOn.getTime(), hub.log.createdAtMs);
    await fill(hub, 'props', 0, 3);
    const id = String(partitionOf('props', 4));
    const partition = await client.getPartitionProperties(id);
    assert.equal(partition.partitionId, id);
    assert.equal(partition.isEmpty, false);
    assert.equal(partition.beginningSequenceNumber, 0);
    assert.equal(partition.lastEnqueuedSequenceNumber, hub.log.partitions[Number(id)]?.last.sequenceNumber);
    assert.ok(Math.abs(partition.lastEnqueuedOnUtc.getTime() - Date.now()) < 60_000);
    await client.close();
  });

  test('every consumer group reads for itself; an unknown one is refused', async () => {
    const first = consume(hub);
    const second = consume(hub, { offset: '-1' }, 'second');
    await fill(hub, 'groups', 0, 5);
    for (const consumer of [first, second]) {
      await consumer.until((events) => events.filter(({ body }) => body.deviceId === 'groups').length === 5);
      await consumer.close();
    }
    const error = await firstError(hub, { consumerGroup: 'third' });
    assert.equal(error.code, 'MessagingEntityNotFoundError');
  });

  test('last enqueued event properties come with each message when asked for', async () => {
    const deviceId = 'metric';
    const id = String(partitionOf(deviceId, 4));
    await fill(hub, deviceId, 0, 3);
    const client = new EventHubConsumerClient('$Default', hub.eventHubConnectionString());
    const seen: number[] = [];
    const subscription = client.subscribe(
      id,
      {
        processEvents: async (_events, { lastEnqueuedEventProperties }) => {
          if (lastEnqueuedEventProperties?.sequenceNumber !== undefined) {
            seen.push(lastEnqueuedEventProperties.sequenceNumber);
          }
        },
        processError: async () => undefined,
      },
      { startPosition: { offset: '-1' }, trackLastEnqueuedEventProperties: true },
    );
    await until(() => seen.length > 0);
    assert.equal(seen.at(-1), hub.log.partitions[Number(id)]?.last.sequenceNumber);
    await subscription.close();
    await client.close();
  });

  test('an equal or higher owner level takes the partition, a lower one or none is refused', async (t) => {
    await fill(hub, READ_DEVICE, 0, 1);
    const first = reader(t, hub, { ownerLevel: 1 });
    await until(first.isReading);
    const second = reader(t, hub, { ownerLevel: 2 });
    await until(() => first.errors.includes('ReceiverDisconnectedError'));
    await until(second.isReading);
    for (const ownerLevel of [1, undefined]) {
      const low = reader(t, hub, { ownerLevel });
      await until(() => low.errors.includes('ReceiverDisconnectedError'));
      assert.equal(low.isReading(), false);
    }
    assert.deepEqual(second.errors, []);
    const equal = reader(t, hub, { ownerLevel: 2 });
    await until(() => second.errors.includes('ReceiverDisconnectedError'));
    await until(equal.isReading);
  });

  test('five readers without an owner level share a partition; an owner level ends them all', async (t) => {
    await fill(hub, READ_DEVICE, 0, 1);
    const crowd = Array.from({ length: 5 }, () => reader(t, hub, {}));
    for (const each of crowd) await until(each.isReading);
    const sixth = reader(t, hub, {});
    await until(() => sixth.errors.includes('QuotaExceededError'));
    const owner = reader(t, hub, { ownerLevel: 1 });
    for (const each of crowd) await until(() => each.errors.includes('ReceiverDisconnectedError'));
    await until(owner.isReading);
  });

  test('over WebSocket, as where only port 443 is open', async () => {
    await fill(hub, 'socket', 0, 1);
    const client = new EventHubConsumerClient('$Default', hub.eventHubConnectionString(), {
      webSocketOptions: { webSocket: WebSocket },
    });
    assert.deepEqual(await client.getPartitionIds(), ['0', '1', '2', '3']);
    const seen: unknown[] = [];
    const subscription = client.subscribe(
      String(partitionOf('socket', 4)),
      {
        processEvents: async (events) => {
          seen.push(...events.map(({ body }) => body.deviceId));
        },
        processError: async () => undefined,
      },
      { startPosition: { offset: '-1' }, maxBatchSize: 300 },
    );
    await until(() => seen.includes('socket'));
    await subscription.close();
    await client.close();
  });

  test('a producer stores batches, by key, by partition and in turn', async () => {
    const producer = new EventHubProducerClient(hub.eventHubConnectionString('RootManageSharedAccessKey'));
    const consumer = consume(hub, latestEventPosition);
    const batch = await producer.createBatch({ partitionKey: 'some-key' });
    assert.equal(batch.maxSizeInBytes, 1024 * 1024);
    for (let index = 0; index < 5; index += 1) {
      assert.ok(
        batch.tryAdd({ body: { produced: index }, properties: { n: index }, messageId: `p-${index}` }),
      );
    }
    const mine = () => consumer.events.filter(({ body }) => 'produced' in body);
    // The consumer begins at the end, so batches are sent until it is there.
    await until(async () => {
      await producer.sendBatch(batch);
      return mine().length >= 5;
    });
    const [event] = mine() as [ReceivedEventData & { partitionId: string }];
    assert.equal(event.partitionKey, 'some-key');
    assert.equal(event.partitionId, String(partitionOf('some-key', 4)));
    assert.equal(typeof event.properties?.n, 'number');
    await producer.sendBatch([{ body: { produced: 'two' } }], { partitionId: '2' });
    await until(() => mine().some(({ body }) => body.produced === 'two'));
    assert.equal(mine().find(({ body }) => body.produced === 'two')?.partitionId, '2');
    await producer.close();
    await consumer.close();
  });

  test('rights: the built-in endpoint is closed to senders, and to policies without ServiceConnect', async () => {
    // The SDK takes a refusal for something that may pass, and would try again every 30 s.
    const producer = new EventHubProducerClient(hub.eventHubConnectionString('service'), {
      retryOptions: { maxRetries: 0 },
    });
    await assert.rejects(producer.sendBatch([{ body: 1 }]), { code: 'UnauthorizedError' });
    await producer.close();
    const listener = new EventHubConsumerClient('$Default', hub.eventHubConnectionString('listen'));
    assert.equal((await listener.getPartitionIds()).length, 4);
    await listener.close();
    const registry = new EventHubConsumerClient('$Default', hub.eventHubConnectionString('registryRead'), {
      retryOptions: { maxRetries: 0 },
    });
    await assert.rejects(registry.getPartitionIds(), { code: 'UnauthorizedError' });
    await registry.close();
    const wrong = hub.eventHubConnectionString().replace(/SharedAccessKey=[^;]+/, 'SharedAccessKey=d3Jvbmc=');
    const stranger = new EventHubConsumerClient('$Default', wrong, { retryOptions: { maxRetries: 0 } });
    await assert.rejects(stranger.getPartitionIds(), { code: 'UnauthorizedError' });
    await stranger.close();
  });

  test("the hub's own address is redirected to the Event Hubs-compatible endpoint", async () => {
    const policy = 'service';
    const address = `amqps://${hub.hostName}/messages/events/$management`;
    const connection = rhea.create_container().connect({
      transport: 'tls',
      host: 'localhost',
      port: hub.port,
      ca: [hub.authority.ca],
      username: `${policy}@sas.root.${hub.hubName}`,
      password: serviceToken(hub.policies, policy, `${hub.hostName}/messages/events`),
      reconnect: false,
    });
    const receiver = connection.open_receiver(address);
    const error = await new Promise<{ condition?: string; info?: Record<string, unknown> }>((resolve) => {
      receiver.on('receiver_error', (context: EventContext) => resolve(context.receiver?.error as object));
    });
    assert.equal(error.condition, 'amqp:link:redirect');
    assert.equal(error.info?.hostname, 'localhost');
    assert.equal(error.info?.port, hub.port);
    assert.equal(error.info?.address, `amqps://localhost:${hub.port}/local-hub/$management`);
    const closed = once(connection, 'connection_close');
    connection.close();
    await closed;
  });
});

const READ_DEVICE = 'read-device';

/** A reader of the partition of one device, from its start, that tells whether it has read anything and how it was ended. */
function reader(t: TestContext, hub: IotHubEmulator, { ownerLevel }: { ownerLevel?: number | undefined }) {
  const client = new EventHubConsumerClient('$Default', hub.eventHubConnectionString(), {
    retryOptions: { maxRetries: 0 },
  });
  const errors: string[] = [];
  let read = 0;
  const subscription = client.subscribe(
    String(partitionOf(READ_DEVICE, 4)),
    {
      processEvents: async (events) => {
        read += events.length;
      },
      processError: async (error) => {
        errors.push(`${(error as { code?: string }).code}`);
      },
    },
    {
      startPosition: { offset: '-1' },
      maxWaitTimeInSeconds: 1,
      ...(ownerLevel === undefined ? {} : { ownerLevel }),
    },
  );
  t.after(async () => {
    await subscription.close();
    await client.close();
  });
  return { errors, isReading: () => read > 0 };
}

/** The first error that a subscription meets. */
async function firstError(
  hub: IotHubEmulator,
  options: { startPosition?: EventPosition; consumerGroup?: string },
): Promise<Error & { code?: string }> {
  const group = options.consumerGroup ?? '$Default';
  const client = new EventHubConsumerClient(group, hub.eventHubConnectionString(), {
    retryOptions: { maxRetries: 0 },
  });
  let subscription: { close(): Promise<void> } | undefined;
  const error = await new Promise<Error>((resolve) => {
    subscription = client.subscribe(
      '0',
      {
        processEvents: async () => undefined,
        processError: async (failure) => resolve(failure as Error),
      },
      { startPosition: options.startPosition ?? { offset: '-1' } },
    );
  });
  await subscription?.close();
  await client.close();
  return error;
}
