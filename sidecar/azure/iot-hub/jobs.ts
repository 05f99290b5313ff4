import { randomUUID } from 'node:crypto';
import type { MethodCall } from './direct-methods.ts';
import type { Page, TwinPatch } from './hub-types.ts';
import { type CallOptions, hubPath, type RestClient } from './rest-client.ts';
import { nextFilled, type QueryOptions, quoteForQuery, type Twins } from './twins.ts';

export type JobType = 'scheduleUpdateTwin' | 'scheduleDeviceMethod';
export type JobStatus =
  | 'unknown'
  | 'enqueued'
  | 'queued'
  | 'scheduled'
  | 'running'
  | 'completed'
  | 'failed'
  | 'cancelled';

/** A job as the hub shows it. */
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

/** What a job did at one device or module. */
export interface DeviceJob {
  readonly deviceId: string;
  readonly moduleId?: string;
  readonly jobId: string;
  readonly jobType: JobType;
  readonly status: 'pending' | 'scheduled' | 'running' | 'completed' | 'failed' | 'canceled';
  readonly startTimeUtc?: string;
  readonly endTimeUtc?: string;
  readonly outcome?: {
    readonly deviceMethodResponse?: { readonly status: number; readonly payload: unknown };
  };
  readonly error?: { readonly code: string; readonly description: string };
}

export interface Schedule {
  /** Made up when absent. */
  readonly jobId?: string;
  /** Which devices: the part of a query after WHERE, such as `tags.building = '43'`. */
  readonly queryCondition: string;
  /** Now when absent. */
  readonly startTime?: Date;
  /** After this long the job gives up devices that did not answer. Default 3600. */
  readonly maxExecutionSeconds?: number;
}

export interface JobFilter {
  readonly type?: JobType;
  readonly status?: JobStatus;
}

/**
 * Jobs over many devices: twin updates and direct methods, at a time.
 *
 * Errors: AZURE_NOT_FOUND, AZURE_CONFLICT (the job id is in use), QUOTA_EXCEEDED (too many at once), AZURE_REJECTED and what hub-rest.ts
 * gives.
 */
export class Jobs {
  readonly #rest: RestClient;
  readonly #twins: Twins;

  constructor(rest: RestClient, twins: Twins) {
    this.#rest = rest;
    this.#twins = twins;
  }

  async scheduleTwinUpdate(schedule: Schedule, patch: TwinPatch, options: CallOptions = {}): Promise<Job> {
    const { tags, desired } = patch;
    const updateTwin = {
      etag: '*',
      ...(tags === undefined ? {} : { tags }),
      ...(desired === undefined ? {} : { properties: { desired } }),
    };
    return await this.#schedule(schedule, { type: 'scheduleUpdateTwin', updateTwin }, options);
  }

  async scheduleMethod(
    schedule: Schedule,
    call: Omit<MethodCall, 'deviceId' | 'moduleId'>,
    options: CallOptions = {},
  ): Promise<Job> {
    const cloudToDeviceMethod = {
      methodName: call.methodName,
      payload: call.payload ?? null,
      responseTimeoutInSeconds: call.responseTimeoutSeconds ?? 30,
      connectTimeoutInSeconds: call.connectTimeoutSeconds ?? 0,
    };
    return await this.#schedule(schedule, { type: 'scheduleDeviceMethod', cloudToDeviceMethod }, options);
  }

  async get(jobId: string, options: CallOptions = {}): Promise<Job> {
    const path = hubPath('jobs', 'v2', jobId);
    return (
      await this.#rest.request<Job>({
        ...options,
        ...ACCESS,
        method: 'GET',
        path,
        action: `Reading the job ${jobId}`,
      })
    ).body;
  }

  async cancel(jobId: string, options: CallOptions = {}): Promise<Job> {
    const path = hubPath('jobs', 'v2', jobId, 'cancel');
    const action = `Cancelling the job ${jobId}`;
    // The service wants a content length, so: an empty object.
    return (await this.#rest.request<Job>({ ...options, ...ACCESS, method: 'POST', path, action, body: {} }))
      .body;
  }

  /** The next page of the hub's jobs that has some, newest first as the hub sorts them. */
  async list(filter: JobFilter = {}, options: QueryOptions = {}): Promise<Page<Job>> {
    return await nextFilled((place) => this.#page(filter, { ...options, ...place }), options);
  }

  async #page(filter: JobFilter, options: QueryOptions): Promise<Page<Job>> {
    const { pageSize = 100, continuationToken, ...rest } = options;
    const { body, continuation } = await this.#rest.request<Job[]>({
      ...rest,
      ...ACCESS,
      operation: 'query',
      method: 'GET',
      path: '/jobs/v2/query',
      query: { jobType: filter.type, jobStatus: filter.status },
      headers: {
        'x-ms-max-item-count': String(pageSize),
        ...(continuationToken === undefined ? {} : { 'x-ms-continuation': continuationToken }),
      },
      action: 'Listing the jobs',
    });
    return { items: body ?? [], ...(continuation === undefined ? {} : { continuationToken: continuation }) };
  }

  /** The next page of what a job did, device by device, that has some. */
  async results(jobId: string, options: QueryOptions = {}): Promise<Page<DeviceJob>> {
    const sql = `SELECT * FROM devices.jobs WHERE devices.jobs.jobId = ${quoteForQuery(jobId)}`;
    const page = await this.#twins.find<DeviceJob>(sql, options);
    // To a query a job that does not exist is one that has reached no device.
    if (page.items.length === 0 && options.continuationToken === undefined) await this.get(jobId, options);
    return page;
  }

  async #schedule(
    schedule: Schedule,
    work: { readonly type: JobType; readonly [name: string]: unknown },
    options: CallOptions,
  ): Promise<Job> {
    const jobId = schedule.jobId ?? randomUUID();
    const body = {
      jobId,
      ...work,
      queryCondition: schedule.queryCondition,
      startTime: (schedule.startTime ?? new Date()).toISOString(),
      maxExecutionTimeInSeconds: schedule.maxExecutionSeconds ?? 3600,
    };
    const path = hubPath('jobs', 'v2', jobId);
    return (
      await this.#rest.request<Job>({
        ...options,
        ...ACCESS,
        method: 'PUT',
        path,
        action: `Scheduling the job ${jobId}`,
        body,
      })
    ).body;
  }
}

const ACCESS = { operation: 'job', right: 'ServiceConnect' } as const;
