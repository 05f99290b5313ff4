import { ConnectorError, toConnectorError } from '../errors/connector-error.ts';
import type { Log } from '../observe/log.ts';
import type { ThingworxClient } from './client.ts';

interface KeyExpiryOptions {
  readonly client: ThingworxClient;
  /** The name of the application key in ThingWorx. Undefined: its expiry is not known. */
  readonly name: string | undefined;
  readonly log: Log;
}

const INTERVAL_MS = 3_600_000;
/** ThingWorx may still be starting. */
const RETRY_MS = 60_000;
const TIMEOUT_MS = 10_000;
const WARN_MS = 14 * 86_400_000;

/** Reads when the application key expires: without the key nothing reaches ThingWorx any more, so it must be known before. */
export class KeyExpiry {
  readonly #options: KeyExpiryOptions;
  readonly #abort = new AbortController();
  #timer: NodeJS.Timeout | undefined;
  #checking: Promise<void> | undefined;
  #expiresAtMs: number | undefined;
  #toldCode: string | undefined;

  constructor(options: KeyExpiryOptions) {
    this.#options = options;
  }

  /** In ms since 1970; undefined while it is not known. */
  get expiresAtMs(): number | undefined {
    return this.#expiresAtMs;
  }

  /** Set in the last two weeks of the key. */
  get problem(): ConnectorError | undefined {
    if (this.#expiresAtMs === undefined || this.#expiresAtMs - Date.now() > WARN_MS) return undefined;
    const time = new Date(this.#expiresAtMs).toISOString();
    return new ConnectorError(
      'APPLICATION_KEY_EXPIRES',
      `The application key ${this.#options.name} expires at ${time}.`,
    );
  }

  start(): void {
    if (this.#options.name !== undefined) this.#schedule(0);
  }

  /** Idempotent. */
  async stop(): Promise<void> {
    this.#abort.abort();
    clearTimeout(this.#timer);
    await this.#checking;
  }

  #schedule(delayMs: number): void {
    this.#timer = setTimeout(() => {
      this.#checking = this.#check().then((isKnown) => {
        if (!this.#abort.signal.aborted) this.#schedule(isKnown ? INTERVAL_MS : RETRY_MS);
      });
    }, delayMs);
  }

  async #check(): Promise<boolean> {
    const { client, name = '', log } = this.#options;
    try {
      const answer = await client.invokeOn(
        'ApplicationKeys',
        name,
        'GetExpirationDate',
        {},
        { timeoutMs: TIMEOUT_MS, signal: this.#abort.signal },
      );
      const [row] = (answer as { rows?: { result?: number }[] } | undefined)?.rows ?? [];
      this.#expiresAtMs = row?.result;
      this.#toldCode = undefined;
      if (this.problem) log.warn({ code: this.problem.code }, this.problem.message);
      return this.#expiresAtMs !== undefined;
    } catch (thrown) {
      const error = toConnectorError(thrown);
      if (error.code !== this.#toldCode && error.code !== 'STOPPING')
        log.warn(
          { err: error, key: name },
          'The expiry of the application key cannot be read; trying again.',
        );
      this.#toldCode = error.code;
      return false;
    }
  }
}
