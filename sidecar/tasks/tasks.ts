import { ConnectorError, toConnectorError } from '../errors/connector-error.ts';
import { newId } from '../lib/records.ts';
import type { Log } from '../observe/log.ts';
import { isEnded, type TaskFinding, type TaskKind, type TaskRecord, type TaskState } from './task.ts';
import { TaskRun } from './task-run.ts';
import type { TaskStore } from './task-store.ts';

export interface TaskFilter {
  readonly kind?: string | undefined;
  readonly state?: TaskState | undefined;
}

interface TasksOptions {
  readonly store: TaskStore;
  readonly log: Log;
  /** Ended tasks that are kept; the oldest go first. */
  readonly keep?: number;
  /** Bytes of their reports on the disk of this sidecar beside that of the newest; the tasks with the oldest go first. */
  readonly keepReportBytes?: number;
  /** How often the progress of a running task is written, in milliseconds. */
  readonly writeIntervalMs?: number;
}

const MAX_WAITING = 100;

/**
 * The long work of one hub, at the sidecar that runs it: started by an operation, watched and cancelled by others, continued after a crash
 * where its kind can. Kinds are made known before `start`.
 */
export class Tasks {
  readonly #options: Required<TasksOptions>;
  readonly #store: TaskStore;
  readonly #kinds = new Map<string, TaskKind>();
  readonly #runs = new Map<string, TaskRun>();
  #starting: Promise<void> | undefined;
  #stopped = false;

  constructor(options: TasksOptions) {
    this.#options = { keep: 100, keepReportBytes: 500_000_000, writeIntervalMs: 2_000, ...options };
    this.#store = options.store;
  }

  define<Input, Position>(kind: TaskKind<Input, Position>): void {
    this.#kinds.set(kind.kind, kind as TaskKind);
  }

  /** Reads what the last process left and goes on with it. Idempotent. */
  start(): Promise<void> {
    this.#starting ??= this.#load().catch((thrown) => {
      this.#starting = undefined;
      throw unavailable(thrown);
    });
    return this.#starting;
  }

  /** Interrupts what runs; it goes on at the next start where its kind can. Idempotent. */
  async stop(): Promise<void> {
    this.#stopped = true;
    await this.#starting?.catch(() => undefined);
    await Promise.all([...this.#runs.values()].map((run) => run.stop()));
  }

  /** Throws TASK_QUEUE_FULL, TASKS_UNAVAILABLE. */
  async submit<Input>(
    kind: TaskKind<Input, never>['kind'],
    title: string,
    input: Input,
  ): Promise<TaskRecord> {
    await this.start();
    if (this.#stopped) throw new ConnectorError('STOPPING', 'The hub was disconnected.');
    const record = newTask(kind, title, input, this.#records());
    try {
      await this.#store.records.create(record);
    } catch (thrown) {
      throw unavailable(thrown);
    }
    this.#add(record);
    this.#next(kind);
    return this.get(record.id);
  }

  /** Throws TASK_NOT_FOUND. */
  get(id: string): TaskRecord {
    return this.#find(id).record;
  }

  /** Newest first. */
  list(filter: TaskFilter = {}): TaskRecord[] {
    return selected(this.#records(), filter);
  }

  /** The numbers of tasks that have not ended, by state. Each status of the hub asks for them, so no record is copied. */
  get pending(): Record<string, number> {
    const counts: Record<string, number> = { queued: 0, running: 0 };
    for (const { state } of this.#runs.values())
      if (state in counts) counts[state] = (counts[state] ?? 0) + 1;
    return counts;
  }

  async report(id: string, page: { from: number; limit: number }): Promise<TaskFinding[]> {
    const run = this.#find(id);
    await run.flush();
    return await this.#store.readReport(id, page.from, page.limit);
  }

  /** Resolves when the task has ended. One that had ended before stays as it is. Throws TASK_NOT_FOUND. */
  async cancel(id: string): Promise<TaskRecord> {
    const run = this.#find(id);
    await run.cancel();
    return run.record;
  }

  /** Takes what other sidecars have submitted. */
  async readNew(): Promise<void> {
    const { records } = await this.#store.records.load();
    for (const task of records) if (!this.#runs.has(task.id)) await this.#take(task);
    for (const kind of this.#kinds.keys()) this.#next(kind);
  }

  async #load(): Promise<void> {
    const { records, unreadable } = await this.#store.records.load();
    if (unreadable.length > 0)
      this.#options.log.warn({ files: unreadable }, 'Files of tasks cannot be read and are passed over.');
    for (const task of records) await this.#take(task);
    for (const kind of this.#kinds.keys()) this.#next(kind);
    await this.#store.clearScratch(records.filter((task) => !isEnded(task)).map(({ id }) => id));
    await this.#forget();
  }

  async #take(task: TaskRecord): Promise<void> {
    const run = this.#add(task);
    if (task.state === 'running' && !this.#kinds.get(task.kind)?.resumes) await run.interrupt();
  }

  #add(record: TaskRecord): TaskRun {
    const { log, writeIntervalMs } = this.#options;
    const run = new TaskRun(record, {
      store: this.#store,
      log: log.child({ task: record.id, kind: record.kind }),
      writeIntervalMs,
    });
    this.#runs.set(record.id, run);
    return run;
  }

  /** Begins with the oldest task of the kind unless one is at work. */
  #next(name: string): void {
    const kind = this.#kinds.get(name);
    if (this.#stopped || !kind) return;
    const mine = [...this.#runs.values()].filter(({ record }) => record.kind === name);
    if (mine.some((run) => run.isActive)) return;
    const [oldest] = mine
      .filter(({ record }) => !isEnded(record))
      .sort((a, b) => (a.record.id < b.record.id ? -1 : 1));
    if (!oldest) return;
    void oldest.run(kind).then(async () => {
      this.#next(name);
      await this.#forget();
    });
  }

  async #forget(): Promise<void> {
    const { keep, keepReportBytes } = this.#options;
    const ended = this.list().filter(isEnded);
    let bytes = 0;
    for (const [index, { id }] of ended.entries()) {
      if (index > 0) bytes += await this.#store.reportBytes(id).catch(() => 0);
      if (index < keep && bytes <= keepReportBytes) continue;
      this.#runs.delete(id);
      await this.#store.remove(id).catch(() => undefined);
    }
  }

  #records(): TaskRecord[] {
    return [...this.#runs.values()].map(({ record }) => record);
  }

  #find(id: string): TaskRun {
    const run = this.#runs.get(id);
    if (!run) throw new ConnectorError('TASK_NOT_FOUND', `This hub has no task ${id}.`);
    return run;
  }
}

/** A task that has not begun. Throws TASK_QUEUE_FULL. */
export function newTask(
  kind: string,
  title: string,
  input: unknown,
  others: readonly TaskRecord[],
): TaskRecord {
  const waiting = others.filter(({ state }) => state === 'queued').length;
  if (waiting >= MAX_WAITING)
    throw new ConnectorError('TASK_QUEUE_FULL', `${waiting} tasks of this hub are waiting already.`);
  const createdAtMs = Date.now();
  return {
    id: newId(createdAtMs),
    kind,
    title,
    input,
    state: 'queued',
    done: 0,
    counts: {},
    reported: 0,
    createdAtMs,
  };
}

/** Newest first. */
export function selected(tasks: readonly TaskRecord[], filter: TaskFilter): TaskRecord[] {
  return tasks
    .filter(
      ({ kind, state }) =>
        (filter.kind === undefined || kind === filter.kind) &&
        (filter.state === undefined || state === filter.state),
    )
    .sort((a, b) => (a.id < b.id ? 1 : -1));
}

/** An error of the operating system or the storage account at what is kept of tasks. */
export function unavailable(thrown: unknown): ConnectorError {
  const error = toConnectorError(thrown);
  if (error.code === 'STATE_UNAVAILABLE')
    return new ConnectorError('TASKS_UNAVAILABLE', error.message, { cause: error });
  if (error.code !== 'INTERNAL') return error;
  const reason = (thrown as NodeJS.ErrnoException).code ?? 'unknown reason';
  return new ConnectorError('TASKS_UNAVAILABLE', `Tasks cannot be kept in the state directory (${reason}).`, {
    cause: thrown,
  });
}
