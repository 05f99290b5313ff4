import assert from 'node:assert/strict';
import { afterEach, beforeEach, describe, test } from 'node:test';
import { Random } from '../../../scripts/chaos/random.ts';
import type { Row } from '../../../sidecar/ingest/lanes/batch.ts';
import { CallSize } from '../../../sidecar/ingest/lanes/call-size.ts';
import { Sender } from '../../../sidecar/ingest/lanes/sender.ts';
import { PartitionWriter } from '../../../sidecar/ingest/partition-writer.ts';
import type { Update } from '../../../sidecar/translate/types.ts';
import { until } from '../../dead-letters/letters.ts';
import { TestPipeline } from '../pipeline-fixture.ts';

const PROPERTIES = ['temperature'];
const BASE_TYPES = ['NUMBER'] as const;

function row(sequenceNumber: number, value = sequenceNumber): Row {
  const update: Update = {
    thing: 'dev-1',
    timeMs: sequenceNumber,
    quality: 'GOOD',
    properties: PROPERTIES,
    baseTypes: BASE_TYPES,
    values: [value],
  };
  return { sequenceNumber, update };
}

const rows = (count: number) => Array.from({ length: count }, (_, i) => row(i));

describe('sender', () => {
  let pipeline: TestPipeline;
  const { signal } = new AbortController();

  beforeEach(async () => {
    pipeline = new TestPipeline();
    await pipeline.start();
    pipeline.thingworx.things.set('dev-1', { temperature: 'NUMBER' });
  });
  afterEach(() => pipeline.stop());

  const origin = (through: number) => pipeline.origin(through);

  test('halves what fails as a whole until the row that fails is alone; marks follow the halves', async () => {
    pipeline.thingworx.trouble = ({ rows: some }) =>
      some.some(({ values }) => values['temperature'] === 5) ? { status: 500, text: 'boom' } : undefined;
    const refused = await pipeline.parts.sender.send(rows(16), origin(15), signal);
    assert.deepEqual(
      refused.map(({ sequenceNumber, reason }) => [sequenceNumber, reason]),
      [[5, 'REJECTED']],
    );
    const calls = pipeline.thingworx.calls.filter(({ stream }) => stream !== undefined);
    const last = (some: typeof calls) => some.at(-1)?.rows.at(-1)?.sequenceNumber;
    for (const [i, { through = -1 }] of calls.entries()) {
      assert.ok(through <= (last(calls.slice(0, i + 1)) ?? -1), 'no mark passes rows that are not sent yet');
      assert.ok(through <= 4, 'no mark passes what is refused and not in the dead letters yet');
    }
    assert.equal(calls.at(-1)?.through, 4);
    assert.deepEqual(
      calls.flatMap(({ rows: some }) => some.map(({ sequenceNumber }) => sequenceNumber)),
      [0, 1, 2, 3, 4, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15],
    );
  });

  test('lets no half raise the mark past a value that the half before had refused', async () => {
    pipeline.thingworx.trouble = ({ rows: some }) => (some.length > 8 ? { status: 413 } : undefined);
    pipeline.thingworx.refuse = ({ sequenceNumber }) => (sequenceNumber === 3 ? 'no' : undefined);
    const refused = await pipeline.parts.sender.send(rows(16), origin(15), signal);
    assert.deepEqual(
      refused.map(({ sequenceNumber, reason }) => [sequenceNumber, reason]),
      [[3, 'VALUE_REFUSED']],
    );
    assert.deepEqual(
      pipeline.thingworx.calls
        .filter(({ through }) => through !== undefined)
        .map(({ rows: some, through }) => [some.at(-1)?.sequenceNumber, through]),
      [
        [7, 7],
        [15, 2],
      ],
      'the first call answers for its own refusals; the second must not pass them',
    );
  });

  test('sends again what a call has not decided, and writes no value twice', async () => {
    const { thingworx, parts } = pipeline;
    await parts.sender.send([row(0)], origin(0), signal);
    thingworx.refuse = ({ values }) => (Number(values.temperature) % 2 === 1 ? 'odd' : undefined);
    thingworx.maxRefused = 7;
    // Two values of one property in each message.
    const some = rows(40).flatMap((first) => {
      const { sequenceNumber, update } = first;
      return [first, { sequenceNumber, update: { ...update, timeMs: update.timeMs + 1_000, values: [2] } }];
    });
    const mark = origin(39);
    const refused = await parts.sender.send(some, mark, signal);
    assert.deepEqual(
      refused
        .map(({ sequenceNumber, time }) => [sequenceNumber, time])
        .sort(([a], [b]) => Number(a) - Number(b)),
      Array.from({ length: 20 }, (_, i) => [2 * i + 1, 2 * i + 1]),
    );
    const written = thingworx.laneRows.slice(1);
    assert.equal(written.length, 60);
    assert.equal(
      new Set(written.map(({ sequenceNumber, timeMs }) => `${sequenceNumber} ${timeMs}`)).size,
      60,
    );
    assert.ok(
      thingworx.calls.slice(2).every(({ through }) => through === undefined),
      'the mark stays before the first refusal',
    );
  });

  test('finds the only row that takes a value when no call decides anything', async () => {
    const { thingworx, parts } = pipeline;
    await parts.sender.send([row(100)], origin(100), signal);
    thingworx.refuse = () => 'never';
    thingworx.maxRefused = 0;
    thingworx.trouble = ({ rows: some }) => {
      thingworx.maxRefused = some.length > 1 ? 0 : 1;
      return undefined;
    };
    const waiting = parts.sender.send(rows(5), origin(104), signal);
    await until(() => thingworx.calls.some(({ rows: some }) => some.length === 0));
    thingworx.refuse = () => undefined;
    assert.deepEqual(await waiting, []);
    assert.deepEqual(
      thingworx.laneRows.slice(1).map(({ sequenceNumber }) => sequenceNumber),
      [0, 1, 2, 3, 4],
    );
  });

  test('opens the partition once, again after a call that was not answered, and when another writer has opened it', async () => {
    const { sender } = pipeline.parts;
    const { thingworx } = pipeline;
    const batch = pipeline.origin(0);
    await sender.send([row(0)], batch, signal);
    await sender.send([row(1)], batch, signal);
    assert.equal(thingworx.openings.length, 1);
    let drops = 1;
    thingworx.trouble = ({ through }) => (through !== undefined && drops-- > 0 ? 'drop' : undefined);
    await sender.send([row(2)], batch, signal);
    assert.equal(thingworx.openings.length, 2, 'the call may still run');
    thingworx.replaced.add(thingworx.openings.at(-1) ?? '');
    await sender.send([row(3)], batch, signal);
    assert.equal(thingworx.openings.length, 3);
    assert.equal(new Set(thingworx.openings).size, 3);
    assert.deepEqual(
      thingworx.laneRows.map(({ sequenceNumber }) => sequenceNumber),
      [0, 1, 2, 3],
    );
  });

  test('says which extension to import when ThingWorx has an older one, and goes on when it is there', async () => {
    const messages: (string | undefined)[] = [];
    pipeline.thingworx.openTrouble = () => ({
      status: 500,
      text: 'REQUEST_INVALID: batch must be an object with an array groups.',
    });
    const writer = new PartitionWriter({
      client: pipeline.client,
      hubThing: 'hub',
      outages: pipeline.shared.outages,
      onWaiting: (error) => messages.push(error?.message),
      stream: 's',
      partition: '0',
      stillOwned: async () => true,
    });
    const calling = writer.call(signal, async () => ({ taken: false }));
    await until(() => messages.length > 0);
    assert.match(
      String(messages[0]),
      /ReceiveUpdates on hub does not know .* Import the extension \d+\.\d+\.\d+ into/,
    );
    pipeline.thingworx.openTrouble = () => undefined;
    await calling;
    assert.equal(messages.at(-1), undefined);
  });

  test('waits until the calls of earlier writers have ended', async () => {
    const answers = [{ busy: true }, { taken: true }, {}];
    pipeline.thingworx.opened = () => answers.shift() ?? {};
    await pipeline.parts.sender.send([row(0)], pipeline.origin(0), signal);
    assert.equal(pipeline.thingworx.openings.length, 3);
    assert.deepEqual(answers, []);
  });

  test('sends nothing when another sidecar owns the partition after the opening', async () => {
    const batch = pipeline.origin(0, async () => false);
    await assert.rejects(pipeline.parts.sender.send(rows(4), batch, signal), { code: 'PARTITION_TAKEN' });
    const { notifications } = pipeline.parts;
    const lifecycle = { type: 'other', source: 'x', deviceId: '' } as never;
    const items = [{ sequenceNumber: 1, notification: lifecycle }];
    await assert.rejects(notifications.deliver(items, batch, signal), { code: 'PARTITION_TAKEN' });
    assert.deepEqual(pipeline.thingworx.calls, []);
  });

  test('sends the parts of one message without a mark: the first would make the second a repeat', async () => {
    pipeline.thingworx.trouble = ({ rows: some }) =>
      some.length > 1 ? { status: 413, text: 'too large' } : undefined;
    const refused = await pipeline.parts.sender.send([row(7, 1), row(7, 2), row(7, 3)], origin(7), signal);
    assert.deepEqual(refused, []);
    assert.deepEqual(
      pipeline.thingworx.calls.map(({ through, rows: some }) => [through, some.length]),
      [
        [undefined, 1],
        [undefined, 1],
        [undefined, 1],
      ],
    );
  });

  test('one row that no text can hold is poison and stops nothing', async () => {
    const circular: { self?: unknown } = {};
    circular.self = circular;
    const tooLarge = row(1);
    const rows = [row(0), { ...tooLarge, update: { ...tooLarge.update, values: [circular] } }, row(2)];
    const refused = await pipeline.parts.sender.send(rows, origin(2), signal);
    assert.deepEqual(
      refused.map(({ sequenceNumber, reason }) => [sequenceNumber, reason]),
      [[1, 'REJECTED']],
    );
    assert.deepEqual(
      pipeline.thingworx.laneRows.map(({ sequenceNumber }) => sequenceNumber),
      [0, 2],
    );
  });

  test('carries more rows while answers are quick, never more than the settings say', async () => {
    const { sender } = pipeline.parts;
    const first = sender.rowLimit(10_000);
    for (let i = 0; i < 4; i += 1) await sender.send(rows(sender.rowLimit(10_000)), undefined, signal);
    assert.ok(sender.rowLimit(10_000) > first);
    assert.equal(sender.rowLimit(50), 50);
  });

  test('carries the full number of rows where each call has a constant delay, and fewer where each row is slow', () => {
    const answer = (size: CallSize, elapsedMs: (rows: number) => number) => {
      for (let call = 0; call < 20; call += 1) {
        const carried = Math.min(size.rows, 500);
        size.answered(carried, elapsedMs(carried));
      }
      return size.rows;
    };
    assert.ok(answer(new CallSize(), () => 2_500) >= 500);
    assert.ok(answer(new CallSize(), () => 25_000) >= 500);
    assert.ok(answer(new CallSize(), (carried) => 2_500 + carried) >= 500);
    const slow = new CallSize();
    const rowsWhenSlow = answer(slow, (carried) => 100 + carried * 20);
    assert.ok(rowsWhenSlow >= 25 && rowsWhenSlow <= 100, `${rowsWhenSlow}`);
    assert.ok(answer(slow, (carried) => 20 + carried / 10) >= 500, 'it grows again');
  });

  for (const perMessage of [1, 7, 90, 100, 130, 200, 249, 251, 400])
    test(`carries the full number of rows of messages of ${perMessage} rows each`, () => {
      const size = new CallSize();
      for (let call = 0; call < 10; call += 1) {
        const messages = Math.max(1, Math.floor(Math.min(size.rows, 500) / perMessage));
        size.answered(messages * perMessage, 5);
      }
      assert.ok(size.rows >= 500, `${size.rows}`);
    });

  test('a few rows in a quick call do not make calls larger', () => {
    const size = new CallSize();
    const before = size.rows;
    for (let call = 0; call < 10; call += 1) size.answered(1 + (call % 100), 5);
    assert.equal(size.rows, before);
  });

  test('a few messages in a slow call do not make calls smaller', () => {
    const size = new CallSize();
    const before = size.rows;
    for (let call = 0; call < 10; call += 1) size.answered(1 + (call % 2), 2_500);
    assert.ok(size.rows >= before, `${size.rows}`);
  });

  for (const share of [0.3, 0.6])
    test(`keeps every row while ${share * 100} % of the calls fail at random`, async () => {
      const random = new Random(7);
      pipeline.thingworx.trouble = () =>
        random.chance(share) ? { status: 500, text: 'script error' } : undefined;
      for (let from = 0; from < 80; from += 20)
        assert.deepEqual(
          await pipeline.parts.sender.send(
            Array.from({ length: 20 }, (_, i) => row(from + i)),
            origin(from + 19),
            signal,
          ),
          [],
        );
      assert.deepEqual(new Set(pipeline.thingworx.rows.map(({ sequenceNumber }) => sequenceNumber)).size, 80);
    });

  test('keeps every row while the database takes none, and says that it waits', async () => {
    const { sender } = pipeline.parts;
    await sender.send(rows(5), origin(4), signal);
    let isDown = true;
    pipeline.thingworx.refuse = () => (isDown ? 'The database takes no rows.' : undefined);
    const sending = sender.send(
      [5, 6, 7].map((number) => row(number)),
      origin(7),
      signal,
    );
    await until(() => pipeline.waits.at(-1) === 'THINGWORX_UNAVAILABLE');
    isDown = false;
    assert.deepEqual(await sending, []);
    assert.deepEqual(
      pipeline.thingworx.rows.slice(-3).map(({ sequenceNumber }) => sequenceNumber),
      [5, 6, 7],
    );
    assert.equal(pipeline.waits.at(-1), undefined);
  });

  test('one Thing that takes nothing does not stop the others, and does not cost a second each time', async () => {
    const { sender } = pipeline.parts;
    pipeline.thingworx.things.set('dev-2', { temperature: 'NUMBER' });
    const other = (number: number) => ({ ...row(number), update: { ...row(number).update, thing: 'dev-2' } });
    await sender.send([row(0), other(1)], origin(1), signal);
    pipeline.thingworx.trouble = ({ rows: some }) =>
      some.some(({ thing }) => thing === 'dev-1') ? { status: 500, text: 'script error' } : undefined;
    const before = pipeline.counters.calls;
    for (let number = 2; number < 22; number += 2) {
      const refused = await sender.send([row(number), other(number + 1)], origin(number + 1), signal);
      assert.deepEqual(
        refused.map(({ sequenceNumber, reason }) => [sequenceNumber, reason]),
        [[number, 'REJECTED']],
      );
    }
    assert.ok(pipeline.counters.calls - before < 150, `${pipeline.counters.calls - before} calls`);
  });

  test('all senders of a hub share one probe and go on together', async () => {
    const others = Array.from(
      { length: 8 },
      () =>
        new Sender({
          client: pipeline.client,
          hubThing: 'hub',
          counters: pipeline.counters,
          ...pipeline.shared,
          onWaiting: (error) => void pipeline.waits.push(error?.code),
        }),
    );
    let isDown = true;
    let probes = 0;
    pipeline.thingworx.trouble = ({ rows: some }) => {
      if (isDown && some.length === 0) probes += 1;
      return isDown ? { status: 503 } : undefined;
    };
    const sending = others.map((sender, index) => sender.send([row(index)], undefined, signal));
    await until(() => pipeline.waits.filter((code) => code !== undefined).length === 8);
    await until(() => probes >= 4);
    const calls = pipeline.counters.calls - probes;
    assert.ok(calls <= 16, `${calls} calls of senders beside ${probes} probes`);
    isDown = false;
    assert.deepEqual(
      await Promise.all(sending),
      others.map(() => []),
    );
    assert.equal(pipeline.waits.filter((code) => code === undefined).length, 8);
  });

  test('carries fewer rows when an answer was slow', async () => {
    const { sender } = pipeline.parts;
    const before = sender.rowLimit(10_000);
    pipeline.thingworx.trouble = async () => {
      await new Promise((resolve) => setTimeout(resolve, 2_100));
      return undefined;
    };
    await sender.send(rows(before), undefined, signal);
    assert.ok(sender.rowLimit(10_000) <= before / 2);
  });

  test('waits as long as the platform asks for', async () => {
    let asked = 0;
    let askedAtMs = 0;
    let waitedMs = 0;
    pipeline.thingworx.trouble = () => {
      asked += 1;
      if (asked > 1) waitedMs = Date.now() - askedAtMs;
      askedAtMs = Date.now();
      return asked === 1 ? { status: 503, retryAfter: 1 } : undefined;
    };
    await pipeline.parts.sender.send(rows(1), undefined, signal);
    assert.ok(waitedMs >= 990, `${waitedMs}`);
  });

  test('gives up at once when it is told to stop', async () => {
    pipeline.thingworx.trouble = () => ({ status: 503 });
    const abort = new AbortController();
    const sending = pipeline.parts.sender.send(rows(3), undefined, abort.signal);
    setTimeout(() => abort.abort(), 50);
    await assert.rejects(sending, { code: 'STOPPING' });
  });
});
