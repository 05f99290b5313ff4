import Type from 'typebox';
import { STORAGE_ERRORS } from '../../files/types.ts';
import { defineOperation } from '../operation.ts';
import { account } from './file-members.ts';

export const deleteContainer = defineOperation({
  name: 'DeleteContainer',
  entity: 'AzureIoT.StorageAccount_TT',
  category: 'Containers',
  summary: 'Deletes a container with everything in it.',
  method: 'DELETE',
  path: '/storage/{account}/containers/{containerName}',
  input: Type.Object({
    account,
    containerName: Type.String({ minLength: 1, maxLength: 63, description: 'The name of the container.' }),
  }),
  output: Type.Object({ deleted: Type.Boolean({ description: 'False when there was none.' }) }),
  result: 'deleted',
  errors: [...STORAGE_ERRORS, 'PATH_INVALID'],
  async run({ storages, signal }, input) {
    return { deleted: await storages.require(input.account).deleteContainer(input.containerName, signal) };
  },
});
