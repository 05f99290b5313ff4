import Type from 'typebox';
import { FILES_PATH, FileTable, fileRow, folder, place } from '../../file-members.ts';
import { defineOperation } from '../../operation.ts';
import { STORAGE_ERRORS } from '../../storage.ts';

export const browseDirectory = defineOperation({
  name: 'BrowseDirectory',
  entity: 'AzureIoT.BlobContainer_TT',
  category: 'Files',
  summary: 'Lists the folders and files of a folder.',
  method: 'GET',
  path: `${FILES_PATH}/entries`,
  input: Type.Object({ ...place, path: folder }),
  output: Type.Object({ files: FileTable }),
  result: 'files',
  errors: [...STORAGE_ERRORS, 'PATH_INVALID', 'FILES_TOO_MANY'],
  async run({ storages, signal }, input) {
    const files = storages.require(input.account).container(input.container);
    const found = await files.list(input.path ?? '', { kinds: ['folder', 'file'] }, signal);
    return { files: found.map(fileRow) };
  },
});
