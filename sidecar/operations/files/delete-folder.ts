import Type from 'typebox';
import { STORAGE_ERRORS } from '../../files/types.ts';
import { defineOperation } from '../operation.ts';
import { DONE, Done, FILES_PATH, folderPath, place } from './file-members.ts';

export const deleteFolder = defineOperation({
  name: 'DeleteFolder',
  entity: 'AzureIoT.BlobContainer_TT',
  category: 'Files',
  summary: 'Deletes a folder with everything in it.',
  method: 'DELETE',
  path: `${FILES_PATH}/folders`,
  input: Type.Object({ ...place, path: folderPath }),
  output: Done,
  noResult: true,
  errors: [...STORAGE_ERRORS, 'PATH_INVALID', 'FILE_NOT_FOUND', 'FILES_UNFINISHED'],
  async run({ storages, signal }, input) {
    const files = storages.require(input.account).container(input.container);
    await files.deleteFolder(input.path, signal);
    return DONE;
  },
});
