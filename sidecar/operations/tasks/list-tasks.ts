import Type from 'typebox';
import { OneOf, Table, ThingName } from '../../contract/schema.ts';
import { defineOperation } from '../operation.ts';
import { TASK_STATES, TaskRow } from './tasks.ts';

export const listTasks = defineOperation({
  name: 'ListTasks',
  entity: 'AzureIoT.Hub_TT',
  category: 'Tasks',
  summary: 'Lists the background tasks of this hub, the newest first.',
  method: 'GET',
  path: '/hubs/{hub}/tasks',
  input: Type.Object({
    hub: ThingName({ description: 'The hub Thing.' }),
    kind: Type.Optional(
      Type.String({ maxLength: 64, description: 'Only tasks that this service began, such as IngestBlobs.' }),
    ),
    state: Type.Optional(OneOf(TASK_STATES, { description: 'Only tasks in this state.' })),
  }),
  output: Type.Object({
    tasks: Table(TaskRow, 'AzureIoT.Task_DS', { description: 'The tasks, newest first.' }),
  }),
  result: 'tasks',
  errors: ['HUB_NOT_CONNECTED', 'TASKS_UNAVAILABLE'],
  async run({ hubs }, { hub, kind, state }) {
    return { tasks: await hubs.require(hub).tasks.list({ kind, state }) };
  },
});
