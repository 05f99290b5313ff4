import Type from 'typebox';
import { FILES_PATH, FileTable, fileRow, folder, nameMask, place } from '../../file-members.ts';
import { defineOperation } from '../../operation.ts';
import { STORAGE_ERRORS } from '../../storage.ts';

export const getFileListing = defineOperation({
  name: 'GetFileListing',
  entity: 'AzureIoT.BlobContainer_TT',
  category: 'Files',
  summary: 'Lists the files of a folder, as ListFiles does.',
  method: 'GET',
  path: `${FILES_PATH}/file-listing`,
  input: Type.Object({ ...place, path: folder, nameMask }),
  output: Type.Object({ files: FileTable }),
  result: 'files',
  errors: [...STORAGE_ERRORS, 'PATH_INVALID', 'FILES_TOO_MANY'],
  async run({ storages, signal }, input) {
    const files = storages.require(input.account).container(input.container);
    const found = await files.list(input.path ?? '', { mask: input.nameMask, kinds: ['file'] }, signal);
    return { files: found.map(fileRow) };
  },
});
