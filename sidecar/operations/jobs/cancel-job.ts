import Type from 'typebox';
import { hub, withinCall } from '../device-members.ts';
import { defineOperation } from '../operation.ts';
import { JobDocument, jobDocument, jobId } from './job-members.ts';

export const cancelJob = defineOperation({
  name: 'CancelJob',
  entity: 'AzureIoT.Hub_TT',
  category: 'Jobs',
  summary: 'Has IoT Hub end a job; devices that it has reached stay changed.',
  method: 'POST',
  path: '/hubs/{hub}/jobs/{jobId}/cancel',
  input: Type.Object({ hub, jobId }),
  output: JobDocument,
  errors: [
    'HUB_NOT_CONNECTED',
    'AZURE_THROTTLED',
    'AZURE_UNAUTHORIZED',
    'AZURE_NOT_FOUND',
    'AZURE_REJECTED',
    'AZURE_CONFLICT',
  ],
  async run({ hubs, signal }, { hub, jobId }) {
    const { jobs } = await hubs.require(hub).azure();
    return jobDocument(await jobs.cancel(jobId, withinCall(signal)));
  },
});
