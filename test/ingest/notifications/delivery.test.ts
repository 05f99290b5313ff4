import assert from 'node:assert/strict';
import { afterEach, beforeEach, describe, test } from 'node:test';
import type { NotificationItem } from '../../../sidecar/ingest/notifications/delivery.ts';
import { TestPipeline } from '../pipeline-fixture.ts';

const { signal } = new AbortController();

describe('delivery of notifications', () => {
  let pipeline: TestPipeline;
  let broken: (sequenceNumbers: readonly number[]) => boolean;
  let calls: { through: number | undefined; sequenceNumbers: number[] }[];

  const items = (count: number): NotificationItem[] =>
    Array.from({ length: count }, (_, sequenceNumber) => ({
      sequenceNumber,
      notification: {
        type: 'connectionStateChanged',
        deviceId: 'dev-1',
        state: 'connected',
        operationTimeMs: sequenceNumber,
      },
    }));
  const origin = (through: number) => pipeline.origin(through);

  beforeEach(async () => {
    pipeline = new TestPipeline();
    await pipeline.start();
    calls = [];
    broken = () => false;
    pipeline.thingworx.other = async (service, input) => {
      if (service === 'FindDeviceThings') {
        if (broken([])) return { body: 'boom', status: 500 };
        return { body: { things: [{ deviceId: 'dev-1', thing: 'dev-1' }] } };
      }
      if (service !== 'ReceiveEvents') return undefined;
      const { batch } = input as { batch: { through?: number; events: { sequenceNumber: number }[] } };
      const sequenceNumbers = batch.events.map(({ sequenceNumber }) => sequenceNumber);
      if (broken(sequenceNumbers)) return { body: 'boom', status: 500 };
      if (sequenceNumbers.length > 0) calls.push({ through: batch.through, sequenceNumbers });
      return { body: { accepted: sequenceNumbers.length, repeated: 0, refused: [] } };
    };
  });
  afterEach(() => pipeline.stop());

  test('no high-water mark passes a notification that was refused and is not stored as a dead letter yet', async () => {
    broken = (numbers) => numbers.includes(1);
    const { refused } = await pipeline.parts.notifications.deliver(items(8), origin(7), signal);
    assert.deepEqual(
      refused.map(({ sequenceNumber }) => sequenceNumber),
      [1],
    );
    assert.deepEqual(
      calls.flatMap(({ sequenceNumbers }) => sequenceNumbers),
      [0, 2, 3, 4, 5, 6, 7],
    );
    assert.ok(calls.every(({ through = 0 }) => through < 1));
  });

  test('notifications that the hub Thing had applied before are counted', async () => {
    const { other } = pipeline.thingworx;
    pipeline.thingworx.other = async (service, input) =>
      service === 'ReceiveEvents'
        ? { body: { accepted: 1, repeated: 2, refused: [] } }
        : await other(service, input);
    await pipeline.parts.notifications.deliver(items(3), origin(2), signal);
    assert.equal(pipeline.counters.counts.repeated, 2);
  });

  test('a device that had no Thing a moment ago, or another one, is looked up again', async () => {
    let things: { deviceId: string; thing: string }[] = [];
    const delivered: string[] = [];
    pipeline.thingworx.other = async (service, input) => {
      if (service === 'FindDeviceThings') return { body: { things } };
      if (service !== 'ReceiveEvents') return undefined;
      const { events } = (input as { batch: { events: { sequenceNumber: number; thing: string }[] } }).batch;
      const isThere = ({ thing }: { thing: string }) => things.some((one) => one.thing === thing);
      delivered.push(...events.filter(isThere).map(({ thing }) => thing));
      const refused = events
        .filter((one) => !isThere(one))
        .map(({ sequenceNumber }) => ({ sequenceNumber, message: 'THINGWORX_NOT_FOUND: No Thing.' }));
      return { body: { accepted: events.length - refused.length, repeated: 0, refused } };
    };
    const deliver = () => pipeline.parts.notifications.deliver(items(1), undefined, signal);
    assert.equal((await deliver()).ignored.length, 1);
    things = [{ deviceId: 'dev-1', thing: 'first' }];
    assert.deepEqual(await deliver(), { ignored: [], refused: [] });
    things = [{ deviceId: 'dev-1', thing: 'second' }];
    assert.deepEqual(await deliver(), { ignored: [], refused: [] });
    assert.deepEqual(delivered, ['first', 'second']);
    things = [];
    assert.equal((await deliver()).ignored.length, 1);
  });

  test('a platform that refuses every call makes no dead letters of notifications', async () => {
    let left = 6;
    broken = () => left-- > 0;
    const { refused } = await pipeline.parts.notifications.deliver(items(1), origin(0), signal);
    assert.deepEqual(refused, []);
    assert.deepEqual(
      calls.flatMap(({ sequenceNumbers }) => sequenceNumbers),
      [0],
    );
    assert.ok(pipeline.waits.includes('THINGWORX_REJECTED') && pipeline.waits.at(-1) === undefined);
  });
});
