import Type from 'typebox';
import { DateTime, EXPECTED_KEYWORD, ThingName } from '../../contract/schema.ts';
import { CONTAINER_NAME } from '../../contract/settings/setting.ts';
import { defineOperation } from '../operation.ts';

export const ingestBlobs = defineOperation({
  name: 'IngestBlobs',
  entity: 'AzureIoT.Hub_TT',
  category: 'Ingestion',
  summary:
    'Ingests files that IoT Hub routed or Event Hubs Capture wrote to storage, in the background, each once.',
  method: 'POST',
  path: '/hubs/{hub}/ingestions',
  input: Type.Object({
    hub: ThingName({ description: 'The hub Thing.' }),
    container: Type.String({
      pattern: CONTAINER_NAME,
      [EXPECTED_KEYWORD]: 'the name of a blob container',
      description: 'The container, in the storage account that the settings name.',
    }),
    prefix: Type.Optional(
      Type.String({
        default: '',
        maxLength: 1_024,
        description: 'Only files whose names begin with this, such as my-hub/0/2026/03/.',
      }),
    ),
    from: Type.Optional(DateTime({ description: 'Only files that were written at this time or later.' })),
    to: Type.Optional(DateTime({ description: 'Only files that were written at this time or earlier.' })),
    again: Type.Optional(
      Type.Boolean({
        default: false,
        description: 'Whether files that were ingested before are ingested again.',
      }),
    ),
  }),
  output: Type.Object({
    task: Type.String({ description: 'The id of the task; GetTask shows its progress.' }),
  }),
  result: 'task',
  errors: ['HUB_NOT_CONNECTED', 'SETTING_MISSING', 'TASK_QUEUE_FULL', 'TASKS_UNAVAILABLE'],
  async run({ hubs }, { hub, container, prefix, from, to, again }) {
    const selection = { container, prefix: prefix ?? '', from, to, again: again ?? false };
    return { task: await hubs.require(hub).ingestion.ingestBlobs(selection) };
  },
});
