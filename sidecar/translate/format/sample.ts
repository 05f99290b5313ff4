import type { Ignored, Quality, Refusal } from '../types.ts';

/** Values that share time and quality; either `members` (keys and values of an object) or `names` and `values`. */
export interface SampleRow {
  /** Undefined: the message's time. */
  readonly timeMs: number | undefined;
  readonly quality: Quality;
  readonly members?: Readonly<Record<string, unknown>>;
  readonly names?: readonly string[];
  readonly values?: readonly unknown[];
}

/** One element of a body that holds values: what a default reading, or a rule without `properties`, works on. */
export interface Sample {
  /** The element itself, for the paths of a rule. */
  readonly item: unknown;
  /** Elements around it, the nearest first. */
  readonly around: readonly unknown[];
  readonly key: string | number | undefined;
  readonly rows: readonly SampleRow[];
}

export interface Samples {
  readonly samples: readonly Sample[];
  readonly ignored: readonly Ignored[];
  readonly refusals: readonly Refusal[];
}
