import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { isMissed, isPassed, plannedWaves, waveSizes } from '../../sidecar/packages/campaigns/waves.ts';

describe('waves of a campaign', () => {
  const ends = (text: string, devices: number) => plannedWaves(waveSizes(text), devices).map(({ to }) => to);

  test('say how many devices are reached: a number, or a share that is rounded up', () => {
    assert.deepEqual(ends('1, 10 %, 100 %', 50), [1, 5, 50]);
    assert.deepEqual(ends('1;10%;100%', 50), [1, 5, 50]);
    assert.deepEqual(ends('2.5 %, 50 %, 100 %', 101), [3, 51, 101]);
    assert.deepEqual(ends('100 %', 7), [7]);
    assert.deepEqual(ends('5, 20, 100 %', 1_000), [5, 20, 1_000]);
    assert.deepEqual(ends('30 %, 100 %', 10), [3, 10]);
  });

  test('that add no device are left out', () => {
    assert.deepEqual(ends('1, 10 %, 100 %', 5), [1, 5]);
    assert.deepEqual(ends('10, 20, 100 %', 8), [8]);
    assert.deepEqual(ends('1, 10 %, 100 %', 1), [1]);
  });

  for (const [text, reason] of Object.entries({
    '': /"" is not a size/,
    '1, , 100 %': /"" is not a size/,
    '0, 100 %': /"0" is not a size/,
    '-1, 100 %': /"-1" is not a size/,
    '1.5, 100 %': /"1.5" is not a size/,
    '0 %, 100 %': /is not a size/,
    '10 %, 101 %': /"101 %" is not a size/,
    'ten, 100 %': /"ten" is not a size/,
    '1, 10 %': /the last wave must be 100 %/,
    '100': /the last wave must be 100 %/,
    '50 %, 10 %, 100 %': /must be larger/,
    '5, 5, 100 %': /must be larger/,
    [`${'1 %,'.repeat(60)}100 %`]: /61 waves are too many/,
  }))
    test(`"${text.slice(0, 20)}" is refused`, () => {
      assert.throws(() => waveSizes(text), { code: 'REQUEST_INVALID', message: reason });
    });

  test('miss the threshold as soon as it cannot be reached any more', () => {
    assert.equal(isMissed({ pending: 9, failed: 1 }, 90), false);
    assert.equal(isMissed({ pending: 8, failed: 2 }, 90), true);
    assert.equal(isMissed({ pending: 8, failed: 1, skipped: 100 }, 90), true);
    assert.equal(isMissed({ waiting: 9, failed: 1 }, 95), true);
    assert.equal(isMissed({ failed: 3 }, 0), false);
    assert.equal(isMissed({ installed: 1, failed: 0 }, 100), false);
    assert.equal(isMissed({ cancelled: 5 }, 100), false);
  });

  test('reach it when nobody is at work; devices that wait do not count', () => {
    assert.equal(isPassed({ installed: 9, deploying: 1 }, 50), false);
    assert.equal(isPassed({ installed: 9, pending: 1 }, 50), false);
    assert.equal(isPassed({ installed: 1, waiting: 99 }, 100), true);
    assert.equal(isPassed({ waiting: 1 }, 0), false);
    assert.equal(isPassed({ skipped: 3 }, 100), true);
    assert.equal(isPassed({ installed: 9, failed: 1 }, 90), true);
    assert.equal(isPassed({ installed: 9, failed: 1, waiting: 3 }, 91), false);
  });
});
