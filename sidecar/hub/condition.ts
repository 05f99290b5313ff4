import type { HubState, LastError } from '../contract/status.ts';
import type { ConnectorError } from '../errors/connector-error.ts';
import type { Log } from '../observe/log.ts';

/** The state of a hub with its reason, the errors that block it, and the last errors. Each change is logged once. */
export class HubCondition {
  readonly #log: Log;
  readonly #onChange: () => void;
  /** The errors that block lanes or the source now, by the part that reported them. */
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

  /** The error that keeps the hub from running, and since when; undefined while there is none. */
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

  /** Receiving has started: the hub runs unless a part is blocked already. */
  opened(): void {
    const [first] = this.#blocked.values();
    this.become(first ? 'waiting' : 'running', first);
  }

  /** A part is blocked by an error or, without an error, continues. The hub waits as long as one part is blocked. */
  setBlocked(who: string, error: ConnectorError | undefined): void {
    if (error) {
      this.#blocked.set(who, error);
      this.note(error);
    } else this.#blocked.delete(who);
    const [first] = this.#blocked.values();
    if (this.#state === 'running' || this.#state === 'waiting')
      this.become(first ? 'waiting' : 'running', first);
  }

  /** The source is closed: nothing is blocked any more. */
  clear(): void {
    this.#blocked.clear();
  }

  /** Records an error that changes no state. */
  note(error: ConnectorError): void {
    this.#lastError = { code: error.code, message: error.message, time: new Date().toISOString() };
  }
}
