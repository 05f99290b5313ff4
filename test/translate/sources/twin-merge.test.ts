import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import type {
  TwinChangeNotification,
  TwinSection,
} from '../../../sidecar/translate/sources/notifications.ts';
import {
  applyPatch,
  mergeTwin,
  type TwinState,
  twinStateOf,
  UNKNOWN_TWIN,
  viewOf,
} from '../../../sidecar/translate/sources/twin-merge.ts';

function update(
  version: number,
  desired: TwinSection,
  over: Partial<TwinChangeNotification> = {},
): TwinChangeNotification {
  return {
    type: 'twinChanged',
    deviceId: 'd',
    operationTimeMs: 0,
    operation: 'update',
    desired: { ...desired, $version: version },
    ...over,
  };
}

const BASE = twinStateOf({ desired: { a: 1, b: { c: 1, d: 2 }, $version: 5, $metadata: { a: {} } } });

function run(
  state: TwinState,
  ...events: TwinChangeNotification[]
): { state: TwinState; incomplete: boolean } {
  let incomplete = false;
  let current = state;
  for (const event of events) ({ state: current, incomplete } = mergeTwin(current, event));
  return { state: current, incomplete };
}

describe('merging twin changes', () => {
  test('in turn: objects are merged, null removes, the rest replaces', () => {
    const merge = mergeTwin(BASE, update(6, { a: null, b: { c: 5 }, e: [1] }));
    assert.deepEqual(merge.changed, { desired: { b: { c: 5, d: 2 }, e: [1], $version: 6 } });
    assert.equal(merge.incomplete, false);
  });

  test('a change had before changes nothing', () => {
    for (const version of [5, 4, 1]) {
      const merge = mergeTwin(BASE, update(version, { a: 9 }));
      assert.deepEqual(merge.changed, {});
      assert.equal(merge.state.desired, BASE.desired);
    }
    const { state } = run(BASE, update(7, { a: 7 }));
    assert.deepEqual(mergeTwin(state, update(7, { a: 9 })).changed, {});
  });

  test('a late change is put in its turn, also a removal', () => {
    const early = run(BASE, update(7, { a: null }));
    assert.equal(early.incomplete, true);
    assert.deepEqual(viewOf(early.state.desired), { b: { c: 1, d: 2 }, $version: 7 });
    const late = run(early.state, update(6, { a: 6, x: 1 }));
    assert.equal(late.incomplete, false);
    assert.deepEqual(viewOf(late.state.desired), { b: { c: 1, d: 2 }, x: 1, $version: 7 });
    assert.deepEqual(late.state.desired.pending, []);
  });

  test('a whole twin replaces, keeps later changes, and is ignored when older', () => {
    const { state } = run(BASE, update(9, { a: 9 }));
    const whole = mergeTwin(state, update(8, { z: 1 }, { operation: 'replace' }));
    assert.deepEqual(whole.changed.desired, { z: 1, a: 9, $version: 9 });
    assert.equal(whole.incomplete, false);
    assert.deepEqual(mergeTwin(whole.state, update(3, {}, { operation: 'replace' })).changed, {});
  });

  test('of an unknown twin a change is shown, and that more is missing', () => {
    const merge = mergeTwin(UNKNOWN_TWIN, update(7, { a: 1 }));
    assert.deepEqual(merge.changed.desired, { a: 1, $version: 7 });
    assert.equal(merge.incomplete, true);
    const whole = mergeTwin(merge.state, update(7, { a: 1, b: 2 }, { operation: 'replace' }));
    assert.deepEqual([whole.changed.desired, whole.incomplete], [{ a: 1, b: 2, $version: 7 }, false]);
  });

  test('tags go by the version of the twin, which has gaps', () => {
    const tags = (version: number, value: TwinSection): TwinChangeNotification => ({
      type: 'twinChanged',
      deviceId: 'd',
      operationTimeMs: 0,
      operation: 'update',
      version,
      tags: value,
    });
    const state = twinStateOf({ tags: { site: 'A', floor: 1 }, version: 10 });
    const merged = run(state, tags(15, { floor: 3 }), tags(12, { floor: 2, room: 7 }));
    assert.deepEqual(viewOf(merged.state.tags), { site: 'A', floor: 3, room: 7 });
    assert.equal(merged.incomplete, false);
    assert.deepEqual(mergeTwin(merged.state, tags(9, { site: 'B' })).changed, {});
  });

  test('what is kept for late changes is bounded', () => {
    let state = BASE;
    for (let version = 7; version < 400; version += 2)
      state = mergeTwin(state, update(version, { v: version })).state;
    assert.ok(state.desired.pending.length <= 16);
    assert.equal(viewOf(state.desired).v, 399);
  });

  test('without a version the order of arrival counts', () => {
    const event: TwinChangeNotification = {
      type: 'twinChanged',
      deviceId: 'd',
      operationTimeMs: 0,
      operation: 'update',
      desired: { a: 2 },
    };
    assert.deepEqual(mergeTwin(BASE, event).changed.desired, { a: 2, b: { c: 1, d: 2 }, $version: 5 });
  });

  test('hostile keys are data', () => {
    const patch = JSON.parse('{"__proto__":{"polluted":1},"constructor":{"prototype":{"polluted":1}}}');
    const merged = applyPatch({}, patch);
    assert.deepEqual(Object.keys(merged), ['__proto__', 'constructor']);
    assert.equal(({} as Record<string, unknown>).polluted, undefined);
  });

  test('any order with repeats gives what the right order gives', () => {
    const key = fc.constantFrom('a', 'b', 'c', 'd');
    const value = fc.oneof(
      fc.constant(null),
      fc.integer(),
      fc.dictionary(key, fc.oneof(fc.integer(), fc.constant(null))),
    );
    const patches = fc.array(fc.dictionary(key, value), { minLength: 1, maxLength: 12 });
    fc.assert(
      fc.property(patches, fc.infiniteStream(fc.nat()), (list, random) => {
        const events = list.map((patch, i) => update(i + 6, patch));
        const expected = run(BASE, ...events);
        const shuffled = [...events, ...events]
          .map((event) => ({ event, order: random.next().value as number }))
          .sort((x, y) => x.order - y.order)
          .map(({ event }) => event);
        const actual = run(BASE, ...shuffled);
        assert.deepEqual(viewOf(actual.state.desired), viewOf(expected.state.desired));
        assert.equal(actual.state.desired.pending.length, 0);
      }),
    );
  });
});
