import Type from 'typebox';
import { ThingName } from '../../contract/schema.ts';
import { defineOperation } from '../operation.ts';
import { LetterCount } from './dead-letters.ts';

export const countDeadLetters = defineOperation({
  name: 'CountDeadLetters',
  entity: 'AzureIoT.Hub_TT',
  category: 'Dead letters',
  summary: 'Shows how many messages could not be delivered, what they take in the store, and the oldest.',
  method: 'GET',
  path: '/hubs/{hub}/dead-letter-count',
  input: Type.Object({ hub: ThingName({ description: 'The hub Thing.' }) }),
  output: LetterCount,
  errors: ['HUB_NOT_CONNECTED', 'DEAD_LETTERS_UNAVAILABLE'],
  run: ({ hubs }, { hub }) => hubs.require(hub).deadLetters.count(),
});
