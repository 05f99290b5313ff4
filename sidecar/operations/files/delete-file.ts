import Type from 'typebox';
import { STORAGE_ERRORS } from '../../files/types.ts';
import { defineOperation } from '../operation.ts';
import { DONE, Done, etag, FILES_PATH, path, place } from './file-members.ts';

export const deleteFile = defineOperation({
  name: 'DeleteFile',
  entity: 'AzureIoT.BlobContainer_TT',
  category: 'Files',
  summary: 'Deletes a file with its snapshots.',
  method: 'DELETE',
  path: `${FILES_PATH}/files`,
  input: Type.Object({ ...place, path, etag }),
  output: Done,
  noResult: true,
  errors: [...STORAGE_ERRORS, 'PATH_INVALID', 'FILE_NOT_FOUND', 'PRECONDITION_FAILED'],
  async run({ storages, signal }, input) {
    const files = storages.require(input.account).container(input.container);
    await files.delete(input.path, { ifMatch: input.etag }, signal);
    return DONE;
  },
});
