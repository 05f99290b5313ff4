import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { ConnectorError } from '../../sidecar/errors/connector-error.ts';
import { Backoff, untilDone } from '../../sidecar/lib/backoff.ts';

describe('Backoff', () => {
  test('delays double up to the maximum, less a quarter at most', () => {
    const backoff = new Backoff({ initialDelayMs: 100, maxDelayMs: 500 });
    for (const fullMs of [100, 200, 400, 500, 500]) {
      const delayMs = backoff.nextDelayMs();
      assert.ok(delayMs <= fullMs && delayMs >= fullMs * 0.75, `${delayMs} ms for ${fullMs} ms`);
    }
  });

  test('a service may ask for a minute at most: its fault may be over, and no timer waits for 3000000 seconds', () => {
    for (const [askedMs, waitedMs] of [
      [5_000, 5_000],
      [3_600_000, 60_000],
      [3_000_000_000, 60_000],
    ] as const)
      assert.equal(new Backoff().nextDelayMs(askedMs), waitedMs);
  });

  test('delays differ between callers', () => {
    const delays = new Set(
      Array.from({ length: 20 }, () => new Backoff({ initialDelayMs: 1e6, maxDelayMs: 1e6 }).nextDelayMs()),
    );
    assert.ok(delays.size > 1);
  });

  test('a reset starts again with the first delay', () => {
    const backoff = new Backoff({ initialDelayMs: 100, maxDelayMs: 10_000 });
    for (let attempt = 0; attempt < 5; attempt++) backoff.nextDelayMs();
    backoff.reset();
    assert.ok(backoff.nextDelayMs() <= 100);
  });

  test('a pause waits for the longer time of its delay and Retry-After', async () => {
    const began = performance.now();
    await new Backoff({ initialDelayMs: 1 }).pause(new AbortController().signal, 50);
    assert.ok(performance.now() - began >= 49);
  });

  test('a pause ends with STOPPING when the signal aborts', async () => {
    const abort = new AbortController();
    const pause = new Backoff({ initialDelayMs: 60_000, maxDelayMs: 60_000 }).pause(abort.signal);
    abort.abort();
    await assert.rejects(pause, { code: 'STOPPING' });
    await assert.rejects(new Backoff().pause(AbortSignal.abort()), { code: 'STOPPING' });
  });
});

describe('untilDone', () => {
  const signal = new AbortController().signal;
  const away = () => new ConnectorError('AZURE_UNREACHABLE', 'away');

  test('repeats temporary errors and reports each change of the error once', async () => {
    const errors = [away(), away(), new ConnectorError('AZURE_TIMEOUT', 'slow')];
    const reported: Array<string | undefined> = [];
    const value = await untilDone(
      async () => {
        const error = errors.shift();
        if (error) throw error;
        return 7;
      },
      signal,
      (error) => reported.push(error?.code),
    );
    assert.equal(value, 7);
    assert.deepEqual(reported, ['AZURE_UNREACHABLE', 'AZURE_TIMEOUT', undefined]);
  });

  test('rejects with an error that is not temporary', async () => {
    let calls = 0;
    const call = async () => {
      calls += 1;
      throw new ConnectorError('AZURE_REJECTED', 'no');
    };
    await assert.rejects(untilDone(call, signal), { code: 'AZURE_REJECTED' });
    assert.equal(calls, 1);
  });

  test('ends with STOPPING when the signal aborts between two attempts', async () => {
    const abort = new AbortController();
    const work = untilDone(
      async () => {
        throw away();
      },
      abort.signal,
      () => setImmediate(() => abort.abort()),
    );
    await assert.rejects(work, { code: 'STOPPING' });
  });
});
