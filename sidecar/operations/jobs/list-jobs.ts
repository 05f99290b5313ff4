import Type from 'typebox';
import { OneOf, Table } from '../../contract/schema.ts';
import { continuationToken, hub, withinCall } from '../device-members.ts';
import { defineOperation } from '../operation.ts';
import { JOB_STATUSES, JOB_TYPES, JobRow, jobDocument } from './job-members.ts';

export const listJobs = defineOperation({
  name: 'ListJobs',
  entity: 'AzureIoT.Hub_TT',
  category: 'Jobs',
  summary: 'Lists the jobs of the IoT Hub, page by page; it forgets them after 30 days.',
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
      Type.Integer({ minimum: 1, maximum: 1_000, default: 100, description: 'The most jobs of one page.' }),
    ),
    continuationToken,
  }),
  output: Type.Object({
    jobs: Table(JobRow, 'AzureIoT.Job_DS', { description: 'The jobs of one page.' }),
  }),
  result: 'jobs',
  errors: ['HUB_NOT_CONNECTED', 'AZURE_THROTTLED', 'AZURE_UNAUTHORIZED', 'AZURE_REJECTED'],
  async run({ hubs, signal }, { hub, type, status, pageSize, continuationToken }) {
    const { jobs } = await hubs.require(hub).azure();
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
