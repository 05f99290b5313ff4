import Type from 'typebox';
import { STORAGE_ERRORS } from '../../files/types.ts';
import { defineOperation } from '../operation.ts';
import { DONE, Done, etag, FILE_SERVICE, FILES_PATH, filesOf, path, place } from './file-members.ts';

export const deleteFile = defineOperation({
  ...FILE_SERVICE,
  name: 'DeleteFile',
  summary: 'Deletes a file with its snapshots.',
  method: 'DELETE',
  path: `${FILES_PATH}/files`,
  input: Type.Object({ ...place, path, etag }),
  output: Done,
  noResult: true,
  errors: [...STORAGE_ERRORS, 'PATH_INVALID', 'FILE_NOT_FOUND', 'PRECONDITION_FAILED'],
  async run(context, input) {
    const files = filesOf(context, input);
    await files.delete(input.path, { ifMatch: input.etag }, context.signal);
    return DONE;
  },
});

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
  async run(context, input) {
    const files = filesOf(context, input);
    await files.restore(input.path, context.signal);
    return DONE;
  },
});
