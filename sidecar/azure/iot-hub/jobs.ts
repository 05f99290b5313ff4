import { randomUUID } from 'node:crypto';
import type { JobType, JobStatus as PackageJobStatus } from 'azure-iothub/dist/job_client.js';
import { type MethodCall, methodParams } from './direct-methods.ts';
import type { Page, TwinPatch } from './hub-types.ts';
import { type CallOptions, hubPath, type RestClient } from './rest-client.ts';
import { callJobClient } from './transport.ts';
import {
  nextNonEmpty,
  pageOf,
  type QueryOptions,
  quoteForQuery,
  type TwinName,
  type Twins,
  twinContent,
} from './twins.ts';

/** As the REST API has it; the type of azure-iothub lacks most of them. */
export type JobStatus =
  | 'unknown'
  | 'enqueued'
  | 'queued'
  | 'scheduled'
  | 'running'
  | 'completed'
  | 'failed'
  | 'cancelled';

/** A job in the REST API. */
export interface Job {
  readonly jobId: string;
  readonly type: JobType;
  readonly status: JobStatus;
  readonly queryCondition?: string;
  readonly createdTime?: string;
  readonly startTime?: string;
  readonly endTime?: string;
  readonly maxExecutionTimeInSeconds?: number;
  readonly failureReason?: string;
  readonly statusMessage?: string;
  readonly deviceJobStatistics?: {
    readonly deviceCount: number;
    readonly failedCount: number;
    readonly succeededCount: number;
    readonly runningCount: number;
    readonly pendingCount: number;
  };
}

/** The result of a job for one device or module. */
export interface DeviceJob {
  readonly deviceId: string;
  readonly moduleId?: string;
  readonly jobId: string;
  readonly jobType: JobType;
  readonly status: 'pending' | 'scheduled' | 'running' | 'completed' | 'failed' | 'canceled';
  readonly startTimeUtc?: string;
  readonly endTimeUtc?: string;
  readonly outcome?: {
    /** The payload as parseExact reads it. */
    readonly deviceMethodResponse?: { readonly status: number; readonly payload: unknown };
  };
  readonly error?: { readonly code: string; readonly description: string };
}

export interface Schedule {
  /** Default: a random UUID. */
  readonly jobId?: string;
  /** Selects the devices: the part of a query after WHERE, such as `tags.building = '43'`. */
  readonly queryCondition: string;
  /** Default: now. */
  readonly startTime?: Date;
  /** After this time the job fails for devices that have not responded. Default 3600. */
  readonly maxExecutionSeconds?: number;
}

interface JobFilter {
  readonly type?: JobType;
  readonly status?: JobStatus;
}

/**
 * Scheduled jobs over many devices: twin updates and direct methods.
 *
 * Errors: AZURE_NOT_FOUND, AZURE_CONFLICT (the job id is in use), QUOTA_EXCEEDED (too many at once), AZURE_REJECTED and those of
 * rest-client.ts.
 */
export class Jobs {
  readonly #rest: RestClient;
  readonly #twins: Twins;

  constructor(rest: RestClient, twins: Twins) {
    this.#rest = rest;
    this.#twins = twins;
  }

  async scheduleTwinUpdate(schedule: Schedule, patch: TwinPatch, options: CallOptions = {}): Promise<Job> {
    const { jobId, queryCondition, startTime, maxExecutionSeconds } = complete(schedule);
    const content = { etag: '*', ...twinContent(patch) };
    const call = { ...options, ...ACCESS, action: `Scheduling the job ${jobId}` };
    const { body } = await callJobClient<Job>(this.#rest, call, (jobs) =>
      jobs.scheduleTwinUpdate(jobId, queryCondition, content, startTime, maxExecutionSeconds),
    );
    return body;
  }

  /** Not with azure-iothub, which drops the payloads 0, false and '', and the connect timeout (docs/decisions/032). */
  async scheduleMethod(
    schedule: Schedule,
    method: Omit<MethodCall, keyof TwinName>,
    options: CallOptions = {},
  ): Promise<Job> {
    const { jobId, queryCondition, startTime, maxExecutionSeconds } = complete(schedule);
    const { body } = await this.#rest.request<Job>({
      ...options,
      ...ACCESS,
      method: 'PUT',
      path: hubPath('jobs', 'v2', jobId),
      action: `Scheduling the job ${jobId}`,
      body: {
        jobId,
        type: 'scheduleDeviceMethod',
        cloudToDeviceMethod: methodParams(method),
        queryCondition,
        startTime: startTime.toISOString(),
        maxExecutionTimeInSeconds: maxExecutionSeconds,
      },
    });
    return body;
  }

  async get(jobId: string, options: CallOptions = {}): Promise<Job> {
    const call = { ...options, ...ACCESS, action: `Reading the job ${jobId}` };
    // The package does not encode the id.
    const { body } = await callJobClient<Job>(this.#rest, call, (jobs) =>
      jobs.getJob(encodeURIComponent(jobId)),
    );
    return body;
  }

  async cancel(jobId: string, options: CallOptions = {}): Promise<Job> {
    const call = { ...options, ...ACCESS, action: `Cancelling the job ${jobId}` };
    const { body } = await callJobClient<Job>(this.#rest, call, (jobs) =>
      jobs.cancelJob(encodeURIComponent(jobId)),
    );
    return body;
  }

  /** The next non-empty page of the jobs, in the order of the hub (newest first). */
  async list(filter: JobFilter = {}, options: QueryOptions = {}): Promise<Page<Job>> {
    return await nextNonEmpty((place) => this.#page(filter, { ...options, ...place }), options);
  }

  async #page({ type, status }: JobFilter, options: QueryOptions): Promise<Page<Job>> {
    const { pageSize = 100, continuationToken, ...rest } = options;
    const call = { ...rest, ...ACCESS, operation: 'query', action: 'Listing the jobs' } as const;
    const answer = await callJobClient<Job[]>(this.#rest, call, (jobs) =>
      jobs.createQuery(type, status as PackageJobStatus, pageSize).next(continuationToken ?? ''),
    );
    return pageOf(answer);
  }

  /** The next non-empty page of the results of a job, one item per device. */
  async results(jobId: string, options: QueryOptions = {}): Promise<Page<DeviceJob>> {
    const sql = `SELECT * FROM devices.jobs WHERE devices.jobs.jobId = ${quoteForQuery(jobId)}`;
    const page = await this.#twins.find<DeviceJob>(sql, { ...options, exactNumbers: true });
    // A query returns no items for a job that does not exist.
    if (page.items.length === 0 && options.continuationToken === undefined) await this.get(jobId, options);
    return page;
  }
}

function complete(schedule: Schedule): Required<Schedule> {
  const {
    jobId = randomUUID(),
    queryCondition,
    startTime = new Date(),
    maxExecutionSeconds = 3600,
  } = schedule;
  return { jobId, queryCondition, startTime, maxExecutionSeconds };
}

const ACCESS = { operation: 'job', right: 'ServiceConnect' } as const;
