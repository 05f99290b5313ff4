import { Constants, defaultCancellableLock, isSasTokenProvider, TokenType } from '@azure/core-amqp';
import { ConnectorError } from '../../errors/connector-error.ts';
import type { ConnectionContext } from './connection-context.ts';

/** Tokens made of a key hold for an hour. */
const SAS_RENEWAL_MS = 45 * 60_000;
/** A token of Microsoft Entra ID is renewed this long before it expires. */
const ENTRA_MARGIN_MS = 2 * 60_000;
/** At least between two renewals. */
const MIN_RENEWAL_MS = 1000;
/** After a renewal that failed. */
const RETRY_MS = 30_000;
/** The longest time of a timer. */
const MAX_TIMER_MS = 2 ** 31 - 1;

interface AuthorizationOptions {
  readonly context: ConnectionContext;
  readonly audience: string;
  readonly timeoutMs: number;
}

/** The right to read one partition: a token that is put to the $cbs node of the connection, and is renewed until `stop`. */
export class LinkAuthorization {
  readonly #options: AuthorizationOptions;
  readonly #abort = new AbortController();
  #timer: NodeJS.Timeout | undefined;

  constructor(options: AuthorizationOptions) {
    this.#options = options;
  }

  /** Rejects when access is refused or the service does not answer in time. */
  async start(signal: AbortSignal): Promise<void> {
    this.#renewIn(await this.#authorize(AbortSignal.any([signal, this.#abort.signal])));
  }

  stop(): void {
    this.#abort.abort();
    clearTimeout(this.#timer);
  }

  #renewIn(delayMs: number): void {
    if (this.#abort.signal.aborted) return;
    const delay = Math.min(Math.max(delayMs, MIN_RENEWAL_MS), MAX_TIMER_MS);
    this.#timer = setTimeout(() => void this.#renew(), delay);
  }

  /** While it fails the link stays open: the service closes it when its token has expired, and the reader reports that. */
  async #renew(): Promise<void> {
    try {
      this.#renewIn(await this.#authorize(this.#abort.signal));
    } catch {
      this.#renewIn(RETRY_MS);
    }
  }

  /** Resolves with the time after which the token is renewed, ms. */
  async #authorize(abortSignal: AbortSignal): Promise<number> {
    const { context, audience, timeoutMs } = this.#options;
    const { token, type, renewalMs } = await this.#token();
    const { cbsSession } = context;
    const timeoutInMs = timeoutMs;
    const locked = async <T>(lock: string, work: () => Promise<T>): Promise<T> =>
      await defaultCancellableLock.acquire(lock, work, { abortSignal, timeoutInMs });
    await locked(cbsSession.cbsLock, () => cbsSession.init({ abortSignal, timeoutInMs }));
    await locked(context.negotiateClaimLock, () =>
      cbsSession.negotiateClaim(audience, token, type, { abortSignal, timeoutInMs }),
    );
    return renewalMs;
  }

  async #token(): Promise<{ token: string; type: TokenType; renewalMs: number }> {
    const { context, audience } = this.#options;
    const { tokenCredential: credential } = context;
    if (isSasTokenProvider(credential)) {
      const { token } = await credential.getToken(audience);
      return { token, type: TokenType.CbsTokenTypeSas, renewalMs: SAS_RENEWAL_MS };
    }
    const granted = await credential.getToken(Constants.aadEventHubsScope);
    if (!granted)
      throw new ConnectorError('AZURE_UNAUTHORIZED', 'Microsoft Entra ID gave no token for Event Hubs.');
    const renewalMs = granted.expiresOnTimestamp - Date.now() - ENTRA_MARGIN_MS;
    return { token: granted.token, type: TokenType.CbsTokenTypeJwt, renewalMs };
  }
}
