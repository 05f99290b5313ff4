import Type from 'typebox';
import { STORAGE_ERRORS } from '../../files/types.ts';
import { defineOperation } from '../operation.ts';
import { DONE, Done, FILES_PATH, folderPath, place } from './file-members.ts';

export const createFolder = defineOperation({
  name: 'CreateFolder',
  entity: 'AzureIoT.BlobContainer_TT',
  category: 'Files',
  summary: 'Makes a folder; one that exists is no error.',
  method: 'PUT',
  path: `${FILES_PATH}/folders`,
  input: Type.Object({ ...place, path: folderPath }),
  output: Done,
  noResult: true,
  errors: [...STORAGE_ERRORS, 'PATH_INVALID', 'FILE_EXISTS'],
  async run({ storages, signal }, input) {
    const files = storages.require(input.account).container(input.container);
    await files.createFolder(input.path, signal);
    return DONE;
  },
});
