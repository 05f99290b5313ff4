import Type from 'typebox';
import { DONE, Done, FILES_PATH, folder, place } from '../../file-members.ts';
import { defineOperation } from '../../operation.ts';
import { STORAGE_ERRORS } from '../../storage.ts';

export const extractZipArchive = defineOperation({
  name: 'ExtractZipArchive',
  entity: 'AzureIoT.BlobContainer_TT',
  category: 'Files',
  summary: 'Unpacks a zip archive of the container into a folder of it.',
  method: 'POST',
  path: `${FILES_PATH}/zip-extractions`,
  input: Type.Object({
    ...place,
    path: folder,
    zipFileName: Type.String({ minLength: 1, maxLength: 2000, description: 'The path of the archive.' }),
  }),
  output: Done,
  result: 'done',
  errors: [...STORAGE_ERRORS, 'PATH_INVALID', 'FILE_NOT_FOUND', 'ARCHIVE_INVALID', 'ARCHIVE_TOO_LARGE'],
  timeoutMs: 25_000,
  async run({ storages, signal }, input) {
    const files = storages.require(input.account).container(input.container);
    await files.extractZip(input.zipFileName, input.path ?? '', signal);
    return DONE;
  },
});
