import Type from 'typebox';
import { hub } from '../device-members.ts';
import { defineOperation } from '../operation.ts';

export const compareRegistry = defineOperation({
  name: 'CompareRegistry',
  entity: 'AzureIoT.Hub_TT',
  category: 'Import',
  summary: 'Finds devices without a Thing and Things without a device, in the background; changes nothing.',
  method: 'POST',
  path: '/hubs/{hub}/comparisons',
  input: Type.Object({ hub }),
  output: Type.Object({
    task: Type.String({
      description:
        'The id of the comparison; GetImport shows the numbers, GetTaskReport lists what is missing.',
    }),
  }),
  result: 'task',
  errors: ['HUB_NOT_CONNECTED', 'TASK_QUEUE_FULL', 'TASKS_UNAVAILABLE'],
  async run({ hubs }, { hub }) {
    return { task: await hubs.require(hub).imports.compareRegistry() };
  },
});
