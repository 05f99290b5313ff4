import Type from 'typebox';
import { SECRET_NAMES } from '../contract/hub-settings.ts';
import { OneOf } from '../contract/schema.ts';
import { defineOperation } from './operation.ts';

export const putSecret = defineOperation({
  name: 'PutSecret',
  category: 'Connection',
  summary:
    'Hands over one secret setting: the ticket that Connect answered is the user name and the secret the password of HTTP Basic.',
  method: 'PUT',
  path: '/secrets/{ticket}',
  input: Type.Object({
    ticket: Type.String({
      minLength: 1,
      maxLength: 128,
      description: 'The ticket that Connect answered for this secret.',
    }),
    secret: Type.String({
      maxLength: 4096,
      description:
        'The password of HTTP Basic. Empty counts as not set; env:NAME and file:/path are resolved.',
    }),
  }),
  output: Type.Object({
    name: OneOf(SECRET_NAMES, { description: 'The setting that was handed over.' }),
    awaited: Type.Integer({
      minimum: 0,
      description: 'How many secrets of the same Connect are still awaited.',
    }),
  }),
  errors: ['TICKET_UNKNOWN', 'SECRET_UNREADABLE', 'CONNECTION_STRING_INVALID', 'MAPPINGS_INVALID'],
  authorisation: 'ticket',
  run: ({ secretTokens }, { ticket, secret }) => secretTokens.redeem(ticket, secret),
});
