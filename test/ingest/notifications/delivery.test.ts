import assert from 'node:assert/strict';
import { afterEach, beforeEach, describe, test } from 'node:test';
import type { NotificationItem } from '../../../sidecar/ingest/notifications/delivery.ts';
import type { Update } from '../../../sidecar/translate/types.ts';
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
      const refused = events.flatMap((one, index) =>
        isThere(one)
          ? []
          : [{ sequenceNumber: one.sequenceNumber, index, message: 'THINGWORX_NOT_FOUND: No Thing.' }],
      );
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

  /** ReceiveEvents refuses an instruction while `fault` says why. Gives the instructions that it took. */
  const refuseWhile = (
    fault: (event: {
      sequenceNumber: number;
      event: string;
    }) => { message: string; fired?: boolean } | undefined,
  ) => {
    const taken: { sequenceNumber: number; event: string; through: number | undefined }[] = [];
    const { other } = pipeline.thingworx;
    pipeline.thingworx.other = async (service, input) => {
      if (service !== 'ReceiveEvents') return await other(service, input);
      const { through, events } = (
        input as { batch: { through?: number; events: { sequenceNumber: number; event: string }[] } }
      ).batch;
      const refused = events.flatMap((one, index) => {
        const found = fault(one);
        if (!found) taken.push({ sequenceNumber: one.sequenceNumber, event: one.event, through });
        return found ? [{ sequenceNumber: one.sequenceNumber, index, ...found }] : [];
      });
      return { body: { accepted: events.length - refused.length, repeated: 0, refused } };
    };
    return taken;
  };

  test('an event that ThingWorx refuses a few times is sent again, and the others are not', async () => {
    let left = 4;
    const taken = refuseWhile(({ sequenceNumber }) =>
      sequenceNumber === 1 && left-- > 0 ? { message: 'The Thing is not running.' } : undefined,
    );
    assert.deepEqual(await pipeline.parts.notifications.deliver(items(3), origin(2), signal), {
      ignored: [],
      refused: [],
    });
    const event = 'DeviceConnectionChanged';
    assert.deepEqual(taken, [
      { sequenceNumber: 0, event, through: 2 },
      { sequenceNumber: 2, event, through: 2 },
      { sequenceNumber: 1, event, through: undefined },
    ]);
  });

  test('an event that was fired before a later step failed is not fired again', async () => {
    const tried: string[] = [];
    const taken = refuseWhile(({ event }) => {
      tried.push(event);
      return tried.length < 3 ? { message: 'The Thing cannot be removed.', fired: event !== '' } : undefined;
    });
    const { refused } = await pipeline.parts.notifications.deliver(items(1), origin(0), signal);
    assert.deepEqual(refused, []);
    assert.deepEqual(tried, ['DeviceConnectionChanged', '', '']);
    assert.deepEqual(
      taken.map(({ event }) => event),
      [''],
    );
  });

  test('an event that is always refused is refused for good, and at once when it comes again', async () => {
    let attempts = 0;
    refuseWhile(({ sequenceNumber }) => {
      if (sequenceNumber !== 0) return undefined;
      attempts += 1;
      return { message: 'No such event.' };
    });
    const deliver = () => pipeline.parts.notifications.deliver(items(2), origin(1), signal);
    const refused = [{ sequenceNumber: 0, message: 'No such event.' }];
    assert.deepEqual((await deliver()).refused, refused);
    const first = attempts;
    assert.ok(first >= 6);
    assert.deepEqual((await deliver()).refused, refused);
    assert.equal(attempts - first, 1);
  });

  test('a database that takes nothing for a while makes no dead letters of events', async () => {
    const { parts, thingworx } = pipeline;
    thingworx.things.set('dev-1', { level: 'NUMBER' });
    const update: Update = {
      thing: 'dev-1',
      timeMs: 1_000,
      quality: 'GOOD',
      properties: ['level'],
      baseTypes: ['NUMBER'],
      values: [1],
    };
    await parts.sender.send([{ sequenceNumber: 0, update }], undefined, signal);
    let isDown = true;
    thingworx.refuse = () => (isDown ? 'The database takes no rows.' : undefined);
    refuseWhile(() => (isDown ? { message: 'The database takes no rows.' } : undefined));
    setTimeout(() => {
      isDown = false;
    }, 4_000);
    assert.deepEqual((await parts.notifications.deliver(items(1), origin(0), signal)).refused, []);
    assert.equal(isDown, false);
    assert.ok(pipeline.waits.includes('THINGWORX_UNAVAILABLE') && pipeline.waits.at(-1) === undefined);
  });

  test('an answer whose refusals name no notification is no account, and nothing is lost', async () => {
    const { other } = pipeline.thingworx;
    const wrong: unknown[] = ['none', [null], [{ message: 'no index' }], [{ index: 1, message: 'too many' }]];
    wrong.push([{ index: 'length', message: 'no number' }], [{ index: 0 }]);
    pipeline.thingworx.other = async (service, input) => {
      const refused = service === 'ReceiveEvents' ? wrong.shift() : undefined;
      return refused === undefined
        ? await other(service, input)
        : { body: { accepted: 0, repeated: 0, refused } };
    };
    assert.deepEqual(await pipeline.parts.notifications.deliver(items(1), origin(0), signal), {
      ignored: [],
      refused: [],
    });
    assert.deepEqual(
      calls.map(({ sequenceNumbers }) => sequenceNumbers),
      [[0]],
    );
    assert.ok(pipeline.waits.includes('THINGWORX_UNAVAILABLE') && pipeline.waits.at(-1) === undefined);
  });
});
