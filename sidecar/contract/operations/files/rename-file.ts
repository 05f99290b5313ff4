import Type from 'typebox';
import { siblingPath } from '../../file-formats.ts';
import { DONE, Done, FILES_PATH, overwrite, path, place } from '../../file-members.ts';
import { defineOperation } from '../../operation.ts';
import { STORAGE_ERRORS } from '../../storage.ts';

export const renameFile = defineOperation({
  name: 'RenameFile',
  entity: 'AzureIoT.BlobContainer_TT',
  category: 'Files',
  summary: 'Gives a file another name in the same folder.',
  method: 'POST',
  path: `${FILES_PATH}/renames`,
  input: Type.Object({
    ...place,
    path,
    name: Type.String({ minLength: 1, maxLength: 1024, description: 'The new name, without folders.' }),
    overwrite,
  }),
  output: Done,
  noResult: true,
  errors: [
    ...STORAGE_ERRORS,
    'PATH_INVALID',
    'FILE_NOT_FOUND',
    'FILE_EXISTS',
    'FILES_UNFINISHED',
    'PRECONDITION_FAILED',
  ],
  async run({ storages, signal }, input) {
    const files = storages.require(input.account).container(input.container);
    const target = siblingPath(input.path, input.name);
    await files.move(input.path, target, input.overwrite ?? false, signal);
    return DONE;
  },
});
