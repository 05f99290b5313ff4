import Type, { type Static } from 'typebox';
import { DateTime, forThingWorx, OneOf } from '../../contract/schema.ts';
import type { TaskRecord } from '../../tasks/task.ts';
import { FORECAST_MEMBERS, forecastOf, TASK_STATES } from '../tasks/tasks.ts';

const count = (description: string) =>
  forThingWorx(Type.Integer({ minimum: 0, description }), { baseType: 'LONG' });

/** The kinds of tasks, each named as the service that starts it. */
const IMPORT_KINDS = ['StartImport', 'ExportThings', 'CompareRegistry', 'RefreshTwins'] as const;

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
    value: Type.Optional(
      Type.String({ maxLength: 512, description: 'The value of the tag. Empty: any value.' }),
    ),
    modelId: Type.Optional(
      Type.String({
        maxLength: 512,
        description:
          'An IoT Plug and Play model id. With * at its end: all ids that begin with the text before it.',
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
      description: 'The service that started it: StartImport, ExportThings, CompareRegistry or RefreshTwins.',
    }),
    title: Type.String({ description: 'What it does, in plain words.' }),
    state: OneOf(TASK_STATES, { description: 'The state of the task.' }),
    done: count('Devices or Things that are done.'),
    total: Type.Optional(count('The total number of devices; not set while it is not known.')),
    created: count('Things or devices that were created; in a dry run, that would be created.'),
    existed: count(
      'Those that existed already, including those that were linked to the hub; Things that CompareRegistry or RefreshTwins found in order or has refreshed.',
    ),
    failed: count('Those that could not be created; the report says why.'),
    withoutThing: count('Devices without a Thing, as CompareRegistry found.'),
    withoutDevice: count('Things without a device, as CompareRegistry found.'),
    different: count('Devices whose Thing has another template, model or tags, as CompareRegistry found.'),
    ...FORECAST_MEMBERS,
    note: Type.Optional(
      Type.String({ description: 'How the registry is read; not set if there is nothing to say.' }),
    ),
    errorCode: Type.Optional(Type.String({ description: 'The code of the error that ended it.' })),
    error: Type.Optional(Type.String({ description: 'Why it ended early, in plain words.' })),
    createdAt: DateTime({ description: 'When it was requested.' }),
    startedAt: Type.Optional(DateTime({ description: 'When it began.' })),
    endedAt: Type.Optional(DateTime({ description: 'When it ended.' })),
  },
  { description: 'One import, export or comparison of the registry, or refresh of twins.' },
);
type ImportRow = Static<typeof ImportRow>;

/** True for the tasks that ListImports shows. */
export function isImport({ kind }: TaskRecord): boolean {
  return IMPORT_KINDS.some((known) => known === kind);
}

export function importRow(task: TaskRecord): ImportRow {
  const { id, kind, title, state, done, total, counts, note, error, createdAtMs, startedAtMs, endedAtMs } =
    task;
  const counted = (...names: string[]) => names.reduce((sum, name) => sum + (counts[name] ?? 0), 0);
  return {
    id,
    kind: kind as ImportRow['kind'],
    title,
    state,
    done,
    ...(total === undefined ? {} : { total }),
    created: counted('created', 'wouldCreate'),
    existed: counted('existed', 'linked', 'wouldLink', 'matched', 'refreshed', 'unchanged'),
    failed: counted('failed'),
    withoutThing: counted('withoutThing'),
    withoutDevice: counted('withoutDevice'),
    different: counted('different'),
    ...forecastOf(task),
    ...(note === undefined ? {} : { note }),
    ...(error === undefined ? {} : { errorCode: error.code, error: error.message }),
    createdAt: new Date(createdAtMs).toISOString(),
    ...(startedAtMs === undefined ? {} : { startedAt: new Date(startedAtMs).toISOString() }),
    ...(endedAtMs === undefined ? {} : { endedAt: new Date(endedAtMs).toISOString() }),
  };
}
