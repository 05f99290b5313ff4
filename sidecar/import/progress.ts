import { toConnectorError } from '../errors/connector-error.ts';
import { type RunningTask, wasCancelled } from '../tasks/task.ts';
import { unavailable } from '../tasks/tasks.ts';
import { type ImportStatus, ProgressNotifier, type ProgressNotifierOptions } from './progress-notifier.ts';

/** The outcome of one item, as the report shows it. */
export interface Outcome {
  readonly item: string;
  readonly outcome: string;
  readonly message: string;
}

/** Does a kind of work with its progress, and tells ThingWorx of its end. */
export function withProgress<Input, Position>(
  { client, hubThing, log }: ProgressNotifierOptions,
  task: RunningTask<Input, Position>,
  kind: string,
  work: (progress: ImportProgress) => Promise<void>,
): Promise<void> {
  const progress = new ImportProgress(
    task as RunningTask,
    kind,
    new ProgressNotifier({ client, hubThing, log }),
  );
  return progress.attend(() => work(progress));
}

/** Keeps the report and the counts of one import, export, comparison or refresh, and notifies ThingWorx. */
export class ImportProgress {
  readonly #task: RunningTask;
  readonly #kind: string;
  readonly #notifier: ProgressNotifier;

  constructor(task: RunningTask, kind: string, notifier: ProgressNotifier) {
    this.#task = task;
    this.#kind = kind;
    this.#notifier = notifier;
  }

  /** How many items there are, and how many per second are possible, where that is known. */
  expect(total: number, perSecond?: number): void {
    this.#task.expect(total, perSecond);
  }

  /** Settles an item and puts it into the report. */
  settle({ item, outcome, message }: Outcome): void {
    this.#task.report({ item, outcome, message });
    this.count(outcome);
  }

  /** Settles an item without a line in the report. */
  count(...outcomes: string[]): void {
    this.#task.advance(1, Object.fromEntries(outcomes.map((outcome) => [outcome, 1])));
  }

  /** Puts a line into the report; the item is settled elsewhere. */
  tell(line: Outcome): void {
    this.#task.report(line);
  }

  notify(): Promise<void> {
    return this.#notifier.progress(this.#status('running'));
  }

  /** Does the work and reports its end. A stop of the sidecar is not an end: the work resumes at the next start. */
  async attend(work: () => Promise<void>): Promise<void> {
    try {
      await work();
    } catch (thrown) {
      const isOfDisk = (thrown as NodeJS.ErrnoException).syscall !== undefined;
      const error = isOfDisk ? unavailable(thrown) : toConnectorError(thrown);
      await this.#end({ ...this.#status('failed'), errorCode: error.code, error: error.message });
      throw error;
    }
    await this.#end(this.#status('completed'));
  }

  async #end(status: ImportStatus): Promise<void> {
    const { signal } = this.#task;
    if (wasCancelled(signal)) await this.#notifier.end(this.#status('cancelled'));
    else if (!signal.aborted) await this.#notifier.end(status);
  }

  #status(state: ImportStatus['state']): ImportStatus {
    return { task: this.#task.id, kind: this.#kind, state, ...this.#task.progress() };
  }
}
