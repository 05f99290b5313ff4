/** A recovery that is followed by the next failure within this time was none. */
const STEADY_MS = 10_000;

/**
 * Reports the end of a failure. The first end is reported at once, since most failures come alone. If the failure returns soon, its next end is
 * reported only when it has lasted: a service that fails and works in turn must not fill the log and change the state many times a minute.
 */
export class SteadyRecovery {
  #endedAtMs = Number.NEGATIVE_INFINITY;
  #returns = false;
  #timer: NodeJS.Timeout | undefined;

  /** Whether the failure has ended and its end is not reported yet. */
  get isPending(): boolean {
    return this.#timer !== undefined;
  }

  /** It fails, or still fails. Returns whether this failure is new: the end of the one before was reported. */
  failed(): boolean {
    if (Date.now() - this.#endedAtMs < STEADY_MS) this.#returns = true;
    const isNew = !this.isPending;
    this.cancel();
    return isNew;
  }

  /** The failure has ended. Calls `report` now, or later unless it fails again. */
  ended(report: () => void): void {
    this.#endedAtMs = Date.now();
    if (!this.#returns) {
      report();
      return;
    }
    this.#timer ??= setTimeout(() => {
      this.#timer = undefined;
      this.#returns = false;
      report();
    }, STEADY_MS).unref();
  }

  /** An end that is pending is not reported any more. */
  cancel(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
  }
}
