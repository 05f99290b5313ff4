import Type from 'typebox';
import { DateTime, EXPECTED_KEYWORD, ThingName } from '../../contract/schema.ts';
import { defineOperation } from '../operation.ts';

export const replayEvents = defineOperation({
  name: 'ReplayEvents',
  entity: 'AzureIoT.Hub_TT',
  category: 'Ingestion',
  summary:
    'Ingests the messages of a time window again, as far back as IoT Hub keeps them, in the background.',
  method: 'POST',
  path: '/hubs/{hub}/event-replays',
  input: Type.Object({
    hub: ThingName({ description: 'The hub Thing.' }),
    from: DateTime({ description: 'Messages that IoT Hub took at this time or later.' }),
    to: Type.Optional(DateTime({ description: 'Up to this time; until now when absent.' })),
    deviceId: Type.Optional(
      Type.String({ minLength: 1, maxLength: 256, description: 'Only messages of this device.' }),
    ),
    consumerGroup: Type.Optional(
      Type.String({
        minLength: 1,
        maxLength: 256,
        pattern: '^[A-Za-z0-9$_.-]+$',
        [EXPECTED_KEYWORD]: 'the name of a consumer group, such as $Default or replay',
        description:
          'The consumer group to read with; not the one of the settings, whose reader would lose its partitions. $Default ' +
          'when absent.',
      }),
    ),
  }),
  output: Type.Object({
    task: Type.String({ description: 'The id of the task; GetTask shows its progress.' }),
  }),
  result: 'task',
  errors: ['HUB_NOT_CONNECTED', 'TASK_QUEUE_FULL', 'TASKS_UNAVAILABLE'],
  async run({ hubs }, { hub, ...window }) {
    return { task: await hubs.require(hub).ingestion.replayEvents(window) };
  },
});
