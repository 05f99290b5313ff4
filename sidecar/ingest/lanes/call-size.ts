/** Rows of the first call. */
const INITIAL_ROWS = 250;
const MIN_ROWS = 20;
const MAX_ROWS = 1_000_000;
/** The intended time of the rows of a call, without its overhead: short compared with the script timeout of 30 s. */
const TARGET_ROWS_MS = 1_000;
/** Sizes of calls that differ by less than this factor do not show the time per row. */
const DISTINCT_SIZES = 1.2;
/** An answer that took so many times longer than expected shows that the time per row has changed. */
const UNEXPECTED = 3;
/** A call that carries less than this part of the possible rows does not show that they are too many. */
const TELLING_PART = 0.5;

/**
 * The number of rows in one call. It follows the time per row: where each call has a constant delay, calls must be larger; where each row is slow,
 * smaller. The answer times of two different sizes show which it is.
 */
export class CallSize {
  #rows = INITIAL_ROWS;
  #measured: { readonly rows: number; readonly elapsedMs: number } | undefined;
  /** Undefined until calls of two sizes were answered. */
  #msPerRow: number | undefined;

  get rows(): number {
    return this.#rows;
  }

  /** How long a call of this size should take, as far as known. */
  expectedMs(rows: number): number {
    const { rows: measured = 1, elapsedMs = 0 } = this.#measured ?? {};
    const msPerRow = this.#msPerRow ?? elapsedMs / measured;
    return Math.max(0, elapsedMs + (rows - measured) * msPerRow);
  }

  answered(rows: number, elapsedMs: number): void {
    if (rows === 0) return;
    this.#learn(rows, elapsedMs);
    const mean = elapsedMs / rows;
    if (this.#msPerRow === undefined && rows < this.#rows * TELLING_PART) return;
    const rowsMs = Math.min(this.#msPerRow ?? mean, mean) * rows;
    if (rowsMs > TARGET_ROWS_MS * 2) this.#rows = Math.max(MIN_ROWS, Math.floor(rows / 2));
    // A call ends at the end of a message, so it may carry fewer rows than it could.
    else if (rowsMs < TARGET_ROWS_MS / 2) this.#rows = Math.max(this.#rows, Math.min(rows * 2, MAX_ROWS));
  }

  timedOut(rows: number): void {
    this.#measured = undefined;
    this.#msPerRow = undefined;
    this.#rows = Math.max(MIN_ROWS, Math.min(this.#rows, Math.floor(rows / 2)));
  }

  #learn(rows: number, elapsedMs: number): void {
    const before = this.#measured;
    this.#measured = { rows, elapsedMs };
    if (!before) return;
    const isDistinct = Math.max(rows, before.rows) / Math.min(rows, before.rows) >= DISTINCT_SIZES;
    if (isDistinct) this.#msPerRow = Math.max(0, (elapsedMs - before.elapsedMs) / (rows - before.rows));
    else if (elapsedMs > before.elapsedMs * UNEXPECTED && elapsedMs > TARGET_ROWS_MS)
      this.#msPerRow = undefined;
  }
}
