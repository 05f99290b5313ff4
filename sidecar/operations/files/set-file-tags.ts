import Type from 'typebox';
import { JsonObject } from '../../contract/schema.ts';
import { STORAGE_ERRORS } from '../../files/types.ts';
import { defineOperation } from '../operation.ts';
import { texts } from './file-formats.ts';
import { DONE, Done, FILES_PATH, path, place } from './file-members.ts';

export const setFileTags = defineOperation({
  name: 'SetFileTags',
  entity: 'AzureIoT.BlobContainer_TT',
  category: 'Properties',
  summary: 'Replaces the index tags of a file.',
  method: 'PUT',
  path: `${FILES_PATH}/tags`,
  input: Type.Object({ ...place, path, tags: JsonObject({ description: 'Up to ten names and texts.' }) }),
  output: Done,
  noResult: true,
  errors: [...STORAGE_ERRORS, 'PATH_INVALID', 'FILE_NOT_FOUND'],
  async run({ storages, signal }, input) {
    const files = storages.require(input.account).container(input.container);
    await files.setTags(input.path, texts(input.tags, 'tags'), signal);
    return DONE;
  },
});
