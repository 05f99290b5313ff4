import type { LogSink } from './log.ts';

interface RingLine {
  /** Grows with every line. */
  readonly id: number;
  /** One line of JSON. */
  readonly text: string;
}

const MAX_LINES = 500;
/** A line with a long stack. Longer ones are in standard output alone. */
const MAX_LENGTH = 16_384;

/** Passes log lines on and keeps the last ones, for those who look at the log in the console. The lines hold no secrets any more. */
export class LogRing implements LogSink {
  readonly #next: LogSink;
  readonly #listeners = new Set<(line: RingLine) => void>();
  #lines: RingLine[] = [];
  #lastId = 0;

  constructor(next: LogSink) {
    this.#next = next;
  }

  write(text: string): void {
    this.#next.write(text);
    if (text.length > MAX_LENGTH) return;
    this.#lastId += 1;
    const line = { id: this.#lastId, text: text.trimEnd() };
    this.#lines.push(line);
    // Cut now and then instead of every time: shifting an array costs its length.
    if (this.#lines.length > 2 * MAX_LINES) this.#lines = this.#lines.slice(-MAX_LINES);
    for (const listener of this.#listeners) listener(line);
  }

  /** Tells of the lines kept and of all that follow. @returns ends it */
  follow(listener: (line: RingLine) => void): () => void {
    for (const line of this.#lines.slice(-MAX_LINES)) listener(line);
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  }
}
