import Type from 'typebox';
import { hub } from '../device-members.ts';
import { defineOperation } from '../operation.ts';
import { TaskId } from '../tasks/tasks.ts';
import { ImportRow } from './imports.ts';

export const getImport = defineOperation({
  name: 'GetImport',
  entity: 'AzureIoT.Hub_TT',
  category: 'Import',
  summary: 'Shows how far an import, export or comparison came; GetTaskReport has the report per device.',
  method: 'GET',
  path: '/hubs/{hub}/imports/{task}',
  input: Type.Object({ hub, task: TaskId }),
  output: ImportRow,
  errors: ['HUB_NOT_CONNECTED', 'TASK_NOT_FOUND', 'TASKS_UNAVAILABLE'],
  run: ({ hubs }, { hub, task }) => hubs.require(hub).imports.get(task),
});
