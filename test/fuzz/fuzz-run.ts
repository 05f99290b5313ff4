import fc from 'fast-check';

/** What one part of the fuzz suite found. */
export interface FuzzReport {
  readonly part: string;
  readonly inputs: number;
  /** Hands the same inputs to the part again. */
  readonly seed: number;
  /** How often each kind of outcome occurred. */
  readonly outcomes: Readonly<Record<string, number>>;
  /** Empty, or what broke a promise, with its input; ten at most. */
  readonly failures: readonly string[];
}

export interface FuzzOptions {
  readonly inputs: number;
  readonly seed: number;
}

const MAX_FAILURES = 10;
/** Generated at a time, so that a long run stays in bounded memory. */
const CHUNK = 500;

/**
 * Feeds generated inputs to `attempt`, which names the outcome, or throws when a promise is broken. Stops early after ten failures.
 *
 * @param describe how an input stands in the report
 */
export async function fuzz<T>(
  part: string,
  { inputs, seed }: FuzzOptions,
  arbitrary: fc.Arbitrary<T>,
  attempt: (input: T) => string | Promise<string>,
  describe: (input: T) => string = (input) => JSON.stringify(input)?.slice(0, 500) ?? String(input),
): Promise<FuzzReport> {
  const outcomes: Record<string, number> = {};
  const failures: string[] = [];
  let done = 0;
  for (let chunk = 0; done < inputs && failures.length < MAX_FAILURES; chunk += 1) {
    const numRuns = Math.min(CHUNK, inputs - done);
    for (const input of fc.sample(arbitrary, { numRuns, seed: seed + chunk })) {
      try {
        const outcome = await attempt(input);
        outcomes[outcome] = (outcomes[outcome] ?? 0) + 1;
      } catch (error) {
        failures.push(`${(error as Error).message} — input: ${describe(input)}`);
        if (failures.length >= MAX_FAILURES) break;
      }
    }
    done += numRuns;
  }
  return { part, inputs: done, seed, outcomes, failures };
}
