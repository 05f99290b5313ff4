import Type from 'typebox';
import { ThingName } from '../../contract/schema.ts';
import { ConnectorError } from '../../errors/connector-error.ts';
import { defineOperation } from '../operation.ts';
import { LetterFilter, LetterId } from './dead-letters.ts';

/** Well within the time that the calling script waits. */
const TIMEOUT_MS = 12_000;

export const deleteDeadLetters = defineOperation({
  name: 'DeleteDeadLetters',
  entity: 'AzureIoT.Hub_TT',
  category: 'Dead letters',
  summary: 'Deletes dead letters for good, by id or by device, reason and time.',
  method: 'POST',
  path: '/hubs/{hub}/dead-letters/delete',
  input: Type.Object({
    hub: ThingName({ description: 'The hub Thing.' }),
    ids: Type.Optional(
      Type.Array(LetterId, {
        minItems: 1,
        maxItems: 1_000,
        description: 'These dead letters, whatever the filter says.',
      }),
    ),
    ...LetterFilter,
    all: Type.Optional(
      Type.Boolean({
        default: false,
        description: 'Must be true to delete without ids and without a filter: all dead letters of the hub.',
      }),
    ),
  }),
  output: Type.Object({
    deleted: Type.Integer({ minimum: 0, description: 'How many were deleted.' }),
    more: Type.Boolean({ description: 'Whether some are left because of the time; call it again.' }),
  }),
  errors: ['HUB_NOT_CONNECTED', 'DEAD_LETTERS_UNAVAILABLE'],
  async run({ hubs }, { hub, ids, all, ...filter }) {
    const { deadLetters } = hubs.require(hub);
    if (ids) return { deleted: await deadLetters.deleteIds(ids), more: false };
    if (!all && Object.values(filter).every((member) => member === undefined))
      throw new ConnectorError(
        'REQUEST_INVALID',
        'Give ids or a filter, or set all to delete every dead letter.',
      );
    return await deadLetters.deleteMatching(filter, TIMEOUT_MS);
  },
});
