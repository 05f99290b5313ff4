import Type from 'typebox';
import { OneRow } from '../../contract/schema.ts';
import { STORAGE_ERRORS } from '../../files/types.ts';
import { defineOperation } from '../operation.ts';
import { Withheld, withheldErrors } from '../withheld-secrets.ts';
import { account, DONE, Done } from './file-members.ts';

export const checkStorage = defineOperation({
  name: 'CheckStorage',
  entity: 'AzureIoT.StorageAccount_TT',
  category: 'Connection',
  role: 'viewer',
  summary: 'Checks whether the storage account responds and accepts the credentials.',
  method: 'GET',
  path: '/storage/{account}/check',
  input: Type.Object({ account }),
  output: OneRow(
    Type.Object(
      {
        account: Type.String({ description: 'The name of the storage account.' }),
        signIn: Type.String({ description: 'key, sas or entra.' }),
        milliseconds: Type.Integer({ minimum: 0, description: 'The response time.' }),
      },
      { description: 'The storage account that responds.' },
    ),
    'AzureIoT.StorageCheck_DS',
  ),
  errors: [...STORAGE_ERRORS],
  async run({ storages, signal }, input) {
    return storages.require(input.account).check(signal);
  },
});

export const listStorage = defineOperation({
  name: 'ListStorage',
  category: 'Connection',
  role: 'viewer',
  summary: 'Lists the storage Things that are connected to the sidecar.',
  method: 'GET',
  path: '/storage',
  input: Type.Object({}),
  output: Type.Object({
    accounts: Type.Array(
      Type.Object({ account: Type.String({ description: 'The Thing of the storage account.' }) }),
      { description: 'The storage Things, by name.' },
    ),
  }),
  errors: [],
  async run({ storages }) {
    return { accounts: storages.things().map((thing) => ({ account: thing })) };
  },
});

export const connectStorage = defineOperation({
  name: 'ConnectStorage',
  entity: 'AzureIoT.StorageAccount_TT',
  category: 'Connection',
  role: 'engineer',
  summary: 'Sends the settings of this Thing to the sidecar, so that its containers can be used.',
  method: 'PUT',
  path: '/storage/{account}',
  input: Type.Object({
    account,
    blobEndpoint: Type.Optional(
      Type.String({
        description: 'The address of the account, such as https://account.blob.core.windows.net.',
      }),
    ),
    secret: Type.Boolean({
      description:
        'Whether storageConnectionString has a value. It is sent separately, with a one-time secret token.',
    }),
    withheld: Withheld,
  }),
  output: Type.Object({
    tickets: Type.Array(
      Type.Object({
        name: Type.String({ description: 'The name of the secret setting.' }),
        ticket: Type.String({
          description: 'The one-time secret token: valid for one PUT /v1/secrets/{ticket} within 60 seconds.',
        }),
      }),
      { description: 'One entry if a secret is expected.' },
    ),
  }),
  errors: [
    'SETTING_MISSING',
    'CONNECTION_STRING_INVALID',
    'SETTING_INVALID',
    'SECRET_UNREADABLE',
    'PASSWORD_NOT_PASSED',
  ],
  noResult: true,
  script: 'hand-written',
  async run({ storages }, { account: thing, blobEndpoint, secret, withheld }) {
    const refused = withheldErrors(withheld);
    return { tickets: [...(await storages.connect(thing, { blobEndpoint }, secret, refused))] };
  },
});

export const disconnectStorage = defineOperation({
  name: 'DisconnectStorage',
  entity: 'AzureIoT.StorageAccount_TT',
  category: 'Connection',
  role: 'engineer',
  summary: 'Removes this storage account from the sidecar until ConnectStorage is called.',
  method: 'DELETE',
  path: '/storage/{account}',
  input: Type.Object({ account }),
  output: Done,
  noResult: true,
  errors: [],
  async run({ storages }, input) {
    await storages.disconnect(input.account);
    return DONE;
  },
});
