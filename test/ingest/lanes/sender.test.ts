import assert from 'node:assert/strict';
import { afterEach, beforeEach, describe, test } from 'node:test';
import type { Row } from '../../../sidecar/ingest/lanes/batch.ts';
import type { Update } from '../../../sidecar/translate/types.ts';
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

  const origin = (through: number) => ({ stream: 's', partition: '0', through });

  test('halves what fails as a whole until the row that fails is alone; marks follow the halves', async () => {
    pipeline.thingworx.trouble = ({ rows: some }) =>
      some.some(({ values }) => values['temperature'] === 5) ? { status: 500, text: 'boom' } : undefined;
    const refused = await pipeline.parts.sender.send(rows(16), origin(15), signal);
    assert.deepEqual(
      refused.map(({ sequenceNumber, reason }) => [sequenceNumber, reason]),
      [[5, 'REJECTED']],
    );
    const calls = pipeline.thingworx.calls.filter(({ rows: some }) => some.length > 0);
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
      pipeline.thingworx.calls.map(({ rows: some, through }) => [some.at(-1)?.sequenceNumber, through]),
      [
        [7, 7],
        [15, 2],
      ],
      'the first call answers for its own refusals; the second must not pass them',
    );
  });

  test('sends the parts of one message without a mark: the first would make the second a repeat', async () => {
    pipeline.thingworx.trouble = ({ rows: some }) =>
      some.length > 1 ? { status: 413, text: 'too large' } : undefined;
    const refused = await pipeline.parts.sender.send([row(7, 1), row(7, 2), row(7, 3)], origin(7), signal);
    assert.deepEqual(refused, []);
    assert.deepEqual(
      pipeline.thingworx.calls.map(({ stream, rows: some }) => [stream, some.length]),
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
      pipeline.thingworx.rows.map(({ sequenceNumber }) => sequenceNumber),
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
