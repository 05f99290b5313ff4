import Type from 'typebox';
import { STORAGE_ERRORS } from '../../files/types.ts';
import { defineOperation } from '../operation.ts';
import { account, DONE, Done } from './file-members.ts';

export const disconnectStorage = defineOperation({
  name: 'DisconnectStorage',
  entity: 'AzureIoT.StorageAccount_TT',
  category: 'Connection',
  summary: 'Makes the sidecar forget this storage account until ConnectStorage is called.',
  method: 'DELETE',
  path: '/storage/{account}',
  input: Type.Object({ account }),
  output: Done,
  noResult: true,
  errors: [...STORAGE_ERRORS],
  async run({ storages }, input) {
    await storages.disconnect(input.account);
    return DONE;
  },
});
