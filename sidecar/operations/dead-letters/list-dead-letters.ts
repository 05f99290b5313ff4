import Type from 'typebox';
import { Table, ThingName } from '../../contract/schema.ts';
import { defineOperation } from '../operation.ts';
import { LetterFilter, LetterId, LetterRow } from './dead-letters.ts';

export const listDeadLetters = defineOperation({
  name: 'ListDeadLetters',
  entity: 'AzureIoT.Hub_TT',
  category: 'Dead letters',
  summary: 'Lists messages that could not be delivered, the newest first, by device, reason and time.',
  method: 'GET',
  path: '/hubs/{hub}/dead-letters',
  input: Type.Object({
    hub: ThingName({ description: 'The hub Thing.' }),
    ...LetterFilter,
    limit: Type.Optional(
      Type.Integer({
        minimum: 1,
        maximum: 1_000,
        default: 100,
        description: 'The most rows of one answer; fewer mean that there are no more.',
      }),
    ),
    after: Type.Optional({ ...LetterId, description: 'The id of the last row of the page before.' }),
  }),
  output: Type.Object({
    letters: Table(LetterRow, 'AzureIoT.DeadLetter_DS', { description: 'The dead letters, newest first.' }),
    more: Type.Boolean({ description: 'Whether another page follows.' }),
  }),
  result: 'letters',
  errors: ['HUB_NOT_CONNECTED', 'DEAD_LETTERS_UNAVAILABLE'],
  async run({ hubs }, { hub, limit, after, ...filter }) {
    return await hubs.require(hub).deadLetters.list(filter, { limit: limit ?? 100, after });
  },
});
