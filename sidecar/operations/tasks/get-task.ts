import Type from 'typebox';
import { ThingName } from '../../contract/schema.ts';
import { defineOperation } from '../operation.ts';
import { TaskId, TaskRow } from './tasks.ts';

export const getTask = defineOperation({
  name: 'GetTask',
  entity: 'AzureIoT.Hub_TT',
  category: 'Tasks',
  summary: 'Shows one background task: its state, progress, counts and error.',
  method: 'GET',
  path: '/hubs/{hub}/tasks/{task}',
  input: Type.Object({ hub: ThingName({ description: 'The hub Thing.' }), task: TaskId }),
  output: TaskRow,
  errors: ['HUB_NOT_CONNECTED', 'TASK_NOT_FOUND', 'TASKS_UNAVAILABLE'],
  run: ({ hubs }, { hub, task }) => hubs.require(hub).tasks.get(task),
});
