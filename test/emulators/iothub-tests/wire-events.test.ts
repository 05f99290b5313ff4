import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { appendFile, mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import {
  EventHubConsumerClient,
  EventHubProducerClient,
  type EventPosition,
  latestEventPosition,
  type ReceivedEventData,
} from '@azure/event-hubs';
import rhea, { type EventContext } from 'rhea';
import type { IotHubEmulator, IotHubOptions } from '../iothub/emulator.ts';
import { partitionOf } from '../iothub/partition-hash.ts';
import { serviceToken } from './state-harness.ts';
import { consume, startTrusted, until } from './wire-support.ts';

/** Puts telemetry into the stream past the protocols. */
async function fill(hub: IotHubEmulator, deviceId: string, from: number, to: number): Promise<void> {
  const appends: Promise<void>[] = [];
  for (let index = from; index < to; index += 1) {
    const body = Buffer.from(JSON.stringify({ index, deviceId }));
    appends.push(
      hub.stream.append({
        source: 'Telemetry',
        deviceId,
        body,
        properties: { application: { n: `${index}` } },
      }),
    );
  }
  await Promise.all(appends);
}

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

  test('an equal or higher owner level takes the partition, a lower one is refused', async () => {
    const owner = (ownerLevel: number) => {
      const client = new EventHubConsumerClient('$Default', hub.eventHubConnectionString());
      const closed: string[] = [];
      const errors: string[] = [];
      let started = false;
      const subscription = client.subscribe(
        '0',
        {
          processInitialize: async () => {
            started = true;
          },
          processEvents: async () => undefined,
          processError: async (error) => {
            errors.push(`${(error as { code?: string }).code}`);
          },
          processClose: async (reason) => {
            closed.push(reason);
          },
        },
        { startPosition: { offset: '-1' }, ownerLevel, maxWaitTimeInSeconds: 1 },
      );
      const close = async () => {
        await subscription.close();
        await client.close();
      };
      return { closed, errors, isStarted: () => started, close };
    };
    const first = owner(1);
    await until(first.isStarted);
    await new Promise((resolve) => setTimeout(resolve, 200));
    const second = owner(2);
    await until(() => first.errors.includes('ReceiverDisconnectedError'));
    const low = owner(1);
    await until(() => low.errors.includes('ReceiverDisconnectedError'));
    assert.deepEqual(second.errors, []);
    for (const each of [first, second, low]) await each.close();
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

describe('what is kept of the event stream', () => {
  test('a restart keeps events, numbering, keys, devices and the time of creation', async () => {
    const directory = await mkdtemp(join(tmpdir(), 'wire-restart-'));
    const options: IotHubOptions = { directory, partitionCount: 2 };
    const first = await startTrusted(options);
    const createdAtMs = first.log.createdAtMs;
    first.identities.create('kept', undefined, {});
    await fill(first, 'kept', 0, 20);
    const strings = [first.connectionString(), first.eventHubConnectionString()].map(withoutPort);
    await first.stop();
    const second = await startTrusted({ directory });
    assert.deepEqual(
      [second.connectionString(), second.eventHubConnectionString()].map(withoutPort),
      strings,
    );
    assert.ok(second.identities.get('kept'));
    await fill(second, 'kept', 20, 25);
    const consumer = consume(second);
    await consumer.until((events) => events.length >= 25);
    assert.deepEqual(
      consumer.events.map(({ body, sequenceNumber }) => [body.index, sequenceNumber]),
      Array.from({ length: 25 }, (_, index) => [index, index]),
    );
    assert.equal((await consumer.client.getEventHubProperties()).createdOn.getTime(), createdAtMs);
    await consumer.close();
    await second.stop();
    await rm(directory, { recursive: true });
  });

  test('an emulator that is killed keeps what it has acknowledged', async () => {
    const directory = await mkdtemp(join(tmpdir(), 'wire-killed-'));
    const run = async () => {
      const args = [fileURLToPath(new URL('../iothub/main.ts', import.meta.url)), '--directory', directory];
      const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] });
      const [line] = (await once(child.stdout, 'data')) as [Buffer];
      return { child, controlUrl: (JSON.parse(line.toString()) as { controlUrl: string }).controlUrl };
    };
    const killed = await run();
    const send = async (index: number) => {
      const body = JSON.stringify({ deviceId: `k-${index % 7}`, body: { index } });
      await fetch(`${killed.controlUrl}/events`, { method: 'POST', body });
    };
    let acknowledged = 0;
    const sending = (async () => {
      for (;;) {
        await send(acknowledged);
        acknowledged += 1;
        if (acknowledged === 50) killed.child.kill('SIGKILL');
      }
    })();
    await assert.rejects(sending);
    // What a kill in the middle of a write leaves behind.
    for (const partition of ['0', '1', '2', '3']) {
      const folder = join(directory, 'events', partition);
      for (const file of await readdir(folder)) {
        if (file.endsWith('.slab')) await appendFile(join(folder, file), Buffer.from([0, 0, 1]));
      }
    }
    const hub = await startTrusted({ directory });
    await fill(hub, 'k-after', 1000, 1001);
    const consumer = consume(hub);
    await consumer.until((events) => events.length > acknowledged);
    const indexes = consumer.events.map(({ body }) => body.index);
    for (let index = 0; index < acknowledged; index += 1)
      assert.ok(indexes.includes(index), `event ${index}`);
    await consumer.close();
    await hub.stop();
    await rm(directory, { recursive: true });
  });

  test('retention by bytes removes the oldest events and the reader goes on with the rest', async () => {
    const hub = await startTrusted({ partitionCount: 1, retentionBytes: 3 << 20, cacheBytes: 1 << 20 });
    const body = Buffer.alloc(10_000, 'x');
    const total = 1000;
    for (let index = 0; index < total; index += 1) {
      const properties = { application: { n: `${index}` } };
      await hub.stream.append({ source: 'Telemetry', deviceId: 'big', body, properties });
    }
    const partition = hub.log.partitions[0] ?? assert.fail();
    await until(() => partition.bytes <= 3 << 20);
    const begin = partition.beginSequence;
    assert.ok(begin > 500);
    const consumer = consume(hub);
    await consumer.until((events) => events.length >= total - begin);
    assert.equal(consumer.events[0]?.sequenceNumber, begin);
    assert.equal(consumer.events.at(-1)?.properties?.n, `${total - 1}`);
    await consumer.close();
    await hub.stop();
  });
});

function withoutPort(text: string): string {
  return text.replace(/localhost:\d+/, 'localhost');
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
