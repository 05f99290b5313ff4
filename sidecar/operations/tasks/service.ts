import type { TaskRecord } from '../../tasks/task.ts';
import type { Tasks } from '../../tasks/tasks.ts';
import type { TaskDesk, TaskReportLine, TaskRow, TaskState } from './tasks.ts';

/** The background tasks of one hub in the words of its operations. */
export class HubTasks implements TaskDesk {
  readonly #tasks: Tasks;

  constructor(tasks: Tasks) {
    this.#tasks = tasks;
  }

  async list(filter: { kind?: string | undefined; state?: TaskState | undefined }): Promise<TaskRow[]> {
    await this.#tasks.start();
    return this.#tasks.list(filter).map(rowOf);
  }

  async get(id: string): Promise<TaskRow> {
    await this.#tasks.start();
    return rowOf(this.#tasks.get(id));
  }

  async cancel(id: string): Promise<TaskRow> {
    await this.#tasks.start();
    return rowOf(await this.#tasks.cancel(id));
  }

  async report(id: string, page: { from: number; limit: number }): Promise<TaskReportLine[]> {
    await this.#tasks.start();
    return await this.#tasks.report(id, page);
  }
}

function rowOf(task: TaskRecord): TaskRow {
  const { id, kind, title, state, done, total, counts, note, reported, error, createdAtMs } = task;
  const { startedAtMs, endedAtMs } = task;
  return {
    id,
    kind,
    title,
    state,
    done,
    ...(total === undefined ? {} : { total }),
    counts: { ...counts },
    ...(note === undefined ? {} : { note }),
    reported,
    ...(error === undefined ? {} : { errorCode: error.code, error: error.message }),
    createdAt: new Date(createdAtMs).toISOString(),
    ...(startedAtMs === undefined ? {} : { startedAt: new Date(startedAtMs).toISOString() }),
    ...(endedAtMs === undefined ? {} : { endedAt: new Date(endedAtMs).toISOString() }),
  };
}
