import type { RunningTask, TaskKind } from '../tasks/task.ts';
import { inBatches } from './batches.ts';
import { MigrationCalls, type MigrationWork } from './migration-calls.ts';
import { Wave, type WaveRules } from './rules.ts';

export const START_MIGRATION = 'StartMigration';

export interface MigrationInput {
  readonly options: {
    /** Empty: the only one. */
    readonly sourceHub: string;
    readonly thingName: string;
    readonly templateName: string;
    readonly template: string;
    readonly dryRun: boolean;
  };
  readonly wave: WaveRules;
}

/** The last device Thing that is settled. Its absence: hub and storage Things come first. */
interface MigrationPlace {
  readonly after: string;
}

interface Step {
  readonly kind: string;
  readonly source: string;
  readonly target: string;
  readonly outcome: string;
  readonly copied: readonly string[];
  readonly dropped: readonly string[];
  readonly message: string;
}

const AZURE_KINDS = ['hub', 'storage', 'container'] as const;
const MOST_THINGS = 40;

/**
 * Makes hub, storage and container Things, and device Things of one wave with their templates. What exists already is settled as existed, so
 * that a task may begin again; it goes on after a crash at the device it was at.
 */
export class MigrationTask implements TaskKind<MigrationInput, MigrationPlace> {
  readonly kind = START_MIGRATION;
  readonly resumes = true;
  readonly #work: MigrationWork;

  constructor(work: MigrationWork) {
    this.#work = work;
  }

  async run(task: RunningTask<MigrationInput, MigrationPlace>): Promise<void> {
    const { options, wave } = task.input;
    const calls = new MigrationCalls(this.#work, task.signal);
    const rules = new Wave(wave);
    const devices = (await calls.sources('device', options)).filter((source) => rules.takes(source));
    const azure: { kind: string; names: string[] }[] = [];
    for (const kind of AZURE_KINDS) {
      const names = (await calls.sources(kind, options)).map(({ thing }) => thing);
      azure.push({ kind, names });
    }
    task.expect(devices.length + azure.reduce((sum, { names }) => sum + names.length, 0));
    const report = new StepReport(task as RunningTask, options.dryRun ? () => undefined : this.#work.onThing);
    const migrate = async (kind: string, names: readonly string[]) => {
      const { steps } = await calls.ask<{ steps: Step[] }>('MigrateEntities', { kind, names, options });
      for (const step of steps) report.tell(step);
    };
    if (task.position === undefined)
      for (const { kind, names } of azure)
        await inBatches(
          names,
          MOST_THINGS,
          (some) => migrate(kind, some),
          (name, message) => report.fail(kind, name, message),
        );
    const { after = '' } = task.position ?? {};
    await inBatches(
      devices.map(({ thing }) => thing).filter((name) => name > after),
      MOST_THINGS,
      async (some) => {
        await migrate('device', some);
        await task.save({ after: some.at(-1) ?? after });
      },
      (name, message) => report.fail('device', name, message),
    );
  }
}

/** The lines and counts of a migration. A template that many devices need is told once. */
class StepReport {
  readonly #task: RunningTask;
  readonly #onThing: (deviceId: string) => void;
  readonly #templates = new Set<string>();

  constructor(task: RunningTask, onThing: (deviceId: string) => void) {
    this.#task = task;
    this.#onThing = onThing;
  }

  tell(step: Step): void {
    const { kind, source, outcome } = step;
    if (kind === 'template') {
      if (this.#templates.has(source)) return;
      this.#templates.add(source);
    } else {
      // Templates are no part of the total: how many there are shows with their devices.
      this.#task.advance(1, { [outcome]: 1 });
    }
    if (kind === 'device') this.#onThing(source);
    this.#task.report({ item: source, outcome, message: lineOf(step) });
  }

  fail(kind: string, source: string, message: string): void {
    this.tell({ kind, source, target: '', outcome: 'failed', copied: [], dropped: [], message });
  }
}

function lineOf({ kind, target, copied, dropped, message }: Step): string {
  const parts = [
    `${kind}${target === '' ? '' : `: ${target}`}.`,
    message,
    copied.length === 0 ? '' : `Copied: ${copied.join('; ')}.`,
    dropped.length === 0 ? '' : `Not copied: ${dropped.join('; ')}.`,
  ];
  return parts.filter((part) => part !== '').join(' ');
}
