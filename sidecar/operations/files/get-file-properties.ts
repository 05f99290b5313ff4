import Type from 'typebox';
import { STORAGE_ERRORS } from '../../files/types.ts';
import { defineOperation } from '../operation.ts';
import { FILES_PATH, FileDetail, fileDetail, path, place } from './file-members.ts';

export const getFileProperties = defineOperation({
  name: 'GetFileProperties',
  entity: 'AzureIoT.BlobContainer_TT',
  category: 'Properties',
  summary: 'Gives everything that is known of one file: properties, metadata, ETag and tier.',
  method: 'GET',
  path: `${FILES_PATH}/properties`,
  input: Type.Object({ ...place, path }),
  output: FileDetail,
  errors: [...STORAGE_ERRORS, 'PATH_INVALID', 'FILE_NOT_FOUND'],
  async run({ storages, signal }, input) {
    const files = storages.require(input.account).container(input.container);
    return fileDetail(await files.facts(input.path, signal));
  },
});
