import Type from 'typebox';
import { ThingName } from '../../contract/schema.ts';
import { defineOperation } from '../operation.ts';
import { LetterDetail, LetterId } from './dead-letters.ts';

export const getDeadLetter = defineOperation({
  name: 'GetDeadLetter',
  entity: 'AzureIoT.Hub_TT',
  category: 'Dead letters',
  summary: 'Shows one message that could not be delivered, whole: reasons, body and all properties.',
  method: 'GET',
  path: '/hubs/{hub}/dead-letters/{id}',
  input: Type.Object({ hub: ThingName({ description: 'The hub Thing.' }), id: LetterId }),
  output: LetterDetail,
  errors: [
    'HUB_NOT_CONNECTED',
    'DEAD_LETTER_NOT_FOUND',
    'DEAD_LETTER_UNREADABLE',
    'DEAD_LETTERS_UNAVAILABLE',
  ],
  run: ({ hubs }, { hub, id }) => hubs.require(hub).deadLetters.get(id),
});
