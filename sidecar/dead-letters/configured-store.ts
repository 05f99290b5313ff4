import path from 'node:path';
import type { HubSettings } from '../contract/hub-settings.ts';
import { ConnectorError, toConnectorError } from '../errors/connector-error.ts';
import { Backoff } from '../lib/backoff.ts';
import type { Log } from '../observe/log.ts';
import type { SideFacts } from '../observe/side-metrics.ts';
import { BlobDeadLetterStore } from './blob-store.ts';
import { FileDeadLetterStore } from './file-store.ts';
import { DeadLetterRetention, moveDeadLetters } from './retention.ts';
import type { DeadLetter, DeadLetterSink, DeadLetterStore } from './store.ts';

interface ConfiguredDeadLetterStoreOptions {
  readonly hubThing: string;
  readonly stateDirectory: string;
  readonly log: Log;
  /** The warning of the store has changed. */
  readonly onWarning: () => void;
}

interface Moving {
  readonly abort: AbortController;
  readonly done: Promise<void>;
}

/**
 * The dead-letter store of one hub Thing, where its settings say: in the blob container when storage is set, else in the state directory.
 * Lanes keep this object while the settings change. Dead letters in the state directory are moved to the container when storage is set.
 */
export class ConfiguredDeadLetterStore implements DeadLetterSink {
  readonly #options: ConfiguredDeadLetterStoreOptions;
  #settings: HubSettings | undefined;
  #place: string | undefined;
  #retention: DeadLetterRetention | undefined;
  #moving: Moving | undefined;

  constructor(options: ConfiguredDeadLetterStoreOptions) {
    this.#options = options;
  }

  get store(): DeadLetterStore {
    if (!this.#retention) throw new ConnectorError('STOPPING', 'The hub was disconnected.');
    return this.#retention;
  }

  /** The numbers of the store for metrics. */
  get facts(): Pick<SideFacts, 'stored' | 'removed'> {
    return {
      stored: this.#retention?.known,
      removed: this.#retention?.removed ?? { expired: 0, overflowed: 0 },
    };
  }

  get warning(): string | undefined {
    return this.#retention?.warning;
  }

  async append(letters: readonly DeadLetter[]): Promise<void> {
    await this.store.append(letters);
  }

  /** Takes today's settings; opens another store when they name another place. Opens no connection. */
  async use(settings: HubSettings): Promise<void> {
    const { storageConnectionString, deadLetterContainer } = settings;
    this.#settings = settings;
    const place = storageConnectionString ? `${deadLetterContainer} ${storageConnectionString}` : 'file';
    if (place === this.#place) return;
    const before = { retention: this.#retention, moving: this.#moving };
    this.#place = place;
    const { hubThing, log, onWarning } = this.#options;
    const store = storageConnectionString
      ? new BlobDeadLetterStore({
          connection: storageConnectionString,
          container: deadLetterContainer,
          hubThing,
        })
      : this.#files();
    this.#retention = new DeadLetterRetention({ store, limits: () => this.#limits(), log, onWarning });
    this.#moving = undefined;
    await this.#end(before);
    this.#retention.start();
    if (storageConnectionString) this.#adopt(store);
  }

  /** Idempotent. */
  async close(): Promise<void> {
    const before = { retention: this.#retention, moving: this.#moving };
    this.#retention = undefined;
    this.#moving = undefined;
    this.#place = undefined;
    await this.#end(before);
  }

  async #end({
    retention,
    moving,
  }: {
    retention: DeadLetterRetention | undefined;
    moving: Moving | undefined;
  }): Promise<void> {
    moving?.abort.abort();
    await moving?.done;
    await retention?.close();
  }

  #files(): FileDeadLetterStore {
    const { stateDirectory, hubThing, log } = this.#options;
    const directory = path.join(stateDirectory, 'dead-letters', encodeURIComponent(hubThing));
    return new FileDeadLetterStore({ directory, log });
  }

  #limits() {
    const { deadLetterDays = 30, deadLetterMegabytes = 1024 } = this.#settings ?? {};
    return { days: deadLetterDays, megabytes: deadLetterMegabytes };
  }

  #adopt(store: DeadLetterStore): void {
    const abort = new AbortController();
    this.#moving = { abort, done: this.#move(store, abort.signal) };
  }

  /** Never rejects; retries until it succeeds or the store closes. */
  async #move(store: DeadLetterStore, signal: AbortSignal): Promise<void> {
    const { log } = this.#options;
    const files = this.#files();
    const backoff = new Backoff();
    let loggedCode: string | undefined;
    try {
      for (;;) {
        try {
          const { moved, unreadable } = await moveDeadLetters(files, store, signal);
          if (moved > 0) log.info({ moved }, 'Dead letters moved from the state directory to the container.');
          if (unreadable > 0)
            log.warn({ unreadable }, 'Dead letters that cannot be read stay in the state directory.');
          return;
        } catch (thrown) {
          if (signal.aborted) return;
          const err = toConnectorError(thrown);
          if (err.code !== loggedCode)
            log.warn({ err }, 'Dead letters could not be moved to the container; trying again.');
          loggedCode = err.code;
          await backoff.pause(signal);
        }
      }
    } catch {
      // Stopped while waiting.
    } finally {
      await files.close();
    }
  }
}
