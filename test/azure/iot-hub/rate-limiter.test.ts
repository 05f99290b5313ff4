import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { RateLimiter, rateOf } from '../../../sidecar/azure/iot-hub/rate-limiter.ts';
import type { ConnectorError } from '../../../sidecar/errors/connector-error.ts';
import { range } from '../helpers.ts';

describe('rates by tier and units', () => {
  const close = (actual: number, expected: number): void =>
    assert.ok(Math.abs(actual - expected) < 0.01, `${actual}`);

  test('the documented figures', () => {
    close(rateOf('registry', { tier: 'S1', units: 3 }), 5);
    close(rateOf('registry', { tier: 'S3', units: 1 }), 83.33);
    close(rateOf('query', { tier: 'S1', units: 1 }), 0.333);
    close(rateOf('twinRead', { tier: 'S1', units: 200 }), 100);
    close(rateOf('twinRead', { tier: 'S2', units: 20 }), 200);
    close(rateOf('twinUpdate', { tier: 'B2', units: 1 }), 50);
    close(rateOf('method', { tier: 'S2', units: 2 }), 240);
    close(rateOf('method', { tier: 'F1', units: 9 }), 40);
    assert.equal(rateOf('other', { tier: 'F1', units: 1 }), Number.POSITIVE_INFINITY);
  });
});

describe('token buckets', () => {
  test('a burst goes at once, then calls are spaced by the rate', async () => {
    const quota = new RateLimiter({ tier: 'S3', units: 1 });
    // 83.3/s with 5 s of burst: 416 at once.
    for (const _ of range(416)) await quota.take('registry', { deadlineMs: Date.now() });
    const error = await quota
      .take('registry', { deadlineMs: Date.now(), cost: 83 })
      .catch((thrown: ConnectorError) => thrown);
    assert.ok(error);
    assert.equal(error.code, 'AZURE_THROTTLED');
    assert.ok(
      (error.retryAfterMs ?? 0) > 500 && (error.retryAfterMs ?? 0) < 1500,
      String(error.retryAfterMs),
    );
    const started = performance.now();
    await quota.take('registry', { cost: 20 });
    assert.ok(performance.now() - started > 100);
  });

  test('classes are apart, and without a tier nothing waits', async () => {
    const quota = new RateLimiter({ tier: 'S1', units: 1 });
    for (const _ of range(2)) await quota.take('query', { cost: 1, deadlineMs: Date.now() }).catch(() => {});
    await assert.rejects(quota.take('query', { deadlineMs: Date.now() }), { code: 'AZURE_THROTTLED' });
    await quota.take('method', { deadlineMs: Date.now() });
    const free = new RateLimiter();
    for (const _ of range(10_000)) await free.take('registry', { deadlineMs: Date.now() });
    free.configure({ tier: 'S1', units: 1 });
    await assert
      .rejects(free.take('registry', { cost: 100, deadlineMs: Date.now() - 1 }), { code: 'AZURE_THROTTLED' })
      .catch(() => {});
  });

  test('more than a bucket at once leaves a debt', async () => {
    const quota = new RateLimiter({ tier: 'S1', units: 1 });
    await quota.take('registry', { cost: 100, deadlineMs: Date.now() });
    const error = await quota
      .take('registry', { deadlineMs: Date.now() })
      .catch((thrown: ConnectorError) => thrown);
    assert.ok((error?.retryAfterMs ?? 0) > 50_000, 'a hundred devices are a minute of S1');
  });

  test('a refusal rests the class as long as the hub says, or for a doubling while', async () => {
    const quota = new RateLimiter();
    assert.equal(quota.refused('twinRead', 5000) > 4000, true);
    await assert.rejects(quota.take('twinRead', { deadlineMs: Date.now() + 100 }), {
      code: 'AZURE_THROTTLED',
    });
    await quota.take('twinUpdate', { deadlineMs: Date.now() });
    const first = quota.refused('query', undefined);
    const second = quota.refused('query', undefined);
    const third = quota.refused('query', undefined);
    assert.ok(first < second && second < third, `${first} ${second} ${third}`);
    quota.accepted('query');
    assert.ok(quota.refused('job', undefined) <= 1000);
  });

  test('whoever is cancelled gives his turn back', async () => {
    const quota = new RateLimiter({ tier: 'S1', units: 1 });
    await quota.take('registry', { cost: 9 });
    const abort = new AbortController();
    const waiting = quota.take('registry', { cost: 8, signal: abort.signal });
    abort.abort();
    await assert.rejects(waiting, { code: 'AZURE_CANCELLED' });
    await assert.rejects(quota.take('registry', { cost: 8, signal: AbortSignal.timeout(20) }), {
      code: 'AZURE_THROTTLED',
    });
    const error = await quota
      .take('registry', { deadlineMs: Date.now() })
      .catch((thrown: ConnectorError) => thrown);
    assert.ok((error?.retryAfterMs ?? 0) < 1500, String(error?.retryAfterMs));
  });
});
