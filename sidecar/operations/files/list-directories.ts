import Type from 'typebox';
import { STORAGE_ERRORS } from '../../files/types.ts';
import { defineOperation } from '../operation.ts';
import { FILES_PATH, FolderTable, folder, folderRow, nameMask, place } from './file-members.ts';

export const listDirectories = defineOperation({
  name: 'ListDirectories',
  entity: 'AzureIoT.BlobContainer_TT',
  category: 'Files',
  summary: 'Lists the folders of a folder.',
  method: 'GET',
  path: `${FILES_PATH}/folders`,
  input: Type.Object({ ...place, path: folder, nameMask }),
  output: Type.Object({ folders: FolderTable }),
  result: 'folders',
  errors: [...STORAGE_ERRORS, 'PATH_INVALID', 'FILES_TOO_MANY'],
  async run({ storages, signal }, input) {
    const files = storages.require(input.account).container(input.container);
    const found = await files.list(input.path ?? '', { mask: input.nameMask, kinds: ['folder'] }, signal);
    return { folders: found.map(folderRow) };
  },
});
