import Type from 'typebox';
import { OneOf, Table } from '../../contract/schema.ts';
import { continuationToken, hub, withinCall } from '../device-members.ts';
import { defineOperation } from '../operation.ts';
import {
  JOB_ERRORS,
  JOB_STATUSES,
  JOB_TYPES,
  JobDocument,
  JobResultRow,
  JobRow,
  jobDocument,
  jobId,
  jobResultRow,
  jobsOf,
} from './job-members.ts';

const getJob = defineOperation({
  name: 'GetJob',
  entity: 'AzureIoT.Hub_TT',
  category: 'Jobs',
  role: 'viewer',
  summary: 'Shows one job and how many devices it has reached.',
  method: 'GET',
  path: '/hubs/{hub}/jobs/{jobId}',
  input: Type.Object({ hub, jobId }),
  output: JobDocument,
  errors: [...JOB_ERRORS, 'AZURE_NOT_FOUND'],
  async run({ hubs, signal }, { hub, jobId }) {
    const jobs = await jobsOf(hubs, hub);
    return jobDocument(await jobs.get(jobId, withinCall(signal)));
  },
});

const listJobs = defineOperation({
  name: 'ListJobs',
  entity: 'AzureIoT.Hub_TT',
  category: 'Jobs',
  role: 'viewer',
  summary: 'Lists the jobs of the IoT Hub, page by page; IoT Hub keeps them for 30 days.',
  method: 'GET',
  path: '/hubs/{hub}/jobs',
  input: Type.Object({
    hub,
    type: Type.Optional(
      OneOf(JOB_TYPES, {
        description: 'Only twin updates (scheduleUpdateTwin) or methods (scheduleDeviceMethod).',
      }),
    ),
    status: Type.Optional(OneOf(JOB_STATUSES, { description: 'Only jobs of this status.' })),
    pageSize: Type.Optional(
      Type.Integer({
        minimum: 1,
        maximum: 1_000,
        default: 100,
        description: 'The maximum number of jobs in a page.',
      }),
    ),
    continuationToken,
  }),
  output: Type.Object({
    jobs: Table(JobRow, 'AzureIoT.Job_DS', { description: 'The jobs of one page.' }),
  }),
  result: 'jobs',
  errors: [...JOB_ERRORS],
  async run({ hubs, signal }, { hub, type, status, pageSize, continuationToken }) {
    const jobs = await jobsOf(hubs, hub);
    const filter = { ...(type ? { type } : {}), ...(status ? { status } : {}) };
    const page = await jobs.list(filter, {
      ...withinCall(signal),
      pageSize: pageSize ?? 100,
      ...(continuationToken ? { continuationToken } : {}),
    });
    const next = page.continuationToken ?? '';
    return { jobs: page.items.map((job) => ({ ...jobDocument(job), continuationToken: next })) };
  },
});

const getJobResults = defineOperation({
  name: 'GetJobResults',
  entity: 'AzureIoT.Hub_TT',
  category: 'Jobs',
  role: 'viewer',
  summary: 'Lists the result of a job for each device, page by page.',
  method: 'GET',
  path: '/hubs/{hub}/jobs/{jobId}/results',
  input: Type.Object({
    hub,
    jobId,
    pageSize: Type.Optional(
      Type.Integer({
        minimum: 1,
        maximum: 1_000,
        default: 100,
        description: 'The maximum number of devices in a page.',
      }),
    ),
    continuationToken,
  }),
  output: Type.Object({
    results: Table(JobResultRow, 'AzureIoT.JobResult_DS', { description: 'The devices of one page.' }),
  }),
  result: 'results',
  errors: [...JOB_ERRORS, 'AZURE_NOT_FOUND'],
  async run({ hubs, signal }, { hub, jobId, pageSize, continuationToken }) {
    const jobs = await jobsOf(hubs, hub);
    const page = await jobs.results(jobId, {
      ...withinCall(signal),
      pageSize: pageSize ?? 100,
      ...(continuationToken ? { continuationToken } : {}),
    });
    const next = page.continuationToken ?? '';
    return { results: page.items.map((result) => jobResultRow(result, next)) };
  },
});

const cancelJob = defineOperation({
  name: 'CancelJob',
  entity: 'AzureIoT.Hub_TT',
  category: 'Jobs',
  role: 'engineer',
  summary: 'Cancels a job; devices that it has reached stay changed.',
  method: 'POST',
  path: '/hubs/{hub}/jobs/{jobId}/cancel',
  input: Type.Object({ hub, jobId }),
  output: JobDocument,
  errors: [...JOB_ERRORS, 'AZURE_NOT_FOUND', 'AZURE_CONFLICT'],
  async run({ hubs, signal }, { hub, jobId }) {
    const jobs = await jobsOf(hubs, hub);
    return jobDocument(await jobs.cancel(jobId, withinCall(signal)));
  },
});

/** Jobs that IoT Hub runs. */
export const JOBS = [getJob, listJobs, getJobResults, cancelJob] as const;
