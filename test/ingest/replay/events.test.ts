import assert from 'node:assert/strict';
import { afterEach, beforeEach, describe, test } from 'node:test';
import { openEventSource } from '../../../sidecar/azure/event-hubs/event-source.ts';
import { FileDeadLetterStore } from '../../../sidecar/dead-letters/file-store.ts';
import { EventReplay, type EventReplayInput } from '../../../sidecar/ingest/replay/events.ts';
import { isEnded, type TaskRecord } from '../../../sidecar/tasks/task.ts';
import { TaskStore } from '../../../sidecar/tasks/task-store.ts';
import { Tasks } from '../../../sidecar/tasks/tasks.ts';
import { EventHubServer } from '../../azure/event-hubs/event-hub-server.ts';
import { BEGIN_MS, listeningLog, scratchDirectory, until } from '../../dead-letters/letters.ts';
import { TestPipeline } from '../pipeline-fixture.ts';

describe('replay of events', () => {
  let server: EventHubServer;
  let pipeline: TestPipeline;
  let letters: FileDeadLetterStore;
  let tasks: Tasks;
  let directory: string;
  let remove: () => Promise<void>;

  /** An event each second, numbered over all partitions. */
  const fill = (partition: number, from: number, to: number, device = 'dev-1') => {
    for (let number = from; number < to; number += 1)
      server.append(partition, {
        body: `{"temperature":${number}}`,
        annotations: { 'iothub-connection-device-id': device },
        enqueuedMs: BEGIN_MS + number * 1_000,
      });
  };
  const openTasks = async () => {
    tasks = new Tasks({ store: TaskStore.inDirectory(`${directory}/tasks`), log: listeningLog().log });
    const forwarder = pipeline.forwarder(letters);
    tasks.define(
      new EventReplay({
        openSource: (options) =>
          openEventSource({
            ...options,
            endpoint: { kind: 'connectionString', connectionString: server.connectionString },
            maxBatchSize: 20,
            lagIntervalMs: 0,
          }),
        forwarder: () => forwarder,
        log: listeningLog().log,
      }),
    );
    await tasks.start();
  };
  const submit = (fromSeconds: number, toSeconds: number, more: Partial<EventReplayInput> = {}) =>
    tasks.submit('ReplayEvents', 'Replay', {
      fromMs: BEGIN_MS + fromSeconds * 1_000,
      toMs: BEGIN_MS + toSeconds * 1_000,
      consumerGroup: '$Default',
      ...more,
    });
  const replay = async (...args: Parameters<typeof submit>): Promise<TaskRecord> => {
    const { id } = await submit(...args);
    await until(() => isEnded(tasks.get(id)));
    return tasks.get(id);
  };
  const numbers = () =>
    pipeline.thingworx.rows.map(({ values }) => values.temperature as number).sort((a, b) => a - b);
  const range = (from: number, to: number) => Array.from({ length: to - from }, (_, i) => from + i);

  beforeEach(async () => {
    ({ directory, remove } = await scratchDirectory());
    server = new EventHubServer(3);
    await server.start();
    pipeline = new TestPipeline();
    await pipeline.start();
    pipeline.thingworx.things.set('dev-1', { temperature: 'NUMBER' });
    letters = new FileDeadLetterStore({ directory: `${directory}/letters`, log: listeningLog().log });
    await openTasks();
  });
  afterEach(async () => {
    await tasks.stop();
    await letters.close();
    await pipeline.stop();
    await server.stop();
    await remove();
  });

  test('takes exactly the window, of all partitions, without an origin', async () => {
    fill(0, 0, 100);
    fill(1, 100, 150);
    fill(1, 150, 200);
    const ended = await replay(10, 160);
    assert.deepEqual([ended.state, ended.counts], ['completed', { delivered: 151 }]);
    assert.deepEqual(numbers(), range(10, 161));
    assert.ok(pipeline.thingworx.calls.every(({ stream }) => stream === undefined));
  });

  test('misses no message of the window that stands behind one from after it', async () => {
    const take = (number: number, takenAtSeconds: number) =>
      server.append(0, {
        body: `{"temperature":${number}}`,
        annotations: {
          'iothub-connection-device-id': 'dev-1',
          'iothub-enqueuedtime': BEGIN_MS + takenAtSeconds * 1_000,
        },
        enqueuedMs: BEGIN_MS + number * 1_000,
      });
    for (const number of range(0, 19)) take(number, number);
    // The end of a batch, of 20 at most.
    take(19, 31);
    take(20, 29);
    take(200, 200);
    take(201, 201);
    assert.equal((await replay(0, 30)).state, 'completed');
    assert.deepEqual(numbers(), [...range(0, 19), 20]);
  });

  test('ends where there is nothing: empty partitions, a window before or after all events', async () => {
    assert.equal((await replay(0, 10)).state, 'completed');
    fill(0, 100, 110);
    assert.deepEqual((await replay(0, 10)).counts, {});
    assert.deepEqual((await replay(500, 600)).counts, {});
    assert.deepEqual(numbers(), []);
  });

  test('takes only the messages of one device when it is told to', async () => {
    pipeline.thingworx.things.set('dev-2', { temperature: 'NUMBER' });
    fill(0, 0, 10);
    fill(0, 10, 20, 'dev-2');
    assert.deepEqual((await replay(0, 100, { deviceId: 'dev-2' })).counts, { delivered: 10 });
    assert.deepEqual(numbers(), range(10, 20));
  });

  test('puts what is refused into the dead letters, under the ids that lanes give', async () => {
    fill(0, 0, 3, 'nobody');
    assert.deepEqual((await replay(0, 100)).counts, { deadLettered: 3 });
    const { letters: found } = await letters.list({}, { limit: 10 });
    assert.match(found[0]?.id ?? '', /^\d{13}-[0-9a-f]{8}-0-2$/);
    await replay(0, 100);
    assert.equal((await letters.stats()).count, 3);
  });

  test('goes on after a stop from the last settled event of each partition', async () => {
    fill(0, 0, 200);
    fill(1, 200, 400);
    pipeline.thingworx.trouble = () => (pipeline.thingworx.rows.length >= 120 ? { status: 503 } : undefined);
    const { id } = await submit(0, 1_000);
    await until(() => pipeline.waits.length > 0);
    await tasks.stop();
    pipeline.thingworx.trouble = () => undefined;
    await openTasks();
    await until(() => tasks.get(id).state === 'completed');
    assert.deepEqual([...new Set(numbers())], range(0, 400));
    assert.ok(pipeline.thingworx.rows.length <= 400 + 20, 'no more than one batch was sent again');
    assert.equal(tasks.get(id).counts.delivered, 400);
  });

  test('can be cancelled', async () => {
    fill(0, 0, 50);
    pipeline.thingworx.trouble = () => ({ status: 503 });
    const { id } = await submit(0, 1_000);
    await until(() => pipeline.waits.length > 0);
    assert.equal((await tasks.cancel(id)).state, 'cancelled');
    const { received, released, inFlight } = pipeline.counters.counts;
    assert.deepEqual([received, inFlight], [released, 0]);
  });

  test('fails when Azure refuses the key, or has no such consumer group', async () => {
    fill(0, 0, 5);
    server.authorize = () => false;
    const refused = await replay(0, 10);
    assert.deepEqual([refused.state, refused.error?.code], ['failed', 'AZURE_UNAUTHORIZED']);
    server.authorize = () => true;
    server.refuseReaders = 'amqp:not-found';
    const missing = await replay(0, 10);
    assert.deepEqual([missing.state, missing.error?.code], ['failed', 'CONSUMER_GROUP_NOT_FOUND']);
  });
});
