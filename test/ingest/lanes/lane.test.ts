import assert from 'node:assert/strict';
import { afterEach, beforeEach, describe, test } from 'node:test';
import { DeadLetterReplay } from '../../../sidecar/ingest/replay/dead-letters.ts';
import { isEnded } from '../../../sidecar/tasks/task.ts';
import { TaskStore } from '../../../sidecar/tasks/task-store.ts';
import { Tasks } from '../../../sidecar/tasks/tasks.ts';
import type { ReceivedMessage } from '../../../sidecar/translate/types.ts';
import { listeningLog, until } from '../../dead-letters/letters.ts';
import { event, LaneFixture, LIMITS, temperature } from './lane-fixture.ts';

describe('lane', () => {
  const fixture = new LaneFixture();
  const { open, settled, values, letters, assertBalanced } = fixture;
  beforeEach(fixture.start);
  afterEach(fixture.stop);

  test('delivers in order, with stream, partition and the mark of each call', async () => {
    const lane = open();
    for (let from = 0; from < 1_000; from += 50) await lane.accept(temperature(from, from + 50));
    await settled(lane, 999);
    assert.deepEqual(
      values(),
      Array.from({ length: 1_000 }, (_, i) => i),
    );
    let mark = -1;
    for (const { stream, partition, through = -1, rows } of fixture.pipeline.thingworx.calls) {
      assert.deepEqual([stream, partition], ['cafe0123', '3']);
      assert.ok(rows.every((row) => row.sequenceNumber > mark && row.sequenceNumber <= through));
      mark = through;
    }
    assert.equal(mark, 999);
    assertBalanced();
  });

  test('keeps the order of each device through calls that fail, halve and are refused in part', async () => {
    let calls = 0;
    fixture.pipeline.thingworx.trouble = ({ rows }) => {
      calls += 1;
      if (calls % 7 === 0) return { status: 503 };
      if (calls % 5 === 0) return 'drop';
      if (rows.some((row) => row.values.temperature === 333)) return { status: 500, text: 'script error' };
      return undefined;
    };
    fixture.pipeline.thingworx.refuse = ({ values }) => (values.temperature === 77 ? 'no' : undefined);
    const lane = open();
    const events = Array.from({ length: 600 }, (_, i) => event(i, { temperature: i }, `dev-${(i % 3) + 1}`));
    for (let from = 0; from < 600; from += 60) await lane.accept(events.slice(from, from + 60));
    await settled(lane, 599);
    for (const thing of ['dev-1', 'dev-2', 'dev-3']) {
      const times = fixture.pipeline.thingworx.rows
        .filter((row) => row.thing === thing)
        .map(({ timeMs }) => timeMs);
      assert.deepEqual(
        times,
        times.toSorted((a, b) => a - b),
        thing,
      );
    }
    assert.equal(fixture.pipeline.thingworx.laneRows.length, 598);
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
    fixture.pipeline.thingworx.trouble = ({ rows }) =>
      rows.some((row) => row.values.temperature === 617) ? { status: 500, text: 'script error' } : undefined;
    fixture.limits = { ...LIMITS, maxRowsPerCall: 1_000 };
    const lane = open();
    await lane.accept(temperature(0, 1_000));
    await settled(lane, 999);
    assert.equal(fixture.pipeline.thingworx.laneRows.length, 999);
    assert.deepEqual(
      (await letters()).map(({ sequenceNumber }) => sequenceNumber),
      [617],
    );
    const { delivered, deadLettered } = fixture.pipeline.counters.counts;
    assert.deepEqual([delivered, deadLettered], [999, 1]);
    assert.ok(fixture.pipeline.counters.calls < 60, `${fixture.pipeline.counters.calls} calls`);
  });

  test('puts nothing aside while ThingWorx fails for every call alike', async () => {
    let broken = true;
    fixture.pipeline.thingworx.trouble = () => (broken ? { status: 500, text: 'script error' } : undefined);
    const lane = open();
    await lane.accept(temperature(0, 3));
    await until(() => fixture.pipeline.waits.length > 0);
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
      fixture.pipeline.thingworx.trouble = () => (left-- > 0 ? trouble : undefined);
      const lane = open();
      await lane.accept(temperature(0, 20));
      await settled(lane, 19);
      assert.deepEqual(
        values(),
        Array.from({ length: 20 }, (_, i) => i),
      );
      assert.equal(fixture.pipeline.waits.length, 2, 'told once that it waits and once that it goes on');
      assert.deepEqual(await letters(), []);
      assertBalanced();
    });
  }

  test('waits while ThingWorx does not describe its Things', async () => {
    let left = 2;
    fixture.pipeline.thingworx.describeTrouble = () => (left-- > 0 ? { status: 503 } : undefined);
    const lane = open();
    const accepting = lane.accept(temperature(0, 5));
    await until(() => fixture.pipeline.waits.length > 0);
    assert.equal(
      lane.unsettled,
      5,
      'the watchdog must not take it for a partition from which nothing arrives',
    );
    await accepting;
    await settled(lane, 4);
    assert.deepEqual(await letters(), []);
    assert.deepEqual(fixture.pipeline.waits, ['THINGWORX_UNAVAILABLE', undefined]);
  });

  test('looks again at a Thing or property that is gone, and lets the policy decide', async () => {
    const lane = open();
    await lane.accept([event(0, { temperature: 0, text: 'a' })]);
    await settled(lane, 0);
    fixture.pipeline.thingworx.things.set('dev-1', { temperature: 'NUMBER' });
    await lane.accept([event(1, { temperature: 1, text: 'b' })]);
    await settled(lane, 1);
    assert.deepEqual(
      fixture.pipeline.thingworx.rows.map((row) => row.values),
      [{ temperature: 0, text: 'a' }, { temperature: 1 }],
    );
    assert.deepEqual(fixture.pipeline.counters.counts.delivered, 2);
    fixture.pipeline.thingworx.things.delete('dev-1');
    await lane.accept([event(2, { temperature: 2 })]);
    await settled(lane, 2);
    assert.deepEqual(
      (await letters()).map(({ codes }) => codes),
      [['THING_UNKNOWN']],
    );
  });

  test('counts as ignored what is ignored only because its Thing is gone', async () => {
    fixture.pipeline.use({ unknownThing: 'ignore' });
    const lane = open();
    await lane.accept([event(0, { temperature: 0 })]);
    await settled(lane, 0);
    fixture.pipeline.thingworx.things.delete('dev-1');
    await lane.accept([event(1, { temperature: 1 })]);
    await settled(lane, 1);
    const { delivered, ignored } = fixture.pipeline.counters.counts;
    assert.deepEqual([delivered, ignored], [1, 1]);
    assert.deepEqual(fixture.pipeline.counters.ignoredByReason, { THING_UNKNOWN: 1 });
    assertBalanced();
  });

  test('sends a value again that was refused because its property was just being made', async () => {
    let refusals = 1;
    fixture.pipeline.thingworx.refuse = () => undefined;
    const { things } = fixture.pipeline.thingworx;
    const lane = open();
    await lane.accept([event(0, { temperature: 0, text: 'x' })]);
    await settled(lane, 0);
    const whole = things.get('dev-1') as Record<string, string>;
    things.set('dev-1', { temperature: 'NUMBER' });
    fixture.pipeline.thingworx.describeTrouble = () => {
      // By the time the definition is read again the property is back.
      if (refusals-- > 0) things.set('dev-1', whole);
      return undefined;
    };
    await lane.accept([event(1, { temperature: 1, text: 'y' })]);
    await settled(lane, 1);
    const last = fixture.pipeline.thingworx.calls.slice(-2);
    assert.deepEqual(
      last.map(({ through }) => through),
      [1, undefined],
    );
    assert.deepEqual(
      last.map(({ rows }) => rows.map((row) => row.values)),
      [[{ temperature: 1 }], [{ text: 'y' }]],
    );
    assert.deepEqual(await letters(), []);
  });

  test('each reason of a dead letter, and its replay once the reason is gone', async () => {
    const bad: [string, ReceivedMessage][] = [
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
    fixture.pipeline.thingworx.refuse = ({ values }) =>
      values.temperature === -273 ? 'too cold' : undefined;
    fixture.pipeline.thingworx.trouble = ({ rows }) =>
      rows.some((row) => row.values.temperature === 666) ? { status: 500 } : undefined;
    // A row that passes: what is refused is compared with it.
    const update = {
      thing: 'dev-2',
      timeMs: 1,
      quality: 'GOOD',
      properties: ['temperature'],
      values: [1],
    } as const;
    const good = { sequenceNumber: 0, update: { ...update, baseTypes: ['NUMBER'] as const } };
    await fixture.pipeline.parts.sender.send([good], undefined, new AbortController().signal);
    const lane = open();
    await lane.accept([...bad.map(([, one]) => one), event(11, { temperature: 11 })]);
    await settled(lane, 11);
    assert.deepEqual(
      fixture.pipeline.thingworx.laneRows.map((row) => row.values.temperature),
      [11],
    );
    const codes = (await letters()).map(({ sequenceNumber, codes }) => [sequenceNumber, codes[0]]);
    assert.deepEqual(
      codes.reverse(),
      bad.map(([code], i) => [i, code]),
    );

    // Whatever can be put right is put right: the Thing is made, the platform takes the values.
    fixture.pipeline.thingworx.things.set('nobody', { temperature: 'NUMBER' });
    fixture.pipeline.thingworx.things.set('dev-1', { temperature: 'STRING' });
    fixture.pipeline.thingworx.refuse = () => undefined;
    fixture.pipeline.thingworx.trouble = () => undefined;
    await fixture.pipeline.stopAndStart();
    const tasks = new Tasks({
      store: TaskStore.inDirectory(`${fixture.directory}/tasks`),
      log: listeningLog().log,
    });
    const forwarder = fixture.pipeline.forwarder(fixture.store);
    tasks.define(new DeadLetterReplay({ store: () => fixture.store, forwarder: () => forwarder }));
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
