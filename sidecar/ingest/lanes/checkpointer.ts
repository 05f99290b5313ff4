import type { Log } from '../../observe/log.ts';

export interface Position {
  readonly sequenceNumber: number;
  readonly offset: string;
  /** When the message at the position reached the hub. */
  readonly enqueuedTimeMs?: number;
}

export interface CheckpointerOptions {
  /** Resolves to false when another sidecar owns the partition now. */
  readonly write: (position: Position) => Promise<boolean>;
  readonly log: Log;
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
  #failing = false;
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
      if (this.#failing) this.#options.log.info('Checkpoints are written again.');
      this.#failing = false;
    } catch (error) {
      if (!this.#failing)
        this.#options.log.warn({ err: error }, 'A checkpoint could not be written; retrying.');
      this.#failing = true;
      this.#position ??= position;
      if (!this.#lost) this.#timer ??= setTimeout(() => void this.flush(), this.#options.intervalMs);
    }
  }
}
