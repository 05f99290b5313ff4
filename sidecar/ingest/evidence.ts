/** How often calls beside a failing one passed and failed. */
export interface ProbeCounts {
  readonly passed: number;
  readonly failed: number;
}

/** A failure is held for chance unless its probability is below this. */
const CHANCE = 1e-6;

/**
 * Decides whether something that ThingWorx refuses is itself the cause. It is when it fails alone so often that the failure rate of the probes, which
 * are sent in between, cannot explain it: seven failures when all probes pass, thirty when six of ten probes fail, none when no probe passes.
 */
export class Evidence {
  #failures = 0;
  #passed = 0;
  #failed = 0;

  /** It failed once more, and probes were sent after it. */
  add({ passed, failed }: ProbeCounts): void {
    this.#failures += 1;
    this.#passed += passed;
    this.#failed += failed;
  }

  get isConclusive(): boolean {
    const failureRate = (this.#failed + 1) / (this.#passed + this.#failed + 2);
    return this.#passed > 0 && failureRate ** this.#failures < CHANCE;
  }
}

/** What was refused for good is expected to be refused again for this long. */
const KNOWN_REFUSAL_MS = 600_000;
const MAX_KNOWN_REFUSALS = 10_000;

/** What was refused for good: one probe is enough when it is refused again. */
export class KnownRefusals {
  /** Until when each is expected, by key. */
  readonly #expected = new Map<string, number>();

  add(keys: readonly string[]): void {
    const untilMs = Date.now() + KNOWN_REFUSAL_MS;
    if (this.#expected.size + keys.length > MAX_KNOWN_REFUSALS) this.#expected.clear();
    for (const key of keys) this.#expected.set(key, untilMs);
  }

  has(keys: readonly string[]): boolean {
    const nowMs = Date.now();
    return keys.every((key) => (this.#expected.get(key) ?? 0) > nowMs);
  }
}
