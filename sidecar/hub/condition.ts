import type { HubState, LastError, RecentError } from '../contract/status.ts';
import type { ConnectorError } from '../errors/connector-error.ts';
import type { Log } from '../observe/log.ts';
import { RecentErrors } from './recent-errors.ts';
import { SteadyRecovery } from './steady-recovery.ts';

interface HubConditionOptions {
  readonly log: Log;
  readonly onChange: () => void;
  /** Problems of the whole sidecar. */
  readonly shared: () => readonly ConnectorError[];
  /** An error that nobody says to be over is over when it has not been repeated for this long. */
  readonly passingMs?: number;
}

/** Longer than the interval of the status reports: even an error that passes at once is shown. */
const PASSING_MS = 60_000;

/** The state of a hub with its reason, and its errors until their causes are over. Each change is logged once. */
export class HubCondition {
  readonly #options: Required<HubConditionOptions>;
  /** The errors that block lanes or the source now, by the part that reported them. */
  readonly #blocked = new Map<string, ConnectorError>();
  /** Errors that need somebody although the hub works, by their subject. */
  readonly #standing = new Map<string, ConnectorError>();
  /** Errors that pass by themselves, by code, and when each was last reported. */
  readonly #passing = new Map<string, { readonly error: ConnectorError; readonly atMs: number }>();
  readonly #recent = new RecentErrors();
  readonly #recovery = new SteadyRecovery();
  #state: HubState = 'connecting';
  #error: ConnectorError | undefined;
  #troubledSinceMs = 0;

  constructor(options: HubConditionOptions) {
    this.#options = { passingMs: PASSING_MS, ...options };
  }

  get state(): HubState {
    return this.#state;
  }

  get reason(): string | undefined {
    return this.#error?.message;
  }

  /** The error that keeps the hub from running, and since when; undefined while there is none, also if its end is not reported yet. */
  get trouble(): { readonly error: ConnectorError; readonly sinceMs: number } | undefined {
    if (this.#recovery.isPending) return undefined;
    return this.#error && { error: this.#error, sinceMs: this.#troubledSinceMs };
  }

  /** The present error that matters most: what keeps the hub from running, then what needs somebody, then the latest. */
  get lastError(): LastError | undefined {
    const [error] = this.#follow();
    if (!error) return undefined;
    const { code, message } = error;
    return { code, message, time: this.#recent.since(code) ?? new Date().toISOString() };
  }

  get recentErrors(): readonly RecentError[] {
    this.#follow();
    return this.#recent.list;
  }

  become(state: HubState, error?: ConnectorError): void {
    const changed =
      state !== this.#state ||
      error?.code !== this.#error?.code ||
      (state === 'failed' && error?.message !== this.#error?.message);
    if (!this.#error) this.#troubledSinceMs = Date.now();
    this.#recovery.cancel();
    this.#state = state;
    this.#error = error;
    this.#follow();
    if (!changed) return;
    const { log, onChange } = this.#options;
    onChange();
    if (state === 'waiting' || state === 'failed')
      log.warn({ state, code: error?.code }, `Hub ${state}: ${error?.message ?? ''}`);
    else log.info({ state }, `Hub ${state}.`);
  }

  /** Receiving has started: the hub runs unless a part is blocked already. */
  opened(): void {
    const [first] = this.#blocked.values();
    this.become(first ? 'waiting' : 'running', first);
  }

  /**
   * A part is blocked by an error or, without an error, continues. The hub waits as long as one part is blocked; when parts are blocked again and
   * again, until none has been for some seconds.
   */
  setBlocked(who: string, error: ConnectorError | undefined): void {
    if (error) this.#blocked.set(who, error);
    else this.#blocked.delete(who);
    if (this.#state !== 'running' && this.#state !== 'waiting') return;
    const [first] = this.#blocked.values();
    if (first) {
      if (!this.#recovery.failed()) this.#troubledSinceMs = Date.now();
      this.become('waiting', first);
    } else if (this.#state === 'waiting') this.#recovery.ended(() => this.become('running'));
  }

  /** The source is closed: nothing is blocked any more, and of the subject nothing is known. */
  clear(subject: string): void {
    this.#blocked.clear();
    this.#standing.delete(subject);
  }

  /** Something needs somebody although the hub works, or, without an error, does not any more. */
  setStanding(subject: string, error: ConnectorError | undefined): void {
    const before = this.#standing.get(subject);
    if (error) this.#standing.set(subject, error);
    else this.#standing.delete(subject);
    this.#follow();
    if (before?.message === error?.message) return;
    const { log, onChange } = this.#options;
    onChange();
    if (error) log.warn({ code: error.code, ...error.details }, error.message);
    else log.info({ code: before?.code }, `The ${subject} are in order again.`);
  }

  /** Records an error that changes no state and passes by itself. Returns whether it is new. */
  note(error: ConnectorError): boolean {
    this.#follow();
    const isNew = !this.#passing.has(error.code);
    this.#passing.delete(error.code);
    this.#passing.set(error.code, { error, atMs: Date.now() });
    this.#follow();
    return isNew;
  }

  /** The errors that exist now, the one that matters most first. Also brings the history up to date. */
  #follow(): readonly ConnectorError[] {
    const { passingMs, shared } = this.#options;
    for (const [code, { atMs }] of this.#passing)
      if (Date.now() - atMs >= passingMs) this.#passing.delete(code);
    const passing = [...this.#passing.values()].map(({ error }) => error).toReversed();
    const present = [
      ...(this.#error ? [this.#error] : []),
      ...this.#blocked.values(),
      ...this.#standing.values(),
      ...shared(),
      ...passing,
    ];
    this.#recent.follow(present);
    return present;
  }
}
