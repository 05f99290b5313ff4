import Type from 'typebox';
import { STORAGE_ERRORS } from '../../files/types.ts';
import { defineOperation } from '../operation.ts';
import { FILES_PATH, FileTable, fileRow, path, place } from './file-members.ts';

export const getFileInfo = defineOperation({
  name: 'GetFileInfo',
  entity: 'AzureIoT.BlobContainer_TT',
  category: 'Files',
  summary: 'Gives size and time of one file, as a table with one row.',
  method: 'GET',
  path: `${FILES_PATH}/file-info`,
  input: Type.Object({ ...place, path }),
  output: Type.Object({ files: FileTable }),
  result: 'files',
  errors: [...STORAGE_ERRORS, 'PATH_INVALID', 'FILE_NOT_FOUND'],
  async run({ storages, signal }, input) {
    const files = storages.require(input.account).container(input.container);
    return { files: [fileRow(await files.facts(input.path, signal))] };
  },
});
