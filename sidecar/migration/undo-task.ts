import type { RunningTask, TaskKind } from '../tasks/task.ts';
import { inBatches } from './batches.ts';
import { type Migrated, MigrationCalls, type MigrationWork } from './migration-calls.ts';
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

/** What ThingWorx was asked to remove last. Emptying a setting can interrupt the task before the answer is here. */
interface UndoPlace {
  readonly asked: readonly Asked[];
}

interface Asked {
  readonly entity: string;
  /** Of an entry of the record. */
  readonly collection?: string;
}

const MOST_THINGS = 40;

/** Removes what migrations have made, newest first, and nothing else. When it goes on, it tells of what it had asked for and is gone. */
export class UndoTask implements TaskKind<UndoInput, UndoPlace> {
  readonly kind = UNDO_MIGRATION;
  readonly resumes = true;
  readonly #work: MigrationWork;

  constructor(work: MigrationWork) {
    this.#work = work;
  }

  async run(task: RunningTask<UndoInput, UndoPlace>): Promise<void> {
    const { wave, dryRun } = task.input;
    const calls = new MigrationCalls(this.#work, task.signal);
    const made = await calls.migrated();
    const tell = (item: string, outcome: string, message = '') => {
      task.report({ item, outcome, message });
      task.advance(1, { [outcome]: 1 });
    };
    for (const asked of task.position?.asked ?? [])
      if (!isListed(asked, made)) tell(asked.entity, asked.collection === 'Settings' ? 'emptied' : 'deleted');
    const rules = new Wave(wave);
    const things = made.things.filter(({ source }) => rules.takes({ thing: source, tags: [] }));
    const isPart = wave.namePattern !== undefined || wave.names !== undefined;
    const record = isPart ? [] : made.record.toReversed();
    task.expect(task.progress().done + things.length + record.length);
    if (dryRun) {
      for (const { thing, source } of things) tell(thing, 'wouldDelete', `Migrated from ${source}.`);
      for (const { entity, collection } of record) tell(entity, 'wouldDelete', collection);
      return;
    }
    const undo = async (request: object, asked: readonly Asked[]) => {
      await task.save({ asked });
      const { outcomes } = await calls.ask<Answer>('UndoMigrated', request);
      for (const { entity, outcome, message } of outcomes) tell(entity, outcome, message);
    };
    const sources = new Map(things.map(({ thing, source }) => [thing, source]));
    await inBatches(
      things.map(({ thing }) => thing),
      MOST_THINGS,
      async (some) => {
        await undo(
          { things: some },
          some.map((entity) => ({ entity })),
        );
        for (const thing of some) this.#work.onThing(sources.get(thing) ?? thing);
      },
      (thing, message) => tell(thing, 'failed', message),
    );
    // One by one: each is needed by those that were made after it.
    for (const entry of record) await undo({ record: [entry] }, [entry]);
  }
}

function isListed({ entity, collection }: Asked, { things, record }: Migrated): boolean {
  return collection === undefined
    ? things.some(({ thing }) => thing === entity)
    : record.some((entry) => entry.entity === entity && entry.collection === collection);
}
