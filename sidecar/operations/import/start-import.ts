import Type from 'typebox';
import { forThingWorx, Table } from '../../contract/schema.ts';
import { deviceId, hub, isAll } from '../device-members.ts';
import { defineOperation } from '../operation.ts';
import { TemplateRule } from './imports.ts';

const pattern = (description: string, more: Record<string, unknown> = {}) =>
  Type.Optional(Type.String({ maxLength: 512, description, ...more }));

export const startImport = defineOperation({
  name: 'StartImport',
  entity: 'AzureIoT.Hub_TT',
  category: 'Import',
  summary:
    'Makes Things for devices of the registry, in the background: for all, for those of a query, or for a list.',
  method: 'POST',
  path: '/hubs/{hub}/imports',
  input: Type.Object({
    hub,
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
            'The Thing Template of devices that meet no rule. Empty: deviceTemplate of the hub Thing.',
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
        description: 'Whether nothing is made: the report says what would be.',
      }),
    ),
  }),
  output: Type.Object({
    task: Type.String({
      description: 'The id of the import; GetImport shows its progress, GetTaskReport each device.',
    }),
  }),
  result: 'task',
  errors: ['HUB_NOT_CONNECTED', 'TASK_QUEUE_FULL', 'TASKS_UNAVAILABLE'],
  async run({ hubs }, { hub, condition, ...request }) {
    const which = condition === undefined || isAll(condition) ? {} : { condition };
    return { task: await hubs.require(hub).imports.startImport({ ...request, ...which }) };
  },
});
