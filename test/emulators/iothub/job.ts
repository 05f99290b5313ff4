/** One scheduled job and its rows: shapes, the checks on what a client sends, the JSON that the API shows. */
import type { MethodRequest } from './hub.ts';
import { HubError } from './hub-error.ts';
import type { Target } from './query/queries.ts';
import { isObject, type JsonObject } from './twin-document.ts';

export type JobType = 'scheduleDeviceMethod' | 'scheduleUpdateTwin';
export type JobStatus = 'queued' | 'scheduled' | 'running' | 'completed' | 'failed' | 'cancelled';

/** A row of devices.jobs. */
export interface JobRow {
  deviceId: string;
  moduleId?: string;
  jobId: string;
  jobType: JobType;
  status: 'pending' | 'running' | 'completed' | 'failed' | 'canceled';
  startTimeUtc: string;
  endTimeUtc?: string;
  createdDateTimeUtc: string;
  lastUpdatedDateTimeUtc: string;
  outcome?: JsonObject;
  error?: { code: string; description: string };
}

export interface JobRecord {
  jobId: string;
  type: JobType;
  queryCondition: string;
  createdTime: string;
  startTime: string;
  endTime?: string;
  maxExecutionTimeInSeconds: number;
  cloudToDeviceMethod?: MethodRequest;
  updateTwin?: JsonObject;
  status: JobStatus;
  failureReason?: string;
  statusMessage?: string;
}

const idPattern = /^[\w\-:.+%#*?!(),=@$']{1,128}$/;
const defaultExecutionSeconds = 3600;

/** Throws GenericBadRequest, ArgumentNull or ArgumentInvalid. */
export function readJob(jobId: string, input: JsonObject): JobRecord {
  if (!idPattern.test(jobId)) throw new HubError('ArgumentInvalid', `The job id ${jobId} is not valid`);
  const { type, queryCondition } = input;
  if (type !== 'scheduleDeviceMethod' && type !== 'scheduleUpdateTwin') {
    throw new HubError('GenericBadRequest', `BadRequest: unknown job type ${String(type)}`);
  }
  if (typeof queryCondition !== 'string' || queryCondition.trim() === '') {
    throw new HubError('ArgumentNull', 'The job has no queryCondition');
  }
  const createdTime = new Date().toISOString();
  const job: JobRecord = {
    jobId,
    type,
    queryCondition,
    createdTime,
    startTime: readStart(input.startTime, createdTime),
    maxExecutionTimeInSeconds: readSeconds(input.maxExecutionTimeInSeconds),
    status: 'queued',
  };
  if (type === 'scheduleDeviceMethod') job.cloudToDeviceMethod = readMethod(input.cloudToDeviceMethod);
  else {
    if (!isObject(input.updateTwin)) throw new HubError('ArgumentNull', 'The job has no updateTwin');
    // Users found that the service refuses a twin job without an etag.
    if (typeof input.updateTwin.etag !== 'string')
      throw new HubError('GenericBadRequest', 'updateTwin has no etag');
    job.updateTwin = input.updateTwin;
  }
  return job;
}

/** A null is refused, an absent member takes the default, as users of the REST API report. */
function readStart(given: unknown, byDefault: string): string {
  if (given === undefined || given === '') return byDefault;
  const time = typeof given === 'string' ? Date.parse(given) : Number.NaN;
  if (Number.isNaN(time)) throw new HubError('GenericBadRequest', 'BadRequest: startTime is not a time');
  return new Date(time).toISOString();
}

function readSeconds(given: unknown): number {
  if (given === undefined) return defaultExecutionSeconds;
  if (typeof given !== 'number' || !(given > 0)) {
    throw new HubError('GenericBadRequest', 'BadRequest: maxExecutionTimeInSeconds is not a positive number');
  }
  return given;
}

function readMethod(given: unknown): MethodRequest {
  if (!isObject(given) || typeof given.methodName !== 'string' || given.methodName === '') {
    throw new HubError('ArgumentNull', 'The job has no cloudToDeviceMethod with a methodName');
  }
  const seconds = (value: unknown, byDefault: number) => (typeof value === 'number' ? value : byDefault);
  return {
    methodName: given.methodName,
    payload: given.payload ?? null,
    responseTimeoutInSeconds: seconds(given.responseTimeoutInSeconds, 30),
    connectTimeoutInSeconds: seconds(given.connectTimeoutInSeconds, 0),
  };
}

export function newRow(job: JobRecord, target: Target): JobRow {
  const time = new Date().toISOString();
  return {
    ...target,
    jobId: job.jobId,
    jobType: job.type,
    status: 'pending',
    startTimeUtc: job.startTime,
    createdDateTimeUtc: time,
    lastUpdatedDateTimeUtc: time,
  };
}

/** The JobResponse of the REST API. */
export function renderJob(job: JobRecord, rows: readonly JobRow[]): JsonObject {
  const count = (...statuses: JobRow['status'][]) =>
    rows.filter((row) => statuses.includes(row.status)).length;
  return {
    ...job,
    deviceJobStatistics: {
      deviceCount: rows.length,
      failedCount: count('failed', 'canceled'),
      succeededCount: count('completed'),
      runningCount: count('running'),
      pendingCount: count('pending'),
    },
  };
}
