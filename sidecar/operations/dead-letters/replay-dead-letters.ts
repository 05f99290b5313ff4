import Type from 'typebox';
import { ThingName } from '../../contract/schema.ts';
import { defineOperation } from '../operation.ts';
import { LetterFilter, LetterId } from './dead-letters.ts';

export const replayDeadLetters = defineOperation({
  name: 'ReplayDeadLetters',
  entity: 'AzureIoT.Hub_TT',
  category: 'Dead letters',
  summary:
    "Sends dead letters again in the background, translated with today's settings. A dead letter of which a value was delivered is deleted.",
  method: 'POST',
  path: '/hubs/{hub}/dead-letters/replay',
  input: Type.Object({
    hub: ThingName({ description: 'The hub Thing.' }),
    ids: Type.Optional(
      Type.Array(LetterId, {
        minItems: 1,
        maxItems: 1_000,
        description: 'These dead letters, whatever the filter says. Without them and without a filter: all.',
      }),
    ),
    ...LetterFilter,
    deleteIgnored: Type.Optional(
      Type.Boolean({
        default: false,
        description:
          'Delete also dead letters of which nothing is delivered because the settings ignore all of their values.',
      }),
    ),
    dryRun: Type.Optional(
      Type.Boolean({
        default: false,
        description:
          'Send, create and delete nothing: the counts and the report of the task say what a replay would do.',
      }),
    ),
  }),
  output: Type.Object({
    task: Type.String({ description: 'The id of the task; GetTask shows its progress.' }),
  }),
  result: 'task',
  errors: ['HUB_NOT_CONNECTED', 'TASK_QUEUE_FULL', 'TASKS_UNAVAILABLE'],
  async run({ hubs }, { hub, ids, deleteIgnored, dryRun, ...filter }) {
    const chosen = ids ? { ids } : { filter };
    const { deadLetters } = hubs.require(hub);
    return { task: await deadLetters.replay(chosen, { deleteIgnored, dryRun }) };
  },
});
