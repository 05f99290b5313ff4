import { setTimeout as pause } from 'node:timers/promises';
import type { RunningTask, TaskKind, TaskRecord } from '../tasks/task.ts';
import { inBatches } from './batches.ts';
import { type ComparedProperty, Comparison, type Pair } from './comparison.ts';
import { MigrationCalls, type MigrationWork } from './migration-calls.ts';

export const COMPARE_MIGRATION = 'CompareMigration';

export interface ComparisonInput {
  readonly rounds: number;
  readonly intervalSeconds: number;
  readonly tolerance: number;
  readonly lagSeconds: number;
}

interface ComparisonPlace {
  readonly rounds: number;
  readonly properties: readonly ComparedProperty[];
}

interface Answer {
  readonly things: readonly {
    readonly thing: string;
    readonly source: string;
    readonly properties: readonly (Omit<Pair, 'thing' | 'source' | 'property'> & { readonly name: string })[];
  }[];
  readonly failed: readonly { readonly thing: string; readonly message: string }[];
  /** By the clock of ThingWorx, as the times of values are. */
  readonly time: number;
}

const MOST_THINGS = 100;

/** Compares migrated Things with those before them, in rounds; both connectors write meanwhile. Goes on after a crash at the round it was at. */
export class ComparisonTask implements TaskKind<ComparisonInput, ComparisonPlace> {
  readonly kind = COMPARE_MIGRATION;
  readonly resumes = true;
  readonly #work: MigrationWork;

  constructor(work: MigrationWork) {
    this.#work = work;
  }

  async run(task: RunningTask<ComparisonInput, ComparisonPlace>): Promise<void> {
    const { rounds, intervalSeconds, tolerance, lagSeconds } = task.input;
    const calls = new MigrationCalls(this.#work, task.signal);
    const limits = { tolerance, lagMs: lagSeconds * 1000 };
    const comparison = new Comparison(limits, task.position?.properties);
    task.expect(rounds);
    for (let round = (task.position?.rounds ?? 0) + 1; round <= rounds; round += 1) {
      const counts = await this.#round(task as RunningTask, calls, comparison);
      task.advance(1, counts);
      task.note(noteOf(round, rounds, counts));
      await task.save({ rounds: round, properties: comparison.properties });
      if (round < rounds) await pause(intervalSeconds * 1000, undefined, { signal: task.signal });
    }
    for (const one of comparison.properties)
      task.report({ item: `${one.thing}.${one.property}`, outcome: outcomeOf(one), message: lineOf(one) });
  }

  async #round(
    task: RunningTask,
    calls: MigrationCalls,
    comparison: Comparison,
  ): Promise<Record<string, number>> {
    const counts: Record<string, number> = {};
    const { things } = await calls.migrated();
    await inBatches(
      things.map(({ thing }) => thing),
      MOST_THINGS,
      async (some) => {
        const answer = await calls.ask<Answer>('CompareThings', { things: some });
        for (const { thing, source, properties } of answer.things)
          for (const { name, ...sides } of properties) {
            const verdict = comparison.judge({ thing, source, property: name, ...sides }, answer.time);
            if (verdict !== undefined) counts[verdict] = (counts[verdict] ?? 0) + 1;
          }
        for (const { thing, message } of answer.failed) fail(thing, message);
      },
      fail,
    );
    return counts;

    function fail(thing: string, message: string): void {
      counts['failed'] = (counts['failed'] ?? 0) + 1;
      task.report({ item: thing, outcome: 'failed', message });
    }
  }
}

/** What a comparison has found so far. */
export function comparedProperties({ saved }: TaskRecord): readonly ComparedProperty[] {
  return (saved?.position as ComparisonPlace | undefined)?.properties ?? [];
}

function noteOf(round: number, rounds: number, counts: Readonly<Record<string, number>>): string {
  const parts = Object.entries(counts).map(([verdict, count]) => `${count} ${verdict}`);
  return `Round ${round} of ${rounds}: ${parts.length === 0 ? 'no values' : parts.join(', ')}.`;
}

/** The most serious verdict that the property has had. */
function outcomeOf(one: ComparedProperty): string {
  return (
    (['different', 'onlyBefore', 'onlyNow', 'timesDiffer'] as const).find((verdict) => one[verdict] > 0) ??
    'unsettled'
  );
}

function lineOf({
  source,
  lastBefore,
  lastNow,
  lastDifferenceMs,
  lagMs,
  ...counts
}: ComparedProperty): string {
  const { equal, different, timesDiffer, onlyBefore, onlyNow, unsettled } = counts;
  const numbers = { equal, different, timesDiffer, onlyBefore, onlyNow, unsettled };
  const text = Object.entries(numbers)
    .filter(([, count]) => count > 0)
    .map(([verdict, count]) => `${verdict} ${count}`)
    .join(', ');
  const last =
    lastDifferenceMs === 0
      ? ''
      : ` Last difference at ${new Date(lastDifferenceMs).toISOString()}: ${source} has ${lastBefore || 'no value'}, this Thing ${lastNow || 'no value'}.`;
  return `${text}; times differ by up to ${lagMs / 1000} s.${last}`;
}
