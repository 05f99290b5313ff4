import { ConnectorError } from '../errors/connector-error.ts';
import { GroupBoard } from '../lib/group-board.ts';
import type { Log } from '../observe/log.ts';
import { isEnded, type TaskFinding, type TaskKind, type TaskRecord } from './task.ts';
import type { TaskStore } from './task-store.ts';
import { newTask, selected, type TaskFilter, Tasks, unavailable } from './tasks.ts';

/** Where the tasks of a hub are kept. */
interface TaskPlace {
  readonly store: TaskStore;
  /** Asks the sidecar that leads to read new tasks, or to cancel one. */
  readonly post: (action: 'readNew' | 'cancel', id: string) => Promise<void>;
}

/** The tasks of one hub, as each sidecar of its group answers for them. */
export class TaskBoard extends GroupBoard<TaskPlace, Tasks> {
  readonly #log: Log;
  readonly #kinds: TaskKind[] = [];

  constructor(log: Log) {
    super();
    this.#log = log;
  }

  define<Input, Position>(kind: TaskKind<Input, Position>): void {
    this.#kinds.push(kind as TaskKind);
  }

  /** This sidecar leads from now on: it continues the tasks of the last one. Rejects with TASKS_UNAVAILABLE; the next call tries again. */
  async begin(): Promise<void> {
    const tasks = this.lead(({ store }) => {
      const created = new Tasks({ store, log: this.#log });
      for (const kind of this.#kinds) created.define(kind);
      return created;
    });
    await tasks.start();
  }

  /** Does what another sidecar of the group has posted. */
  async take(action: string, id: string): Promise<void> {
    await this.runner?.readNew();
    // An unknown task was removed meanwhile.
    if (action === 'cancel') await this.runner?.cancel(id).catch(() => undefined);
  }

  /** The numbers of tasks that this sidecar runs or will run, by state. */
  get pending(): Record<string, number> {
    return this.runner?.pending ?? { queued: 0, running: 0 };
  }

  /** Throws TASK_QUEUE_FULL, TASKS_UNAVAILABLE, STOPPING. */
  async submit<Input>(
    kind: TaskKind<Input, never>['kind'],
    title: string,
    input: Input,
  ): Promise<TaskRecord> {
    if (this.runner) return await this.runner.submit(kind, title, input);
    return await this.access(async ({ store, post }) => {
      const record = newTask(kind, title, input, (await store.records.load()).records);
      await store.records.create(record);
      await post('readNew', record.id);
      return record;
    }, unavailable);
  }

  /** Throws TASK_NOT_FOUND, TASKS_UNAVAILABLE. */
  async get(id: string): Promise<TaskRecord> {
    const tasks = await this.#own();
    return tasks ? tasks.get(id) : await this.#read(id);
  }

  /** Newest first. Throws TASKS_UNAVAILABLE. */
  async list(filter: TaskFilter = {}): Promise<TaskRecord[]> {
    const tasks = await this.#own();
    if (tasks) return tasks.list(filter);
    return selected((await this.access(({ store }) => store.records.load(), unavailable)).records, filter);
  }

  /** Throws TASK_NOT_FOUND, TASKS_UNAVAILABLE. */
  async report(id: string, page: { from: number; limit: number }): Promise<TaskFinding[]> {
    const tasks = await this.#own();
    if (tasks) return await tasks.report(id, page);
    await this.#read(id);
    return await this.access(({ store }) => store.readReport(id, page.from, page.limit), unavailable);
  }

  /**
   * Resolves when the task has ended. When the sidecar that leads does not end it in time, resolves to the task as it is; the next sidecar that leads cancels it.
   * Throws TASK_NOT_FOUND, TASKS_UNAVAILABLE.
   */
  async cancel(id: string): Promise<TaskRecord> {
    const tasks = await this.#own();
    if (tasks) return await tasks.cancel(id);
    const task = await this.#read(id);
    if (isEnded(task)) return task;
    await this.access(({ post }) => post('cancel', id), unavailable);
    return await this.waitUntil(isEnded, () => this.get(id));
  }

  /** The tasks that this sidecar runs, once they are read; undefined while it does not lead. */
  async #own(): Promise<Tasks | undefined> {
    await this.runner?.start();
    return this.runner;
  }

  async #read(id: string): Promise<TaskRecord> {
    const record = await this.access(({ store }) => store.records.read(id), unavailable);
    if (!record) throw new ConnectorError('TASK_NOT_FOUND', `This hub has no task ${id}.`);
    return record;
  }
}
