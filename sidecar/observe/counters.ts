/**
 * The accounts of one hub. At any moment
 * received = delivered + ignored + deadLettered + released + inFlight,
 * where repeats dropped by the platform count as delivered (and beside that as repeated), and released are messages handed back
 * unconfirmed when a partition went to another sidecar or the hub was disconnected: whoever reads the partition next receives them again.
 */
interface HubCounts {
  received: number;
  delivered: number;
  ignored: number;
  deadLettered: number;
  released: number;
  inFlight: number;
  repeated: number;
}

/** The last dead letter of a reason. */
interface LastDeadLetter {
  /** In plain words. */
  readonly message: string;
  readonly thing?: string;
  readonly property?: string;
  /** ISO 8601. */
  readonly time: string;
}

type Outcome = 'delivered' | 'ignored' | 'deadLettered' | 'released';

export class HubCounters {
  readonly #counts: HubCounts = {
    received: 0,
    delivered: 0,
    ignored: 0,
    deadLettered: 0,
    released: 0,
    inFlight: 0,
    repeated: 0,
  };
  readonly #ignoredByReason = new Map<string, number>();
  readonly #deadLetteredByReason = new Map<string, number>();
  readonly #lastDeadLetters = new Map<string, LastDeadLetter>();
  #calls = 0;
  #expired = 0;
  #skipped = 0;

  receive(messages: number): void {
    this.#counts.received += messages;
    this.#counts.inFlight += messages;
  }

  settle(outcome: Outcome, messages: number): void {
    this.#counts[outcome] += messages;
    this.#counts.inFlight -= messages;
  }

  repeat(messages: number): void {
    this.#counts.repeated += messages;
  }

  /** A value or message that was left out on purpose; a message can leave out several. */
  ignore(reason: string, values = 1): void {
    this.#ignoredByReason.set(reason, (this.#ignoredByReason.get(reason) ?? 0) + values);
  }

  deadLetter(reason: string, letter: LastDeadLetter): void {
    this.#deadLetteredByReason.set(reason, (this.#deadLetteredByReason.get(reason) ?? 0) + 1);
    this.#lastDeadLetters.set(reason, letter);
  }

  /** Messages that the hub has dropped before they were received: in no account, and lost. */
  expire(messages: number): void {
    this.#expired += messages;
  }

  /** Messages before the start position of a partition without a checkpoint: in no account, and not read. */
  skip(messages: number): void {
    this.#skipped += messages;
  }

  call(): void {
    this.#calls += 1;
  }

  get counts(): Readonly<HubCounts> {
    return this.#counts;
  }

  get skipped(): number {
    return this.#skipped;
  }

  get expired(): number {
    return this.#expired;
  }

  /** Calls of ReceiveUpdates. */
  get calls(): number {
    return this.#calls;
  }

  get ignoredByReason(): Record<string, number> {
    return Object.fromEntries(this.#ignoredByReason);
  }

  get deadLetteredByReason(): Record<string, number> {
    return Object.fromEntries(this.#deadLetteredByReason);
  }

  /** By reason. */
  get lastDeadLetters(): Record<string, LastDeadLetter> {
    return Object.fromEntries(this.#lastDeadLetters);
  }
}

const WINDOW_MS = 60_000;

/** The rate of a growing count over the last minute. */
export class RateMeter {
  #samples: { atMs: number; count: number }[] = [{ atMs: Date.now(), count: 0 }];

  sample(count: number): void {
    const now = Date.now();
    this.#samples.push({ atMs: now, count });
    while (this.#samples.length > 1 && now - (this.#samples[1]?.atMs ?? now) > WINDOW_MS)
      this.#samples.shift();
  }

  perSecond(count: number): number {
    const oldest = this.#samples[0];
    if (!oldest) return 0;
    const seconds = (Date.now() - oldest.atMs) / 1000;
    return seconds <= 0 ? 0 : Math.round(((count - oldest.count) / seconds) * 10) / 10;
  }
}
