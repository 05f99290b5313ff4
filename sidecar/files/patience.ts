import { setTimeout } from 'node:timers/promises';
import { failure } from './failure.ts';

const PAUSES_MS = [500, 1_000, 2_000, 4_000, 8_000];

/**
 * For streams: a storage account that is busy or away for some seconds must not cost gigabytes that have travelled. The client waits, as its
 * data do. Rejects with the last failure.
 */
export async function patiently<T>(call: () => Promise<T>, signal: AbortSignal): Promise<T> {
  for (let tries = 0; ; tries += 1) {
    try {
      return await call();
    } catch (thrown) {
      const pauseMs = PAUSES_MS[tries];
      if (pauseMs === undefined || signal.aborted || !failure(thrown, '', '').retryable) throw thrown;
      await setTimeout(pauseMs * (0.75 + Math.random() / 2), undefined, { signal });
    }
  }
}
