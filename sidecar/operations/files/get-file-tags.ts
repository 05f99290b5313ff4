import Type from 'typebox';
import { JsonObject } from '../../contract/schema.ts';
import { STORAGE_ERRORS } from '../../files/types.ts';
import { defineOperation } from '../operation.ts';
import { FILES_PATH, path, place } from './file-members.ts';

export const getFileTags = defineOperation({
  name: 'GetFileTags',
  entity: 'AzureIoT.BlobContainer_TT',
  category: 'Properties',
  summary: 'Reads the index tags of a file.',
  method: 'GET',
  path: `${FILES_PATH}/tags`,
  input: Type.Object({ ...place, path }),
  output: Type.Object({ tags: JsonObject({ description: 'Names and texts.' }) }),
  result: 'tags',
  errors: [...STORAGE_ERRORS, 'PATH_INVALID', 'FILE_NOT_FOUND'],
  async run({ storages, signal }, input) {
    const files = storages.require(input.account).container(input.container);
    return { tags: await files.tags(input.path, signal) };
  },
});
