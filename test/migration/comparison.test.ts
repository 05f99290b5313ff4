import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { Comparison, type Pair } from '../../sidecar/migration/comparison.ts';

const AT = 1_000_000;
const LIMITS = { tolerance: 0.5, lagMs: 10_000 };

function pair(before: unknown, now: unknown, times: { before?: number; now?: number } = {}): Pair {
  const side = (value: unknown, time: number) => ({
    time,
    text: value === undefined ? '' : String(value),
    ...(typeof value === 'number' ? { number: value } : {}),
  });
  const old = AT - 60_000;
  return {
    thing: 'new',
    source: 'old',
    property: 'p',
    isSame: String(before) === String(now),
    before: side(before, times.before ?? old),
    now: side(now, times.now ?? old),
  };
}

describe('a comparison of two values', () => {
  const cases: readonly [string, Pair, string | undefined][] = [
    ['the same text and time', pair('a', 'a'), 'equal'],
    ['numbers within the tolerance', pair(1, 1.5), 'equal'],
    ['numbers beyond the tolerance', pair(1, 1.6), 'different'],
    ['texts that look like numbers have no tolerance', pair('1', '1.1'), 'different'],
    ['a boolean', pair(true, false), 'different'],
    ['times within the lag', pair(1, 1, { now: AT - 70_000 }), 'equal'],
    ['times beyond the lag', pair(1, 1, { now: AT - 71_000 }), 'timesDiffer'],
    ['a young difference', pair(1, 5, { now: AT - 10_000 }), 'unsettled'],
    ['a difference as old as the lag', pair(1, 5, { now: AT - 10_001 }), 'different'],
    ['only before', pair('a', undefined, { now: 0 }), 'onlyBefore'],
    ['only before, young', pair('a', undefined, { before: AT, now: 0 }), 'unsettled'],
    ['only now', pair(undefined, 'a', { before: 0 }), 'onlyNow'],
    ['neither', pair(undefined, undefined, { before: 0, now: 0 }), undefined],
    ['NaN on one side', pair(Number.NaN, 1), 'different'],
    ['a time of a device that is ahead', pair(1, 2, { now: AT + 60_000 }), 'unsettled'],
  ];
  for (const [what, one, verdict] of cases)
    test(`${what}: ${verdict}`, () => assert.equal(new Comparison(LIMITS).judge(one, AT), verdict));

  test('properties that were always equal are not kept; others are counted with the last difference', () => {
    const comparison = new Comparison(LIMITS);
    comparison.judge(pair(1, 1), AT);
    assert.equal(comparison.properties.length, 0);
    comparison.judge(pair(1, 2), AT);
    comparison.judge(pair(1, 3), AT + 5);
    comparison.judge(pair(1, 1), AT + 10);
    const [kept] = comparison.properties;
    assert.deepEqual(
      [kept?.different, kept?.equal, kept?.lastBefore, kept?.lastNow, kept?.lastDifferenceMs],
      [2, 1, '1', '3', AT + 5],
    );
  });

  test('a comparison goes on with what was counted before', () => {
    const first = new Comparison(LIMITS);
    first.judge(pair(1, 2), AT);
    const second = new Comparison(LIMITS, first.properties);
    second.judge(pair(1, 2), AT);
    assert.equal(second.properties[0]?.different, 2);
  });
});
