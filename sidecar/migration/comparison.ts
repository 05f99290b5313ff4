/** A value as one of the two Things has it. */
interface Side {
  /** ms since 1970; 0 when the property was never written. */
  readonly time: number;
  readonly text: string;
  readonly number?: number;
}

/** One property of a migrated Thing and of the Thing before it, read at the same moment. */
export interface Pair {
  readonly thing: string;
  readonly source: string;
  readonly property: string;
  readonly isSame: boolean;
  readonly before: Side;
  readonly now: Side;
}

const VERDICTS = ['equal', 'different', 'timesDiffer', 'onlyBefore', 'onlyNow', 'unsettled'] as const;
type Verdict = (typeof VERDICTS)[number];

/** What is counted of a property that was not equal at least once. */
export type ComparedProperty = { readonly [V in Verdict]: number } & {
  readonly thing: string;
  readonly source: string;
  readonly property: string;
  /** The largest distance of the two times, in ms. */
  readonly lagMs: number;
  readonly lastBefore: string;
  readonly lastNow: string;
  readonly lastDifferenceMs: number;
};

interface Limits {
  /** How far two numbers may be apart. */
  readonly tolerance: number;
  /** How far the two times may be apart, and how long one side may be ahead of the other. */
  readonly lagMs: number;
}

/** More would make the state of the task large; differences of so many have one cause. */
const MOST_PROPERTIES = 5_000;

/**
 * Judges pairs. Values that differ are unsettled as long as the newer one is younger than the lag: the other side may have it in a moment.
 */
export class Comparison {
  readonly #limits: Limits;
  readonly #properties = new Map<string, ComparedProperty>();

  constructor(limits: Limits, properties: readonly ComparedProperty[] = []) {
    this.#limits = limits;
    for (const one of properties) this.#properties.set(keyOf(one), one);
  }

  /** Those that were not equal at least once. */
  get properties(): ComparedProperty[] {
    return [...this.#properties.values()];
  }

  /** The verdict; undefined when neither side has a value. */
  judge(pair: Pair, atMs: number): Verdict | undefined {
    const verdict = this.#verdict(pair, atMs);
    if (verdict === undefined) return undefined;
    const key = keyOf(pair);
    const known = this.#properties.get(key);
    if (known === undefined && (verdict === 'equal' || this.#properties.size >= MOST_PROPERTIES))
      return verdict;
    this.#properties.set(key, counted(known ?? fresh(pair), pair, verdict, atMs));
    return verdict;
  }

  #verdict({ isSame, before, now }: Pair, atMs: number): Verdict | undefined {
    const { tolerance, lagMs } = this.#limits;
    if (before.time <= 0 && now.time <= 0) return undefined;
    const isRecent = atMs - Math.max(before.time, now.time) <= lagMs;
    if (now.time <= 0) return isRecent ? 'unsettled' : 'onlyBefore';
    if (before.time <= 0) return isRecent ? 'unsettled' : 'onlyNow';
    const isNear =
      before.number !== undefined &&
      now.number !== undefined &&
      Math.abs(before.number - now.number) <= tolerance;
    if (isSame || isNear) return Math.abs(before.time - now.time) <= lagMs ? 'equal' : 'timesDiffer';
    return isRecent ? 'unsettled' : 'different';
  }
}

function counted(known: ComparedProperty, pair: Pair, verdict: Verdict, atMs: number): ComparedProperty {
  const { before, now } = pair;
  const both = before.time > 0 && now.time > 0;
  const next = {
    ...known,
    [verdict]: known[verdict] + 1,
    lagMs: both ? Math.max(known.lagMs, Math.abs(before.time - now.time)) : known.lagMs,
  };
  return verdict === 'equal' || verdict === 'unsettled'
    ? next
    : { ...next, lastBefore: before.text, lastNow: now.text, lastDifferenceMs: atMs };
}

function fresh({ thing, source, property }: Pair): ComparedProperty {
  return {
    thing,
    source,
    property,
    equal: 0,
    different: 0,
    timesDiffer: 0,
    onlyBefore: 0,
    onlyNow: 0,
    unsettled: 0,
    lagMs: 0,
    lastBefore: '',
    lastNow: '',
    lastDifferenceMs: 0,
  };
}

function keyOf({ thing, property }: { readonly thing: string; readonly property: string }): string {
  return `${thing}\n${property}`;
}
