import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { checkExact } from '../../sidecar/operations/exact-numbers.ts';

describe('exact numbers', () => {
  for (const value of [0, -1.5, 2 ** 53 - 1, 6.022_140_76e23, 1e20, '12345678901234567890', null])
    test(`${value} was not rounded`, () => checkExact({ value }));

  for (const value of [2 ** 53 + 2, 12_345_678_901_234_567_000, 1.234_567_890_123_456_8e25, Infinity])
    test(`${value} is refused with its place`, () => {
      assert.throws(() => checkExact({ desired: { list: [1, value] } }), {
        code: 'REQUEST_INVALID',
        message: /^desired\.list\[1\] is /,
      });
    });
});
