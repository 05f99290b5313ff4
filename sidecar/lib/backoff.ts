import { setTimeout as sleep } from 'node:timers/promises';
import { ExponentialBackoff, type IBackoff } from 'cockatiel';
import type { ErrorCode } from '../errors/catalogue.ts';
import { ConnectorError, toConnectorError } from '../errors/connector-error.ts';

const INITIAL_DELAY_MS = 250;
const MAX_DELAY_MS = 15_000;

/** Growing pauses with jitter between the attempts of one thing that must succeed in the end. */
export class Patience {
  readonly #factory = new ExponentialBackoff({ initialDelay: INITIAL_DELAY_MS, maxDelay: MAX_DELAY_MS });
  #backoff: IBackoff<unknown> | undefined;

  /** Pauses at least as long as the other side asked for. Rejects with STOPPING when the signal aborts. */
  async pause(signal: AbortSignal, retryAfterMs = 0): Promise<void> {
    const context = { attempt: 1, result: { value: undefined }, signal } as never;
    this.#backoff = this.#backoff ? this.#backoff.next(context) : this.#factory.next();
    const delayMs = Math.max(retryAfterMs, this.#backoff?.duration ?? INITIAL_DELAY_MS);
    try {
      await sleep(delayMs, undefined, { signal });
    } catch (cause) {
      throw new ConnectorError('STOPPING', 'The wait was given up.', { cause });
    }
  }

  reset(): void {
    this.#backoff = undefined;
  }
}

/**
 * Repeats a call until it succeeds, as long as its failures are temporary: what is away comes back. Rejects with the first failure that
 * is not, and with STOPPING when the signal aborts. `mayPass` says which are. `onWaiting` hears of each change of what stands against it.
 */
export async function untilDone<T>(
  call: () => Promise<T>,
  signal: AbortSignal,
  onWaiting: (error: ConnectorError | undefined) => void = () => undefined,
  mayPass: (error: ConnectorError) => boolean = ({ retryable }) => retryable,
): Promise<T> {
  const patience = new Patience();
  for (let told: ErrorCode | undefined; ; ) {
    if (signal.aborted) throw new ConnectorError('STOPPING', 'The work was given up.');
    try {
      const value = await call();
      if (told) onWaiting(undefined);
      return value;
    } catch (thrown) {
      const error = toConnectorError(thrown);
      if (!mayPass(error) || error.code === 'STOPPING' || signal.aborted) throw error;
      if (told !== error.code) onWaiting(error);
      told = error.code;
      await patience.pause(signal, error.retryAfterMs);
    }
  }
}

/**
 * Whether a failed call to ThingWorx says nothing about the data it carried: the platform is down, slow, refuses the key, or
 * lacks the hub Thing. Such a call is repeated as long as it takes; no message goes to the dead letters for it.
 */
export function isOutage(error: unknown): boolean {
  if (!(error instanceof ConnectorError)) return false;
  switch (error.code) {
    case 'THINGWORX_UNREACHABLE':
    case 'THINGWORX_UNAVAILABLE':
    case 'THINGWORX_UNAUTHORIZED':
    case 'THINGWORX_FORBIDDEN':
    case 'THINGWORX_NOT_FOUND':
      return true;
    default:
      return false;
  }
}
