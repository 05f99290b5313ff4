import assert from 'node:assert/strict';
import { afterEach, beforeEach, describe, test } from 'node:test';
import { ConnectorError } from '../../sidecar/errors/connector-error.ts';
import { HubCondition } from '../../sidecar/hub/condition.ts';
import { Partitions } from '../../sidecar/hub/partitions.ts';
import { Sender } from '../../sidecar/ingest/lanes/sender.ts';
import { ThingworxClient } from '../../sidecar/thingworx/client.ts';
import { listeningLog, message, until } from '../dead-letters/letters.ts';
import { TestPipeline } from '../ingest/pipeline-fixture.ts';

describe('partitions of a hub', () => {
  let pipeline: TestPipeline;
  let client: ThingworxClient;
  let partitions: Partitions;
  let condition: HubCondition;
  let append: () => Promise<void>;
  let checkpoint: () => Promise<boolean>;
  let lines: readonly unknown[];
  let unwritten: (string | undefined)[];
  let leading: boolean[];

  beforeEach(async () => {
    append = async () => undefined;
    checkpoint = async () => true;
    unwritten = [];
    leading = [];
    pipeline = new TestPipeline();
    await pipeline.start();
    pipeline.thingworx.things.set('dev-1', { temperature: 'NUMBER' });
    client = new ThingworxClient({ url: pipeline.thingworx.url, appKey: 'key' });
    const { log, lines: written } = listeningLog();
    lines = written;
    condition = new HubCondition({ log, onChange: () => undefined, shared: () => [] });
    condition.opened();
    partitions = new Partitions({
      laneOptions: (waiting) => ({
        ...pipeline.parts,
        sender: new Sender({
          client,
          hubThing: 'hub',
          counters: pipeline.counters,
          ...pipeline.shared,
          onWaiting: waiting('send'),
        }),
        deadLetters: { append: () => append() },
        limits: () => ({
          maxRowsPerCall: 100,
          maxBytesPerCall: 100_000,
          messagesInFlight: 100,
          bytesInFlight: 100_000,
        }),
        onWaiting: waiting('dead letters'),
        log,
      }),
      owner: 'me',
      onBlocked: (who, error) => condition.setBlocked(who, error),
      onUnwritten: (error) => unwritten.push(error?.message),
      onError: () => undefined,
      onReceived: () => undefined,
      onLeading: (leads) => leading.push(leads),
      log,
    });
    // Of a source only its identity and the way to its checkpoints matter here.
    partitions.attach({
      streamIdentity: 's',
      partitionIds: ['0', '1'],
      checkpoint: () => checkpoint(),
      stillOwns: async () => true,
      lastEnqueued: () => undefined,
    } as never);
  });
  afterEach(async () => {
    for (const id of ['0', '1']) await partitions.onPartitionClose(id, 'lost');
    await client.close();
    await pipeline.stop();
  });

  test('checkpoints that cannot be written are told once for all partitions, and once when all are written', async () => {
    let isAway = true;
    checkpoint = async () => {
      if (isAway) throw new ConnectorError('AZURE_UNREACHABLE', 'away');
      return true;
    };
    const open = async (id: string) => {
      await partitions.onPartitionOpen(id, undefined);
      await partitions.onBatch(id, [message(1)]);
    };
    await Promise.all([open('0'), open('1')]);
    await until(() => unwritten.length === 1);
    for (const id of ['0', '1']) await partitions.onPartitionClose(id, 'reopened');
    assert.deepEqual(unwritten, ['away'], 'a lane that closes with its checkpoint unwritten proves nothing');
    isAway = false;
    await open('0');
    await partitions.onPartitionClose('0', 'reopened');
    assert.deepEqual(unwritten, ['away']);
    await open('1');
    await partitions.onPartitionClose('1', 'reopened');
    await until(() => unwritten.length === 2);
    assert.deepEqual(unwritten, ['away', undefined]);
  });

  test('whoever reads the first partition leads until another one reads it, or it is given back', async () => {
    await partitions.onPartitionOpen('1', undefined);
    assert.deepEqual(leading, []);
    for (const reason of ['failed', 'reopened', 'lost'] as const) {
      await partitions.onPartitionOpen('0', undefined);
      await partitions.onPartitionClose('0', reason);
    }
    assert.deepEqual(leading, [true, true, true, false]);
    await partitions.onPartitionOpen('0', undefined);
    await partitions.onPartitionClose('0', 'stopped');
    assert.deepEqual(leading.slice(-2), [true, false]);
  });

  for (const reason of ['lost', 'failed', 'reopened'] as const)
    test(`what a lane waited for is forgotten with it when its partition is ${reason}`, async () => {
      pipeline.thingworx.trouble = () => ({ status: 503 });
      await partitions.onPartitionOpen('0', undefined);
      await partitions.onBatch('0', [message(1)]);
      await until(() => condition.state === 'waiting');
      await partitions.onPartitionClose('0', reason);
      assert.equal(condition.state, 'running');
      assert.equal(condition.reason, undefined);
    });

  test('a partition that comes back after another reader had it has stood still since then, not since before', async ({
    mock,
  }) => {
    mock.timers.enable({ apis: ['Date'], now: 1_000_000 });
    pipeline.thingworx.trouble = () => ({ status: 503 });
    const waitWithOne = async (sequenceNumber: number) => {
      await partitions.onPartitionOpen('0', undefined);
      await partitions.onBatch('0', [message(sequenceNumber)]);
      return partitions.stuck()?.sinceMs;
    };
    assert.equal(await waitWithOne(1), 1_000_000);
    await partitions.onPartitionClose('0', 'reopened');
    mock.timers.tick(60_000);
    assert.equal(await waitWithOne(1), 1_000_000, 'opened again it stands where it stood');
    await partitions.onPartitionClose('0', 'lost');
    mock.timers.tick(3_600_000);
    assert.equal(await waitWithOne(2), 4_660_000);
  });

  for (const [what, hang] of [
    ['the dead-letter store', () => new Promise<never>(() => undefined)],
    [
      'the dead-letter store, which has failed before',
      (() => {
        let calls = 0;
        return async () => {
          calls += 1;
          if (calls > 1) await new Promise<never>(() => undefined);
          throw new Error('full');
        };
      })(),
    ],
  ] as const)
    test(`a lane that hangs on ${what} is opened again and goes on`, async ({ mock }) => {
      const reopened: string[] = [];
      partitions.attach({
        streamIdentity: 's',
        partitionIds: ['0'],
        checkpoint: async () => true,
        stillOwns: async () => true,
        lastEnqueued: () => undefined,
        reopen: async (partitionId: string) => {
          reopened.push(partitionId);
          await partitions.onPartitionClose(partitionId, 'reopened');
          await partitions.onPartitionOpen(partitionId, undefined);
          await partitions.onBatch(partitionId, [message(1, { deviceId: 'dev-unknown' })]);
        },
      } as never);
      append = hang;
      mock.timers.enable({ apis: ['Date'], now: 1_000_000 });
      await partitions.onPartitionOpen('0', undefined);
      await partitions.onBatch('0', [message(1, { deviceId: 'dev-unknown' })]);
      partitions.stuck();
      mock.timers.tick(30_000);
      await partitions.reviveStalled();
      assert.deepEqual(reopened, [], 'a slow call is not a lane that hangs');
      const appended = Promise.withResolvers<void>();
      append = async () => appended.resolve();
      mock.timers.tick(300_000);
      await partitions.reviveStalled();
      assert.deepEqual(reopened, ['0']);
      await appended.promise;
      mock.timers.reset();
      await until(() => pipeline.counters.counts.deadLettered === 1);
      const { received, released, inFlight } = pipeline.counters.counts;
      assert.deepEqual([received, released, inFlight], [2, 1, 0]);
    });

  test('a lane that creates Things for minutes does not hang', async ({ mock }) => {
    pipeline.use({ unknownThing: 'create', deviceTemplate: 'AzureIoT.Device_TT' });
    const calls: (() => void)[] = [];
    pipeline.creator = { create: () => new Promise((resolve) => calls.push(resolve)) };
    mock.timers.enable({ apis: ['Date'], now: 1_000_000 });
    await partitions.onPartitionOpen('0', undefined);
    const messages = Array.from({ length: 60 }, (_, i) => message(i + 1, { deviceId: `new-${i}` }));
    const accepted = partitions.onBatch('0', messages);
    await until(() => calls.length === 1);
    for (let call = 1; call <= 3; call += 1) {
      assert.equal(partitions.stuck()?.sinceMs, 1_000_000 + (call - 1) * 50_000);
      mock.timers.tick(50_000);
      // The source of this test cannot reopen a partition, so this would throw.
      await partitions.reviveStalled();
      calls[call - 1]?.();
      if (call < 3) await until(() => calls.length === call + 1);
    }
    await accepted;
  });

  test('messages of a partition that nobody reads count as lag; those of another reader do not', async () => {
    let isFree = true;
    let end = 10;
    partitions.attach({
      streamIdentity: 's',
      partitionIds: ['0'],
      checkpoint: async () => true,
      lastEnqueued: () => ({ sequenceNumber: end, beginningSequenceNumber: 0 }),
      isFree: () => isFree,
    } as never);
    await partitions.onPartitionOpen('0', 9);
    assert.deepEqual([...partitions.lagByPartition()], [['0', 1]]);
    await partitions.onPartitionClose('0', 'failed');
    end = 4_585;
    assert.deepEqual([...partitions.lagByPartition()], [['0', 4_576]]);
    assert.equal(partitions.status()[0]?.lag, 4_576);
    isFree = false;
    assert.deepEqual([...partitions.lagByPartition()], []);
    assert.equal(partitions.status()[0]?.lag, 0);
  });

  test('a partition that fails again and again is logged when that begins and when it is over', async () => {
    for (let attempt = 0; attempt < 50; attempt += 1) {
      await partitions.onPartitionOpen('0', undefined);
      await partitions.onPartitionClose('0', 'failed');
    }
    const count = () => lines.filter((line) => /[Rr]eading the partition/.test(JSON.stringify(line))).length;
    assert.equal(count(), 2);
    await partitions.onPartitionOpen('0', undefined);
    await partitions.onBatch('0', [message(1)]);
    assert.equal(count(), 3);
  });

  test('the hub waits as long as another of its lanes does', async () => {
    pipeline.thingworx.trouble = () => ({ status: 503 });
    for (const id of ['0', '1']) {
      await partitions.onPartitionOpen(id, undefined);
      await partitions.onBatch(id, [message(1)]);
    }
    await until(() => pipeline.thingworx.describes > 0 && condition.state === 'waiting');
    await partitions.onPartitionClose('0', 'lost');
    await until(() => condition.state === 'waiting');
    pipeline.thingworx.trouble = () => undefined;
    await until(() => condition.state === 'running');
  });
});
