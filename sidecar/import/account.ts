import { toConnectorError } from '../errors/connector-error.ts';
import { type RunningTask, wasCancelled } from '../tasks/task.ts';
import type { Herald, ImportStatus } from './herald.ts';

/** What became of one item, with the words of the report. */
export interface Outcome {
  readonly item: string;
  readonly outcome: string;
  readonly message: string;
}

/** Keeps the report and the counts of one piece of work, and has the events fired. */
export class Account {
  readonly #task: RunningTask;
  readonly #kind: string;
  readonly #herald: Herald;
  #total: number | undefined;

  constructor(task: RunningTask, kind: string, herald: Herald) {
    this.#task = task;
    this.#kind = kind;
    this.#herald = herald;
  }

  expect(total: number): void {
    this.#total = total;
    this.#task.expect(total);
  }

  /** Settles an item and puts it into the report. */
  settle({ item, outcome, message }: Outcome): void {
    this.#task.report({ item, outcome, message });
    this.count(outcome);
  }

  /** Settles an item of which the report has nothing to say. */
  count(outcome: string): void {
    this.#task.advance(1, { [outcome]: 1 });
  }

  progress(): Promise<void> {
    return this.#herald.progress(this.#status('running'));
  }

  /** Does the work and tells of its end; a stop of the sidecar is none, for the work goes on at the next start. */
  async attend(work: () => Promise<void>): Promise<void> {
    try {
      await work();
    } catch (thrown) {
      const { code, message } = toConnectorError(thrown);
      await this.#end({ ...this.#status('failed'), errorCode: code, error: message });
      throw thrown;
    }
    await this.#end(this.#status('completed'));
  }

  async #end(status: ImportStatus): Promise<void> {
    const { signal } = this.#task;
    if (wasCancelled(signal)) await this.#herald.end(this.#status('cancelled'));
    else if (!signal.aborted) await this.#herald.end(status);
  }

  #status(state: ImportStatus['state']): ImportStatus {
    return {
      task: this.#task.id,
      kind: this.#kind,
      state,
      ...this.#task.progress(),
      ...(this.#total === undefined ? {} : { total: this.#total }),
    };
  }
}
