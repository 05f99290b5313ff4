import { randomBytes } from 'node:crypto';
import { ConnectorError, toConnectorError } from '../errors/connector-error.ts';
import type { Log } from '../observe/log.ts';
import { Forecast } from './forecast.ts';
import {
  isEnded,
  type RunningTask,
  type TaskFinding,
  type TaskKind,
  type TaskRecord,
  type TaskState,
} from './task.ts';
import type { TaskStore } from './task-store.ts';

interface TaskRunOptions {
  readonly store: TaskStore;
  readonly log: Log;
  readonly writeIntervalMs: number;
}

/** The mutable side of a record. */
type Draft = { -readonly [K in keyof TaskRecord]: TaskRecord[K] };

/** How often the log tells of the progress of a long task. */
const LOG_EVERY_MS = 60_000;

/** One task: its record, and its work while it runs. */
export class TaskRun {
  readonly #options: TaskRunOptions;
  readonly #record: Draft;
  readonly #abort = new AbortController();
  #findings: TaskFinding[] = [];
  #working: Promise<void> | undefined;
  #writing: Promise<void> = Promise.resolve();
  #timer: NodeJS.Timeout | undefined;
  #wish: 'stop' | 'cancel' | undefined;
  readonly #forecast = new Forecast();
  #loggedAtMs = 0;
  #isUnwritten = false;
  #scratch = '';

  constructor(record: TaskRecord, options: TaskRunOptions) {
    const { forecast: _ofAnotherRun, ...kept } = record;
    this.#record = { ...kept, counts: { ...record.counts } };
    this.#options = options;
  }

  get record(): TaskRecord {
    return { ...this.#record, ...this.#progress() };
  }

  get state(): TaskState {
    return this.#record.state;
  }

  get isActive(): boolean {
    return this.#working !== undefined && !isEnded(this.#record) && this.#wish !== 'stop';
  }

  /** Works until the end, whichever it is. Never rejects. */
  run(kind: TaskKind): Promise<void> {
    this.#working ??= this.#work(kind);
    return this.#working;
  }

  async cancel(): Promise<void> {
    if (isEnded(this.#record)) return;
    this.#wish = 'cancel';
    this.#abort.abort(
      new ConnectorError('STOPPING', 'The task was cancelled.', { details: { cancelled: true } }),
    );
    if (this.#working) await this.#working;
    else await this.#end('cancelled');
  }

  /** Leaves the record as it is, for the next process. */
  async stop(): Promise<void> {
    this.#wish ??= 'stop';
    this.#abort.abort(new ConnectorError('STOPPING', 'The sidecar is stopping.'));
    await this.#working;
    await this.flush();
  }

  /** A process ended in the middle of work that cannot be continued. */
  async interrupt(): Promise<void> {
    await this.#end(
      'failed',
      new ConnectorError(
        'TASK_INTERRUPTED',
        'The sidecar was stopped while the task ran; work of this kind does not go on by itself.',
      ),
    );
  }

  /** Writes what was reported so far; resolves when it and all before it is written. Never rejects. */
  async flush(): Promise<void> {
    const findings = this.#findings;
    this.#findings = [];
    if (findings.length > 0)
      this.#writing = this.#writing
        .then(() => this.#options.store.report(this.#record.id, findings))
        .catch((error) => this.#tellUnwritten(error));
    await this.#writing;
  }

  async #work(kind: TaskKind): Promise<void> {
    const { log } = this.#options;
    const record = this.#record;
    this.#loggedAtMs = performance.now();
    if (record.state === 'running') await this.#rewind();
    await this.#chooseScratch();
    record.state = 'running';
    record.startedAtMs ??= Date.now();
    await this.#write();
    log.info({ title: record.title, resumed: record.saved !== undefined }, 'Task begun.');
    try {
      await kind.run(this.#handle());
      if (this.#wish === 'stop' && this.#abort.signal.aborted) return;
      await this.#end(this.#wish === 'cancel' ? 'cancelled' : 'completed');
    } catch (thrown) {
      if (this.#wish === 'stop') return;
      if (this.#wish === 'cancel') await this.#end('cancelled');
      else await this.#end('failed', toConnectorError(thrown));
    } finally {
      clearTimeout(this.#timer);
      this.#timer = undefined;
    }
  }

  /** Back to the last position: what was counted and reported after it is done again. */
  async #rewind(): Promise<void> {
    const record = this.#record;
    const { done = 0, counts = {}, reported = 0 } = record.saved ?? {};
    Object.assign(record, { done, counts: { ...counts }, reported });
    try {
      await this.#options.store.cutReport(record.id, reported);
    } catch (thrown) {
      this.#options.log.warn(
        { err: thrown },
        'The report of a task could not be cut; it may tell things twice.',
      );
    }
  }

  /** The directory of the position, if it is here. Otherwise one with a new name: whoever has the old one cannot take it for this one. */
  async #chooseScratch(): Promise<void> {
    const { store } = this.#options;
    const { id, saved } = this.#record;
    const kept = saved && (saved.scratch ?? id);
    if (kept !== undefined && (await store.hasScratch(kept))) this.#scratch = kept;
    else {
      await store.removeScratch(id).catch(() => undefined);
      this.#scratch = `${id}-${randomBytes(4).toString('hex')}`;
    }
  }

  async #end(state: TaskState, error?: ConnectorError): Promise<void> {
    const { log } = this.#options;
    const record = this.#record;
    record.state = state;
    record.endedAtMs = Date.now();
    if (error) record.error = { code: error.code, message: error.message };
    await this.flush();
    await this.#write();
    await this.#options.store
      .removeScratch(record.id)
      .catch((thrown) => log.warn({ err: thrown }, 'The files of an ended task could not be removed.'));
    const { done, total, counts } = record;
    if (error) log.error({ err: error, done, total, counts }, 'Task failed.');
    else log.info({ done, total, counts }, `Task ${state}.`);
  }

  #handle(): RunningTask {
    const record = this.#record;
    return {
      id: record.id,
      input: record.input,
      position: record.saved?.position,
      signal: this.#abort.signal,
      scratch: this.#options.store.scratch(this.#scratch),
      progress: () => this.#progress(),
      expect: (total, perSecond) => {
        record.total = total;
        if (perSecond !== undefined && Number.isFinite(perSecond)) {
          this.#forecast.plan(perSecond);
          this.#logProgress();
        }
        this.#writeSoon();
      },
      advance: (done, counts = {}) => {
        this.#forecast.sample(record.done);
        record.done += done;
        if (performance.now() - this.#loggedAtMs >= LOG_EVERY_MS) this.#logProgress();
        const sums: Record<string, number> = { ...record.counts };
        for (const [name, value] of Object.entries(counts)) sums[name] = (sums[name] ?? 0) + value;
        record.counts = sums;
        this.#writeSoon();
      },
      note: (text) => {
        record.note = text;
        this.#writeSoon();
      },
      report: (finding) => {
        record.reported += 1;
        this.#findings.push(finding);
        if (this.#findings.length >= 200) void this.flush();
        this.#writeSoon();
      },
      save: async (position) => {
        const { done, counts, reported } = record;
        record.saved = { position, done, counts, reported, scratch: this.#scratch };
        await this.flush();
        await this.#write();
      },
      restart: async (position) => {
        this.#options.log.info('The files of the task are not at this sidecar; it begins again.');
        record.saved = { position, done: 0, counts: {}, reported: 0, scratch: this.#scratch };
        await this.flush();
        await this.#rewind();
        await this.#write();
      },
    };
  }

  #progress(): Pick<TaskRecord, 'done' | 'total' | 'counts' | 'forecast'> {
    const { done, total, counts, state } = this.#record;
    const forecast = state === 'running' ? this.#forecast.of(done, total) : undefined;
    return {
      done,
      ...(total === undefined ? {} : { total }),
      counts: { ...counts },
      ...(forecast ? { forecast } : {}),
    };
  }

  #logProgress(): void {
    this.#loggedAtMs = performance.now();
    const { done, total, forecast } = this.#progress();
    this.#options.log.info(
      {
        done,
        total,
        ...(forecast
          ? { perSecond: forecast.perSecond, endsAt: new Date(forecast.endsAtMs).toISOString() }
          : {}),
      },
      'Task at work.',
    );
  }

  #writeSoon(): void {
    if (isEnded(this.#record)) return;
    this.#timer ??= setTimeout(() => {
      this.#timer = undefined;
      void this.flush();
      void this.#write();
    }, this.#options.writeIntervalMs);
    this.#timer.unref();
  }

  /** A disk that is full must not end the work: what is lost is how far it came. */
  #write(): Promise<void> {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#writing = this.#writing
      .then(async () => {
        await this.#options.store.records.write(this.record);
        this.#isUnwritten = false;
      })
      .catch((error) => this.#tellUnwritten(error));
    return this.#writing;
  }

  /** Once until a write succeeds. */
  #tellUnwritten(error: unknown): void {
    if (!this.#isUnwritten) this.#options.log.warn({ err: error }, 'A task could not be written; retrying.');
    this.#isUnwritten = true;
  }
}
