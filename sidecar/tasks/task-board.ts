import { setTimeout as sleep } from 'node:timers/promises';
import { ConnectorError } from '../errors/connector-error.ts';
import type { Log } from '../observe/log.ts';
import { isEnded, type TaskFinding, type TaskKind, type TaskRecord } from './task.ts';
import type { TaskStore } from './task-store.ts';
import { newTask, selected, type TaskFilter, Tasks, unavailable } from './tasks.ts';

/** Where the tasks of a hub are kept. */
interface TaskPlace {
  readonly store: TaskStore;
  /** Tells the sidecar that leads of new tasks, or that a task shall be cancelled. */
  readonly post: (action: 'look' | 'cancel', id: string) => Promise<void>;
}

/** A cancelled task may take ten seconds to end; the service waits no longer than twenty. */
const CANCEL_WAIT_MS = 14_000;
const CANCEL_LOOK_MS = 300;

/**
 * The tasks of one hub, as each sidecar of its group answers for them. One of the group leads: it runs the tasks. The others read them in the
 * storage account, and leave their wishes there.
 */
export class TaskBoard {
  readonly #log: Log;
  readonly #kinds: TaskKind[] = [];
  readonly #abort = new AbortController();
  #place: TaskPlace | undefined;
  /** While this sidecar leads. */
  #tasks: Tasks | undefined;

  constructor(log: Log) {
    this.#log = log;
  }

  define<Input, Position>(kind: TaskKind<Input, Position>): void {
    this.#kinds.push(kind as TaskKind);
  }

  /** Called before `begin`, and when the settings name another place. */
  use(place: TaskPlace): void {
    this.#place = place;
  }

  /** This sidecar leads from now on: it goes on with what the last one left. Rejects with TASKS_UNAVAILABLE; the next call of it tries again. */
  async begin(): Promise<void> {
    if (!this.#tasks) {
      this.#tasks = new Tasks({ store: this.#require().store, log: this.#log });
      for (const kind of this.#kinds) this.#tasks.define(kind);
    }
    await this.#tasks.start();
  }

  /** This sidecar leads no more: it interrupts what runs. Idempotent. */
  async end(): Promise<void> {
    const tasks = this.#tasks;
    this.#tasks = undefined;
    await tasks?.stop();
  }

  /** Idempotent. */
  async close(): Promise<void> {
    this.#abort.abort();
    await this.end();
    this.#place = undefined;
  }

  /** What another sidecar of the group has left for the one that leads. */
  async take(action: string, id: string): Promise<void> {
    await this.#tasks?.look();
    // A task that is not known has been forgotten.
    if (action === 'cancel') await this.#tasks?.cancel(id).catch(() => undefined);
  }

  /** The numbers of tasks that this sidecar runs or will run, by state. */
  get pending(): Record<string, number> {
    return this.#tasks?.pending ?? { queued: 0, running: 0 };
  }

  /** Throws TASK_QUEUE_FULL, TASKS_UNAVAILABLE, STOPPING. */
  async submit<Input>(
    kind: TaskKind<Input, never>['kind'],
    title: string,
    input: Input,
  ): Promise<TaskRecord> {
    if (this.#tasks) return await this.#tasks.submit(kind, title, input);
    const { store, post } = this.#require();
    return await guarded(async () => {
      const record = newTask(kind, title, input, (await store.records.load()).records);
      await store.records.create(record);
      await post('look', record.id);
      return record;
    });
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
    const { store } = this.#require();
    return selected((await guarded(() => store.records.load())).records, filter);
  }

  /** Throws TASK_NOT_FOUND, TASKS_UNAVAILABLE. */
  async report(id: string, page: { from: number; limit: number }): Promise<TaskFinding[]> {
    const tasks = await this.#own();
    if (tasks) return await tasks.report(id, page);
    await this.#read(id);
    const { store } = this.#require();
    return await guarded(() => store.readReport(id, page.from, page.limit));
  }

  /**
   * Resolves when the task has ended, or as it is when the sidecar that leads does not end it in time; it is cancelled then by the next one.
   * Throws TASK_NOT_FOUND, TASKS_UNAVAILABLE.
   */
  async cancel(id: string): Promise<TaskRecord> {
    const tasks = await this.#own();
    if (tasks) return await tasks.cancel(id);
    let task = await this.#read(id);
    if (isEnded(task)) return task;
    const { post } = this.#require();
    await guarded(() => post('cancel', id));
    const untilMs = performance.now() + CANCEL_WAIT_MS;
    while (!isEnded(task) && performance.now() < untilMs && !this.#abort.signal.aborted) {
      await sleep(CANCEL_LOOK_MS);
      task = await this.get(id);
    }
    return task;
  }

  /** The tasks that this sidecar runs, once they are read; undefined while it does not lead. */
  async #own(): Promise<Tasks | undefined> {
    await this.#tasks?.start();
    return this.#tasks;
  }

  async #read(id: string): Promise<TaskRecord> {
    const { store } = this.#require();
    const record = await guarded(() => store.records.read(id));
    if (!record) throw new ConnectorError('TASK_NOT_FOUND', `This hub has no task ${id}.`);
    return record;
  }

  #require(): TaskPlace {
    if (!this.#place) throw new ConnectorError('STOPPING', 'The hub was disconnected.');
    return this.#place;
  }
}

async function guarded<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (thrown) {
    throw unavailable(thrown);
  }
}
