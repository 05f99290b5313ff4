import { type ConnectorError, toConnectorError } from '../../errors/connector-error.ts';

export interface Position {
  readonly sequenceNumber: number;
  readonly offset: string;
  /** When the message at the position reached the hub. */
  readonly enqueuedTimeMs?: number;
}

interface CheckpointerOptions {
  /** Resolves to false when another sidecar owns the partition now. */
  readonly write: (position: Position) => Promise<boolean>;
  /** Called when writes begin to fail, and without an error at the first that succeeds. */
  readonly onUnwritten: (error: ConnectorError | undefined) => void;
  readonly intervalMs?: number;
}

/**
 * Writes the checkpoint of one lane at most once per interval, because each one is a call to the store. After a crash, the messages since the
 * last checkpoint are received again. A failed write is repeated with the next position.
 */
export class Checkpointer {
  readonly #options: Required<CheckpointerOptions>;
  #position: Position | undefined;
  #timer: NodeJS.Timeout | undefined;
  #writing: Promise<void> = Promise.resolve();
  /** Whether the last write failed; undefined before the first. */
  #failing: boolean | undefined;
  #lost = false;

  constructor(options: CheckpointerOptions) {
    this.#options = { intervalMs: 1_000, ...options };
  }

  /** Everything up to this position is settled. */
  advance(position: Position): void {
    this.#position = position;
    this.#timer ??= setTimeout(() => void this.flush(), this.#options.intervalMs);
  }

  /** Writes the last position now. Resolves also when the store fails: the next flush repeats the write. */
  flush(): Promise<void> {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#writing = this.#writing.then(() => this.#write());
    return this.#writing;
  }

  /** Another sidecar owns the partition: no more checkpoints are written. */
  abandon(): void {
    this.#lost = true;
    clearTimeout(this.#timer);
    this.#timer = undefined;
  }

  async #write(): Promise<void> {
    const position = this.#position;
    if (position === undefined || this.#lost) return;
    this.#position = undefined;
    try {
      const owned = await this.#options.write(position);
      if (!owned) this.abandon();
      if (this.#failing !== false) this.#options.onUnwritten(undefined);
      this.#failing = false;
    } catch (thrown) {
      if (!this.#failing) this.#options.onUnwritten(toConnectorError(thrown));
      this.#failing = true;
      this.#position ??= position;
      if (!this.#lost) this.#timer ??= setTimeout(() => void this.flush(), this.#options.intervalMs);
    }
  }
}
