import Type from 'typebox';
import { ThingName } from '../../contract/schema.ts';
import { defineOperation } from '../operation.ts';
import { TaskId, TaskRow } from './tasks.ts';

export const cancelTask = defineOperation({
  name: 'CancelTask',
  entity: 'AzureIoT.Hub_TT',
  category: 'Tasks',
  summary: 'Stops a background task; what it has done stays done. A task that has ended stays as it is.',
  method: 'POST',
  path: '/hubs/{hub}/tasks/{task}/cancel',
  input: Type.Object({ hub: ThingName({ description: 'The hub Thing.' }), task: TaskId }),
  output: TaskRow,
  errors: ['HUB_NOT_CONNECTED', 'TASK_NOT_FOUND', 'TASKS_UNAVAILABLE'],
  run: ({ hubs }, { hub, task }) => hubs.require(hub).tasks.cancel(task),
});
