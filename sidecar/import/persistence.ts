import { ConnectorError, toConnectorError } from '../errors/connector-error.ts';
import { Backoff } from '../lib/backoff.ts';
import type { Log } from '../observe/log.ts';

/**
 * Repeats a call of background work until it succeeds, with exponential backoff or for as long as a throttled hub asks. Errors that are
 * not retryable reject at once. So does a missing right: the report must name it instead of waiting for it.
 */
export async function persist<T>(call: () => Promise<T>, signal: AbortSignal, log: Log): Promise<T> {
  const backoff = new Backoff();
  let told: string | undefined;
  for (;;) {
    if (signal.aborted)
      throw new ConnectorError('STOPPING', 'The task was cancelled or the sidecar is stopping.');
    try {
      return await call();
    } catch (thrown) {
      const error = toConnectorError(thrown);
      const isRetried = error.retryable && error.code !== 'STOPPING' && error.code !== 'THINGWORX_FORBIDDEN';
      if (!isRetried || signal.aborted) throw error;
      if (told !== error.code) log.warn({ err: error }, 'Blocked; retrying.');
      told = error.code;
      await backoff.pause(signal, error.retryAfterMs);
    }
  }
}
