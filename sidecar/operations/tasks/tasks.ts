import Type, { type Static } from 'typebox';
import { DateTime, forThingWorx, JsonObject, OneOf } from '../../contract/schema.ts';

export const TASK_STATES = ['queued', 'running', 'completed', 'failed', 'cancelled'] as const;
export type TaskState = (typeof TASK_STATES)[number];

export const TaskId = Type.String({
  pattern: '^[0-9]{17}-[0-9a-f]{8}$',
  description: 'The id of a task, as the service that began it gave it.',
});

const count = (description: string) =>
  forThingWorx(Type.Integer({ minimum: 0, description }), { baseType: 'LONG' });

export const TaskRow = Type.Object(
  {
    id: Type.String({ description: 'The id of the task.' }),
    kind: Type.String({ description: 'What sort of work it is: the name of the service that began it.' }),
    title: Type.String({ description: 'What it does, in plain words.' }),
    state: OneOf(TASK_STATES, { description: 'Where it stands.' }),
    done: count('Items that are settled.'),
    total: Type.Optional(count('Items in all; absent as long as nobody knows.')),
    counts: JsonObject({ description: 'Number of items by what became of them.' }),
    note: Type.Optional(
      Type.String({
        description: 'What to know about the result as a whole; absent when nothing is to be said.',
      }),
    ),
    reported: count('Lines of its report.'),
    errorCode: Type.Optional(Type.String({ description: 'The code of the error that ended it.' })),
    error: Type.Optional(Type.String({ description: 'Why it failed, in plain words.' })),
    createdAt: DateTime({ description: 'When it was asked for.' }),
    startedAt: Type.Optional(DateTime({ description: 'When it began.' })),
    endedAt: Type.Optional(DateTime({ description: 'When it ended.' })),
  },
  { description: 'One task: long work of a hub in the background.' },
);
export type TaskRow = Static<typeof TaskRow>;

export const TaskReportLine = Type.Object(
  {
    item: Type.String({ description: 'The item: a file, a device, a dead letter.' }),
    outcome: Type.String({ description: 'What became of it, in one word.' }),
    message: Type.String({ description: 'Plain words; may be empty.' }),
  },
  { description: 'One line of the report of a task.' },
);
export type TaskReportLine = Static<typeof TaskReportLine>;

/** The background tasks of one hub, as operations see them. All throw TASKS_UNAVAILABLE. */
export interface TaskDesk {
  /** Newest first. */
  list(filter: { kind?: string | undefined; state?: TaskState | undefined }): Promise<TaskRow[]>;
  /** @throws ConnectorError TASK_NOT_FOUND */
  get(id: string): Promise<TaskRow>;
  /** Resolves when it has ended. @throws ConnectorError TASK_NOT_FOUND */
  cancel(id: string): Promise<TaskRow>;
  /** Lines from a number on, the first being 0. @throws ConnectorError TASK_NOT_FOUND */
  report(id: string, page: { from: number; limit: number }): Promise<TaskReportLine[]>;
}
