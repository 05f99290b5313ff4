import assert from 'node:assert/strict';
import { afterEach, beforeEach, describe, test } from 'node:test';
import { createMemoryCheckpoints } from '../../../sidecar/azure/event-hubs/checkpoints.ts';
import type { CheckpointStore, StartPosition } from '../../../sidecar/azure/event-hubs/event-types.ts';
import { ConnectorError } from '../../../sidecar/errors/connector-error.ts';
import { range, until } from '../helpers.ts';
import { EventSourceFixture, RECEIVERS } from './event-source-fixture.ts';

for (const receiver of RECEIVERS)
  describe(`where an event source begins (${receiver} receiver)`, () => {
    const fixture = new EventSourceFixture(receiver);
    const { open, fill } = fixture;
    beforeEach(fixture.start);
    afterEach(fixture.stop);

    test('starts where it is told: after a sequence number, after an offset, from a time, per partition', async () => {
      for (const partition of [0, 1]) {
        fixture.server.append(
          partition,
          ...range(10).map((index) => ({ body: `${index}`, enqueuedMs: 1000 + index })),
        );
      }
      await open({
        startPositions: { 0: { from: 'sequenceNumber', after: 6 } },
        startPosition: { from: 'offset', after: '70' },
      });
      await until('five events', () => fixture.recorder.events.length === 5);
      assert.deepEqual(fixture.recorder.sequence('0'), [7, 8, 9]);
      assert.deepEqual(fixture.recorder.sequence('1'), [8, 9]);
      fixture.recorder.events.length = 0;
      await open({
        startPosition: { from: 'time', timeMs: 1007 },
        partitions: ['1'],
        consumerGroup: 'replay',
      });
      await until('two events', () => fixture.recorder.events.length === 2);
      assert.deepEqual(fixture.recorder.sequence('1'), [8, 9]);
      assert.deepEqual(fixture.recorder.sequence('0'), []);
    });

    test('"latest" is pinned: a restart and a reconnect before the first event lose nothing', async () => {
      fill(0, 5);
      const checkpoints = createMemoryCheckpoints();
      const first = await open({ startPosition: { from: 'latest' }, checkpoints });
      await until(
        'both partitions',
        () => fixture.recorder.opened.length === 2 && fixture.server.readers === 2,
      );
      fixture.server.cutConnections();
      fill(0, 2);
      await until('what came during the cut', () => fixture.recorder.events.length === 2);
      assert.deepEqual(fixture.recorder.sequence('0'), [5, 6]);
      await first.stop();
      fill(1, 3);
      await open({ startPosition: { from: 'latest' }, checkpoints });
      await until('what came while stopped', () => fixture.recorder.sequence('1').length === 3);
      assert.deepEqual(fixture.recorder.sequence('1'), [0, 1, 2]);
      // Nothing was checkpointed beyond the pin, so partition 0 repeats what came after it.
      await until('repeats', () => fixture.recorder.sequence('0').length === 4);
    });

    describe('without a checkpoint, the messages before the start position', () => {
      const timed = (count: number, fromMs: number) =>
        fixture.server.append(0, ...range(count).map((n) => ({ body: `${n}`, enqueuedMs: fromMs + n })));
      const skips = () =>
        fixture.recorder.errors.map(({ partitionId, error }) => [
          partitionId,
          error.code,
          error.details?.['messages'],
        ]);
      const checkpoints = () => ({ checkpoints: createMemoryCheckpoints() });
      const bothOpen = () => until('both partitions', () => fixture.recorder.opened.length === 2);

      test('are counted at "latest", once, and not again after a restart', async () => {
        timed(5, 1_000);
        const store = checkpoints();
        const first = await open({ startPosition: { from: 'latest' }, ...store });
        await bothOpen();
        assert.deepEqual(skips(), [['0', 'MESSAGES_SKIPPED', 5]]);
        const [{ error } = assert.fail()] = fixture.recorder.errors;
        assert.match(
          error.message,
          /5 messages.*sequence numbers 0 to 4.*ReplayEvents.*1970-01-01T00:00:01\.004Z/,
        );
        await first.stop();
        await open({ startPosition: { from: 'latest' }, ...store });
        await until('both again', () => fixture.recorder.opened.length === 4);
        assert.equal(fixture.recorder.errors.length, 1);
      });

      test('are counted after a start by time, by the first message that follows', async () => {
        timed(10, 1_000);
        await open({ startPosition: { from: 'time', timeMs: 1_006 }, ...checkpoints() });
        await until('the report', () => fixture.recorder.errors.length === 1);
        assert.deepEqual(skips(), [['0', 'MESSAGES_SKIPPED', 7]]);
        assert.deepEqual(fixture.recorder.sequence('0'), [7, 8, 9]);
      });

      test('are counted after a start by time at once when no message follows', async () => {
        timed(10, 1_000);
        await open({ startPosition: { from: 'time', timeMs: 2_000 }, ...checkpoints() });
        await until('the report', () => fixture.recorder.errors.length === 1);
        assert.deepEqual(skips(), [['0', 'MESSAGES_SKIPPED', 10]]);
      });

      test('are none at "earliest", in an empty partition, and when a time is before all', async () => {
        timed(5, 1_000);
        const first = await open({ startPosition: { from: 'earliest' }, ...checkpoints() });
        await until('five events', () => fixture.recorder.events.length === 5);
        await first.stop();
        await open({ startPosition: { from: 'time', timeMs: 500 }, ...checkpoints() });
        await until('ten events', () => fixture.recorder.events.length === 10);
        assert.deepEqual(skips(), []);
      });

      test('are none with a checkpoint', async () => {
        timed(5, 1_000);
        const store = createMemoryCheckpoints();
        const place = {
          fullyQualifiedNamespace: '127.0.0.1',
          eventHubName: 'hub',
          consumerGroup: '$Default',
        };
        await store.updateCheckpoint({ ...place, partitionId: '0', offset: '30', sequenceNumber: 3 });
        await open({ startPosition: { from: 'latest' }, checkpoints: store });
        await until('one event', () => fixture.recorder.events.length === 1);
        assert.deepEqual(skips(), []);
      });

      test('are not reported by a replay, which reads a time window on purpose', async () => {
        timed(10, 1_000);
        await open({ startPosition: { from: 'time', timeMs: 1_006 } });
        await until('three events', () => fixture.recorder.events.length === 3);
        await bothOpen();
        assert.deepEqual(skips(), []);
      });
    });

    test('goes on from the checkpoint, in the memory of any store', async () => {
      fill(0, 10);
      const checkpoints = createMemoryCheckpoints();
      const first = await open({ checkpoints });
      await until('ten events', () => fixture.recorder.events.length === 10);
      assert.equal(await first.checkpoint('0', { sequenceNumber: 6, offset: '60' }), true);
      await first.stop();
      assert.equal(
        await first.checkpoint('0', { sequenceNumber: 9, offset: '90' }),
        false,
        'no longer owned',
      );
      fixture.recorder.events.length = 0;
      await open({ checkpoints });
      await until('the rest', () => fixture.recorder.events.length === 3);
      assert.deepEqual(fixture.recorder.sequence('0'), [7, 8, 9]);
    });

    test('the end of each partition is known for lag, also of an empty one', async () => {
      fill(0, 42);
      const source = await open();
      await until('both partitions', () => source.ownedPartitions().length === 2);
      assert.equal(source.lastEnqueued('0'), undefined);
      await source.readLastEnqueued();
      assert.equal(source.lastEnqueued('0')?.sequenceNumber, 41);
      assert.equal(source.lastEnqueued('1')?.sequenceNumber, -1);
    });

    test('the end of each partition is read again and again, also where nothing arrives', async () => {
      fill(0, 42);
      const source = await open({ lagIntervalMs: 20 });
      const readAt = () => ['0', '1'].map((id) => source.lastEnqueued(id)?.readAtMs ?? 0);
      await until('both ends', () => readAt().every((atMs) => atMs > 0));
      await until('all events', () => fixture.recorder.events.length === 42);
      for (let round = 0; round < 2; round += 1) {
        const before = readAt();
        await until('both ends again', () => readAt().every((atMs, id) => atMs > (before[id] as number)));
      }
      fill(1, 7);
      await until('the new end', () => source.lastEnqueued('1')?.sequenceNumber === 6);
    });

    test('the identity of the stream is the same after a restart and another for a hub created again', async () => {
      const first = await open();
      const again = await open({ consumerGroup: '$default' });
      assert.match(first.streamIdentity, /^[0-9a-f]{8}$/);
      assert.equal(again.streamIdentity, first.streamIdentity);
      const other = await open({ consumerGroup: 'another' });
      assert.notEqual(other.streamIdentity, first.streamIdentity);
      fixture.server.createdAtMs += 1;
      const recreated = await open();
      assert.notEqual(recreated.streamIdentity, first.streamIdentity);
    });

    test('a replay with another consumer group names the stream as the lanes do', async () => {
      const lanes = await open();
      const replay = await open({ consumerGroup: 'another', identityGroup: '$Default' });
      assert.equal(replay.streamIdentity, lanes.streamIdentity);
    });

    test('a hub that is created again while it is read is another stream when its partitions open again', async () => {
      const source = await open();
      const before = source.streamIdentity;
      await until('both partitions', () => source.ownedPartitions().length === 2);
      fixture.server.createdAtMs += 1;
      // Partitions that open within a second share one question.
      await until('the other stream', async () => {
        await source.reopen('0');
        return source.streamIdentity !== before;
      });
    });

    test('a checkpoint of a hub that was created again is reported, and the partition read from its beginning', async () => {
      fill(0, 3);
      const checkpoints = createMemoryCheckpoints();
      const place = { fullyQualifiedNamespace: '127.0.0.1', eventHubName: 'hub', consumerGroup: '$Default' };
      await checkpoints.updateCheckpoint({ ...place, partitionId: '0', offset: '9990', sequenceNumber: 999 });
      await open({ checkpoints, startPosition: { from: 'latest' } });
      await until('three events', () => fixture.recorder.events.length === 3);
      assert.deepEqual(
        fixture.recorder.errors.map(({ partitionId, error }) => [partitionId, error.code]),
        [['0', 'CHECKPOINT_AHEAD']],
      );
    });

    test('a sidecar that was killed goes on with its partitions, long before its ownership expires', async () => {
      fill(0, 3);
      fill(1, 3);
      const checkpoints = createMemoryCheckpoints();
      // What the killed process left: it claimed both partitions just now and released none.
      const place = { fullyQualifiedNamespace: '127.0.0.1', eventHubName: 'hub', consumerGroup: '$Default' };
      await checkpoints.claimOwnership(
        ['0', '1'].map((partitionId) => ({ ...place, partitionId, ownerId: 'me' })),
      );
      await open({ checkpoints, ownerId: 'me', ownershipExpiryMs: 3_600_000 });
      await until('six events', () => fixture.recorder.events.length === 6);
    });

    test('a partition whose checkpoint was damaged goes on where it is known to have come to', async () => {
      fill(0, 10);
      fill(1, 10);
      await open({
        checkpoints: createMemoryCheckpoints(),
        startPosition: { from: 'latest' },
        recoveredPosition: async ({ partitionId }) =>
          partitionId === '0' ? { from: 'sequenceNumber', after: 6 } : { from: 'earliest' },
      });
      await until('the rest', () => fixture.recorder.events.length === 13);
      assert.deepEqual(fixture.recorder.sequence('0'), [7, 8, 9]);
      assert.equal(fixture.recorder.begins.get('0'), 6);
      assert.deepEqual(fixture.recorder.errors, [], 'nothing was skipped');
    });

    test('unreadable checkpoints keep the partition closed and are reported', async () => {
      fill(0, 3);
      const store: CheckpointStore = {
        ...createMemoryCheckpoints(),
        listCheckpoints: async () => {
          throw new ConnectorError('CHECKPOINTS_UNREADABLE', 'broken');
        },
      };
      await open({ checkpoints: store });
      await until('the report', () =>
        fixture.recorder.errors.some(({ error }) => error.code === 'CHECKPOINTS_UNREADABLE'),
      );
      assert.equal(fixture.server.attached, 0);
    });

    test('where reading begins is known before the first event, but for a time', async () => {
      fill(0, 3);
      const places = async (startPosition: StartPosition, checkpoints = createMemoryCheckpoints()) => {
        fixture.recorder.begins.clear();
        const source = await open({ startPosition, checkpoints });
        await until('both partitions', () => fixture.recorder.begins.size === 2);
        await source.stop();
        return [fixture.recorder.begins.get('0'), fixture.recorder.begins.get('1')];
      };
      assert.deepEqual(await places({ from: 'earliest' }), [-1, -1]);
      const checkpoints = createMemoryCheckpoints();
      assert.deepEqual(await places({ from: 'latest' }, checkpoints), [2, -1]);
      fill(0, 1);
      assert.deepEqual(await places({ from: 'latest' }, checkpoints), [2, -1], 'of the checkpoint');
      assert.deepEqual(await places({ from: 'sequenceNumber', after: 1 }), [1, 1]);
      assert.deepEqual(await places({ from: 'time', timeMs: 1 }), [undefined, undefined]);
    });

    test('messages that expired before they were read are reported with their number, once, and reading goes on', async () => {
      fill(0, 10);
      fixture.server.expire(0, 7);
      const checkpoints = createMemoryCheckpoints();
      const place = { fullyQualifiedNamespace: '127.0.0.1', eventHubName: 'hub', consumerGroup: '$Default' };
      await checkpoints.updateCheckpoint({ ...place, partitionId: '0', offset: '30', sequenceNumber: 3 });
      await open({ checkpoints });
      await until('what is left', () => fixture.recorder.events.length === 3);
      assert.deepEqual(fixture.recorder.sequence('0'), [7, 8, 9]);
      await until('the report', () => fixture.recorder.errors.length > 0);
      assert.deepEqual(
        fixture.recorder.errors.map(({ partitionId, error }) => [partitionId, error.code, error.details]),
        [['0', 'MESSAGES_EXPIRED', { messages: 3 }]],
      );
      assert.match(
        fixture.recorder.errors[0]?.error.message ?? '',
        /deleted 3 messages of partition 0 .*4 to 6/,
      );
    });

    test('messages that expire while a handler holds the partition up are reported as well', async () => {
      // More than the session of the fixture.server queues ahead.
      fill(0, 6000);
      const held = Promise.withResolvers<void>();
      fixture.recorder.onEvents = () => held.promise;
      await open();
      await until('the first events', () => fixture.server.taken(0) > 0);
      fixture.server.expire(0, 5900);
      held.resolve();
      await until('the end', () => fixture.recorder.events.at(-1)?.event.sequenceNumber === 5999);
      await until('the report', () => fixture.recorder.errors.length > 0);
      assert.deepEqual(
        fixture.recorder.errors.map(({ error }) => [error.code, error.details]),
        [['MESSAGES_EXPIRED', { messages: 6000 - fixture.recorder.events.length }]],
      );
      assert.ok(fixture.recorder.events.length < 5900);
    });

    test('a checkpoint at the last message that expired misses nothing', async () => {
      fill(0, 10);
      fixture.server.expire(0, 7);
      const checkpoints = createMemoryCheckpoints();
      const place = { fullyQualifiedNamespace: '127.0.0.1', eventHubName: 'hub', consumerGroup: '$Default' };
      await checkpoints.updateCheckpoint({ ...place, partitionId: '0', offset: '60', sequenceNumber: 6 });
      await open({ checkpoints });
      await until('what is left', () => fixture.recorder.events.length === 3);
      assert.deepEqual(fixture.recorder.errors, []);
    });
  });
