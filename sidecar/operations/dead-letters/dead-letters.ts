import Type from 'typebox';
import { OneRow, Table, ThingName } from '../../contract/schema.ts';
import type { DeadLetterFilter, DeadLetterStore } from '../../dead-letters/store.ts';
import { ConnectorError } from '../../errors/connector-error.ts';
import { REPLAY_DEAD_LETTERS, type ReplayInput } from '../../ingest/replay/dead-letters.ts';
import { TASK_ERRORS } from '../error-groups.ts';
import { defineOperation } from '../operation.ts';
import {
  DeadLetterCount,
  DeadLetterDetail,
  DeadLetterId,
  DeadLetterRow,
  deadLetterDetail,
  deadLetterRow,
  filterMembers,
  isoTime,
  storeFilter,
} from './dead-letter-members.ts';

const listDeadLetters = defineOperation({
  name: 'ListDeadLetters',
  entity: 'AzureIoT.Hub_TT',
  category: 'Dead letters',
  role: 'viewer',
  summary: 'Lists messages that could not be delivered, the newest first, by device, reason and time.',
  method: 'GET',
  path: '/hubs/{hub}/dead-letters',
  input: Type.Object({
    hub: ThingName({ description: 'The hub Thing.' }),
    ...filterMembers,
    limit: Type.Optional(
      Type.Integer({
        minimum: 1,
        maximum: 1_000,
        default: 100,
        description: 'The maximum number of rows. Fewer rows mean that there are no more.',
      }),
    ),
    after: Type.Optional({ ...DeadLetterId, description: 'The id of the last row of the previous page.' }),
  }),
  output: Type.Object({
    letters: Table(DeadLetterRow, 'AzureIoT.DeadLetter_DS', {
      description: 'The dead letters, newest first.',
    }),
    more: Type.Boolean({ description: 'Whether another page follows.' }),
  }),
  result: 'letters',
  errors: ['HUB_NOT_CONNECTED', 'DEAD_LETTERS_UNAVAILABLE'],
  async run({ hubs }, { hub, limit, after, ...filter }) {
    const { store } = hubs.require(hub).deadLetters;
    const { letters, more } = await store.list(storeFilter(filter), { limit: limit ?? 100, after });
    return { letters: letters.map(deadLetterRow), more };
  },
});

const countDeadLetters = defineOperation({
  name: 'CountDeadLetters',
  entity: 'AzureIoT.Hub_TT',
  category: 'Dead letters',
  role: 'viewer',
  summary: 'Shows the number of dead letters, their size in the store and the time of the oldest one.',
  method: 'GET',
  path: '/hubs/{hub}/dead-letter-count',
  input: Type.Object({ hub: ThingName({ description: 'The hub Thing.' }) }),
  output: DeadLetterCount,
  errors: ['HUB_NOT_CONNECTED', 'DEAD_LETTERS_UNAVAILABLE'],
  async run({ hubs }, { hub }) {
    const { store, warning } = hubs.require(hub).deadLetters;
    const { count, bytes, oldestMs } = await store.stats();
    return {
      count,
      bytes: Math.round(bytes),
      ...(oldestMs === undefined ? {} : { oldest: isoTime(oldestMs) }),
      ...(warning === undefined ? {} : { warning }),
    };
  },
});

const getDeadLetter = defineOperation({
  name: 'GetDeadLetter',
  entity: 'AzureIoT.Hub_TT',
  category: 'Dead letters',
  role: 'viewer',
  summary: 'Shows one dead letter with its reasons, its body and all its properties.',
  method: 'GET',
  path: '/hubs/{hub}/dead-letters/{id}',
  input: Type.Object({ hub: ThingName({ description: 'The hub Thing.' }), id: DeadLetterId }),
  output: DeadLetterDetail,
  errors: [
    'HUB_NOT_CONNECTED',
    'DEAD_LETTER_NOT_FOUND',
    'DEAD_LETTER_UNREADABLE',
    'DEAD_LETTERS_UNAVAILABLE',
  ],
  async run({ hubs }, { hub, id }) {
    const letter = await hubs.require(hub).deadLetters.store.get(id);
    if (!letter) throw new ConnectorError('DEAD_LETTER_NOT_FOUND', `This hub has no dead letter ${id}.`);
    return deadLetterDetail(letter);
  },
});

const replayDeadLetters = defineOperation({
  name: 'ReplayDeadLetters',
  entity: 'AzureIoT.Hub_TT',
  category: 'Dead letters',
  role: 'engineer',
  summary:
    "Sends dead letters again in the background, translated with today's settings. A dead letter is deleted when it was delivered and none of its values was refused again.",
  method: 'POST',
  path: '/hubs/{hub}/dead-letters/replay',
  input: Type.Object({
    hub: ThingName({ description: 'The hub Thing.' }),
    ids: Type.Optional(
      Type.Array(DeadLetterId, {
        minItems: 1,
        maxItems: 1_000,
        description:
          'The ids of the dead letters; the filter is ignored then. Without ids and filter: all dead letters.',
      }),
    ),
    ...filterMembers,
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
  errors: [...TASK_ERRORS, 'TASK_QUEUE_FULL'],
  async run({ hubs }, { hub, ids, deleteIgnored = false, dryRun = false, ...filter }) {
    const wanted: ReplayInput = {
      ...(ids ? { ids } : { filter: storeFilter(filter) }),
      storedUntilMs: Date.now(),
      deleteIgnored,
      dryRun,
    };
    const number = ids ? `${ids.length} dead letters` : 'dead letters';
    const title = dryRun ? `Dry run: send ${number} again` : `Send ${number} again`;
    const { id } = await hubs.require(hub).tasks.submit(REPLAY_DEAD_LETTERS, title, wanted);
    return { task: id };
  },
});

/** Well within the time that the calling script waits. */
const TIMEOUT_MS = 12_000;

const deleteDeadLetters = defineOperation({
  name: 'DeleteDeadLetters',
  entity: 'AzureIoT.Hub_TT',
  category: 'Dead letters',
  role: 'engineer',
  summary: 'Deletes dead letters permanently, by id or by device, reason and time.',
  method: 'POST',
  path: '/hubs/{hub}/dead-letters/delete',
  input: Type.Object({
    hub: ThingName({ description: 'The hub Thing.' }),
    ids: Type.Optional(
      Type.Array(DeadLetterId, {
        minItems: 1,
        maxItems: 1_000,
        description: 'The ids of the dead letters; the filter is ignored then.',
      }),
    ),
    ...filterMembers,
    all: Type.Optional(
      Type.Boolean({
        default: false,
        description: 'Must be true to delete without ids and without a filter: all dead letters of the hub.',
      }),
    ),
  }),
  output: OneRow(
    Type.Object(
      {
        deleted: Type.Integer({ minimum: 0, description: 'How many were deleted.' }),
        more: Type.Boolean({
          description: 'Whether some are left because the time ran out. Call the service again then.',
        }),
      },
      { description: 'What DeleteDeadLetters has done.' },
    ),
    'AzureIoT.DeadLetterDeletion_DS',
  ),
  errors: ['HUB_NOT_CONNECTED', 'DEAD_LETTERS_UNAVAILABLE'],
  async run({ hubs }, { hub, ids, all, ...filter }) {
    const { store } = hubs.require(hub).deadLetters;
    if (ids) return { deleted: await store.delete(ids), more: false };
    if (!all && Object.values(filter).every((member) => member === undefined))
      throw new ConnectorError(
        'REQUEST_INVALID',
        'Give ids or a filter, or set all to delete every dead letter.',
      );
    return await deleteMatching(store, storeFilter(filter), TIMEOUT_MS);
  },
});

/** Deletes as many as the time allows; `more` when some are left. */
async function deleteMatching(
  store: DeadLetterStore,
  filter: DeadLetterFilter,
  timeoutMs: number,
): Promise<{ deleted: number; more: boolean }> {
  const endMs = Date.now() + timeoutMs;
  let deleted = 0;
  let after: string | undefined;
  for (;;) {
    const { letters, more } = await store.list(filter, { limit: 100, after });
    deleted += await store.delete(letters.map(({ id }) => id));
    after = letters.at(-1)?.id;
    if (!more || Date.now() >= endMs) return { deleted, more };
  }
}

/** Messages that could not be delivered. */
export const DEAD_LETTERS = [
  listDeadLetters,
  countDeadLetters,
  getDeadLetter,
  replayDeadLetters,
  deleteDeadLetters,
] as const;
