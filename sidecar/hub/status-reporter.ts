import type { HubStatus } from '../contract/status.ts';
import { toConnectorError } from '../errors/connector-error.ts';
import type { Log } from '../observe/log.ts';
import type { ThingworxClient } from '../thingworx/client.ts';

interface StatusReporterOptions {
  readonly client: ThingworxClient;
  readonly thing: string;
  readonly status: () => HubStatus;
  readonly reach: () => Readonly<Record<string, unknown>>;
  readonly log: Log;
  /** Called when ThingWorx has no such Thing, as far as this call tells. */
  readonly onMissing: () => void;
  readonly intervalMs?: number;
}

/** A call that only informs must not outlive the next one. */
const TIMEOUT_MS = 10_000;

/**
 * Keeps the status properties of the hub Thing current: at once when the state changes, and at intervals, which also renews the lease of this sidecar
 * of 15 seconds. A status that cannot be written is no loss: the next one is newer.
 */
export class StatusReporter {
  readonly #options: Required<StatusReporterOptions>;
  #timer: NodeJS.Timeout | undefined;
  #reporting: Promise<void> | undefined;
  #again = false;

  constructor(options: StatusReporterOptions) {
    this.#options = { intervalMs: 5_000, ...options };
  }

  start(): void {
    this.#timer ??= setInterval(() => this.report(), this.#options.intervalMs);
  }

  /** Reports soon; calls that come while one is under way are joined into one more. */
  report(): void {
    if (this.#reporting) {
      this.#again = true;
      return;
    }
    this.#reporting = this.#send().finally(() => {
      this.#reporting = undefined;
      if (!this.#again) return;
      this.#again = false;
      this.report();
    });
  }

  /** Reports once more, gives up the lease and ends. Idempotent. */
  async stop(): Promise<void> {
    clearInterval(this.#timer);
    this.#timer = undefined;
    await this.#reporting;
    await this.#send(true);
  }

  async #send(leaves = false): Promise<void> {
    const { client, thing, status, reach, log } = this.#options;
    const content = { ...status(), ...reach(), ...(leaves ? { leaves } : {}) };
    try {
      await client.invoke(thing, 'ReceiveStatus', { status: content }, { timeoutMs: TIMEOUT_MS });
    } catch (thrown) {
      const error = toConnectorError(thrown);
      log.debug({ err: error }, 'The status could not be written to the hub Thing.');
      if (error.code === 'THINGWORX_NOT_FOUND') this.#options.onMissing();
    }
  }
}
