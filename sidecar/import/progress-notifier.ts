import { toConnectorError } from '../errors/connector-error.ts';
import type { Log } from '../observe/log.ts';
import type { TaskForecast } from '../tasks/forecast.ts';
import type { ThingworxClient } from '../thingworx/client.ts';

/** The progress of registry work, as the events ImportProgress and ImportCompleted of the hub Thing report it. */
export interface ImportStatus {
  readonly task: string;
  /** The service that started it. */
  readonly kind: string;
  readonly state: 'running' | 'completed' | 'failed' | 'cancelled';
  readonly done: number;
  readonly total?: number;
  readonly counts: Readonly<Record<string, number>>;
  readonly forecast?: TaskForecast;
  readonly errorCode?: string;
  readonly error?: string;
}

export interface ProgressNotifierOptions {
  readonly client: ThingworxClient;
  readonly hubThing: string;
  readonly log: Log;
}

const EVERY_MS = 5_000;
const CALL_TIMEOUT_MS = 10_000;

/** Fires the events. A failed call is logged and not repeated: the task record has the same facts. */
export class ProgressNotifier {
  readonly #options: ProgressNotifierOptions;
  #lastMs = 0;

  constructor(options: ProgressNotifierOptions) {
    this.#options = options;
  }

  /** At most every five seconds. */
  async progress(status: ImportStatus): Promise<void> {
    if (Date.now() - this.#lastMs < EVERY_MS) return;
    this.#lastMs = Date.now();
    await this.#tell(status);
  }

  async end(status: ImportStatus): Promise<void> {
    this.#lastMs = 0;
    await this.#tell(status);
  }

  async #tell(status: ImportStatus): Promise<void> {
    const { client, hubThing, log } = this.#options;
    try {
      await client.invoke(hubThing, 'ReceiveImportStatus', { status }, { timeoutMs: CALL_TIMEOUT_MS });
    } catch (thrown) {
      log.warn(
        { err: toConnectorError(thrown) },
        'The progress of an import could not be sent to ThingWorx.',
      );
    }
  }
}
