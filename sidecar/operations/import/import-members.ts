import Type, { type Static } from 'typebox';
import { DateTime, forThingWorx, OneOf } from '../../contract/schema.ts';
import type { TaskRecord } from '../../tasks/task.ts';
import { TASK_STATES } from '../tasks/tasks.ts';

const count = (description: string) =>
  forThingWorx(Type.Integer({ minimum: 0, description }), { baseType: 'LONG' });

/** The kinds of tasks, each named as the service that starts it. */
const IMPORT_KINDS = ['StartImport', 'ExportThings', 'CompareRegistry'] as const;

export const TemplateRule = Type.Object(
  {
    template: forThingWorx(
      Type.String({
        minLength: 1,
        maxLength: 256,
        description: 'The Thing Template of devices that meet every condition of the row.',
      }),
      { baseType: 'THINGTEMPLATENAME' },
    ),
    tag: Type.Optional(
      Type.String({
        maxLength: 512,
        description: 'A path of twin tags that the device has, such as location.building.',
      }),
    ),
    value: Type.Optional(Type.String({ maxLength: 512, description: 'What the tag is; empty: anything.' })),
    modelId: Type.Optional(
      Type.String({
        maxLength: 512,
        description: 'An IoT Plug and Play model id; with * at its end, all that begin so.',
      }),
    ),
    edge: Type.Optional(
      Type.Boolean({ description: 'true: only IoT Edge devices. false: only others. Not set: both.' }),
    ),
  },
  { description: 'A row of the rules of StartImport: which devices get which Thing Template.' },
);

export const ImportRow = Type.Object(
  {
    id: Type.String({ description: 'The id of the task.' }),
    kind: OneOf(IMPORT_KINDS, {
      description: 'The service that began it: StartImport, ExportThings or CompareRegistry.',
    }),
    title: Type.String({ description: 'What it does, in plain words.' }),
    state: OneOf(TASK_STATES, { description: 'Where it stands.' }),
    done: count('Devices or Things that are settled.'),
    total: Type.Optional(count('Devices in all; absent as long as nobody knows.')),
    created: count('Things or devices that were made; in a dry run, would be made.'),
    existed: count('Those that existed already, those that were linked to the hub among them.'),
    failed: count('Those that could not be made; the report says why.'),
    withoutThing: count('Devices without a Thing, as CompareRegistry found.'),
    withoutDevice: count('Things without a device, as CompareRegistry found.'),
    errorCode: Type.Optional(Type.String({ description: 'The code of the error that ended it.' })),
    error: Type.Optional(Type.String({ description: 'Why it ended early, in plain words.' })),
    createdAt: DateTime({ description: 'When it was asked for.' }),
    startedAt: Type.Optional(DateTime({ description: 'When it began.' })),
    endedAt: Type.Optional(DateTime({ description: 'When it ended.' })),
  },
  { description: 'One import, export or comparison of the registry.' },
);
type ImportRow = Static<typeof ImportRow>;

/** True for the tasks that ListImports shows. */
export function isImport({ kind }: TaskRecord): boolean {
  return IMPORT_KINDS.some((known) => known === kind);
}

export function importRow(task: TaskRecord): ImportRow {
  const { id, kind, title, state, done, total, counts, error, createdAtMs, startedAtMs, endedAtMs } = task;
  const counted = (...names: string[]) => names.reduce((sum, name) => sum + (counts[name] ?? 0), 0);
  return {
    id,
    kind: kind as ImportRow['kind'],
    title,
    state,
    done,
    ...(total === undefined ? {} : { total }),
    created: counted('created', 'wouldCreate'),
    existed: counted('existed', 'linked', 'wouldLink', 'matched'),
    failed: counted('failed'),
    withoutThing: counted('withoutThing'),
    withoutDevice: counted('withoutDevice'),
    ...(error === undefined ? {} : { errorCode: error.code, error: error.message }),
    createdAt: new Date(createdAtMs).toISOString(),
    ...(startedAtMs === undefined ? {} : { startedAt: new Date(startedAtMs).toISOString() }),
    ...(endedAtMs === undefined ? {} : { endedAt: new Date(endedAtMs).toISOString() }),
  };
}
