import Type from 'typebox';
import { Table } from '../../contract/schema.ts';
import { continuationToken, hub, withinCall } from '../device-members.ts';
import { defineOperation } from '../operation.ts';
import { JobResultRow, jobId, jobResultRow } from './job-members.ts';

export const getJobResults = defineOperation({
  name: 'GetJobResults',
  entity: 'AzureIoT.Hub_TT',
  category: 'Jobs',
  summary: 'Shows what a job did at each device, page by page.',
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
        description: 'The most devices of one page.',
      }),
    ),
    continuationToken,
  }),
  output: Type.Object({
    results: Table(JobResultRow, 'AzureIoT.JobResult_DS', { description: 'The devices of one page.' }),
  }),
  result: 'results',
  errors: ['HUB_NOT_CONNECTED', 'AZURE_THROTTLED', 'AZURE_UNAUTHORIZED', 'AZURE_NOT_FOUND', 'AZURE_REJECTED'],
  async run({ hubs, signal }, { hub, jobId, pageSize, continuationToken }) {
    const { jobs } = await hubs.require(hub).azure();
    const page = await jobs.results(jobId, {
      ...withinCall(signal),
      pageSize: pageSize ?? 100,
      ...(continuationToken ? { continuationToken } : {}),
    });
    const next = page.continuationToken ?? '';
    return { results: page.items.map((result) => jobResultRow(result, next)) };
  },
});
