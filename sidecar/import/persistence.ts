import { ConnectorError, toConnectorError } from '../errors/connector-error.ts';
import { Backoff } from '../lib/backoff.ts';
import type { Log } from '../observe/log.ts';

/**
 * Repeats a call of background work until it succeeds: outages of either side pass, and a throttled hub says for how long it rests. What
 * does not pass by itself rejects, and so does a missing right: the report should say so rather than wait for it.
 */
export async function persist<T>(call: () => Promise<T>, signal: AbortSignal, log: Log): Promise<T> {
  const backoff = new Backoff();
  let told: string | undefined;
  for (;;) {
    if (signal.aborted) throw new ConnectorError('STOPPING', 'The work was given up.');
    try {
      return await call();
    } catch (thrown) {
      const error = toConnectorError(thrown);
      const passes = error.retryable && error.code !== 'STOPPING' && error.code !== 'THINGWORX_FORBIDDEN';
      if (!passes || signal.aborted) throw error;
      if (told !== error.code) log.warn({ err: error }, 'Held up; goes on by itself.');
      told = error.code;
      await backoff.pause(signal, error.retryAfterMs);
    }
  }
}
