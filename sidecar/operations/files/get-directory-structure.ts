import Type from 'typebox';
import { STORAGE_ERRORS } from '../../files/types.ts';
import { defineOperation } from '../operation.ts';
import { FILES_PATH, FolderTable, folderRow, place } from './file-members.ts';

export const getDirectoryStructure = defineOperation({
  name: 'GetDirectoryStructure',
  entity: 'AzureIoT.BlobContainer_TT',
  category: 'Files',
  summary: 'Lists all folders of the container.',
  method: 'GET',
  path: `${FILES_PATH}/folder-tree`,
  input: Type.Object({ ...place }),
  output: Type.Object({ folders: FolderTable }),
  result: 'folders',
  errors: [...STORAGE_ERRORS, 'FILES_TOO_MANY'],
  timeoutMs: 25_000,
  async run({ storages, signal }, input) {
    const files = storages.require(input.account).container(input.container);
    return { folders: (await files.tree(signal)).map(folderRow) };
  },
});
