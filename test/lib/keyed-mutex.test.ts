import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';
import { KeyedMutex } from '../../sidecar/lib/keyed-mutex.ts';

test('work of one key runs in order and never at the same time; other keys do not wait', async () => {
  const mutex = new KeyedMutex();
  const log: string[] = [];
  const work = (key: string, name: string, turns: number) =>
    mutex.run(key, async () => {
      log.push(`${name} begins`);
      for (let n = 0; n < turns; n++) await turn();
      log.push(`${name} ends`);
    });
  await Promise.all([work('a', 'a1', 5), work('a', 'a2', 1), work('b', 'b1', 1)]);
  const ofA = log.filter((line) => line.startsWith('a'));
  assert.deepEqual(ofA, ['a1 begins', 'a1 ends', 'a2 begins', 'a2 ends']);
  assert.ok(log.indexOf('b1 ends') < log.indexOf('a1 ends'));
});

test('an error reaches its caller only; the next work runs', async () => {
  const mutex = new KeyedMutex();
  const failing = mutex.run('a', async () => {
    throw new RangeError('x');
  });
  const following = mutex.run('a', async () => 3);
  await assert.rejects(failing, RangeError);
  assert.equal(await following, 3);
});
