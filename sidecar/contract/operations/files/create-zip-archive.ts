import Type from 'typebox';
import { joinPath } from '../../file-formats.ts';
import { DONE, Done, FILES_PATH, folder, place } from '../../file-members.ts';
import { defineOperation } from '../../operation.ts';
import { STORAGE_ERRORS } from '../../storage.ts';

export const createZipArchive = defineOperation({
  name: 'CreateZipArchive',
  entity: 'AzureIoT.BlobContainer_TT',
  category: 'Files',
  summary: 'Packs files of the container into a zip archive in it.',
  method: 'POST',
  path: `${FILES_PATH}/zip-archives`,
  input: Type.Object({
    ...place,
    path: folder,
    files: Type.String({ minLength: 1, description: 'The paths of the files, with a comma between.' }),
    newFileName: Type.String({ minLength: 1, maxLength: 1024, description: 'The name of the archive.' }),
  }),
  output: Done,
  result: 'done',
  errors: [...STORAGE_ERRORS, 'PATH_INVALID', 'FILE_NOT_FOUND', 'FILES_TOO_MANY', 'ARCHIVE_TOO_LARGE'],
  timeoutMs: 25_000,
  async run({ storages, signal }, input) {
    const files = storages.require(input.account).container(input.container);
    const paths = input.files
      .split(',')
      .map((name) => name.trim())
      .filter((name) => name !== '');
    await files.createZip(joinPath(input.path, input.newFileName), paths, signal);
    return DONE;
  },
});
