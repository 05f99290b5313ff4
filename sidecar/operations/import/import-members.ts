import Type, { type Static } from 'typebox';
import { DateTime, forThingWorx, OneOf } from '../../contract/schema.ts';
import { TASK_STATES } from '../tasks/tasks.ts';

const count = (description: string) =>
  forThingWorx(Type.Integer({ minimum: 0, description }), { baseType: 'LONG' });

/** The work that this file is about, by the name of the service that begins it. */
export const IMPORT_KINDS = ['StartImport', 'ExportThings', 'CompareRegistry'] as const;

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
export type TemplateRule = Static<typeof TemplateRule>;

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
export type ImportRow = Static<typeof ImportRow>;

export interface ImportRequest {
  readonly condition?: string | undefined;
  readonly deviceIds?: readonly string[] | undefined;
  readonly rules?: readonly TemplateRule[] | undefined;
  readonly template?: string | undefined;
  readonly thingName?: string | undefined;
  readonly tags?: string | undefined;
  readonly identifier?: string | undefined;
  readonly project?: string | undefined;
  readonly dryRun?: boolean | undefined;
}

export interface ExportRequest {
  readonly template: string;
  readonly edge?: boolean | undefined;
  readonly enabled?: boolean | undefined;
  readonly dryRun?: boolean | undefined;
}

/** Work that brings Things and the device registry together, as operations see it. All throw TASKS_UNAVAILABLE. */
export interface ImportDesk {
  /** @returns the id of the task @throws ConnectorError REQUEST_INVALID, TASK_QUEUE_FULL */
  startImport(request: ImportRequest): Promise<string>;
  /** @returns the id of the task @throws ConnectorError TASK_QUEUE_FULL */
  exportThings(request: ExportRequest): Promise<string>;
  /** @returns the id of the task @throws ConnectorError TASK_QUEUE_FULL */
  compareRegistry(): Promise<string>;
  /** Newest first. */
  list(): Promise<ImportRow[]>;
  /** @throws ConnectorError TASK_NOT_FOUND, also for a task of another kind */
  get(id: string): Promise<ImportRow>;
  /** Resolves when it has ended; what was made stays. @throws ConnectorError TASK_NOT_FOUND */
  cancel(id: string): Promise<ImportRow>;
}
