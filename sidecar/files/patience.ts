import { Backoff } from '../lib/backoff.ts';
import { failure } from './failure.ts';

const RETRIES = 5;

/**
 * For streams: a storage account that is busy or away for some seconds must not cost gigabytes that have travelled. The client waits, as its
 * data do. Rejects with the last failure.
 */
export async function patiently<T>(call: () => Promise<T>, signal: AbortSignal): Promise<T> {
  const backoff = new Backoff({ initialDelayMs: 500 });
  for (let retry = 1; ; retry += 1) {
    try {
      return await call();
    } catch (thrown) {
      if (retry > RETRIES || signal.aborted || !failure(thrown, '', '').retryable) throw thrown;
      await backoff.pause(signal);
    }
  }
}
