/** A recovery that is followed by the next failure within this time was none. */
const STEADY_MS = 10_000;

/**
 * Reports the end of a failure. The first end is reported at once, since most failures come alone. If the failure returns soon, its next end is
 * reported only when it has lasted: a service that fails and works in turn must not fill the log and change the state many times a minute.
 */
export class SteadyRecovery {
  /** Runs for STEADY_MS from each end of the failure on. The clock of the machine may jump meanwhile. */
  #timer: NodeJS.Timeout | undefined;
  #hasReturned = false;
  #report: (() => void) | undefined;

  /** Whether the failure has ended and its end is not reported yet. */
  get isPending(): boolean {
    return this.#report !== undefined;
  }

  /** It fails, or still fails. Returns whether this failure is new: the end of the one before was reported. */
  failed(): boolean {
    const isNew = !this.isPending;
    if (this.#timer) this.#hasReturned = true;
    this.cancel();
    return isNew;
  }

  /** The failure has ended. Calls `report` now, or later unless it fails again. */
  ended(report: () => void): void {
    if (this.#hasReturned) this.#report = report;
    else report();
    this.#timer ??= setTimeout(() => {
      const pending = this.#report;
      this.cancel();
      this.#hasReturned = false;
      pending?.();
    }, STEADY_MS).unref();
  }

  /** An end that is pending is not reported any more. */
  cancel(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#report = undefined;
  }
}
