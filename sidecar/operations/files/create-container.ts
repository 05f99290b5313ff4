import Type from 'typebox';
import { STORAGE_ERRORS } from '../../files/types.ts';
import { defineOperation } from '../operation.ts';
import { account } from './file-members.ts';

export const createContainer = defineOperation({
  name: 'CreateContainer',
  entity: 'AzureIoT.StorageAccount_TT',
  category: 'Containers',
  summary: 'Makes a container that nobody may read without credentials; one that exists is no error.',
  method: 'PUT',
  path: '/storage/{account}/containers/{containerName}',
  input: Type.Object({
    account,
    containerName: Type.String({ minLength: 1, maxLength: 63, description: 'The name of the container.' }),
  }),
  output: Type.Object({ created: Type.Boolean({ description: 'False when it existed already.' }) }),
  result: 'created',
  errors: [...STORAGE_ERRORS, 'PATH_INVALID'],
  async run({ storages, signal }, input) {
    return { created: await storages.require(input.account).createContainer(input.containerName, signal) };
  },
});
