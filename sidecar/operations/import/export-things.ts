import Type from 'typebox';
import { forThingWorx } from '../../contract/schema.ts';
import { hub } from '../device-members.ts';
import { defineOperation } from '../operation.ts';

export const exportThings = defineOperation({
  name: 'ExportThings',
  entity: 'AzureIoT.Hub_TT',
  category: 'Import',
  summary:
    'Makes devices in the registry for the Things of a template, in the background; Things that have no hub yet get this one.',
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
        description: 'Whether nothing is made: the report says what would be.',
      }),
    ),
  }),
  output: Type.Object({
    task: Type.String({
      description: 'The id of the export; GetImport shows its progress, GetTaskReport each device.',
    }),
  }),
  result: 'task',
  errors: ['HUB_NOT_CONNECTED', 'TASK_QUEUE_FULL', 'TASKS_UNAVAILABLE'],
  async run({ hubs }, { hub, ...request }) {
    return { task: await hubs.require(hub).imports.exportThings(request) };
  },
});
