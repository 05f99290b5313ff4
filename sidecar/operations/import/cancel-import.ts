import Type from 'typebox';
import { hub } from '../device-members.ts';
import { defineOperation } from '../operation.ts';
import { TaskId } from '../tasks/tasks.ts';
import { ImportRow } from './imports.ts';

export const cancelImport = defineOperation({
  name: 'CancelImport',
  entity: 'AzureIoT.Hub_TT',
  category: 'Import',
  summary: 'Ends an import, export or comparison; what was made stays. One that has ended stays as it is.',
  method: 'POST',
  path: '/hubs/{hub}/imports/{task}/cancel',
  input: Type.Object({ hub, task: TaskId }),
  output: ImportRow,
  errors: ['HUB_NOT_CONNECTED', 'TASK_NOT_FOUND', 'TASKS_UNAVAILABLE'],
  run: ({ hubs }, { hub, task }) => hubs.require(hub).imports.cancel(task),
});
