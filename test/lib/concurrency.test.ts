import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';
import { forEachConcurrently, settledWithin } from '../../sidecar/lib/concurrency.ts';

describe('forEachConcurrently', () => {
  test('does the work for each item, never more than the limit at a time', async () => {
    let running = 0;
    let most = 0;
    const done: number[] = [];
    await forEachConcurrently([1, 2, 3, 4, 5, 6, 7], 3, async (item) => {
      running += 1;
      most = Math.max(most, running);
      await turn();
      running -= 1;
      done.push(item);
    });
    assert.equal(most, 3);
    assert.deepEqual(done.sort(), [1, 2, 3, 4, 5, 6, 7]);
  });

  test('rejects with the first error, after running work has ended, and starts no more', async () => {
    const begun: number[] = [];
    const ended: number[] = [];
    const work = forEachConcurrently([1, 2, 3, 4], 2, async (item) => {
      begun.push(item);
      if (item === 1) throw new RangeError('first');
      await turn();
      ended.push(item);
    });
    await assert.rejects(work, RangeError);
    assert.deepEqual([begun, ended], [[1, 2], [2]]);
  });

  test('nothing to do', async () => {
    await forEachConcurrently([], 3, async () => assert.fail());
  });
});

describe('settledWithin', () => {
  test('true for work that ends, also with an error; false for work that does not', async () => {
    assert.equal(await settledWithin(Promise.resolve(), 1000), true);
    assert.equal(await settledWithin(Promise.reject(new RangeError('x')), 1000), true);
    assert.equal(await settledWithin(new Promise(() => {}), 1), false);
  });
});
