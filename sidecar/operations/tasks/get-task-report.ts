import Type from 'typebox';
import { Table, ThingName } from '../../contract/schema.ts';
import { defineOperation } from '../operation.ts';
import { TaskId, TaskReportLine } from './tasks.ts';

export const getTaskReport = defineOperation({
  name: 'GetTaskReport',
  entity: 'AzureIoT.Hub_TT',
  category: 'Tasks',
  summary: 'Shows the report of a background task: what it has to say of single items.',
  method: 'GET',
  path: '/hubs/{hub}/tasks/{task}/report',
  input: Type.Object({
    hub: ThingName({ description: 'The hub Thing.' }),
    task: TaskId,
    from: Type.Optional(
      Type.Integer({ minimum: 0, default: 0, description: 'The first line, counted from 0.' }),
    ),
    limit: Type.Optional(
      Type.Integer({ minimum: 1, maximum: 5_000, default: 500, description: 'The most lines.' }),
    ),
  }),
  output: Type.Object({
    lines: Table(TaskReportLine, 'AzureIoT.TaskReport_DS', { description: 'The lines, in order.' }),
  }),
  result: 'lines',
  errors: ['HUB_NOT_CONNECTED', 'TASK_NOT_FOUND', 'TASKS_UNAVAILABLE'],
  async run({ hubs }, { hub, task, from, limit }) {
    const page = { from: from ?? 0, limit: limit ?? 500 };
    return { lines: await hubs.require(hub).tasks.report(task, page) };
  },
});
