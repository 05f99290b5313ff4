import Type from 'typebox';
import { STORAGE_ERRORS } from '../../files/types.ts';
import { defineOperation } from '../operation.ts';
import { FILES_PATH, path, place, toText } from './file-members.ts';

export const loadText = defineOperation({
  name: 'LoadText',
  entity: 'AzureIoT.BlobContainer_TT',
  category: 'Files',
  summary: 'Reads a file as text in UTF-8.',
  method: 'GET',
  path: `${FILES_PATH}/text`,
  input: Type.Object({ ...place, path }),
  output: Type.Object({ content: Type.String({ description: 'The text.' }) }),
  result: 'content',
  errors: [...STORAGE_ERRORS, 'PATH_INVALID', 'FILE_NOT_FOUND', 'FILE_TOO_LARGE', 'FILE_CONTENT_INVALID'],
  async run({ storages, signal }, input) {
    const files = storages.require(input.account).container(input.container);
    return { content: toText(await files.read(input.path, signal), input.path) };
  },
});
