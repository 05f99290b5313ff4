import Type from 'typebox';
import { STORAGE_ERRORS } from '../../files/types.ts';
import { defineOperation } from '../operation.ts';
import { DONE, Done, FILES_PATH, path, place } from './file-members.ts';

export const restoreFile = defineOperation({
  name: 'RestoreFile',
  entity: 'AzureIoT.BlobContainer_TT',
  category: 'Versions',
  summary: 'Brings a deleted file back, where the storage account keeps deleted blobs for some days.',
  method: 'POST',
  path: `${FILES_PATH}/restores`,
  input: Type.Object({ ...place, path }),
  output: Done,
  noResult: true,
  errors: [...STORAGE_ERRORS, 'PATH_INVALID', 'FILE_NOT_FOUND'],
  async run({ storages, signal }, input) {
    const files = storages.require(input.account).container(input.container);
    await files.restore(input.path, signal);
    return DONE;
  },
});
