import type { ChaosSystem } from './chaos-system.ts';
import type { Load } from './load.ts';
import type { Random } from './random.ts';

/** What a row works with while messages and notifications flow. */
export interface RowContext {
  readonly system: ChaosSystem;
  readonly load: Load;
  readonly random: Random;
  /** How long a fault lasts. */
  readonly faultMs: number;
  /** How often a row kills that kills at random points. */
  readonly kills: number;
  readonly sleep: (ms: number) => Promise<void>;
}

/** One thing that goes wrong. */
export interface Row {
  readonly name: string;
  /** Also part of the quick run. */
  readonly quick?: boolean;
  /** Which checkpoints the sidecar has; blob ones unless given. */
  readonly checkpoints?: 'blob' | 'local';
  /** The longest time until everything has arrived after the end of the fault, where it is documented to be longer than ten seconds. */
  readonly recoverySeconds?: number;
  /** How often one warning may be logged, if its state changes more than once. */
  readonly sameLines?: number;
  /** Dead letters that ThingWorx or the translation refuses for good, beside the malformed bodies that every row has. */
  readonly refusals?: (context: RowContext) => number | Promise<number>;
  /** Whether messages of the past are asked for: their notifications come after newer ones. */
  readonly replays?: boolean;
  /** Why this machine cannot run the row; undefined when it can. */
  readonly skip?: (context: RowContext) => string | undefined;
  /** Makes it go wrong and right again. May give numbers that the row measures beside the others. */
  // biome-ignore lint/suspicious/noConfusingVoidType: most rows measure nothing
  readonly run: (context: RowContext) => Promise<Readonly<Record<string, number>> | void>;
}

/** What one row has shown. */
export interface RowResult {
  readonly name: string;
  readonly sent: number;
  readonly missing: number;
  readonly outOfOrder: number;
  /** Messages that were received again and dropped or applied again. */
  readonly repeats: number;
  /** Those that were expected are not counted. */
  readonly deadLetters: number;
  readonly recoverySeconds: number;
  readonly peakMegabytes: number;
  /** Warnings and errors of the sidecar. */
  readonly logLines: number;
  /** The one that came most often. */
  readonly mostLogged: { readonly text: string; readonly times: number };
  /** The longest that a service took which was called beside. */
  readonly slowestCallSeconds: number;
  /** What the row measures beside the others. */
  readonly measured?: Readonly<Record<string, number>>;
  /** Whether received = delivered + ignored + deadLettered + released + inFlight at the end. */
  readonly accountsAddUp: boolean;
  /** What must hold and did not; empty when all did. */
  readonly broken: readonly string[];
  /** Why this machine could not run it; then everything else says nothing. */
  readonly skipped?: string;
}

export const RECOVERY_SECONDS = 10;

const COLUMNS: readonly [string, (result: RowResult) => string][] = [
  ['row', ({ name }) => name],
  ['sent', ({ sent }) => String(sent)],
  ['missing', ({ missing }) => String(missing)],
  ['out of order', ({ outOfOrder }) => String(outOfOrder)],
  ['repeats', ({ repeats }) => String(repeats)],
  ['dead letters', ({ deadLetters }) => String(deadLetters)],
  ['recovery s', ({ recoverySeconds }) => recoverySeconds.toFixed(1)],
  ['peak MB', ({ peakMegabytes }) => String(peakMegabytes)],
  ['log lines', ({ logLines }) => String(logLines)],
  ['most often', ({ mostLogged }) => String(mostLogged.times)],
  ['slowest call s', ({ slowestCallSeconds }) => slowestCallSeconds.toFixed(1)],
  ['', ({ broken, skipped }) => skipped ?? broken.join('; ')],
];

/** The results as lines of text with aligned columns. */
export function table(results: readonly RowResult[]): string[] {
  const cells = [
    COLUMNS.map(([title]) => title),
    ...results.map((one) => COLUMNS.map(([, text]) => text(one))),
  ];
  const widths = COLUMNS.map((_, column) => Math.max(...cells.map((line) => line[column]?.length ?? 0)));
  return cells.map((line) =>
    line
      .map((cell, column) =>
        column === 0 ? cell.padEnd(widths[0] ?? 0) : cell.padStart(widths[column] ?? 0),
      )
      .join('  ')
      .trimEnd(),
  );
}
