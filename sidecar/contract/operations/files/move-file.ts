import Type from 'typebox';
import { DONE, Done, FILES_PATH, overwrite, place, sourcePath, targetPath } from '../../file-members.ts';
import { defineOperation } from '../../operation.ts';
import { STORAGE_ERRORS } from '../../storage.ts';

export const moveFile = defineOperation({
  name: 'MoveFile',
  entity: 'AzureIoT.BlobContainer_TT',
  category: 'Files',
  summary: 'Moves a file within the container.',
  method: 'POST',
  path: `${FILES_PATH}/moves`,
  input: Type.Object({ ...place, sourcePath, targetPath, overwrite }),
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
    await files.move(input.sourcePath, input.targetPath, input.overwrite ?? false, signal);
    return DONE;
  },
});
