import Type from 'typebox';
import { OneOf } from '../../contract/schema.ts';
import { STORAGE_ERRORS } from '../../files/types.ts';
import { defineOperation } from '../operation.ts';
import { DONE, Done, FILES_PATH, path, place } from './file-members.ts';

export const setFileTier = defineOperation({
  name: 'SetFileTier',
  entity: 'AzureIoT.BlobContainer_TT',
  category: 'Properties',
  summary: 'Moves a file to another access tier.',
  method: 'PUT',
  path: `${FILES_PATH}/tier`,
  input: Type.Object({
    ...place,
    path,
    tier: OneOf(['Hot', 'Cool', 'Cold', 'Archive'], { description: 'The tier.' }),
  }),
  output: Done,
  noResult: true,
  errors: [...STORAGE_ERRORS, 'PATH_INVALID', 'FILE_NOT_FOUND'],
  async run({ storages, signal }, input) {
    const files = storages.require(input.account).container(input.container);
    await files.setTier(input.path, input.tier, signal);
    return DONE;
  },
});
