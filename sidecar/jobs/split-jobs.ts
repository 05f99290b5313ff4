import { randomUUID } from 'node:crypto';
import type { HubClients } from '../azure/iot-hub/hub-clients.ts';
import type { Page } from '../azure/iot-hub/hub-types.ts';
import type { DeviceJob, Job, JobStatus, Schedule } from '../azure/iot-hub/jobs.ts';
import type { CallOptions } from '../azure/iot-hub/rest-client.ts';
import type { QueryOptions } from '../azure/iot-hub/twins.ts';
import { ConnectorError, toConnectorError } from '../errors/connector-error.ts';
import { isEnded, type TaskRecord } from '../tasks/task.ts';
import type { TaskBoard } from '../tasks/task-board.ts';
import { splitCondition } from './conditions.ts';
import { contentText, type JobContent, schedule } from './job-content.ts';
import {
  checkPartIds,
  isEndedJob,
  partId,
  type SplitJobInput,
  type SplitJobPosition,
} from './split-job-task.ts';

/** The services that begin jobs, which are the kinds of the tasks of split ones. */
export const SPLIT_JOBS = { twinUpdate: 'ScheduleTwinUpdate', method: 'ScheduleMethod' } as const;

/**
 * The jobs of one hub: those of IoT Hub, and those that are several jobs there, because their condition is longer than it takes. Such a job
 * is a task of the hub; its parts are `<jobId>.1`, `<jobId>.2` and so on.
 *
 * Errors: those of Jobs and of TaskBoard.submit.
 */
export class SplitJobs {
  readonly #tasks: TaskBoard;
  readonly #clients: HubClients;

  constructor(tasks: TaskBoard, clients: HubClients) {
    this.#tasks = tasks;
    this.#clients = clients;
  }

  /** The id of the job. What IoT Hub refuses rejects here, also for a job of several parts. */
  async schedule(when: Schedule, content: JobContent, options: CallOptions): Promise<string> {
    const { jobs } = this.#clients;
    const { jobId = randomUUID(), queryCondition, startTime, maxExecutionSeconds } = when;
    const conditions = splitCondition(queryCondition);
    if (await this.#find(jobId))
      throw new ConnectorError('AZURE_CONFLICT', `There is a job ${jobId} already.`);
    if (conditions.length === 1) return (await schedule(jobs, { ...when, jobId }, content, options)).jobId;
    checkPartIds(jobId, conditions.length);
    const first = await schedule(
      jobs,
      { ...when, jobId: partId(jobId, 0), queryCondition: conditions[0] as string },
      content,
      options,
    );
    const input: SplitJobInput = {
      jobId,
      conditions,
      content: contentText(content),
      first,
      ...(startTime ? { startTime: startTime.toISOString() } : {}),
      ...(maxExecutionSeconds === undefined ? {} : { maxExecutionSeconds }),
    };
    const kind = 'patch' in content ? SPLIT_JOBS.twinUpdate : SPLIT_JOBS.method;
    try {
      await this.#tasks.submit(kind, `The job ${jobId} in ${conditions.length} parts`, input);
    } catch (thrown) {
      await jobs.cancel(first.jobId, options).catch(() => undefined);
      throw thrown;
    }
    return jobId;
  }

  async get(jobId: string, options: CallOptions): Promise<Job> {
    const task = await this.#find(jobId);
    return task ? await this.#show(task, options) : await this.#clients.jobs.get(jobId, options);
  }

  /** The results of all parts, one part after the other. */
  async results(jobId: string, options: QueryOptions): Promise<Page<DeviceJob>> {
    const { jobs } = this.#clients;
    const task = await this.#find(jobId);
    if (!task) return await jobs.results(jobId, options);
    const { continuationToken = '0:', ...rest } = options;
    const [, number, inner = ''] = /^(\d{1,4}):(.*)$/s.exec(continuationToken) ?? [];
    if (number === undefined)
      throw new ConnectorError(
        'REQUEST_INVALID',
        'continuationToken is not of this job; expected the one of its page before.',
      );
    const count = partsOf(task).length;
    let token = inner;
    for (let index = Number(number); index < count; index += 1) {
      const place = token === '' ? {} : { continuationToken: token };
      const page = await jobs.results(partId(jobId, index), { ...rest, ...place });
      token = '';
      const next =
        page.continuationToken === undefined
          ? index + 1 < count && `${index + 1}:`
          : `${index}:${page.continuationToken}`;
      if (page.items.length > 0) return { items: page.items, ...(next ? { continuationToken: next } : {}) };
    }
    return { items: [] };
  }

  /** Ends the job: no other part begins, and those that run are cancelled. */
  async cancel(jobId: string, options: CallOptions): Promise<Job> {
    const { jobs } = this.#clients;
    const found = await this.#find(jobId);
    if (!found) return await jobs.cancel(jobId, options);
    const task = isEnded(found) ? found : await this.#tasks.cancel(found.id);
    for (const part of partsOf(task)) {
      if (isEndedJob(part)) continue;
      try {
        await jobs.cancel(part.jobId, options);
      } catch (thrown) {
        // It has ended meanwhile.
        if (!isEndedJob(await jobs.get(part.jobId, options))) throw thrown;
      }
    }
    return await this.#show(task, options);
  }

  /** A page of the jobs of IoT Hub; in place of parts, the first page has the jobs that they are parts of. */
  async list(
    filter: { readonly type?: Job['type']; readonly status?: JobStatus },
    options: QueryOptions,
  ): Promise<Page<Job>> {
    const tasks = await this.#all();
    const parts = new Set(
      tasks.flatMap(({ input }) => {
        const { jobId, conditions } = input as SplitJobInput;
        return conditions.map((_condition, index) => partId(jobId, index));
      }),
    );
    const split: Job[] = [];
    if (options.continuationToken === undefined) {
      for (const task of tasks) {
        const job = await this.#show(task, options);
        const isWanted =
          (filter.type ?? job.type) === job.type && (filter.status ?? job.status) === job.status;
        if (isWanted) split.push(job);
      }
    }
    let place: Pick<QueryOptions, 'continuationToken'> = options;
    for (;;) {
      const page = await this.#clients.jobs.list(filter, { ...options, ...place });
      const items = [...split, ...page.items.filter(({ jobId }) => !parts.has(jobId))];
      const { continuationToken } = page;
      if (items.length > 0 || continuationToken === undefined)
        return { items, ...(continuationToken === undefined ? {} : { continuationToken }) };
      place = { continuationToken };
    }
  }

  async #find(jobId: string): Promise<TaskRecord | undefined> {
    return (await this.#all()).find(({ input }) => (input as SplitJobInput).jobId === jobId);
  }

  async #all(): Promise<TaskRecord[]> {
    const kinds: readonly string[] = Object.values(SPLIT_JOBS);
    return (await this.#tasks.list()).filter(({ kind }) => kinds.includes(kind));
  }

  /** One job in place of its parts; those that had not ended when the task last looked are read. */
  async #show(task: TaskRecord, options: CallOptions): Promise<Job> {
    const parts: Job[] = [];
    for (const part of partsOf(task)) {
      parts.push(isEndedJob(part) ? part : await this.#read(part, options));
    }
    return combined(task, parts);
  }

  async #read(part: Job, options: CallOptions): Promise<Job> {
    try {
      return await this.#clients.jobs.get(part.jobId, options);
    } catch (thrown) {
      // IoT Hub forgets jobs.
      if (toConnectorError(thrown).code === 'AZURE_NOT_FOUND') return part;
      throw thrown;
    }
  }
}

/** The parts that IoT Hub has taken. */
function partsOf({ saved, input }: TaskRecord): readonly Job[] {
  const position = saved?.position as SplitJobPosition | undefined;
  return position?.parts ?? [(input as SplitJobInput).first];
}

const STATISTICS = ['deviceCount', 'succeededCount', 'failedCount', 'runningCount', 'pendingCount'] as const;

function combined(task: TaskRecord, parts: readonly Job[]): Job {
  const { jobId, conditions } = task.input as SplitJobInput;
  const known = parts.flatMap(({ deviceJobStatistics }) => deviceJobStatistics ?? []);
  const sums = Object.fromEntries(
    STATISTICS.map((name) => [name, known.reduce((sum, each) => sum + each[name], 0)]),
  ) as NonNullable<Job['deviceJobStatistics']>;
  const starts = parts.flatMap(({ startTime }) => startTime ?? []).sort();
  const ends = parts.flatMap(({ endTime }) => endTime ?? []).sort();
  const status = statusOf(task, parts);
  const endTime = ends.at(-1);
  const reasons = parts.flatMap(({ failureReason, statusMessage }) => failureReason ?? statusMessage ?? []);
  const message = [
    `IoT Hub has taken ${parts.length} of ${conditions.length} parts.`,
    ...(task.error ? [`${task.error.code}: ${task.error.message}`] : []),
    ...new Set(reasons),
  ].join(' ');
  return {
    jobId,
    type: task.kind === SPLIT_JOBS.method ? 'scheduleDeviceMethod' : 'scheduleUpdateTwin',
    status,
    queryCondition: conditions.map((condition) => `(${condition})`).join(' OR '),
    createdTime: new Date(task.createdAtMs).toISOString(),
    ...(starts[0] === undefined ? {} : { startTime: starts[0] }),
    ...(endTime !== undefined && isEndedJob({ status } as Job) ? { endTime } : {}),
    ...(known.length === 0 ? {} : { deviceJobStatistics: sums }),
    statusMessage: message,
  };
}

function statusOf(task: TaskRecord, parts: readonly Job[]): JobStatus {
  const { conditions } = task.input as SplitJobInput;
  const isComplete = parts.length === conditions.length;
  if (!parts.every(isEndedJob) || (!isComplete && !isEnded(task))) {
    const [first] = parts;
    return first && parts.every(({ status }) => status === first.status) && !isEndedJob(first)
      ? first.status
      : 'running';
  }
  if (task.state === 'failed' || parts.some(({ status }) => status === 'failed')) return 'failed';
  return isComplete && parts.every(({ status }) => status === 'completed') ? 'completed' : 'cancelled';
}
