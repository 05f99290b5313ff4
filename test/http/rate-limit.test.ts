import assert from 'node:assert/strict';
import { test } from 'node:test';
import { RateLimit } from '../../sidecar/http/rate-limit.ts';

test('gives back calls as time goes by, never more than the burst', () => {
  let nowMs = 0;
  const limit = new RateLimit({ burst: 2, perSecond: 4 }, undefined, () => nowMs);
  limit.take('a');
  limit.take('a');
  assert.throws(() => limit.take('a'), { code: 'RATE_LIMITED', retryAfterMs: 250 });
  limit.take('b');
  nowMs = 250;
  limit.take('a');
  assert.throws(() => limit.take('a'), { code: 'RATE_LIMITED', retryAfterMs: 250 });
  nowMs = 60_000;
  limit.take('a');
  limit.take('a');
  assert.throws(() => limit.take('a'), { code: 'RATE_LIMITED' });
});

test('remembers a bounded number of callers', () => {
  const limit = new RateLimit({ burst: 1, perSecond: 0.001 }, undefined, () => 0);
  for (let i = 0; i < 10_001; i++) limit.take(`address-${i}`);
  limit.take('address-0');
  assert.throws(() => limit.take('address-10000'), { code: 'RATE_LIMITED' });
});
