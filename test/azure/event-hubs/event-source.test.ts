import assert from 'node:assert/strict';
import { afterEach, beforeEach, describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { createMemoryCheckpoints } from '../../../sidecar/azure/event-hubs/checkpoints.ts';
import type { CheckpointStore } from '../../../sidecar/azure/event-hubs/event-types.ts';
import { ConnectorError } from '../../../sidecar/errors/connector-error.ts';
import { Recorder, range, until } from '../helpers.ts';
import { EventHubServer } from './event-hub-server.ts';
import { EventSourceFixture, RECEIVERS } from './event-source-fixture.ts';

for (const receiver of RECEIVERS)
  describe(`event source (${receiver} receiver)`, () => {
    const fixture = new EventSourceFixture(receiver);
    const { open, fill } = fixture;
    beforeEach(fixture.start);
    afterEach(fixture.stop);

    test('delivers every partition in order, bodies as bytes, properties by IoT Hub name', async () => {
      fill(1, 3);
      fixture.server.append(0, {
        body: '{"temperature":21.5}',
        annotations: { 'iothub-connection-device-id': 'dev-1', 'iothub-message-source': 'Telemetry' },
        properties: { alert: 'yes' },
        message: { content_type: 'application/json', content_encoding: 'utf-8', message_id: 'm1' },
        enqueuedMs: 1_700_000_123_456,
      });
      const source = await open();
      await until('four events', () => fixture.recorder.events.length === 4);
      assert.deepEqual(source.partitionIds, ['0', '1']);
      assert.deepEqual([...source.ownedPartitions()].sort(), ['0', '1']);
      assert.deepEqual(fixture.recorder.sequence('1'), [0, 1, 2]);
      const event = fixture.recorder.events.find((entry) => entry.partitionId === '0')?.event;
      assert.ok(Buffer.isBuffer(event?.body));
      assert.equal(event.body.toString(), '{"temperature":21.5}');
      assert.equal(event.enqueuedTimeMs, 1_700_000_123_456);
      assert.equal(event.systemProperties['iothub-connection-device-id'], 'dev-1');
      assert.equal(event.systemProperties.contentEncoding, 'utf-8');
      assert.equal(event.systemProperties.messageId, 'm1');
      assert.deepEqual(event.applicationProperties, { alert: 'yes' });
    });

    test('bodies that are no single data section arrive as bytes too', async () => {
      fixture.server.append(0, { body: '', message: { body: 'a string value' } });
      fixture.server.append(0, { body: '', message: { body: { a: 1 } } });
      fixture.server.append(0, { body: Buffer.alloc(0) });
      await open();
      await until('three events', () => fixture.recorder.events.length === 3);
      assert.deepEqual(
        fixture.recorder.events.map(({ event }) => event.body.toString()),
        ['a string value', '{"a":1}', ''],
      );
    });

    test('a message of many frames arrives whole, between others', async () => {
      const large = 'x'.repeat(250_000);
      fixture.server.append(0, { body: '1' }, { body: large }, { body: '3' });
      await open();
      await until('three events', () => fixture.recorder.events.length === 3);
      assert.deepEqual(
        fixture.recorder.events.map(({ event }) => event.body.toString()),
        ['1', large, '3'],
      );
    });

    test('a batch the handler rejects is delivered again, whatever the error says of itself', async () => {
      fill(0, 20);
      const checkpoints = createMemoryCheckpoints();
      let failures = 2;
      fixture.recorder.onEvents = async () => {
        if (failures-- <= 0) return;
        throw Object.assign(new Error('raw'), {
          name: 'MessagingError',
          code: 'ServerBusyError',
          retryable: true,
        });
      };
      await open({ checkpoints, maxBatchSize: 5 });
      await until('all events', () => fixture.recorder.events.length >= 20);
      assert.deepEqual(fixture.recorder.sequence('0'), range(20));
      assert.deepEqual(
        fixture.recorder.closed.map(({ reason }) => reason),
        ['failed', 'failed'],
      );
    });

    test('while a batch is pending no more than the prefetch count is taken from the service', async () => {
      let release = (): void => {};
      const held = new Promise<void>((resolve) => {
        release = resolve;
      });
      fixture.recorder.onEvents = () => held;
      await open({ maxBatchSize: 10, prefetchCount: 30, partitions: ['0'] });
      await until('the reader', () => fixture.server.readers === 1);
      fill(0, 1000);
      await until('credit used up', () => fixture.server.outstandingCredit[0] === 0);
      const before = fixture.server.outstandingCredit[0];
      fill(0, 10);
      assert.equal(before, 0);
      fixture.recorder.onEvents = undefined;
      release();
      await until('all events', () => fixture.recorder.events.length === 1010);
      assert.deepEqual(fixture.recorder.sequence('0'), range(1010));
    });

    test('a cut connection is taken up again without loss or repeats', async () => {
      await open({ partitions: ['0'] });
      await until('the reader', () => fixture.server.readers === 1);
      for (let round = 0; round < 3; round++) {
        fill(0, 50);
        await until('the events of this round', () => fixture.recorder.events.length === 50 * (round + 1));
        fixture.server.cutConnections();
      }
      fill(0, 50);
      await until('all events', () => fixture.recorder.events.length === 200);
      assert.deepEqual(fixture.recorder.sequence('0'), range(200));
    });

    test('reopen of a partition starts from its last checkpoint, though the handler hangs', async () => {
      fill(0, 10);
      const source = await open({ partitions: ['0'] });
      await until('ten events', () => fixture.recorder.events.length === 10);
      await source.checkpoint('0', { sequenceNumber: 7, offset: '70' });
      let entered = false;
      fixture.recorder.onEvents = () => {
        entered = true;
        return new Promise<void>(() => {});
      };
      fill(0, 1);
      await until('the hanging batch', () => entered);
      fixture.recorder.onEvents = undefined;
      await source.reopen('0');
      await until('repeats', () => fixture.recorder.events.length === 13);
      assert.deepEqual(fixture.recorder.sequence('0').slice(10), [8, 9, 10]);
      assert.deepEqual(fixture.recorder.closed, [{ partitionId: '0', reason: 'reopened' }]);
      assert.deepEqual(fixture.recorder.errors, []);
    });

    test('reopen of all takes a new connection', async () => {
      fill(0, 3);
      fill(1, 3);
      const source = await open();
      await until('six events', () => fixture.recorder.events.length === 6);
      await source.checkpoint('0', { sequenceNumber: 2, offset: '20' });
      await source.checkpoint('1', { sequenceNumber: 2, offset: '20' });
      const attached = fixture.server.attached;
      await source.reopen();
      fill(0, 1);
      fill(1, 1);
      await until('two more', () => fixture.recorder.events.length >= 8);
      assert.deepEqual(fixture.recorder.sequence('0'), [0, 1, 2, 3]);
      assert.equal(fixture.server.attached, attached + 2);
      assert.deepEqual(
        fixture.recorder.closed.map(({ reason }) => reason),
        ['reopened', 'reopened'],
      );
    });

    test('a later checkpoint of the owner before ends no lane of the owner', async () => {
      fill(0, 4);
      const checkpoints = createMemoryCheckpoints();
      const later = async () => {
        throw new ConnectorError('PARTITION_TAKEN', 'Another reader has written a later one.');
      };
      const source = await open({
        checkpoints: { ...checkpoints, updateCheckpoint: later },
        partitions: ['0'],
      });
      await until('four events', () => fixture.recorder.events.length === 4);
      const position = { sequenceNumber: 3, offset: '30' };
      assert.equal(await source.checkpoint('0', position), true);
      const [owner] = await checkpoints.listOwnership('', '', '');
      assert.ok(owner);
      await checkpoints.claimOwnership([{ ...owner, ownerId: 'another' }]);
      assert.equal(await source.checkpoint('0', position), false);
    });

    test('stop lets lanes write their last checkpoint, then gives ownership back', async () => {
      fill(0, 4);
      const checkpoints = createMemoryCheckpoints();
      const source = await open({ checkpoints, partitions: ['0'] });
      await until('four events', () => fixture.recorder.events.length === 4);
      let written: boolean | undefined;
      fixture.recorder.onClosing = async () => {
        written = await source.checkpoint('0', { sequenceNumber: 3, offset: '30' });
      };
      await Promise.all([source.stop(), source.stop()]);
      assert.equal(written, true);
      assert.deepEqual(fixture.recorder.closed, [{ partitionId: '0', reason: 'stopped' }]);
      assert.deepEqual(
        (await checkpoints.listOwnership('', '', '')).map((owner) => owner.ownerId),
        [''],
      );
      assert.equal((await checkpoints.listCheckpoints('', '', ''))[0]?.offset, '30');
      await until('connection closed', () => fixture.server.readers === 0);
    });

    test('a lane that never ends does not keep stop from ending', async () => {
      fill(0, 1);
      fixture.recorder.onEvents = () => new Promise<void>(() => {});
      fixture.recorder.onClosing = () => new Promise<void>(() => {});
      const source = await open({ closeTimeoutMs: 100 });
      await until('both partitions', () => fixture.recorder.opened.length === 2);
      await source.stop();
    });

    test('another reader takes the partitions: closed as lost, checkpoints refused', async () => {
      const first = await open({ partitions: ['0'] });
      await until('the reader', () => fixture.server.readers === 1);
      const second = new Recorder();
      await open({ handlers: second, partitions: ['0'] });
      await until('lost', () => fixture.recorder.closed.length > 0);
      assert.equal(fixture.recorder.closed[0]?.reason, 'lost');
      assert.equal(fixture.recorder.errors[0]?.error.code, 'PARTITION_TAKEN');
      await first.stop();
    });

    test('two sources on one store share the partitions and leave none when one stops', async () => {
      const checkpoints = createMemoryCheckpoints();
      const other = new Recorder();
      const first = await open({ checkpoints, ownerId: 'one' });
      await until('first has both', () => first.ownedPartitions().length === 2);
      const second = await open({ checkpoints, handlers: other, ownerId: 'two' });
      await until(
        'one each',
        () => first.ownedPartitions().length === 1 && second.ownedPartitions().length === 1,
      );
      await first.stop();
      await until('second has both', () => second.ownedPartitions().length === 2);
      assert.equal(fixture.recorder.closed.filter(({ reason }) => reason === 'stopped').length, 1);
    });

    test('a store that fails for a while holds up nothing that is open', async () => {
      const inner = createMemoryCheckpoints();
      let broken = false;
      const guard =
        <A extends unknown[], R>(call: (...args: A) => Promise<R>) =>
        async (...args: A): Promise<R> => {
          if (broken) throw Object.assign(new Error('connect ECONNREFUSED'), { code: 'ECONNREFUSED' });
          return await call(...args);
        };
      const checkpoints: CheckpointStore = {
        listOwnership: guard(inner.listOwnership),
        claimOwnership: guard(inner.claimOwnership),
        listCheckpoints: guard(inner.listCheckpoints),
        updateCheckpoint: guard(inner.updateCheckpoint),
      };
      const source = await open({ checkpoints });
      await until('both partitions', () => fixture.server.readers === 2);
      broken = true;
      await until('the report', () =>
        fixture.recorder.errors.some(
          ({ partitionId, error }) => !partitionId && error.code === 'AZURE_UNREACHABLE',
        ),
      );
      fill(0, 5);
      await until('five events', () => fixture.recorder.events.length === 5);
      await assert.rejects(source.checkpoint('0', { sequenceNumber: 1, offset: '10' }), {
        code: 'AZURE_UNREACHABLE',
      });
      broken = false;
      assert.equal(await source.checkpoint('0', { sequenceNumber: 1, offset: '10' }), true);
      assert.deepEqual(fixture.recorder.closed, []);
    });

    test('refused readers are reported and tried again until they are let in', async () => {
      fill(0, 1);
      fixture.server.authorize = (audience) => !audience.includes('/Partitions/');
      await open({ partitions: ['0'] });
      await until('the report', () =>
        fixture.recorder.errors.some(({ error }) => error.code === 'AZURE_UNAUTHORIZED'),
      );
      fixture.server.authorize = () => true;
      await until('the event', () => fixture.recorder.events.length === 1);
      assert.ok(fixture.recorder.closed.every(({ reason }) => reason === 'failed'));
    });

    test('a partition that the service closes for good is opened again after a pause', async () => {
      fill(0, 1);
      fixture.server.refuseReaders = 'amqp:not-allowed';
      await open({ partitions: ['0'] });
      await until('two attempts', () => fixture.recorder.closed.length >= 2);
      fixture.server.refuseReaders = undefined;
      await until('the event', () => fixture.recorder.events.length === 1);
      assert.ok(fixture.recorder.errors.every(({ error }) => error.code === 'AZURE_REJECTED'));
      assert.ok(fixture.recorder.closed.every(({ reason }) => reason === 'failed'));
    });

    test('a balancing loop that hangs is noticed and the connection replaced', async () => {
      fill(0, 1);
      const source = await open({ updateIntervalMs: 100, silenceMs: 1000 });
      await until('the event', () => fixture.recorder.events.length === 1);
      await source.checkpoint('0', { sequenceNumber: 0, offset: '0' });
      fixture.server.silentManagement = true;
      await until('the report', () =>
        fixture.recorder.errors.some(({ error }) => /reconnecting/.test(error.message)),
      );
      fixture.server.silentManagement = false;
      fill(0, 1);
      await until('the next event', () => fixture.recorder.sequence('0').includes(1));
      assert.equal(
        fixture.recorder.errors.find(({ error }) => /reconnecting/.test(error.message))?.error.code,
        'AZURE_TIMEOUT',
      );
    });

    test('does not ask for the partitions in each round while it reads them all', async () => {
      await open({ updateIntervalMs: 50 });
      await until('both readers', () => fixture.server.readers === 2);
      // The rounds that began before.
      await sleep(500);
      const before = fixture.server.hubRequests;
      await sleep(2_000);
      assert.ok(fixture.server.hubRequests - before <= 1, `${fixture.server.hubRequests - before} requests`);
    });

    test('after an outage the rounds of balancing go on, without a new connection of the source', async () => {
      fill(0, 1);
      await open({ silenceMs: 600_000 });
      await until('the event', () => fixture.recorder.events.length === 1);
      const { port } = fixture.server;
      await fixture.server.stop();
      // A round of balancing has failed, in which the SDK would wait for half a minute.
      await until('the report', () =>
        fixture.recorder.errors.some(({ partitionId }) => partitionId === undefined),
      );
      await fixture.server.start(port);
      fill(0, 1);
      await until('the next event', () => fixture.recorder.sequence('0').includes(1));
      assert.ok(fixture.recorder.errors.every(({ error }) => !/reconnecting/.test(error.message)));
    });

    test('open fails in plain words: refused, unreachable, cancelled, silent, malformed', async () => {
      fixture.server.authorize = () => false;
      await assert.rejects(open(), (error: ConnectorError) => {
        assert.equal(error.code, 'AZURE_UNAUTHORIZED');
        assert.doesNotMatch(error.message, /a key for tests|SharedAccess/);
        return true;
      });
      fixture.server.authorize = () => true;
      await assert.rejects(open({ signal: AbortSignal.abort() }), { code: 'AZURE_CANCELLED' });
      fixture.server.silentManagement = true;
      await assert.rejects(open({ timeoutMs: 300 }), { code: 'AZURE_TIMEOUT' });
      await assert.rejects(
        open({ endpoint: { kind: 'connectionString', connectionString: 'Endpoint=sb://x/' } }),
        {
          code: 'CONNECTION_STRING_INVALID',
        },
      );
      const gone = new EventHubServer(1);
      await gone.start();
      const { connectionString } = gone;
      await gone.stop();
      await assert.rejects(open({ endpoint: { kind: 'connectionString', connectionString } }), {
        code: 'AZURE_UNREACHABLE',
      });
    });
  });
