import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { LastTimes } from '../../sidecar/translate/distinct-times.ts';
import type { ReceivedMessage, TranslationSettings, Update } from '../../sidecar/translate/types.ts';
import { directory, message, row, thing, translate } from './support.ts';

const T = Date.UTC(2026, 0, 1);
const THINGS = directory(thing('dev-1', { v: 'NUMBER', w: 'NUMBER' }), thing('other', { v: 'NUMBER' }));

function times(updates: readonly Update[]): unknown[] {
  return updates.map((update) => [update.timeMs - T, row(update)]);
}

const at = (body: unknown, over: Partial<ReceivedMessage> = {}): ReceivedMessage =>
  message(body, { enqueuedTimeMs: T, ...over });

const sampled = (...rules: object[]): TranslationSettings => ({ mappings: { version: 1, rules } });
const SAMPLES = sampled({ each: '$[*]', time: { path: 't' }, properties: { v: 'v', w: 'w' } });

/** Telemetry of a device: messages of samples, each with an offset to T for a time. */
const STREAM = fc.array(
  fc.array(
    fc.record(
      { t: fc.integer({ min: 0, max: 6 }), v: fc.integer(), w: fc.integer() },
      { requiredKeys: ['t'] },
    ),
    { minLength: 1, maxLength: 8 },
  ),
  { minLength: 1, maxLength: 6 },
);

/** What the platform keeps of rows: one value for each time in the history, and a current value that only a later time moves. */
function platform(updates: readonly Update[]) {
  const history = new Map<string, Map<number, unknown>>();
  const current = new Map<string, { timeMs: number; value: unknown }>();
  for (const update of updates) {
    for (const [name, value] of Object.entries(row(update))) {
      const values = history.get(name) ?? new Map<number, unknown>();
      history.set(name, values.set(update.timeMs, value));
      const before = current.get(name);
      if (before === undefined || update.timeMs > before.timeMs)
        current.set(name, { timeMs: update.timeMs, value });
    }
  }
  return { history, current };
}

describe('equal times within a message', () => {
  test('elements without times of their own are a millisecond apart, and the last has the time of the message', () => {
    const { updates } = translate({}, at([{ v: 1 }, { v: 2 }, { v: 3 }]), THINGS);
    assert.deepEqual(times(updates), [
      [-2, { v: 1 }],
      [-1, { v: 2 }],
      [0, { v: 3 }],
    ]);
    assert.deepEqual(
      updates.map(({ ownTimeMs }) => ownTimeMs),
      [T, T, undefined],
    );
  });

  test('elements that have no property in common, or belong to several Things, keep the time', () => {
    const apart = translate({}, at([{ v: 1 }, { w: 2 }]), THINGS);
    assert.deepEqual(times(apart.updates), [
      [0, { v: 1 }],
      [0, { w: 2 }],
    ]);
    const rule = sampled({ each: '$[*]', thing: '{id}', properties: { v: 'v' } });
    const several = translate(
      rule,
      at([
        { id: 'dev-1', v: 1 },
        { id: 'other', v: 2 },
        { id: 'dev-1', v: 3 },
      ]),
      THINGS,
    );
    assert.deepEqual(
      several.updates.map(({ thing: name, timeMs }) => [name, timeMs - T]),
      [
        ['dev-1', -1],
        ['other', 0],
        ['dev-1', 0],
      ],
    );
  });

  test('values with equal times of their own move behind each other', () => {
    const body = [
      { t: T, v: 1 },
      { t: T, v: 2, w: 5 },
      { t: T + 1, v: 3 },
      { t: T, w: 6 },
      { t: T + 9, v: 4 },
    ];
    assert.deepEqual(times(translate(SAMPLES, at(body), THINGS).updates), [
      [0, { v: 1 }],
      [1, { v: 2, w: 5 }],
      [2, { v: 3 }],
      [2, { w: 6 }],
      [9, { v: 4 }],
    ]);
  });

  test('a value that is older than the one before keeps its time', () => {
    const body = [
      { t: T + 10, v: 1 },
      { t: T + 5, v: 2 },
      { t: T + 5, v: 3 },
      { t: T + 10, v: 4 },
    ];
    assert.deepEqual(times(translate(SAMPLES, at(body), THINGS).updates), [
      [10, { v: 1 }],
      [5, { v: 2 }],
      [6, { v: 3 }],
      [11, { v: 4 }],
    ]);
  });

  test('the setting switches it off', () => {
    const off = { distinctTimes: false };
    const { updates } = translate(off, at([{ v: 1 }, { v: 2 }]), THINGS);
    assert.deepEqual(
      updates.map(({ timeMs }) => timeMs),
      [T, T],
    );
  });

  test('no value is missing from history, and the last of the latest is current', () => {
    fc.assert(
      fc.property(STREAM, (stream) => {
        for (const samples of stream) {
          const body = samples.map((sample) => ({ ...sample, t: T + sample.t }));
          const { updates } = translate(SAMPLES, at(body), THINGS);
          const { history, current } = platform(updates);
          for (const name of ['v', 'w'] as const) {
            const given = samples.filter((sample) => sample[name] !== undefined);
            assert.equal(history.get(name)?.size ?? 0, given.length, `${name} is missing values`);
            const latest = Math.max(...given.map(({ t }) => t));
            if (samples.every(({ t }, i) => t >= (samples[i - 1]?.t ?? 0)))
              assert.equal(current.get(name)?.value, given.findLast(({ t }) => t === latest)?.[name]);
          }
        }
      }),
    );
  });

  test('a message of many equal or falling times is a matter of moments', () => {
    const equal = Array.from({ length: 10_000 }, (_, v) => ({ t: T, v }));
    const falling = Array.from({ length: 10_000 }, (_, v) => ({ t: T - v, v }));
    for (const body of [equal, falling, [...equal, ...falling]]) {
      const { updates } = translate(SAMPLES, at(body), THINGS);
      assert.equal(new Set(updates.map(({ timeMs }) => timeMs)).size, body.length);
    }
  });
});

describe('equal times of several messages', () => {
  const rowsOf = (body: unknown, timeMs: number, settings: TranslationSettings = {}): readonly Update[] =>
    translate(settings, at(body, { creationTimeMs: timeMs }), THINGS).updates;

  test('a device whose clock has whole seconds', () => {
    const last = new LastTimes();
    const arranged = [1, 2, 3].map((v) => last.arrange(rowsOf({ v }, T)));
    assert.deepEqual(arranged.flatMap(times), [
      [0, { v: 1 }],
      [1, { v: 2 }],
      [2, { v: 3 }],
    ]);
    assert.deepEqual(times(last.arrange(rowsOf({ v: 4 }, T + 1))), [[3, { v: 4 }]]);
    assert.deepEqual(times(last.arrange(rowsOf({ v: 5 }, T + 1000))), [[1000, { v: 5 }]]);
  });

  test('other properties, other Things and late values keep their times', () => {
    const last = new LastTimes();
    last.arrange(rowsOf({ v: 1 }, T + 10));
    assert.deepEqual(times(last.arrange(rowsOf({ w: 1 }, T + 10))), [[10, { w: 1 }]]);
    assert.deepEqual(times(last.arrange(rowsOf({ v: 2 }, T + 5))), [[5, { v: 2 }]]);
    assert.deepEqual(times(last.arrange(rowsOf({ v: 3, w: 3 }, T + 10))), [[11, { v: 3, w: 3 }]]);
    const other = rowsOf([{ v: 1 }], T + 10).map((update) => ({ ...update, thing: 'other' }));
    assert.equal(last.arrange(other)[0]?.timeMs, T + 10);
  });

  test('batches of elements without times follow each other', () => {
    const last = new LastTimes();
    const batch = [{ v: 1 }, { v: 2 }, { v: 3 }];
    const all = [last.arrange(rowsOf(batch, T)), last.arrange(rowsOf(batch, T))];
    assert.deepEqual(
      all.flat().map(({ timeMs }) => timeMs - T),
      [-2, -1, 0, 1, 2, 3],
    );
  });

  test('rows are not changed in place, and those that need nothing are the same', () => {
    const last = new LastTimes();
    const first = rowsOf({ v: 1 }, T);
    assert.equal(last.arrange(first), first);
    const second = rowsOf({ v: 2 }, T);
    const arranged = last.arrange(second);
    assert.equal(second[0]?.timeMs, T);
    assert.deepEqual([arranged[0]?.timeMs, arranged[0]?.ownTimeMs], [T + 1, T]);
  });

  test('what is remembered is bounded; the Things that were heard of least recently are forgotten', () => {
    const last = new LastTimes(100);
    const [update] = rowsOf({ v: 1 }, T) as [Update];
    for (let i = 0; i < 1000; i++) {
      last.arrange([{ ...update, thing: `t${i}` }]);
      last.arrange([{ ...update, thing: 'kept', timeMs: T + i * 1000 }]);
    }
    assert.ok(last.size <= 101, String(last.size));
    assert.equal(last.arrange([{ ...update, thing: 't0' }])[0]?.timeMs, T, 'forgotten');
    const again = last.arrange([{ ...update, thing: 'kept', timeMs: T + 999_000 }]);
    assert.equal(again[0]?.timeMs, T + 999_001, 'remembered');
  });

  test('in order of time no value is missing, whatever the messages are', () => {
    fc.assert(
      fc.property(STREAM, (stream) => {
        const last = new LastTimes();
        const rising = stream.map((samples) => samples.toSorted((a, b) => a.t - b.t));
        const updates = rising.flatMap((samples, i) => {
          const body = samples.map((sample) => ({ ...sample, t: T + i * 6 + sample.t }));
          return last.arrange(translate(SAMPLES, at(body), THINGS).updates);
        });
        const { history, current } = platform(updates);
        for (const name of ['v', 'w'] as const) {
          const given = rising.flat().filter((sample) => sample[name] !== undefined);
          assert.equal(history.get(name)?.size ?? 0, given.length, `${name} is missing values`);
          assert.equal(current.get(name)?.value, given.at(-1)?.[name]);
        }
      }),
    );
  });
});
