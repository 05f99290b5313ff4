import type { ErrorCode } from '../errors/catalogue.ts';
import { ConnectorError, toConnectorError } from '../errors/connector-error.ts';
import { Backoff } from '../lib/backoff.ts';
import type { Log } from '../observe/log.ts';
import type { ThingworxClient } from '../thingworx/client.ts';
import type { Introduction } from './introduction.ts';

/** The Things that the sidecar serves, and the service by which they hand over their settings. */
interface ServedThings {
  readonly template: string;
  readonly service: string;
  /** As log lines call them. */
  readonly noun: string;
  /** The code for one that has not handed over its settings. */
  readonly missing: ErrorCode;
}

export const HUB_THINGS: ServedThings = {
  template: 'AzureIoT.Hub_TT',
  service: 'Connect',
  noun: 'hub',
  missing: 'HUB_NOT_CONNECTED',
};
export const STORAGE_THINGS: ServedThings = {
  template: 'AzureIoT.StorageAccount_TT',
  service: 'ConnectStorage',
  noun: 'storage',
  missing: 'STORAGE_NOT_CONNECTED',
};

/** The names of these Things in ThingWorx, as far as the user of the sidecar sees them. Rejects as calls to ThingWorx do. */
export async function listThings(
  client: ThingworxClient,
  { template }: ServedThings,
  signal: AbortSignal,
): Promise<string[]> {
  const answer = await client.invokeOn('ThingTemplates', template, 'GetImplementingThings', {}, { signal });
  const rows = (answer as { rows?: { name?: string }[] } | undefined)?.rows ?? [];
  return rows.flatMap(({ name }) => (name ? [name] : []));
}

/**
 * Finds the Things of one template in ThingWorx when the sidecar starts, introduces itself and asks each to connect, so that either side may restart first. It tries
 * as long as it takes and says once why it waits.
 */
export class ThingFinder {
  readonly #client: ThingworxClient;
  readonly #log: Log;
  readonly #served: ServedThings;
  readonly #introduction: Introduction;
  readonly #hasOffer: (thing: string) => boolean;
  readonly #join: ((thing: string, signal: AbortSignal) => Promise<void>) | undefined;
  readonly #abort = new AbortController();
  #running: Promise<void> | undefined;
  #found = false;
  #lastError: ConnectorError | undefined;

  /**
   * `join` tells a Thing to which this sidecar has introduced itself that it has this sidecar now. `hasOffer` says whether the settings of a Thing have arrived: a call that fails because
   * they are refused is not repeated.
   */
  constructor(
    client: ThingworxClient,
    log: Log,
    served: ServedThings,
    introduction: Introduction,
    hasOffer: (thing: string) => boolean,
    join?: (thing: string, signal: AbortSignal) => Promise<void>,
  ) {
    this.#client = client;
    this.#log = log;
    this.#served = served;
    this.#introduction = introduction;
    this.#join = join;
    this.#hasOffer = hasOffer;
  }

  /** True once every such Thing of ThingWorx was asked to connect. */
  get found(): boolean {
    return this.#found;
  }

  /** Why ThingWorx could not be asked so far. */
  get lastError(): ConnectorError | undefined {
    return this.#lastError;
  }

  start(): void {
    this.#running ??= this.#run();
  }

  async stop(): Promise<void> {
    this.#abort.abort();
    await this.#running;
  }

  async #run(): Promise<void> {
    const things = await this.#untilAnswered(`find the ${this.#served.noun} Things`, () =>
      listThings(this.#client, this.#served, this.#abort.signal),
    );
    if (!things) return;
    this.#log.info(
      { things },
      things.length === 0
        ? `ThingWorx has no ${this.#served.noun} Thing yet; one connects when it is made.`
        : `Found the ${this.#served.noun} Things.`,
    );
    await Promise.all(things.map((thing) => this.#connect(thing)));
    this.#found = !this.#abort.signal.aborted;
  }

  async #connect(thing: string): Promise<void> {
    const { signal } = this.#abort;
    await this.#untilAnswered(`ask ${thing} to connect`, async () => {
      const isNamed = await this.#introduction.introduce(thing, signal);
      if (isNamed) await this.#join?.(thing, signal);
      try {
        await this.#client.invoke(thing, this.#served.service, {}, { signal });
      } catch (thrown) {
        if (!this.#hasOffer(thing)) throw thrown;
      }
      // Of two sidecars that join at the same moment, the hub Thing may know one alone.
      if (isNamed && !this.#hasOffer(thing))
        throw new ConnectorError(this.#served.missing, `${thing} has not handed over its settings yet.`);
    });
  }

  /** Undefined when the finder was stopped meanwhile. */
  async #untilAnswered<T>(what: string, call: () => Promise<T>): Promise<T | undefined> {
    const backoff = new Backoff();
    let loggedCode: string | undefined;
    for (;;) {
      try {
        const answer = await call();
        if (loggedCode) this.#log.info(`Could ${what} at last.`);
        this.#lastError = undefined;
        return answer;
      } catch (thrown) {
        if (this.#abort.signal.aborted) return undefined;
        const error = toConnectorError(thrown);
        this.#lastError = error;
        if (loggedCode !== error.code)
          this.#log.warn({ err: error }, `Could not ${what}; trying again until it works.`);
        loggedCode = error.code;
        try {
          await backoff.pause(this.#abort.signal, error.retryAfterMs);
        } catch {
          return undefined;
        }
      }
    }
  }
}
