import Type from 'typebox';
import { STORAGE_ERRORS } from '../../files/types.ts';
import { defineOperation } from '../operation.ts';
import { account } from './file-members.ts';

export const checkStorage = defineOperation({
  name: 'CheckStorage',
  entity: 'AzureIoT.StorageAccount_TT',
  category: 'Connection',
  summary: 'Shows whether the storage account answers and accepts the credentials.',
  method: 'GET',
  path: '/storage/{account}/check',
  input: Type.Object({ account }),
  output: Type.Object({
    account: Type.String({ description: 'The name of the storage account.' }),
    signIn: Type.String({ description: 'key, sas or entra.' }),
    milliseconds: Type.Integer({ minimum: 0, description: 'How long the answer took.' }),
  }),
  errors: [...STORAGE_ERRORS],
  async run({ storages, signal }, input) {
    return storages.require(input.account).check(signal);
  },
});
