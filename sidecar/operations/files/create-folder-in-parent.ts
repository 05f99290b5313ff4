import Type from 'typebox';
import { STORAGE_ERRORS } from '../../files/types.ts';
import { defineOperation } from '../operation.ts';
import { DONE, Done, FILES_PATH, folder, place } from './file-members.ts';

export const createFolderInParent = defineOperation({
  name: 'CreateFolderInParent',
  entity: 'AzureIoT.BlobContainer_TT',
  category: 'Files',
  summary: 'Makes a folder in another one.',
  method: 'POST',
  path: `${FILES_PATH}/folders`,
  input: Type.Object({
    ...place,
    parentFolderPath: folder,
    folderName: Type.String({ minLength: 1, maxLength: 1000, description: 'The name of the new folder.' }),
  }),
  output: Done,
  noResult: true,
  errors: [...STORAGE_ERRORS, 'PATH_INVALID', 'FILE_EXISTS'],
  async run({ storages, signal }, input) {
    const files = storages.require(input.account).container(input.container);
    const parent = (input.parentFolderPath ?? '').replace(/\/$/, '');
    await files.createFolder(`${parent}/${input.folderName}`, signal);
    return DONE;
  },
});
