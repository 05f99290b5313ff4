/**
 * Scheduled jobs (v2): a twin update or a direct method on every twin that a condition matches, now or later. Every
 * twin has a row of its own, which queries see as devices.jobs. Jobs and their rows outlive a restart.
 *
 * Known from the documentation and from answers in public issues and SDK tests: names of members, states, the answer
 * `queued` to a creation, that a method waits for its device until the job's time is over and then fails with
 * JobRunPreconditionFailed. Not known: the state of a job of which every device failed (here `completed`, with counts).
 */
import { setTimeout as delay } from 'node:timers/promises';
import type { ChangeEvents } from './change-events.ts';
import type { DeviceSessions } from './hub.ts';
import { HubError } from './hub-error.ts';
import { type JobRecord, type JobRow, newRow, readJob, renderJob } from './job.ts';
import type { Queries } from './query/queries.ts';
import type { Quotas } from './quotas.ts';
import type { Collection, StateStore } from './state-store.ts';
import type { JsonObject } from './twin-document.ts';
import type { Twins } from './twins.ts';

export interface JobsParts {
  store: StateStore;
  queries: Queries;
  twins: Twins;
  sessions: () => DeviceSessions | undefined;
  changes: ChangeEvents;
  quotas: Quotas;
}

const historyMs = 30 * 24 * 3600 * 1000;
const maxTimerMs = 2 ** 31 - 1;
const deviceConcurrency = 10;
/** How often a method job looks whether an absent device has come. */
const presenceIntervalMs = 100;

export class Jobs {
  readonly #parts: JobsParts;
  readonly #jobs: Collection<JobRecord>;
  /** Rows on their own, since a job of many devices changes one of them at a time: `<job id>/<index>` -> row. */
  readonly #stored: Collection<JobRow>;
  readonly #rows = new Map<string, JobRow[]>();
  readonly #timers = new Map<string, NodeJS.Timeout>();
  readonly #running = new Map<string, AbortController>();
  #stopped = false;

  constructor(parts: JobsParts) {
    this.#parts = parts;
    this.#jobs = parts.store.collection<JobRecord>('jobs');
    this.#stored = parts.store.collection<JobRow>('jobRows');
  }

  /** Forgets old jobs and goes on with the ones that a stop interrupted. */
  start(): void {
    this.#stopped = false;
    this.#rows.clear();
    for (const [key, row] of this.#stored.entries()) {
      this.#rowsOf(row.jobId)[Number(key.slice(key.lastIndexOf('/') + 1))] = row;
    }
    for (const job of [...this.#jobs.values()]) {
      if (Date.parse(job.createdTime) < Date.now() - historyMs) this.#forget(job.jobId);
      else if (isOpen(job)) this.#plan(job.jobId);
    }
  }

  stop(): void {
    this.#stopped = true;
    for (const timer of this.#timers.values()) clearTimeout(timer);
    this.#timers.clear();
    for (const controller of this.#running.values()) controller.abort();
  }

  /** Throws JobAlreadyExists, ThrottlingMaxActiveJobCountExceeded, GenericBadRequest or ArgumentInvalid. */
  create(jobId: string, input: JsonObject): JsonObject {
    const job = readJob(jobId, input);
    // A malformed condition is refused now rather than when the job runs.
    this.#parts.queries.targets(job.queryCondition);
    if (this.#jobs.has(jobId)) throw new HubError('JobAlreadyExists', `Job ${jobId} already exists`);
    const due = Date.parse(job.startTime) <= Date.now();
    if (due && this.#activeCount() >= this.#parts.quotas.concurrentJobs) {
      throw new HubError(
        'ThrottlingMaxActiveJobCountExceeded',
        `At most ${this.#parts.quotas.concurrentJobs} jobs may be active in tier ${this.#parts.quotas.tier}`,
      );
    }
    this.#jobs.set(jobId, job);
    const answer = renderJob(job, []);
    this.#plan(jobId);
    return answer;
  }

  /** Throws JobNotFound. */
  get(jobId: string): JsonObject {
    return renderJob(this.#require(jobId), this.#rowsOf(jobId));
  }

  /** What is done stays done; what has not begun is cancelled. */
  cancel(jobId: string): JsonObject {
    const job = this.#require(jobId);
    if (!isOpen(job)) throw new HubError('InvalidOperation', `Job ${jobId} is ${job.status} already`);
    this.#running.get(jobId)?.abort();
    clearTimeout(this.#timers.get(jobId));
    this.#timers.delete(jobId);
    const time = now();
    for (const [index, row] of this.#rowsOf(jobId).entries()) {
      if (isPending(row)) this.#update(jobId, index, { status: 'canceled', endTimeUtc: time });
    }
    this.#jobs.set(jobId, { ...job, status: 'cancelled', endTime: time });
    return this.get(jobId);
  }

  list(jobType: string | undefined, jobStatus: string | undefined): JsonObject[] {
    const jobs: JsonObject[] = [];
    for (const job of this.#jobs.values()) {
      if (jobType && job.type.toLowerCase() !== jobType.toLowerCase()) continue;
      if (jobStatus && job.status.toLowerCase() !== jobStatus.toLowerCase()) continue;
      jobs.push(renderJob(job, this.#rowsOf(job.jobId)));
    }
    return jobs;
  }

  /** The collection devices.jobs. */
  *deviceJobs(): Iterable<JsonObject> {
    for (const rows of this.#rows.values()) for (const row of rows) yield { ...row };
  }

  #require(jobId: string): JobRecord {
    const job = this.#jobs.get(jobId);
    if (!job) throw new HubError('JobNotFound', `Job ${jobId} not found`);
    return job;
  }

  #activeCount(): number {
    let count = 0;
    for (const job of this.#jobs.values())
      if (job.status === 'queued' || job.status === 'running') count += 1;
    return count;
  }

  /** Waits for the start time in steps that a timer can hold, then for a free place among the running jobs. */
  #plan(jobId: string): void {
    const waitMs = Math.max(0, Date.parse(this.#require(jobId).startTime) - Date.now());
    const next = () => {
      this.#timers.delete(jobId);
      const job = this.#jobs.get(jobId);
      if (!job || !isOpen(job) || this.#stopped) return;
      if (Date.parse(job.startTime) > Date.now()) {
        if (job.status !== 'scheduled') this.#jobs.set(jobId, { ...job, status: 'scheduled' });
        this.#plan(jobId);
      } else if (this.#running.size >= this.#parts.quotas.concurrentJobs) {
        if (job.status !== 'queued') this.#jobs.set(jobId, { ...job, status: 'queued' });
        this.#timers.set(jobId, setTimeout(next, presenceIntervalMs).unref());
      } else {
        void this.#run(jobId);
      }
    };
    const isFirstStep = this.#require(jobId).status === 'queued' && waitMs > 0;
    this.#timers.set(jobId, setTimeout(next, isFirstStep ? 0 : Math.min(waitMs, maxTimerMs)).unref());
  }

  async #run(jobId: string): Promise<void> {
    const controller = new AbortController();
    this.#running.set(jobId, controller);
    try {
      const job = this.#require(jobId);
      const rows = this.#rowsOf(jobId);
      if (rows.length === 0) {
        for (const target of this.#parts.queries.targets(job.queryCondition)) {
          this.#put(jobId, rows.length, newRow(job, target));
        }
      }
      this.#jobs.set(jobId, { ...job, status: 'running' });
      const deadline = Date.parse(job.startTime) + job.maxExecutionTimeInSeconds * 1000;
      const waiting = rows.map((_row, index) => index).filter((index) => isPending(rows[index]));
      const worker = async () => {
        for (let index = waiting.shift(); index !== undefined; index = waiting.shift()) {
          await this.#runRow(jobId, index, deadline, controller.signal);
        }
      };
      // Devices that are awaited must not keep others from their turn, so a method job serves all at once.
      const workers = job.type === 'scheduleDeviceMethod' ? waiting.length : deviceConcurrency;
      await Promise.all(Array.from({ length: Math.max(1, workers) }, worker));
      if (!controller.signal.aborted) this.#finish(jobId, 'completed');
    } catch (error) {
      if (!controller.signal.aborted) this.#finish(jobId, 'failed', HubError.from(error));
    } finally {
      this.#running.delete(jobId);
    }
  }

  #finish(jobId: string, status: 'completed' | 'failed', error?: HubError): void {
    const job = this.#jobs.get(jobId);
    if (!job) return;
    this.#jobs.set(jobId, {
      ...job,
      status,
      endTime: now(),
      ...(error ? { failureReason: error.errorName, statusMessage: error.message } : {}),
    });
  }

  async #runRow(jobId: string, index: number, deadline: number, signal: AbortSignal): Promise<void> {
    const job = this.#require(jobId);
    const row = this.#rowsOf(jobId)[index];
    if (!row || signal.aborted) return;
    this.#update(jobId, index, { status: 'running', startTimeUtc: now() });
    let change: Partial<JobRow>;
    try {
      if (job.type === 'scheduleUpdateTwin') await this.#parts.quotas.wait('jobDevice', signal);
      const outcome =
        job.type === 'scheduleUpdateTwin'
          ? this.#updateTwin(job, row)
          : await this.#invoke(job, row, deadline, signal);
      change = { status: 'completed', outcome };
    } catch (error) {
      if (signal.aborted) return;
      const problem = HubError.from(error);
      change = {
        status: 'failed',
        outcome: {},
        error: { code: problem.errorName, description: problem.message },
      };
    }
    if (signal.aborted) return;
    this.#update(jobId, index, { ...change, endTimeUtc: now() });
    const done = this.#rowsOf(jobId)[index];
    if (done) this.#parts.changes.jobOutcome(done.deviceId, jobId, done.jobType, { ...done });
  }

  #updateTwin(job: JobRecord, row: JobRow): JsonObject {
    const etag = typeof job.updateTwin?.etag === 'string' ? job.updateTwin.etag : '*';
    this.#parts.twins.patch(row.deviceId, row.moduleId, job.updateTwin ?? {}, etag.replace(/^"(.*)"$/, '$1'));
    return { deviceMethodResponse: null };
  }

  async #invoke(job: JobRecord, row: JobRow, deadline: number, signal: AbortSignal): Promise<JsonObject> {
    const method = job.cloudToDeviceMethod;
    if (!method) throw new HubError('ArgumentInvalid', 'The job has no method');
    for (;;) {
      const sessions = this.#parts.sessions();
      if (sessions?.isConnected(row.deviceId, row.moduleId)) {
        await this.#parts.quotas.wait('jobDevice', signal);
        try {
          return {
            deviceMethodResponse: { ...(await sessions.invokeMethod(row.deviceId, row.moduleId, method)) },
          };
        } catch (error) {
          // Connected but not yet listening for methods: keep waiting as for an absent device.
          if (!HubError.is(error) || error.errorName !== 'DeviceNotOnline') throw error;
        }
      }
      if (Date.now() + presenceIntervalMs > deadline) {
        throw new HubError(
          'JobRunPreconditionFailed',
          'The job did not start within specified period: either device did not come online or invalid endTime specified.',
        );
      }
      await delay(presenceIntervalMs, undefined, { signal, ref: false });
    }
  }

  #update(jobId: string, index: number, change: Partial<JobRow>): void {
    const row = this.#rowsOf(jobId)[index];
    if (row) this.#put(jobId, index, { ...row, ...change, lastUpdatedDateTimeUtc: now() });
  }

  #put(jobId: string, index: number, row: JobRow): void {
    this.#rowsOf(jobId)[index] = row;
    this.#stored.set(`${jobId}/${index}`, row);
  }

  #rowsOf(jobId: string): JobRow[] {
    let rows = this.#rows.get(jobId);
    if (!rows) {
      rows = [];
      this.#rows.set(jobId, rows);
    }
    return rows;
  }

  #forget(jobId: string): void {
    for (const index of this.#rowsOf(jobId).keys()) this.#stored.delete(`${jobId}/${index}`);
    this.#rows.delete(jobId);
    this.#jobs.delete(jobId);
  }
}

function isOpen(job: JobRecord): boolean {
  return job.status === 'queued' || job.status === 'scheduled' || job.status === 'running';
}

function isPending(row: JobRow | undefined): boolean {
  return row?.status === 'pending' || row?.status === 'running';
}

function now(): string {
  return new Date().toISOString();
}
