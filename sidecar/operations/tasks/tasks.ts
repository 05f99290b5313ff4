import Type, { type Static } from 'typebox';
import {
  DateTime,
  forThingWorx,
  JsonObject,
  OneOf,
  OneRow,
  Table,
  ThingName,
} from '../../contract/schema.ts';
import type { TaskRecord } from '../../tasks/task.ts';
import type { Tasks } from '../../tasks/tasks.ts';
import type { OperationContext } from '../context.ts';
import { TASK_ERRORS } from '../error-groups.ts';
import { defineOperation } from '../operation.ts';

export const TASK_STATES = ['queued', 'running', 'completed', 'failed', 'cancelled'] as const;

export const TaskId = Type.String({
  pattern: '^[0-9]{17}-[0-9a-f]{8}$',
  description: 'The id of the task, as the service that started it returned it.',
});

const count = (description: string) =>
  forThingWorx(Type.Integer({ minimum: 0, description }), { baseType: 'LONG' });

/** How fast a task is, and when it ends; only while it is at work and that is known. */
export const FORECAST_MEMBERS = {
  itemsPerSecond: Type.Optional(
    Type.Number({
      minimum: 0,
      description:
        'Items per second in the last minutes, or what the rates of the IoT Hub allow before there is a measurement; not set while it is not known.',
    }),
  ),
  expectedEnd: Type.Optional(
    DateTime({ description: 'When it ends at this pace; not set while it is not known.' }),
  ),
};

export function forecastOf({ forecast }: TaskRecord): { itemsPerSecond?: number; expectedEnd?: string } {
  if (!forecast) return {};
  return { itemsPerSecond: forecast.perSecond, expectedEnd: new Date(forecast.endsAtMs).toISOString() };
}

const TaskRow = Type.Object(
  {
    id: Type.String({ description: 'The id of the task.' }),
    kind: Type.String({ description: 'The service that started it.' }),
    title: Type.String({ description: 'What it does, in plain words.' }),
    state: OneOf(TASK_STATES, { description: 'The state of the task.' }),
    done: count('Items that are done.'),
    total: Type.Optional(count('The total number of items; not set while it is not known.')),
    counts: JsonObject({ description: 'The number of items by outcome.' }),
    ...FORECAST_MEMBERS,
    note: Type.Optional(
      Type.String({
        description: 'A note about the whole result; not set if there is none.',
      }),
    ),
    reported: count('The number of lines of its report.'),
    errorCode: Type.Optional(Type.String({ description: 'The code of the error that ended it.' })),
    error: Type.Optional(Type.String({ description: 'Why it failed, in plain words.' })),
    createdAt: DateTime({ description: 'When it was requested.' }),
    startedAt: Type.Optional(DateTime({ description: 'When it began.' })),
    endedAt: Type.Optional(DateTime({ description: 'When it ended.' })),
  },
  { description: 'One task: long work of a hub in the background.' },
);
type TaskRow = Static<typeof TaskRow>;

const TaskReportLine = Type.Object(
  {
    item: Type.String({ description: 'The item: a file, a device, a dead letter.' }),
    outcome: Type.String({ description: 'The outcome, in one word.' }),
    message: Type.String({ description: 'The explanation; may be empty.' }),
  },
  { description: 'One line of the report of a task.' },
);

function taskRow(task: TaskRecord): TaskRow {
  const { id, kind, title, state, done, total, counts, note, reported, error, createdAtMs } = task;
  const { startedAtMs, endedAtMs } = task;
  return {
    id,
    kind,
    title,
    state,
    done,
    ...(total === undefined ? {} : { total }),
    counts: { ...counts },
    ...forecastOf(task),
    ...(note === undefined ? {} : { note }),
    reported,
    ...(error === undefined ? {} : { errorCode: error.code, error: error.message }),
    createdAt: new Date(createdAtMs).toISOString(),
    ...(startedAtMs === undefined ? {} : { startedAt: new Date(startedAtMs).toISOString() }),
    ...(endedAtMs === undefined ? {} : { endedAt: new Date(endedAtMs).toISOString() }),
  };
}

/** The tasks of a hub, those of the last process among them. Rejects with HUB_NOT_CONNECTED, TASKS_UNAVAILABLE. */
export async function tasksOf(hubs: OperationContext['hubs'], hub: string): Promise<Tasks> {
  const { tasks } = hubs.require(hub);
  await tasks.start();
  return tasks;
}

const listTasks = defineOperation({
  name: 'ListTasks',
  entity: 'AzureIoT.Hub_TT',
  category: 'Tasks',
  role: 'viewer',
  summary: 'Lists the background tasks of this hub, the newest first.',
  method: 'GET',
  path: '/hubs/{hub}/tasks',
  input: Type.Object({
    hub: ThingName({ description: 'The hub Thing.' }),
    kind: Type.Optional(
      Type.String({
        maxLength: 64,
        description: 'Only tasks that this service started, such as IngestBlobs.',
      }),
    ),
    state: Type.Optional(OneOf(TASK_STATES, { description: 'Only tasks in this state.' })),
  }),
  output: Type.Object({
    tasks: Table(TaskRow, 'AzureIoT.Task_DS', { description: 'The tasks, newest first.' }),
  }),
  result: 'tasks',
  errors: [...TASK_ERRORS],
  async run({ hubs }, { hub, kind, state }) {
    return { tasks: (await tasksOf(hubs, hub)).list({ kind, state }).map(taskRow) };
  },
});

const taskDetail = OneRow(TaskRow, 'AzureIoT.Task_DS');

const getTask = defineOperation({
  name: 'GetTask',
  entity: 'AzureIoT.Hub_TT',
  category: 'Tasks',
  role: 'viewer',
  summary: 'Shows one background task: its state, progress, counts and error.',
  method: 'GET',
  path: '/hubs/{hub}/tasks/{task}',
  input: Type.Object({ hub: ThingName({ description: 'The hub Thing.' }), task: TaskId }),
  output: taskDetail,
  errors: [...TASK_ERRORS, 'TASK_NOT_FOUND'],
  async run({ hubs }, { hub, task }) {
    return taskRow((await tasksOf(hubs, hub)).get(task));
  },
});

const getTaskReport = defineOperation({
  name: 'GetTaskReport',
  entity: 'AzureIoT.Hub_TT',
  category: 'Tasks',
  role: 'viewer',
  summary: 'Shows the report of a background task: one line for each item that it reports.',
  method: 'GET',
  path: '/hubs/{hub}/tasks/{task}/report',
  input: Type.Object({
    hub: ThingName({ description: 'The hub Thing.' }),
    task: TaskId,
    from: Type.Optional(
      Type.Integer({ minimum: 0, default: 0, description: 'The first line, counted from 0.' }),
    ),
    limit: Type.Optional(
      Type.Integer({ minimum: 1, maximum: 5_000, default: 500, description: 'The maximum number of lines.' }),
    ),
  }),
  output: Type.Object({
    lines: Table(TaskReportLine, 'AzureIoT.TaskReport_DS', { description: 'The lines, in order.' }),
  }),
  result: 'lines',
  errors: [...TASK_ERRORS, 'TASK_NOT_FOUND'],
  async run({ hubs }, { hub, task, from, limit }) {
    const page = { from: from ?? 0, limit: limit ?? 500 };
    return { lines: await (await tasksOf(hubs, hub)).report(task, page) };
  },
});

const cancelTask = defineOperation({
  name: 'CancelTask',
  entity: 'AzureIoT.Hub_TT',
  category: 'Tasks',
  role: 'engineer',
  summary: 'Cancels a background task; what it has done stays done. A task that has ended does not change.',
  method: 'POST',
  path: '/hubs/{hub}/tasks/{task}/cancel',
  input: Type.Object({ hub: ThingName({ description: 'The hub Thing.' }), task: TaskId }),
  output: taskDetail,
  errors: [...TASK_ERRORS, 'TASK_NOT_FOUND'],
  async run({ hubs }, { hub, task }) {
    return taskRow(await (await tasksOf(hubs, hub)).cancel(task));
  },
});

/** Long work in the background. */
export const TASKS = [listTasks, getTask, getTaskReport, cancelTask] as const;
