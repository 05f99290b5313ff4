import type { RunningTask, TaskKind } from '../tasks/task.ts';
import { inBatches } from './batches.ts';
import { MigrationCalls, type MigrationWork } from './migration-calls.ts';
import { Wave, type WaveRules } from './rules.ts';

export const UNDO_MIGRATION = 'UndoMigration';

export interface UndoInput {
  /** Of the names of the Things that were migrated. With a rule, what the record names stays. */
  readonly wave: Pick<WaveRules, 'namePattern' | 'names'>;
  readonly dryRun: boolean;
}

interface Answer {
  readonly outcomes: readonly {
    readonly entity: string;
    readonly outcome: string;
    readonly message: string;
  }[];
}

const MOST_THINGS = 40;

/** Removes what migrations have made, newest first, and nothing else. It keeps no position: what is gone is not listed again. */
export class UndoTask implements TaskKind<UndoInput, never> {
  readonly kind = UNDO_MIGRATION;
  readonly resumes = true;
  readonly #work: MigrationWork;

  constructor(work: MigrationWork) {
    this.#work = work;
  }

  async run(task: RunningTask<UndoInput, never>): Promise<void> {
    const { wave, dryRun } = task.input;
    const calls = new MigrationCalls(this.#work, task.signal);
    const made = await calls.migrated();
    const rules = new Wave(wave);
    const things = made.things.filter(({ source }) => rules.takes({ thing: source, tags: [] }));
    const isPart = wave.namePattern !== undefined || wave.names !== undefined;
    const record = isPart ? [] : made.record.toReversed();
    task.expect(things.length + record.length);
    const tell = (item: string, outcome: string, message = '') => {
      task.report({ item, outcome, message });
      task.advance(1, { [outcome]: 1 });
    };
    if (dryRun) {
      for (const { thing, source } of things) tell(thing, 'wouldDelete', `Migrated from ${source}.`);
      for (const { entity, collection } of record) tell(entity, 'wouldDelete', collection);
      return;
    }
    const sources = new Map(things.map(({ thing, source }) => [thing, source]));
    await inBatches(
      things.map(({ thing }) => thing),
      MOST_THINGS,
      async (some) => {
        const { outcomes } = await calls.ask<Answer>('UndoMigrated', { things: some });
        for (const { entity, outcome, message } of outcomes) {
          tell(entity, outcome, message);
          this.#work.onThing(sources.get(entity) ?? entity);
        }
      },
      (thing, message) => tell(thing, 'failed', message),
    );
    // One by one: each is needed by those that were made after it.
    for (const entry of record) {
      const { outcomes } = await calls.ask<Answer>('UndoMigrated', { record: [entry] });
      for (const { entity, outcome, message } of outcomes) tell(entity, outcome, message);
    }
  }
}
