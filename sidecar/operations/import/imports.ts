import Type from 'typebox';
import { forThingWorx, OneRow, Table } from '../../contract/schema.ts';
import { ConnectorError } from '../../errors/connector-error.ts';
import { COMPARE_REGISTRY, type CompareInput } from '../../import/compare-task.ts';
import { EXPORT_THINGS, type ExportInput } from '../../import/export-task.ts';
import {
  importInput,
  importTitle,
  START_IMPORT,
  selectionOf,
  selectionText,
} from '../../import/import-task.ts';
import { REFRESH_TWINS, type RefreshInput } from '../../import/refresh-task.ts';
import type { TaskRecord } from '../../tasks/task.ts';
import type { Tasks } from '../../tasks/tasks.ts';
import { deviceId, hub, isAll } from '../device-members.ts';
import { TASK_ERRORS } from '../error-groups.ts';
import { defineOperation } from '../operation.ts';
import { TaskId, tasksOf } from '../tasks/tasks.ts';
import { ImportRow, importRow, isImport, TemplateRule } from './import-members.ts';

const importDetail = OneRow(ImportRow, 'AzureIoT.Import_DS');

const pattern = (description: string, more: Record<string, unknown> = {}) =>
  Type.Optional(Type.String({ maxLength: 512, description, ...more }));

/** Which devices of the registry. */
const CHOICE = {
  condition: Type.Optional(
    Type.String({
      maxLength: 6_000,
      description:
        "Which devices: the part of a twin query after WHERE, such as tags.building = '43'. Empty or *: all.",
    }),
  ),
  deviceIds: Type.Optional(
    Type.Array(deviceId, {
      maxItems: 50_000,
      description: 'Only these devices: an array of ids, boxed as {"array": [...]}.',
    }),
  ),
};

const startImport = defineOperation({
  name: 'StartImport',
  entity: 'AzureIoT.Hub_TT',
  category: 'Import',
  role: 'engineer',
  summary:
    'Creates Things for devices of the registry in the background: for all, for those of a query, or for a list.',
  method: 'POST',
  path: '/hubs/{hub}/imports',
  input: Type.Object({
    hub,
    ...CHOICE,
    rules: Type.Optional(
      Table(TemplateRule, 'AzureIoT.TemplateRule_DS', {
        description: 'Which devices get which Thing Template; the first row that a device meets counts.',
      }),
    ),
    template: Type.Optional(
      forThingWorx(
        Type.String({
          maxLength: 256,
          description:
            'The Thing Template of devices that meet no rule and have no template of their model. Empty: deviceTemplate of the hub Thing.',
        }),
        { baseType: 'THINGTEMPLATENAME' },
      ),
    ),
    thingName: pattern(
      'The name of the Things; {deviceId}, {modelId} and tags such as {tags.building} are filled in.',
      { default: '{deviceId}' },
    ),
    tags: pattern('Model tags of the Things, as Vocabulary:Term;Vocabulary:Term; filled in like thingName.'),
    identifier: pattern('Identifier of the Things; filled in like thingName. Empty: none.'),
    project: pattern('The project of the Things. Empty: none.'),
    dryRun: Type.Optional(
      Type.Boolean({
        default: false,
        description: 'Whether nothing is created: the report says what would be created.',
      }),
    ),
  }),
  output: Type.Object({
    task: Type.String({
      description: 'The id of the import; GetImport shows its progress, GetTaskReport each device.',
    }),
  }),
  result: 'task',
  errors: [...TASK_ERRORS, 'TASK_QUEUE_FULL'],
  async run({ hubs }, { hub, condition, ...request }) {
    const { tasks, settings } = hubs.require(hub);
    const which = condition === undefined || isAll(condition) ? {} : { condition };
    const wanted = importInput({ ...request, ...which }, settings.deviceTemplate);
    const { id } = await tasks.submit(START_IMPORT, importTitle(wanted), wanted);
    return { task: id };
  },
});

const exportThings = defineOperation({
  name: 'ExportThings',
  entity: 'AzureIoT.Hub_TT',
  category: 'Import',
  role: 'engineer',
  summary:
    'Creates devices in the registry for the Things of a template in the background; Things that have no hub Thing get this one.',
  method: 'POST',
  path: '/hubs/{hub}/exports',
  input: Type.Object({
    hub,
    template: forThingWorx(
      Type.String({
        minLength: 1,
        maxLength: 256,
        description:
          'Things of this template and of those derived from it; they must implement AzureIoT.Device_TS.',
      }),
      { baseType: 'THINGTEMPLATENAME' },
    ),
    edge: Type.Optional(
      Type.Boolean({ default: false, description: 'Whether the devices are IoT Edge devices.' }),
    ),
    enabled: Type.Optional(
      Type.Boolean({ default: true, description: 'Whether the devices may connect at once.' }),
    ),
    dryRun: Type.Optional(
      Type.Boolean({
        default: false,
        description: 'Whether nothing is created: the report says what would be created.',
      }),
    ),
  }),
  output: Type.Object({
    task: Type.String({
      description: 'The id of the export; GetImport shows its progress, GetTaskReport each device.',
    }),
  }),
  result: 'task',
  errors: [...TASK_ERRORS, 'TASK_QUEUE_FULL'],
  async run({ hubs }, { hub, template, edge = false, enabled = true, dryRun = false }) {
    const wanted: ExportInput = { template, edge, enabled, dryRun };
    const title = `${dryRun ? 'Show which devices' : 'Make devices'} for the Things of ${template}`;
    const { id } = await hubs.require(hub).tasks.submit(EXPORT_THINGS, title, wanted);
    return { task: id };
  },
});

const compareRegistry = defineOperation({
  name: 'CompareRegistry',
  entity: 'AzureIoT.Hub_TT',
  category: 'Import',
  role: 'engineer',
  summary:
    'Finds devices without a Thing, Things without a device, and Things of another template, model or tags, in the background; changes nothing.',
  method: 'POST',
  path: '/hubs/{hub}/comparisons',
  input: Type.Object({
    hub,
    rules: Type.Optional(
      Table(TemplateRule, 'AzureIoT.TemplateRule_DS', {
        description: 'Which devices should have which Thing Template, as in StartImport.',
      }),
    ),
    template: Type.Optional(
      forThingWorx(
        Type.String({
          maxLength: 256,
          description:
            'The Thing Template of devices that meet no rule and have no template of their model. Empty: their template is not compared.',
        }),
        { baseType: 'THINGTEMPLATENAME' },
      ),
    ),
  }),
  output: Type.Object({
    task: Type.String({
      description:
        'The id of the comparison; GetImport shows the numbers, GetTaskReport lists what is missing or different.',
    }),
  }),
  result: 'task',
  errors: [...TASK_ERRORS, 'TASK_QUEUE_FULL'],
  async run({ hubs }, { hub, rules = [], template = '' }) {
    const title = 'Compare the registry with the Things';
    const wanted: CompareInput = { rules, template };
    const { id } = await hubs.require(hub).tasks.submit(COMPARE_REGISTRY, title, wanted);
    return { task: id };
  },
});

const refreshTwins = defineOperation({
  name: 'RefreshTwins',
  entity: 'AzureIoT.Hub_TT',
  category: 'Import',
  role: 'engineer',
  summary:
    'Reads the twins of devices and mirrors them on their Things in the background: for all, for those of a query, or for a list.',
  method: 'POST',
  path: '/hubs/{hub}/twin-refreshes',
  input: Type.Object({
    hub,
    ...CHOICE,
  }),
  output: Type.Object({
    task: Type.String({
      description: 'The id of the refresh; GetImport shows its progress, GetTaskReport what failed.',
    }),
  }),
  result: 'task',
  errors: [...TASK_ERRORS, 'TASK_QUEUE_FULL'],
  async run({ hubs }, { hub, condition, deviceIds }) {
    const { tasks } = hubs.require(hub);
    const which = condition === undefined || isAll(condition) ? {} : { condition };
    const wanted: RefreshInput = { selection: selectionOf({ deviceIds, ...which }) };
    const title = `Mirror the twins of ${selectionText(wanted.selection)}`;
    const { id } = await tasks.submit(REFRESH_TWINS, title, wanted);
    return { task: id };
  },
});

function findImport(tasks: Tasks, id: string): TaskRecord {
  const task = tasks.get(id);
  if (isImport(task)) return task;
  throw new ConnectorError(
    'TASK_NOT_FOUND',
    `The task ${id} is not an import, export, comparison or refresh of twins.`,
  );
}

const getImport = defineOperation({
  name: 'GetImport',
  entity: 'AzureIoT.Hub_TT',
  category: 'Import',
  role: 'viewer',
  summary:
    'Shows the progress of an import, export, comparison or refresh of twins; GetTaskReport has the report per device.',
  method: 'GET',
  path: '/hubs/{hub}/imports/{task}',
  input: Type.Object({ hub, task: TaskId }),
  output: importDetail,
  errors: [...TASK_ERRORS, 'TASK_NOT_FOUND'],
  async run({ hubs }, { hub, task }) {
    return importRow(findImport(await tasksOf(hubs, hub), task));
  },
});

const listImports = defineOperation({
  name: 'ListImports',
  entity: 'AzureIoT.Hub_TT',
  category: 'Import',
  role: 'viewer',
  summary: 'Lists the imports, exports, comparisons and refreshes of twins of this hub, the newest first.',
  method: 'GET',
  path: '/hubs/{hub}/imports',
  input: Type.Object({ hub }),
  output: Type.Object({
    imports: Table(ImportRow, 'AzureIoT.Import_DS', { description: 'The imports, newest first.' }),
  }),
  result: 'imports',
  errors: [...TASK_ERRORS],
  async run({ hubs }, { hub }) {
    return { imports: (await tasksOf(hubs, hub)).list().filter(isImport).map(importRow) };
  },
});

const cancelImport = defineOperation({
  name: 'CancelImport',
  entity: 'AzureIoT.Hub_TT',
  category: 'Import',
  role: 'engineer',
  summary:
    'Cancels an import, export, comparison or refresh of twins; what it has created stays. One that has ended does not change.',
  method: 'POST',
  path: '/hubs/{hub}/imports/{task}/cancel',
  input: Type.Object({ hub, task: TaskId }),
  output: importDetail,
  errors: [...TASK_ERRORS, 'TASK_NOT_FOUND'],
  async run({ hubs }, { hub, task }) {
    const tasks = await tasksOf(hubs, hub);
    return importRow(await tasks.cancel(findImport(tasks, task).id));
  },
});

/** What brings Things and the device registry together. */
export const IMPORT = [
  startImport,
  exportThings,
  compareRegistry,
  refreshTwins,
  getImport,
  listImports,
  cancelImport,
] as const;
