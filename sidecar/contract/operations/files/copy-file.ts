import Type from 'typebox';
import { DONE, Done, FILES_PATH, overwrite, place, sourcePath, targetPath } from '../../file-members.ts';
import { defineOperation } from '../../operation.ts';
import { STORAGE_ERRORS } from '../../storage.ts';

export const copyFile = defineOperation({
  name: 'CopyFile',
  entity: 'AzureIoT.BlobContainer_TT',
  category: 'Files',
  summary: 'Copies a file within the container; nothing travels through the sidecar.',
  method: 'POST',
  path: `${FILES_PATH}/copies`,
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
    await files.copy(input.sourcePath, input.targetPath, input.overwrite ?? false, signal);
    return DONE;
  },
});
