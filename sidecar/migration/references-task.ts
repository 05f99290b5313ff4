import type { RunningTask, TaskKind } from '../tasks/task.ts';
import { MigrationCalls, type MigrationWork } from './migration-calls.ts';

export const FIND_MIGRATION_REFERENCES = 'FindMigrationReferences';

interface ReferencesPlace {
  readonly collection: string;
  readonly after: string;
}

interface Page {
  readonly entities: readonly {
    readonly entity: string;
    readonly place: string;
    readonly names: readonly string[];
  }[];
  readonly failed: readonly { readonly entity: string; readonly message: string }[];
  readonly looked: number;
  readonly after?: string;
}

/** Where scripts, bindings and mashups are. */
const COLLECTIONS = ['Mashups', 'Things', 'ThingTemplates', 'ThingShapes'];

/** Lists entities that name Things or services of PTC's connector: somebody must change them before it is stopped. */
export class ReferencesTask implements TaskKind<Record<string, never>, ReferencesPlace> {
  readonly kind = FIND_MIGRATION_REFERENCES;
  readonly resumes = true;
  readonly #work: MigrationWork;

  constructor(work: MigrationWork) {
    this.#work = work;
  }

  async run(task: RunningTask<Record<string, never>, ReferencesPlace>): Promise<void> {
    const calls = new MigrationCalls(this.#work, task.signal);
    const from = Math.max(COLLECTIONS.indexOf(task.position?.collection ?? ''), 0);
    let after = task.position?.after;
    for (const collection of COLLECTIONS.slice(from)) {
      do {
        const page: Page = await calls.ask('ScanReferences', { collection, after });
        for (const { entity, place, names } of page.entities)
          task.report({
            item: `${collection}/${entity}`,
            outcome: 'refers',
            message: `${place}: ${names.join(', ')}`,
          });
        for (const { entity, message } of page.failed)
          task.report({ item: `${collection}/${entity}`, outcome: 'failed', message });
        task.advance(page.looked, {
          refers: new Set(page.entities.map(({ entity }) => entity)).size,
          failed: page.failed.length,
        });
        after = page.after;
        if (after !== undefined) await task.save({ collection, after });
      } while (after !== undefined);
    }
  }
}
