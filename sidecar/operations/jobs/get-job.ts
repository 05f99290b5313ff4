import Type from 'typebox';
import { hub, withinCall } from '../device-members.ts';
import { defineOperation } from '../operation.ts';
import { JobDocument, jobDocument, jobId } from './job-members.ts';

export const getJob = defineOperation({
  name: 'GetJob',
  entity: 'AzureIoT.Hub_TT',
  category: 'Jobs',
  summary: 'Shows one job and how many devices it has reached.',
  method: 'GET',
  path: '/hubs/{hub}/jobs/{jobId}',
  input: Type.Object({ hub, jobId }),
  output: JobDocument,
  errors: ['HUB_NOT_CONNECTED', 'AZURE_THROTTLED', 'AZURE_UNAUTHORIZED', 'AZURE_NOT_FOUND'],
  async run({ hubs, signal }, { hub, jobId }) {
    const { jobs } = await hubs.require(hub).azure();
    return jobDocument(await jobs.get(jobId, withinCall(signal)));
  },
});
