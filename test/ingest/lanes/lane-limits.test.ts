import assert from 'node:assert/strict';
import { afterEach, beforeEach, describe, test } from 'node:test';
import { gzipSync } from 'node:zlib';
import fc from 'fast-check';
import type { DeadLetter } from '../../../sidecar/dead-letters/store.ts';
import { FlightBudget } from '../../../sidecar/ingest/lanes/flight-budget.ts';
import { BEGIN_MS, until } from '../../dead-letters/letters.ts';
import { event, LaneFixture, LIMITS, temperature } from './lane-fixture.ts';

describe('limits and accounts of a lane', () => {
  const fixture = new LaneFixture();
  const { open, settled, values, assertBalanced } = fixture;
  beforeEach(fixture.start);
  afterEach(fixture.stop);

  test('holds the checkpoint back until the dead letters have what was refused', async () => {
    let broken = true;
    const appended: DeadLetter[] = [];
    const sink = {
      append: async (some: readonly DeadLetter[]) => {
        if (broken)
          return fixture.store
            .append([])
            .then(() => Promise.reject(new TypeError('the fixture.store is away')));
        appended.push(...some);
      },
    };
    const lane = open(sink);
    await lane.accept([
      event(0, { temperature: 0 }),
      event(1, { temperature: 1 }, 'nobody'),
      event(2, { temperature: 2 }),
    ]);
    await until(() => fixture.pipeline.waits.length > 0);
    assert.equal(lane.position, undefined);
    assert.equal(fixture.checkpoints.length, 0);
    broken = false;
    await settled(lane, 2);
    assert.deepEqual(
      appended.map(({ id }) => id),
      [`${BEGIN_MS + 1}-cafe0123-3-1`],
    );
    await lane.stop({ drain: true });
    assert.deepEqual(fixture.checkpoints.at(-1)?.sequenceNumber, 2);
  });

  test('does not tell of one failure of the dead letters: the connection may have died in an outage that is over', async () => {
    let failures = 1;
    const lane = open({
      append: async (some) => {
        failures -= 1;
        if (failures >= 0) throw new TypeError('the connection is dead');
        await fixture.store.append(some);
      },
    });
    await lane.accept([event(0, { temperature: 0 }, 'nobody')]);
    await settled(lane, 0);
    assert.equal((await fixture.letters()).length, 1);
    assert.deepEqual(fixture.pipeline.waits, []);
  });

  test('takes no more than its limits while ThingWorx does not answer', async () => {
    fixture.pipeline.thingworx.trouble = () => ({ status: 503 });
    fixture.limits = { ...LIMITS, messagesInFlight: 100 };
    const lane = open();
    let accepted = 0;
    const feeding = (async () => {
      for (let from = 0; from < 500; from += 50) {
        await lane.accept(temperature(from, from + 50));
        accepted = from + 50;
      }
    })();
    await until(() => lane.unsettled >= 100);
    await until(() => fixture.pipeline.waits.length > 0);
    assert.ok(lane.unsettled <= 150 && accepted <= 100, `${lane.unsettled} ${accepted}`);
    fixture.pipeline.thingworx.trouble = () => undefined;
    await feeding;
    await settled(lane, 499);
    assert.equal(fixture.pipeline.thingworx.rows.length, 500);
  });

  test('translates what the next call can carry while one is under way, and no more', async () => {
    const { thingworx } = fixture.pipeline;
    thingworx.trouble = () => ({ status: 503 });
    const lane = open();
    const feeding = (async () => {
      for (let from = 0; from < 900; from += 50) await lane.accept(temperature(from, from + 50));
    })();
    await until(() => fixture.pipeline.waits.length > 0 && lane.unsettled > LIMITS.maxRowsPerCall);
    // Translation waits for nothing but the lane here, so it has come as far as it goes.
    for (let turn = 0; turn < 50; turn += 1) await new Promise((resolve) => setImmediate(resolve));
    assert.ok(lane.unsettled < 2 * LIMITS.maxRowsPerCall + 50, `${lane.unsettled} are translated`);
    thingworx.trouble = () => undefined;
    await feeding;
    await settled(lane, 899);
    assert.equal(thingworx.rows.length, 900);
  });

  test('counts compressed messages by what they hold, in memory and in a call', async ({ mock }) => {
    const interpret = mock.method(fixture.pipeline.parts.interpreter, 'interpret');
    fixture.pipeline.thingworx.trouble = () => ({ status: 503 });
    const lane = open();
    const zipped = (number: number) =>
      event(number, gzipSync(JSON.stringify({ temperature: number, text: 'x'.repeat(200_000) })));
    const accepting = lane.accept(Array.from({ length: 60 }, (_, i) => zipped(i)));
    await until(() => fixture.pipeline.waits.length > 0);
    const decoded = (await Promise.all(interpret.mock.calls.map(({ result }) => result))).flat().length;
    assert.ok(decoded <= 10, `${decoded} messages of 200 KB are decoded, and 1 MB is the limit`);
    assertBalanced();
    fixture.pipeline.thingworx.trouble = () => undefined;
    await accepting;
    await settled(lane, 59);
    assert.deepEqual(
      values(),
      Array.from({ length: 60 }, (_, i) => i),
    );
    assert.ok(fixture.pipeline.thingworx.calls.every(({ rows }) => rows.length <= 5));
    assertBalanced();
  });

  test('collects messages between two calls, and does not wait after a pause, with a full call or at its end', async () => {
    const { thingworx } = fixture.pipeline;
    fixture.limits = { ...LIMITS, callIntervalMs: 3_600_000 };
    const lane = open();
    await lane.accept(temperature(0, 1));
    await settled(lane, 0);
    for (let from = 1; from < 91; from += 10) await lane.accept(temperature(from, from + 10));
    assert.equal(thingworx.calls.length, 1, 'they wait for the next call');
    await lane.accept(temperature(91, 101));
    await settled(lane, 100);
    assert.deepEqual(
      thingworx.calls.map(({ rows }) => rows.length),
      [1, 100],
      'a full call',
    );
    await lane.accept(temperature(101, 103));
    fixture.limits = { ...LIMITS, callIntervalMs: 1 };
    await lane.accept(temperature(103, 104));
    await settled(lane, 103);
    fixture.limits = { ...LIMITS, callIntervalMs: 3_600_000 };
    await lane.accept(temperature(104, 106));
    await lane.stop({ drain: true });
    assert.equal(fixture.checkpoints.at(-1)?.sequenceNumber, 105);
    assert.deepEqual(
      thingworx.calls.map(({ rows }) => rows.length),
      [1, 100, 3, 2],
    );
    assertBalanced();
  });

  test('counts the rows of messages, not their bytes alone', async ({ mock }) => {
    const interpret = mock.method(fixture.pipeline.parts.interpreter, 'interpret');
    fixture.pipeline.thingworx.trouble = () => ({ status: 503 });
    const lane = open();
    // 200 KB and 20,000 rows.
    const values = Array.from({ length: 100 }, (_, i) => ({ temperature: i % 10 }));
    const accepting = lane.accept(Array.from({ length: 200 }, (_, number) => event(number, values)));
    await until(() => fixture.pipeline.waits.length > 0);
    const translated = (await Promise.all(interpret.mock.calls.map(({ result }) => result))).flat().length;
    assert.ok(translated <= 100, `${translated} messages of 100 rows are translated, and 1 MB is the limit`);
    fixture.pipeline.thingworx.trouble = () => undefined;
    await accepting;
    await settled(lane, 199);
    assert.equal(fixture.pipeline.thingworx.rows.length, 20_000);
  });

  test('shares one budget with the lanes of other partitions, and always goes on when it holds nothing', async () => {
    fixture.pipeline.thingworx.trouble = () => ({ status: 503 });
    fixture.budget = new FlightBudget(1);
    const lanes = ['0', '1', '2'].map((partition) => open(fixture.store, partition));
    const big = (from: number) =>
      Array.from({ length: 40 }, (_, i) => event(from + i, { temperature: i, text: 'x'.repeat(30_000) }));
    const accepting = lanes.map((lane) => lane.accept(big(0)));
    await until(() => fixture.pipeline.waits.length > 0);
    assert.ok(fixture.budget.isSpent);
    assertBalanced();
    fixture.pipeline.thingworx.trouble = () => undefined;
    await Promise.all(accepting);
    for (const lane of lanes) await settled(lane, 39);
    assert.equal(fixture.budget.isSpent, false, 'all of it is given back');
  });

  test('gives back its part of the budget when it is stopped', async () => {
    fixture.pipeline.thingworx.trouble = () => ({ status: 503 });
    fixture.budget = new FlightBudget(1);
    const lane = open();
    const accepting = lane.accept(temperature(0, 2_000));
    await until(() => fixture.pipeline.waits.length > 0);
    await lane.stop({ drain: false });
    await accepting;
    assert.equal(fixture.budget.isSpent, false);
    assertBalanced();
  });

  test('hands back what it holds when it must stop at once', async () => {
    fixture.pipeline.thingworx.trouble = () => ({ status: 503 });
    const lane = open();
    const accepting = lane.accept(temperature(0, 300));
    await until(() => fixture.pipeline.waits.length > 0);
    await lane.stop({ drain: false });
    await accepting;
    const { received, released, inFlight } = fixture.pipeline.counters.counts;
    assert.deepEqual([received, released, inFlight], [300, 300, 0]);
    assert.deepEqual(fixture.checkpoints, []);
    assertBalanced();
  });

  test('finishes what it holds when it may', async () => {
    const lane = open();
    await lane.accept(temperature(0, 300));
    await lane.stop({ drain: true });
    assert.equal(fixture.pipeline.thingworx.rows.length, 300);
    assert.equal(fixture.checkpoints.at(-1)?.sequenceNumber, 299);
    assertBalanced();
  });

  test('sends nothing of a partition that another sidecar owns now, and writes no checkpoint', async () => {
    const lane = open();
    await lane.accept(temperature(0, 10));
    await settled(lane, 9);
    fixture.stillOwned = async () => false;
    const sent = fixture.pipeline.thingworx.rows.length;
    await lane.accept(temperature(10, 20)).catch(() => undefined);
    // Also when no message comes.
    await until(() =>
      lane.accept([]).then(
        () => false,
        ({ code }) => code === 'PARTITION_TAKEN',
      ),
    );
    await assert.rejects(lane.accept(temperature(20, 30)), { code: 'PARTITION_TAKEN' });
    await lane.stop({ drain: true });
    assert.equal(fixture.pipeline.thingworx.rows.length, sent);
    assert.ok(fixture.checkpoints.every(({ sequenceNumber }) => sequenceNumber <= 9));
    assertBalanced();
  });

  test('that asks in vain whether it owns its partition can be stopped', async () => {
    fixture.stillOwned = () => new Promise(() => undefined);
    const lane = open();
    await lane.accept(temperature(0, 10));
    await lane.stop({ drain: false });
    assert.equal(fixture.pipeline.counters.counts.released, 10);
    assertBalanced();
  });

  test('begins no call in the second half of the time for its stop', async () => {
    fixture.limits = { ...LIMITS, maxRowsPerCall: 1 };
    let answered = 0;
    fixture.pipeline.thingworx.trouble = async () => {
      answered += 1;
      // The first half ends while the lane waits for this answer.
      await new Promise((resolve) => setTimeout(resolve, 250));
      return undefined;
    };
    const lane = open();
    const accepting = lane.accept(temperature(0, 10));
    await until(() => answered === 1);
    await lane.stop({ drain: true, timeoutMs: 400 });
    await accepting;
    const { delivered, released, inFlight } = fixture.pipeline.counters.counts;
    assert.ok(released > 0, `${delivered} ${released}`);
    assert.equal(inFlight, 0);
    assert.equal(fixture.checkpoints.at(-1)?.sequenceNumber ?? -1, delivered - 1);
    assertBalanced();
  });

  test('gives up a call that is not answered before its stop must end, and logs how many messages it had', async () => {
    let called = 0;
    fixture.pipeline.thingworx.trouble = () => {
      called += 1;
      return new Promise(() => undefined);
    };
    const lane = open();
    const accepting = lane.accept(temperature(0, 120));
    await until(() => called === 1);
    await lane.stop({ drain: true, timeoutMs: 100 });
    await accepting;
    assert.deepEqual(
      fixture.log.lines.map(({ partitionId, unsettled }) => [partitionId, unsettled]),
      [['3', 100]],
    );
    assert.equal(fixture.pipeline.counters.counts.released, 120);
    assertBalanced();
  });

  test('writes no checkpoint for a partition that it has lost', async () => {
    const lane = open();
    await lane.accept(temperature(0, 10));
    await settled(lane, 9);
    await lane.stop({ drain: true, lost: true });
    assert.deepEqual(
      fixture.checkpoints.filter(({ sequenceNumber }) => sequenceNumber === 9).length <= 1,
      true,
    );
    const before = fixture.checkpoints.length;
    await lane.accept(temperature(10, 20));
    assert.equal(fixture.checkpoints.length, before);
  });

  test('balances its accounts at every moment', async () => {
    fixture.pipeline.thingworx.trouble = async () => {
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
    const { received, delivered, ignored, deadLettered, inFlight } = fixture.pipeline.counters.counts;
    assert.deepEqual([received, delivered, ignored, deadLettered, inFlight], [140, 100, 20, 20, 0]);
    assert.deepEqual(fixture.pipeline.counters.deadLetteredByReason, {
      BODY_NOT_JSON: 10,
      THING_UNKNOWN: 10,
    });
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
    // Messages of other sources are notifications, which the hub Thing takes.
    fixture.pipeline.thingworx.other = async (service, input) => {
      if (service === 'FindDeviceThings') return { body: { things: [] } };
      const { events } = (input as { batch: { events: unknown[] } }).batch;
      return { body: { accepted: events.length, repeated: 0, refused: [] } };
    };
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
    const { received, deadLettered, released } = fixture.pipeline.counters.counts;
    assert.deepEqual([received, released], [next, 0]);
    assert.equal((await fixture.store.stats()).count, deadLettered);
    assert.equal(Object.getPrototypeOf({}), Object.prototype);
  });
});
