import assert from 'node:assert/strict';
import { afterEach, beforeEach, describe, test } from 'node:test';
import { gzipSync } from 'node:zlib';
import fc from 'fast-check';
import type { ReceivedEvent } from '../../sidecar/azure/event-types.ts';
import type { Position } from '../../sidecar/ingest/checkpointer.ts';
import { FileDeadLetters } from '../../sidecar/ingest/dead-letter-file.ts';
import { DeadLetterReplay } from '../../sidecar/ingest/dead-letter-replay.ts';
import type { DeadLetter, DeadLetterStore } from '../../sidecar/ingest/dead-letters.ts';
import { Lane } from '../../sidecar/ingest/lane.ts';
import { isEnded } from '../../sidecar/tasks/task.ts';
import { Tasks } from '../../sidecar/tasks/tasks.ts';
import { BEGIN_MS, listeningLog, scratchDirectory, until } from './letters.ts';
import { TestRoad } from './road.ts';

function event(
  sequenceNumber: number,
  body: unknown,
  device = 'dev-1',
  more: Partial<ReceivedEvent> = {},
): ReceivedEvent {
  return {
    body: Buffer.isBuffer(body) ? body : Buffer.from(JSON.stringify(body)),
    sequenceNumber,
    offset: String(sequenceNumber * 10),
    enqueuedTimeUtc: new Date(BEGIN_MS + sequenceNumber),
    systemProperties: { 'iothub-connection-device-id': device },
    properties: {},
    ...more,
  };
}

const temperature = (from: number, to: number, device?: string) =>
  Array.from({ length: to - from }, (_, i) => event(from + i, { temperature: from + i }, device));

describe('lane', () => {
  let road: TestRoad;
  let store: DeadLetterStore;
  let directory: string;
  let remove: () => Promise<void>;
  let lanes: Lane[] = [];
  let checkpoints: Position[] = [];
  let checkpoint: (position: Position) => Promise<boolean>;
  const limits = {
    maxRowsPerCall: 100,
    maxBytesPerCall: 1_000_000,
    messagesInFlight: 1_000,
    bytesInFlight: 1_000_000,
  };
  let today = { ...limits };

  const open = (sink: Pick<DeadLetterStore, 'append'> = store) => {
    const lane = new Lane({
      ...road.road,
      deadLetters: sink,
      partitionId: '3',
      stream: 'cafe0123',
      limits: () => today,
      checkpoint: (position) => checkpoint(position),
      log: listeningLog().log,
    });
    lanes.push(lane);
    lane.start();
    return lane;
  };
  const settled = (lane: Lane, last: number) => until(() => lane.position?.sequenceNumber === last);
  const values = () => road.thingworx.rows.map((row) => row.values.temperature);
  const letters = async () => (await store.list({}, { limit: 1_000 })).letters;
  const assertBalanced = () => {
    const { received, delivered, ignored, deadLettered, released, inFlight } = road.counters.counts;
    assert.equal(received, delivered + ignored + deadLettered + released + inFlight);
  };

  beforeEach(async () => {
    ({ directory, remove } = await scratchDirectory());
    road = new TestRoad();
    await road.start();
    for (const name of ['dev-1', 'dev-2', 'dev-3'])
      road.thingworx.things.set(name, { temperature: 'NUMBER', text: 'STRING', place: 'LOCATION' });
    store = new FileDeadLetters({ directory: `${directory}/letters`, log: listeningLog().log });
    checkpoints = [];
    checkpoint = async (position) => {
      checkpoints.push(position);
      return true;
    };
    today = { ...limits };
  });
  afterEach(async () => {
    for (const lane of lanes) await lane.stop({ drain: false });
    lanes = [];
    await store.close();
    await road.stop();
    await remove();
  });

  test('delivers in order, with stream, partition and the mark of each call', async () => {
    const lane = open();
    for (let from = 0; from < 1_000; from += 50) await lane.accept(temperature(from, from + 50));
    await settled(lane, 999);
    assert.deepEqual(
      values(),
      Array.from({ length: 1_000 }, (_, i) => i),
    );
    let mark = -1;
    for (const { stream, partition, through = -1, rows } of road.thingworx.calls) {
      assert.deepEqual([stream, partition], ['cafe0123', '3']);
      assert.ok(rows.every((row) => row.sequenceNumber > mark && row.sequenceNumber <= through));
      mark = through;
    }
    assert.equal(mark, 999);
    assertBalanced();
  });

  test('keeps the order of each device through calls that fail, halve and are refused in part', async () => {
    let calls = 0;
    road.thingworx.trouble = ({ rows }) => {
      calls += 1;
      if (calls % 7 === 0) return { status: 503 };
      if (calls % 5 === 0) return 'drop';
      if (rows.some((row) => row.values.temperature === 333)) return { status: 500, text: 'script error' };
      return undefined;
    };
    road.thingworx.refuse = ({ values }) => (values.temperature === 77 ? 'no' : undefined);
    const lane = open();
    const events = Array.from({ length: 600 }, (_, i) => event(i, { temperature: i }, `dev-${(i % 3) + 1}`));
    for (let from = 0; from < 600; from += 60) await lane.accept(events.slice(from, from + 60));
    await settled(lane, 599);
    for (const thing of ['dev-1', 'dev-2', 'dev-3']) {
      const times = road.thingworx.rows.filter((row) => row.thing === thing).map(({ timeMs }) => timeMs);
      assert.deepEqual(
        times,
        times.toSorted((a, b) => a - b),
        thing,
      );
    }
    assert.equal(road.thingworx.rows.length, 598);
    assert.deepEqual(
      (await letters()).map(({ sequenceNumber, codes }) => [sequenceNumber, ...codes]),
      [
        [333, 'REJECTED'],
        [77, 'VALUE_REFUSED'],
      ],
    );
    assertBalanced();
  });

  test('finds the one message in a thousand that ThingWorx cannot take', async () => {
    road.thingworx.trouble = ({ rows }) =>
      rows.some((row) => row.values.temperature === 617) ? { status: 500, text: 'script error' } : undefined;
    today = { ...limits, maxRowsPerCall: 1_000 };
    const lane = open();
    await lane.accept(temperature(0, 1_000));
    await settled(lane, 999);
    assert.equal(road.thingworx.rows.length, 999);
    assert.deepEqual(
      (await letters()).map(({ sequenceNumber }) => sequenceNumber),
      [617],
    );
    const { delivered, deadLettered } = road.counters.counts;
    assert.deepEqual([delivered, deadLettered], [999, 1]);
    assert.ok(road.counters.calls < 60, `${road.counters.calls} calls`);
  });

  test('puts nothing aside while ThingWorx fails for every call alike', async () => {
    let broken = true;
    road.thingworx.trouble = () => (broken ? { status: 500, text: 'script error' } : undefined);
    const lane = open();
    await lane.accept(temperature(0, 3));
    await until(() => road.waits.length > 0);
    assert.deepEqual(await letters(), []);
    broken = false;
    await settled(lane, 2);
    assert.deepEqual(values(), [0, 1, 2]);
    assert.deepEqual(await letters(), []);
  });

  for (const trouble of [
    { status: 503 },
    { status: 429, retryAfter: 1 },
    { status: 401 },
    { status: 404 },
    'drop',
  ] as const) {
    const name = trouble === 'drop' ? 'a connection that breaks' : `status ${trouble.status}`;
    test(`waits through ${name} and goes on by itself`, async () => {
      let left = 3;
      road.thingworx.trouble = () => (left-- > 0 ? trouble : undefined);
      const lane = open();
      await lane.accept(temperature(0, 20));
      await settled(lane, 19);
      assert.deepEqual(
        values(),
        Array.from({ length: 20 }, (_, i) => i),
      );
      assert.equal(road.waits.length, 2, 'told once that it waits and once that it goes on');
      assert.deepEqual(await letters(), []);
      assertBalanced();
    });
  }

  test('waits while ThingWorx does not describe its Things', async () => {
    let left = 2;
    road.thingworx.describeTrouble = () => (left-- > 0 ? { status: 503 } : undefined);
    const lane = open();
    const accepting = lane.accept(temperature(0, 5));
    await until(() => road.waits.length > 0);
    assert.equal(
      lane.unsettled,
      5,
      'the watchdog must not take it for a partition from which nothing arrives',
    );
    await accepting;
    await settled(lane, 4);
    assert.deepEqual(await letters(), []);
    assert.deepEqual(road.waits, ['THINGWORX_UNAVAILABLE', undefined]);
  });

  test('looks again at a Thing or property that is gone, and lets the policy decide', async () => {
    const lane = open();
    await lane.accept([event(0, { temperature: 0, text: 'a' })]);
    await settled(lane, 0);
    road.thingworx.things.set('dev-1', { temperature: 'NUMBER' });
    await lane.accept([event(1, { temperature: 1, text: 'b' })]);
    await settled(lane, 1);
    assert.deepEqual(
      road.thingworx.rows.map((row) => row.values),
      [{ temperature: 0, text: 'a' }, { temperature: 1 }],
    );
    assert.deepEqual(road.counters.counts.delivered, 2);
    road.thingworx.things.delete('dev-1');
    await lane.accept([event(2, { temperature: 2 })]);
    await settled(lane, 2);
    assert.deepEqual(
      (await letters()).map(({ codes }) => codes),
      [['THING_UNKNOWN']],
    );
  });

  test('counts as ignored what is ignored only because its Thing is gone', async () => {
    road.use({ unknownThing: 'ignore' });
    const lane = open();
    await lane.accept([event(0, { temperature: 0 })]);
    await settled(lane, 0);
    road.thingworx.things.delete('dev-1');
    await lane.accept([event(1, { temperature: 1 })]);
    await settled(lane, 1);
    const { delivered, ignored } = road.counters.counts;
    assert.deepEqual([delivered, ignored], [1, 1]);
    assert.deepEqual(road.counters.ignoredByReason, { THING_UNKNOWN: 1 });
    assertBalanced();
  });

  test('sends a value again that was refused because its property was just being made', async () => {
    let refusals = 1;
    road.thingworx.refuse = () => undefined;
    const { things } = road.thingworx;
    const lane = open();
    await lane.accept([event(0, { temperature: 0, text: 'x' })]);
    await settled(lane, 0);
    const whole = things.get('dev-1') as Record<string, string>;
    things.set('dev-1', { temperature: 'NUMBER' });
    road.thingworx.describeTrouble = () => {
      // By the time the definition is read again the property is back.
      if (refusals-- > 0) things.set('dev-1', whole);
      return undefined;
    };
    await lane.accept([event(1, { temperature: 1, text: 'y' })]);
    await settled(lane, 1);
    const last = road.thingworx.calls.slice(-2);
    assert.deepEqual(
      last.map(({ stream }) => stream),
      ['cafe0123', undefined],
    );
    assert.deepEqual(
      last.map(({ rows }) => rows.map((row) => row.values)),
      [[{ temperature: 1 }], [{ text: 'y' }]],
    );
    assert.deepEqual(await letters(), []);
  });

  test('holds the checkpoint back until the dead letters have what was refused', async () => {
    let broken = true;
    const appended: DeadLetter[] = [];
    const sink = {
      append: async (some: readonly DeadLetter[]) => {
        if (broken) return store.append([]).then(() => Promise.reject(new TypeError('the store is away')));
        appended.push(...some);
      },
    };
    const lane = open(sink);
    await lane.accept([
      event(0, { temperature: 0 }),
      event(1, { temperature: 1 }, 'nobody'),
      event(2, { temperature: 2 }),
    ]);
    await until(() => road.waits.length > 0);
    assert.equal(lane.position, undefined);
    assert.equal(checkpoints.length, 0);
    broken = false;
    await settled(lane, 2);
    assert.deepEqual(
      appended.map(({ id }) => id),
      [`${BEGIN_MS + 1}-cafe0123-3-1`],
    );
    await lane.stop({ drain: true });
    assert.deepEqual(checkpoints.at(-1)?.sequenceNumber, 2);
  });

  test('takes no more than its limits while ThingWorx does not answer', async () => {
    road.thingworx.trouble = () => ({ status: 503 });
    today = { ...limits, messagesInFlight: 100 };
    const lane = open();
    let accepted = 0;
    const feeding = (async () => {
      for (let from = 0; from < 500; from += 50) {
        await lane.accept(temperature(from, from + 50));
        accepted = from + 50;
      }
    })();
    await until(() => lane.unsettled >= 100);
    await until(() => road.waits.length > 0);
    assert.ok(lane.unsettled <= 150 && accepted <= 100, `${lane.unsettled} ${accepted}`);
    road.thingworx.trouble = () => undefined;
    await feeding;
    await settled(lane, 499);
    assert.equal(road.thingworx.rows.length, 500);
  });

  test('counts compressed messages by what they hold, in memory and in a call', async ({ mock }) => {
    const interpret = mock.method(road.road.interpreter, 'interpret');
    road.thingworx.trouble = () => ({ status: 503 });
    const lane = open();
    const zipped = (number: number) =>
      event(number, gzipSync(JSON.stringify({ temperature: number, text: 'x'.repeat(200_000) })));
    const accepting = lane.accept(Array.from({ length: 60 }, (_, i) => zipped(i)));
    await until(() => road.waits.length > 0);
    const decoded = (await Promise.all(interpret.mock.calls.map(({ result }) => result))).flat().length;
    assert.ok(decoded <= 10, `${decoded} messages of 200 KB are decoded, and 1 MB is the limit`);
    assertBalanced();
    road.thingworx.trouble = () => undefined;
    await accepting;
    await settled(lane, 59);
    assert.deepEqual(
      values(),
      Array.from({ length: 60 }, (_, i) => i),
    );
    assert.ok(road.thingworx.calls.every(({ rows }) => rows.length <= 5));
    assertBalanced();
  });

  test('hands back what it holds when it must stop at once', async () => {
    road.thingworx.trouble = () => ({ status: 503 });
    const lane = open();
    await lane.accept(temperature(0, 300));
    await until(() => road.waits.length > 0);
    await lane.stop({ drain: false });
    const { received, released, inFlight } = road.counters.counts;
    assert.deepEqual([received, released, inFlight], [300, 300, 0]);
    assert.deepEqual(checkpoints, []);
    assertBalanced();
  });

  test('finishes what it holds when it may', async () => {
    const lane = open();
    await lane.accept(temperature(0, 300));
    await lane.stop({ drain: true });
    assert.equal(road.thingworx.rows.length, 300);
    assert.equal(checkpoints.at(-1)?.sequenceNumber, 299);
    assertBalanced();
  });

  test('writes no checkpoint for a partition that it has lost', async () => {
    const lane = open();
    await lane.accept(temperature(0, 10));
    await settled(lane, 9);
    await lane.stop({ drain: true, lost: true });
    assert.deepEqual(checkpoints.filter(({ sequenceNumber }) => sequenceNumber === 9).length <= 1, true);
    const before = checkpoints.length;
    await lane.accept(temperature(10, 20));
    assert.equal(checkpoints.length, before);
  });

  test('balances its accounts at every moment', async () => {
    road.thingworx.trouble = async () => {
      await new Promise((resolve) => setTimeout(resolve, 5));
      assertBalanced();
      return undefined;
    };
    const lane = open();
    for (let from = 0; from < 200; from += 20) {
      await lane.accept([
        ...temperature(from, from + 10),
        event(from + 10, Buffer.from('{')),
        event(from + 11, { temperature: 1 }, 'nobody'),
        event(from + 12, { unknown: 1 }),
        event(from + 13, {}),
      ]);
      assertBalanced();
    }
    await settled(lane, 193);
    const { received, delivered, ignored, deadLettered, inFlight } = road.counters.counts;
    assert.deepEqual([received, delivered, ignored, deadLettered, inFlight], [140, 100, 20, 20, 0]);
    assert.deepEqual(road.counters.deadLetteredByReason, { BODY_NOT_JSON: 10, THING_UNKNOWN: 10 });
  });

  test('accounts for every message, whatever bytes it has', async () => {
    const body = fc.oneof(
      fc.uint8Array({ maxLength: 300 }).map((bytes) => Buffer.from(bytes)),
      fc.json().map((text) => Buffer.from(text)),
      fc.dictionary(fc.string(), fc.jsonValue()).map((value) => Buffer.from(JSON.stringify(value))),
    );
    const system = fc.record({
      'iothub-connection-device-id': fc.oneof(fc.constant('dev-1'), fc.string()),
      contentType: fc.oneof(fc.constant('application/json'), fc.constant('application/cbor'), fc.string()),
      contentEncoding: fc.oneof(
        fc.constant('utf-8'),
        fc.constant('gzip'),
        fc.constant('utf-16'),
        fc.string(),
      ),
      'iothub-message-source': fc.oneof(fc.constant('Telemetry'), fc.string()),
    });
    const lane = open();
    let next = 0;
    await fc.assert(
      fc.asyncProperty(fc.array(fc.tuple(body, system), { minLength: 1, maxLength: 40 }), async (some) => {
        const begin = next;
        next += some.length;
        await lane.accept(
          some.map(([bytes, systemProperties], i) => event(begin + i, bytes, 'dev-1', { systemProperties })),
        );
        await settled(lane, next - 1);
        assertBalanced();
      }),
      { numRuns: 60 },
    );
    const { received, deadLettered, released } = road.counters.counts;
    assert.deepEqual([received, released], [next, 0]);
    assert.equal((await store.stats()).count, deadLettered);
    assert.equal(Object.getPrototypeOf({}), Object.prototype);
  });

  test('each reason of a dead letter, and its replay once the reason is gone', async () => {
    const bad: [string, ReceivedEvent][] = [
      ['BODY_NOT_JSON', event(0, Buffer.from('{'))],
      ['BODY_EMPTY', event(1, Buffer.alloc(0))],
      ['BODY_NOT_TEXT', event(2, Buffer.from([0x7b, 0xff, 0xff, 0x7d]))],
      ['BODY_NOT_OBJECT', event(3, 5)],
      ['BODY_TOO_LARGE', event(4, Buffer.alloc(1_100_000, ' '))],
      ['BODY_TOO_DEEP', event(5, Buffer.from(`{"a":${'['.repeat(200)}${']'.repeat(200)}}`))],
      ['THING_UNKNOWN', event(6, { temperature: 1 }, 'nobody')],
      ['VALUE_WRONG_TYPE', event(7, { temperature: 'warm' })],
      ['VALUE_REFUSED', event(8, { temperature: -273 })],
      ['REJECTED', event(9, { temperature: 666 })],
      [
        'BODY_NOT_COMPRESSED',
        event(10, Buffer.from('plain'), 'dev-1', {
          systemProperties: { 'iothub-connection-device-id': 'dev-1', contentEncoding: 'gzip' },
        }),
      ],
    ];
    road.thingworx.refuse = ({ values }) => (values.temperature === -273 ? 'too cold' : undefined);
    road.thingworx.trouble = ({ rows }) =>
      rows.some((row) => row.values.temperature === 666) ? { status: 500 } : undefined;
    const lane = open();
    await lane.accept([...bad.map(([, one]) => one), event(11, { temperature: 11 })]);
    await settled(lane, 11);
    assert.deepEqual(values(), [11]);
    const codes = (await letters()).map(({ sequenceNumber, codes }) => [sequenceNumber, codes[0]]);
    assert.deepEqual(
      codes.reverse(),
      bad.map(([code], i) => [i, code]),
    );

    // Whatever can be put right is put right: the Thing is made, the platform takes the values.
    road.thingworx.things.set('nobody', { temperature: 'NUMBER' });
    road.thingworx.things.set('dev-1', { temperature: 'STRING' });
    road.thingworx.refuse = () => undefined;
    road.thingworx.trouble = () => undefined;
    await road.stopAndStart();
    const tasks = new Tasks({ directory: `${directory}/tasks`, log: listeningLog().log });
    const forwarder = road.forwarder(store);
    tasks.define(new DeadLetterReplay({ store: () => store, forwarder: () => forwarder }));
    const { id } = await tasks.submit('ReplayDeadLetters', 'Replay', { storedUntilMs: Date.now() });
    await until(() => isEnded(tasks.get(id)));
    assert.deepEqual(tasks.get(id).counts, { delivered: 4, deadLettered: 7 });
    const left = (await letters()).map(({ codes }) => codes[0]);
    assert.deepEqual(
      left.reverse(),
      bad.map(([code]) => code).filter((code) => code?.startsWith('BODY')),
    );
    await tasks.stop();
  });
});
