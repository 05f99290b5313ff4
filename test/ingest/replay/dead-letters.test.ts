import assert from 'node:assert/strict';
import { afterEach, beforeEach, describe, test } from 'node:test';
import { FileDeadLetterStore } from '../../../sidecar/dead-letters/file-store.ts';
import type { DeadLetterStore } from '../../../sidecar/dead-letters/store.ts';
import { DeadLetterReplay, type ReplayInput } from '../../../sidecar/ingest/replay/dead-letters.ts';
import { isEnded, type TaskRecord } from '../../../sidecar/tasks/task.ts';
import { TaskStore } from '../../../sidecar/tasks/task-store.ts';
import { Tasks } from '../../../sidecar/tasks/tasks.ts';
import { BEGIN_MS, letter, listeningLog, scratchDirectory, until } from '../../dead-letters/letters.ts';
import { TestPipeline } from '../pipeline-fixture.ts';

describe('replay of dead letters', () => {
  let pipeline: TestPipeline;
  let store: DeadLetterStore;
  let tasks: Tasks;
  let directory: string;
  let remove: () => Promise<void>;

  let forgotten: string[] = [];

  const openTasks = (window?: number) => {
    tasks = new Tasks({ store: TaskStore.inDirectory(`${directory}/tasks`), log: listeningLog().log });
    const forwarder = pipeline.forwarder(store);
    tasks.define(
      new DeadLetterReplay({
        store: () => store,
        forwarder: () => forwarder,
        forget: (thing) => {
          forgotten.push(thing);
          pipeline.definitions.invalidate(thing);
        },
        ...(window === undefined ? {} : { window }),
      }),
    );
    return tasks.start();
  };
  const submit = (input: Omit<ReplayInput, 'storedUntilMs'> = {}) =>
    tasks.submit('ReplayDeadLetters', 'Replay', { ...input, storedUntilMs: Date.now() });
  const replay = async (input: Omit<ReplayInput, 'storedUntilMs'> = {}): Promise<TaskRecord> => {
    const { id } = await submit(input);
    await until(() => isEnded(tasks.get(id)));
    return tasks.get(id);
  };
  const left = async () => (await store.list({}, { limit: 100 })).letters;

  beforeEach(async () => {
    ({ directory, remove } = await scratchDirectory());
    forgotten = [];
    pipeline = new TestPipeline();
    await pipeline.start();
    store = new FileDeadLetterStore({ directory: `${directory}/letters`, log: listeningLog().log });
    pipeline.thingworx.things.set('dev-1', { temperature: 'NUMBER' });
    await openTasks();
  });
  afterEach(async () => {
    await tasks.stop();
    await store.close();
    await pipeline.stop();
    await remove();
  });

  test('delivers with the settings of today, oldest first, without an origin, and deletes what arrived', async () => {
    await store.append([letter(3), letter(1), letter(2)]);
    const ended = await replay();
    assert.deepEqual([ended.state, ended.done, ended.total], ['completed', 3, 3]);
    assert.deepEqual(ended.counts, { delivered: 3 });
    assert.deepEqual(
      pipeline.thingworx.rows.map(({ values, timeMs }) => [values['temperature'], timeMs]),
      [1, 2, 3].map((number) => [number, BEGIN_MS + number * 1_000]),
    );
    assert.ok(
      pipeline.thingworx.calls.every(({ stream, through }) => stream === undefined && through === undefined),
    );
    assert.deepEqual(await left(), []);
  });

  test('keeps the order of messages that came within one millisecond', async () => {
    const numbers = [11, 9, 100, 10, 8];
    pipeline.limits.maxRowsPerCall = 1;
    await store.append(numbers.map((number) => letter(number, { enqueuedTimeMs: BEGIN_MS })));
    await replay();
    assert.deepEqual(
      pipeline.thingworx.rows.map(({ values }) => values['temperature']),
      [8, 9, 10, 11, 100],
    );
  });

  test('takes a letter that is named twice once', async () => {
    const numbers = [9, 10, 11];
    const letters = numbers.map((number) => letter(number, { enqueuedTimeMs: BEGIN_MS }));
    await store.append(letters);
    const ids = [...letters, ...letters].map(({ id }) => id);
    const ended = await replay({ ids });
    assert.deepEqual([ended.total, ended.done, ended.counts], [3, 3, { delivered: 3 }]);
    assert.deepEqual(await left(), []);
  });

  test('mappings see the sequence numbers that messages came with', async () => {
    pipeline.use({
      mappings: {
        version: 1,
        rules: [{ name: 'r', properties: { temperature: '$message.sequenceNumber' } }],
      },
    });
    await store.append([letter(7), letter(7, { partitionId: '1' }), letter(8)]);
    await replay();
    assert.deepEqual(
      pipeline.thingworx.rows.map(({ values }) => values['temperature']),
      [7, 7, 8],
    );
  });

  test('keeps what is refused again, with its new reasons and its first time of storing', async () => {
    const storedAtMs = Date.now() - 50_000;
    const lost = { ...letter(1, { deviceId: 'nobody' }, ['BODY_EMPTY']), storedAtMs };
    await store.append([lost, letter(2)]);
    const ended = await replay();
    assert.deepEqual(ended.counts, { delivered: 1, deadLettered: 1 });
    const [rest, ...others] = await left();
    assert.deepEqual(others, []);
    assert.deepEqual([rest?.id, rest?.codes, rest?.storedAtMs], [lost.id, ['THING_UNKNOWN'], storedAtMs]);
    assert.deepEqual((await store.get(lost.id))?.message, lost.message);
  });

  test('looks the Things of its letters up anew, each once', async () => {
    await store.append([letter(1), letter(2), letter(3, { deviceId: 'nobody' })]);
    await replay();
    assert.deepEqual(forgotten.sort(), ['dev-1', 'nobody']);
  });

  describe('of which the settings ignore everything', () => {
    const unknown = (number: number) => letter(number, { body: Buffer.from('{"pressure":1}') });

    test('stay, with the reason why nothing was delivered, in the list, the report and the note', async () => {
      const storedAtMs = Date.now() - 50_000;
      await store.append([{ ...unknown(1), storedAtMs }, letter(2, { deviceId: 'nobody' }), letter(3)]);
      pipeline.use({ unknownThing: 'ignore' });
      const ended = await replay();
      assert.deepEqual([ended.state, ended.counts], ['completed', { delivered: 1, ignored: 2 }]);
      assert.match(
        ended.note ?? '',
        /PROPERTY_UNKNOWN \(dev-1\.pressure\).*THING_UNKNOWN \(nobody\).*are kept/,
      );
      const rest = await left();
      assert.deepEqual(
        rest.map((row) => [row.sequenceNumber, row.codes]),
        [
          [2, ['THING_UNKNOWN']],
          [1, ['PROPERTY_UNKNOWN']],
        ],
      );
      assert.equal(rest[1]?.storedAtMs, storedAtMs);
      const lines = await tasks.report(ended.id, { from: 0, limit: 10 });
      assert.deepEqual(
        lines.map(({ item, outcome }) => [item, outcome]),
        [
          [unknown(1).id, 'ignored'],
          [letter(2).id, 'ignored'],
        ],
      );
      assert.match(lines[0]?.message ?? '', /Nothing is delivered.*has no such property.*is kept/);
    });

    test('are delivered when their Thing has got the properties', async () => {
      await store.append([unknown(1)]);
      await replay();
      pipeline.thingworx.things.set('dev-1', { pressure: 'NUMBER' });
      assert.deepEqual((await replay({ filter: { code: 'PROPERTY_UNKNOWN' } })).counts, { delivered: 1 });
      assert.deepEqual(await left(), []);
    });

    test('are deleted when the caller asks for it', async () => {
      await store.append([unknown(1), letter(2)]);
      const ended = await replay({ deleteIgnored: true });
      assert.deepEqual(ended.counts, { delivered: 1, ignored: 1 });
      assert.match(ended.note ?? '', /They are deleted, because deleteIgnored is set/);
      assert.deepEqual(await left(), []);
    });

    test('stay when only notifications of a device without a Thing are in them', async () => {
      pipeline.thingworx.other = async (service) =>
        service === 'FindDeviceThings' ? { body: { things: [] } } : undefined;
      const notification = {
        source: 'twinChangeEvents',
        body: Buffer.from('{"properties":{"reported":{"a":1,"$version":2}}}'),
        applicationProperties: { opType: 'updateTwin' },
      };
      await store.append([letter(1, notification)]);
      assert.deepEqual((await replay()).counts, { ignored: 1 });
      assert.deepEqual((await left())[0]?.codes, ['THING_UNKNOWN']);
      assert.deepEqual((await replay({ dryRun: true })).counts, { ignored: 1 });
    });
  });

  test('a value that is refused again does not say that nothing is delivered', async () => {
    pipeline.thingworx.things.set('dev-1', { temperature: 'NUMBER', pressure: 'NUMBER' });
    await store.append([letter(1, { body: Buffer.from('{"temperature":5,"pressure":"high"}') })]);
    const ended = await replay();
    assert.deepEqual(ended.counts, { deadLettered: 1 });
    const [line] = await tasks.report(ended.id, { from: 0, limit: 10 });
    assert.match(line?.message ?? '', /^At least one value is refused\. VALUE_WRONG_TYPE.*is kept\.$/);
    assert.deepEqual(
      pipeline.thingworx.rows.map(({ values }) => Object.keys(values)),
      [['temperature']],
    );
  });

  test('a value that is left out of a delivered dead letter is reported', async () => {
    await store.append([letter(1, { body: Buffer.from('{"temperature":5,"pressure":1}') })]);
    const ended = await replay();
    assert.deepEqual(ended.counts, { delivered: 1 });
    const [line] = await tasks.report(ended.id, { from: 0, limit: 10 });
    assert.match(line?.message ?? '', /Values delivered: 1\. PROPERTY_UNKNOWN \(dev-1\.pressure\)/);
    assert.deepEqual(await left(), []);
  });

  describe('a dry run', () => {
    test('says of each dead letter what would happen, and changes nothing', async () => {
      const all = [
        letter(1),
        letter(2, { body: Buffer.from('{"pressure":1}') }),
        letter(3, { deviceId: 'nobody' }),
        letter(4, { body: Buffer.from('{"temperature":"warm"}') }),
      ];
      await store.append(all);
      const before = await left();
      const ended = await replay({ dryRun: true });
      assert.deepEqual(ended.counts, { delivered: 1, ignored: 1, deadLettered: 2 });
      assert.deepEqual(await left(), before);
      assert.deepEqual(pipeline.thingworx.rows, []);
      assert.equal(pipeline.counters.counts.received, 0);
      assert.deepEqual(pipeline.counters.ignoredByReason, {});
      const lines = await tasks.report(ended.id, { from: 0, limit: 10 });
      assert.deepEqual(
        lines.map(({ outcome, message }) => [outcome, /is (deleted|kept)\.$/.exec(message)?.[1]]),
        [
          ['delivered', 'deleted'],
          ['ignored', 'kept'],
          ['deadLettered', 'kept'],
          ['deadLettered', 'kept'],
        ],
      );
    });

    test('names what would be created, and creates nothing', async () => {
      const made: unknown[] = [];
      pipeline.creator = { create: async (creations) => void made.push(...creations) };
      pipeline.use({ unknownThing: 'create', unknownProperty: 'create', deviceTemplate: 'T' });
      await store.append([
        letter(1, { deviceId: 'nobody' }),
        letter(2, { body: Buffer.from('{"pressure":1}') }),
      ]);
      const ended = await replay({ dryRun: true });
      assert.deepEqual(ended.counts, { delivered: 2 });
      const messages = (await tasks.report(ended.id, { from: 0, limit: 10 })).map(({ message }) => message);
      assert.match(messages[0] ?? '', /Created first: Thing nobody\./);
      assert.match(messages[1] ?? '', /Created first: property dev-1\.pressure\./);
      assert.deepEqual(made, []);
      assert.equal((await left()).length, 2);
    });

    test('waits while ThingWorx is away', async () => {
      let away = 2;
      pipeline.thingworx.describeTrouble = () => (away-- > 0 ? { status: 503 } : undefined);
      await store.append([letter(1)]);
      assert.deepEqual((await replay({ dryRun: true })).counts, { delivered: 1 });
    });
  });

  test('takes only the letters that are named', async () => {
    await store.append([letter(1), letter(2), letter(3)]);
    const gone = letter(9).id;
    const ended = await replay({ ids: [letter(3).id, gone, letter(1).id] });
    assert.deepEqual([ended.total, ended.done, ended.counts], [3, 3, { delivered: 2, gone: 1 }]);
    assert.deepEqual(
      (await left()).map(({ sequenceNumber }) => sequenceNumber),
      [2],
    );
    const [line] = await tasks.report(ended.id, { from: 0, limit: 10 });
    assert.deepEqual([line?.item, line?.outcome], [gone, 'gone']);
  });

  test('takes only the letters that fit a filter', async () => {
    await store.append([letter(1), letter(2, {}, ['BODY_NOT_JSON']), letter(3)]);
    await replay({ filter: { code: 'BODY_NOT_JSON' } });
    await replay({ filter: { fromMs: BEGIN_MS + 3_000 } });
    assert.deepEqual(
      (await left()).map(({ sequenceNumber }) => sequenceNumber),
      [1],
    );
  });

  test('tells letters of different partitions with one sequence number apart', async () => {
    pipeline.thingworx.refuse = ({ values }) => (values['temperature'] === 2 ? 'too cold' : undefined);
    await store.append([
      letter(1, { sequenceNumber: 7, partitionId: '0' }),
      letter(2, { sequenceNumber: 7, partitionId: '1' }),
      letter(3, { sequenceNumber: 7, partitionId: '2' }),
    ]);
    assert.deepEqual((await replay()).counts, { delivered: 2, deadLettered: 1 });
    const [rest] = await left();
    assert.deepEqual([rest?.partition, rest?.sequenceNumber, rest?.codes], ['1', 7, ['VALUE_REFUSED']]);
  });

  test('reads many letters in windows of bounded size, in order', async () => {
    await tasks.stop();
    await openTasks(7);
    const all = Array.from({ length: 60 }, (_, i) =>
      letter(i, { enqueuedTimeMs: BEGIN_MS + (i % 5) * 10_000 }),
    );
    await store.append(all);
    assert.deepEqual((await replay()).counts, { delivered: 60 });
    const times = pipeline.thingworx.rows.map(({ timeMs }) => timeMs);
    assert.deepEqual(times, times.toSorted());
    assert.deepEqual(await left(), []);
  });

  test('leaves letters alone that were stored after it began', async () => {
    await store.append([letter(1), { ...letter(2), storedAtMs: Date.now() + 60_000 }]);
    assert.deepEqual((await replay()).counts, { delivered: 1 });
    assert.equal((await left()).length, 1);
  });

  test('waits while ThingWorx is away and goes on by itself', async () => {
    let away = 3;
    pipeline.thingworx.trouble = () => (away-- > 0 ? { status: 503 } : undefined);
    await store.append([letter(1), letter(2)]);
    assert.deepEqual((await replay()).counts, { delivered: 2 });
  });

  test('can be cancelled: what is not settled stays', async () => {
    pipeline.thingworx.trouble = () => ({ status: 503 });
    await store.append([letter(1)]);
    const { id } = await submit();
    await until(() => pipeline.waits.length > 0);
    assert.equal((await tasks.cancel(id)).state, 'cancelled');
    assert.equal((await left()).length, 1);
    const { received, released, inFlight } = pipeline.counters.counts;
    assert.deepEqual([received, released, inFlight], [1, 1, 0]);
  });

  test('goes on after a stop', async () => {
    const all = Array.from({ length: 500 }, (_, i) => letter(i));
    await store.append(all);
    pipeline.thingworx.trouble = () => (pipeline.thingworx.rows.length >= 200 ? { status: 503 } : undefined);
    const { id } = await submit();
    await until(() => pipeline.waits.length > 0);
    await tasks.stop();
    assert.equal((await store.stats()).count, 300);
    pipeline.thingworx.trouble = () => undefined;
    await openTasks();
    await until(() => tasks.get(id).state === 'completed');
    assert.deepEqual([tasks.get(id).done, tasks.get(id).counts], [500, { delivered: 500 }]);
    assert.equal((await store.stats()).count, 0);
    assert.equal(pipeline.thingworx.rows.length, 500);
  });
});
