import { toConnectorError } from '../errors/connector-error.ts';
import type { Log } from '../observe/log.ts';
import type {
  DeadLetter,
  DeadLetterFilter,
  DeadLetterPage,
  DeadLetterStats,
  DeadLetterStore,
  Trimmed,
} from './store.ts';

interface DeadLetterRetentionOptions {
  readonly store: DeadLetterStore;
  /** Read at every check: a changed setting takes effect at the next. */
  readonly limits: () => { readonly days: number; readonly megabytes: number };
  readonly log: Log;
  /** Called when the warning appears, changes or goes. */
  readonly onWarning?: () => void;
  readonly checkIntervalMs?: number;
}

const DAY_MS = 86_400_000;
const MEGABYTE = 1_000_000;
const WARN_AT = 0.8;
/** A full store is trimmed to this part of its limit, so that not every new dead letter removes an old one. */
const TRIM_TO = 0.95;
/** A full store is checked after this delay, however long the interval is. */
/** After a check that failed. */
const FAILED_RETRY_MS = 5_000;
const SOON_MS = 1_000;

/** Keeps a store within its limits: warns at 80 percent, removes what is too old, and the oldest when the store is full. */
export class DeadLetterRetention implements DeadLetterStore {
  readonly #options: Required<DeadLetterRetentionOptions>;
  #timer: NodeJS.Timeout | undefined;
  #dueAtMs = Infinity;
  #checking: Promise<void> | undefined;
  #warning: string | undefined;
  /** Whether the last check failed. */
  #failed = false;
  #known: { readonly count: number; readonly bytes: number } | undefined;
  #bytes = 0;
  #removed = { expired: 0, overflowed: 0 };
  #closed = false;

  constructor(options: DeadLetterRetentionOptions) {
    this.#options = { onWarning: () => undefined, checkIntervalMs: 60_000, ...options };
  }

  /** Why someone should look at the dead letters before some are removed; undefined when there is no need. */
  get warning(): string | undefined {
    return this.#warning;
  }

  /** As last counted; undefined before that. */
  get known(): { readonly count: number; readonly bytes: number } | undefined {
    return this.#known;
  }

  /** How many dead letters this sidecar removed by itself. */
  get removed(): Readonly<Trimmed> {
    return this.#removed;
  }

  start(): void {
    this.#schedule(SOON_MS);
  }

  async append(letters: readonly DeadLetter[]): Promise<void> {
    await this.#options.store.append(letters);
    for (const { message } of letters) this.#bytes += message.body.byteLength;
    if (this.#bytes >= this.#maxBytes * WARN_AT) this.#schedule(SOON_MS);
  }

  list(
    filter: DeadLetterFilter,
    page: { limit: number; after?: string | undefined },
  ): Promise<DeadLetterPage> {
    return this.#options.store.list(filter, page);
  }

  get(id: string): Promise<DeadLetter | undefined> {
    return this.#options.store.get(id);
  }

  delete(ids: readonly string[]): Promise<number> {
    return this.#options.store.delete(ids);
  }

  stats(): Promise<DeadLetterStats> {
    return this.#options.store.stats();
  }

  trim(limits: { storedBeforeMs: number; maxBytes: number }): Promise<Trimmed> {
    return this.#options.store.trim(limits);
  }

  async close(): Promise<void> {
    this.#closed = true;
    clearTimeout(this.#timer);
    await this.#checking;
    await this.#options.store.close();
  }

  /** Checks the limits now. Never rejects. */
  check(): Promise<void> {
    clearTimeout(this.#timer);
    this.#dueAtMs = Infinity;
    this.#checking ??= this.#check()
      .catch((thrown) => {
        // Reported before the first message needs the store.
        this.#failed = true;
        if (!this.#closed) this.#warn(toConnectorError(thrown).message);
      })
      .finally(() => {
        this.#checking = undefined;
        const { checkIntervalMs } = this.#options;
        // What is over, such as a full disk, must not stay in the status.
        this.#schedule(this.#failed ? Math.min(FAILED_RETRY_MS, checkIntervalMs) : checkIntervalMs);
      });
    return this.#checking;
  }

  async #check(): Promise<void> {
    this.#failed = false;
    const { store, limits, log } = this.#options;
    const { days } = limits();
    const maxBytes = this.#maxBytes;
    const { bytes } = await store.stats();
    const { expired, overflowed } = await store.trim({
      storedBeforeMs: Date.now() - days * DAY_MS,
      maxBytes: bytes > maxBytes ? maxBytes * TRIM_TO : maxBytes,
    });
    this.#removed = {
      expired: this.#removed.expired + expired,
      overflowed: this.#removed.overflowed + overflowed,
    };
    if (expired > 0) log.warn({ expired, days }, 'Dead letters were removed because of their age.');
    if (overflowed > 0)
      log.error({ overflowed, maxBytes }, 'The oldest dead letters were removed: the store was full.');
    const after = await store.stats();
    this.#known = after;
    this.#bytes = after.bytes;
    const percent = Math.floor((after.bytes / maxBytes) * 100);
    if (percent < WARN_AT * 100) this.#warn(undefined);
    else
      this.#warn(
        `The dead letters take ${percent} % of deadLetterMegabytes; ` +
          `${overflowed > 0 ? 'the oldest are being removed' : 'the oldest are removed at 100 %'}.`,
      );
  }

  #warn(warning: string | undefined): void {
    if (warning === this.#warning) return;
    if (warning && !this.#warning) this.#options.log.warn(warning);
    this.#warning = warning;
    this.#options.onWarning();
  }

  /** A check that is due earlier stays scheduled. */
  #schedule(delayMs: number): void {
    const dueAtMs = Date.now() + delayMs;
    if (this.#closed || this.#checking || this.#dueAtMs <= dueAtMs) return;
    clearTimeout(this.#timer);
    this.#dueAtMs = dueAtMs;
    this.#timer = setTimeout(() => void this.check(), delayMs);
    this.#timer.unref();
  }

  get #maxBytes(): number {
    return this.#options.limits().megabytes * MEGABYTE;
  }
}

/**
 * Moves every dead letter of one store to another; a dead letter is removed when the other store has it. One that cannot be read stays
 * in its store.
 */
export async function moveDeadLetters(
  from: DeadLetterStore,
  to: DeadLetterStore,
  signal: AbortSignal,
): Promise<{ moved: number; unreadable: number }> {
  let moved = 0;
  let unreadable = 0;
  let after: string | undefined;
  for (;;) {
    signal.throwIfAborted();
    const { letters, more } = await from.list({}, { limit: 50, after });
    const taken: string[] = [];
    const whole: DeadLetter[] = [];
    for (const { id } of letters) {
      try {
        const letter = await from.get(id);
        if (letter) whole.push(letter);
        taken.push(id);
      } catch (thrown) {
        if (toConnectorError(thrown).code !== 'DEAD_LETTER_UNREADABLE') throw thrown;
        unreadable += 1;
      }
    }
    await to.append(whole);
    moved += await from.delete(taken);
    after = letters.at(-1)?.id;
    if (!more) return { moved, unreadable };
  }
}
