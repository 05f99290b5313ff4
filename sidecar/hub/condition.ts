import type { HubState, LastError } from '../contract/status.ts';
import type { ConnectorError } from '../errors/connector-error.ts';
import type { Log } from '../observe/log.ts';

/** How a hub is: its state with the reason in plain words, what holds it up, and the last error. Each change is logged once. */
export class HubCondition {
  readonly #log: Log;
  readonly #onChange: () => void;
  /** What holds lanes or the source up at present, by who says so. */
  readonly #blocked = new Map<string, ConnectorError>();
  #state: HubState = 'connecting';
  #error: ConnectorError | undefined;
  #troubledSinceMs = 0;
  #lastError: LastError | undefined;

  constructor(log: Log, onChange: () => void) {
    this.#log = log;
    this.#onChange = onChange;
  }

  get state(): HubState {
    return this.#state;
  }

  get reason(): string | undefined {
    return this.#error?.message;
  }

  /** What has kept the hub from running, and since when; undefined while nothing does. */
  get trouble(): { readonly error: ConnectorError; readonly sinceMs: number } | undefined {
    return this.#error && { error: this.#error, sinceMs: this.#troubledSinceMs };
  }

  get lastError(): LastError | undefined {
    return this.#lastError;
  }

  become(state: HubState, error?: ConnectorError): void {
    if (error) this.note(error);
    const changed = state !== this.#state || error?.message !== this.#error?.message;
    if (!this.#error) this.#troubledSinceMs = Date.now();
    this.#state = state;
    this.#error = error;
    if (!changed) return;
    this.#onChange();
    if (state === 'waiting' || state === 'failed')
      this.#log.warn({ state, code: error?.code }, `Hub ${state}: ${error?.message ?? ''}`);
    else this.#log.info({ state }, `Hub ${state}.`);
  }

  /** Receiving has begun: the hub runs unless something holds it up already. */
  opened(): void {
    const [first] = this.#blocked.values();
    this.become(first ? 'waiting' : 'running', first);
  }

  /** Something cannot be reached or, without an error, goes on again. The hub waits as long as anything does. */
  setBlocked(who: string, error: ConnectorError | undefined): void {
    if (error) {
      this.#blocked.set(who, error);
      this.note(error);
    } else this.#blocked.delete(who);
    const [first] = this.#blocked.values();
    if (this.#state === 'running' || this.#state === 'waiting')
      this.become(first ? 'waiting' : 'running', first);
  }

  /** The source is closed: what held it up is over. */
  clear(): void {
    this.#blocked.clear();
  }

  /** An error for the eyes of the operator that changes no state. */
  note(error: ConnectorError): void {
    this.#lastError = { code: error.code, message: error.message, time: new Date().toISOString() };
  }
}
