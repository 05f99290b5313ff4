import Type from 'typebox';
import { JsonValue } from '../../contract/schema.ts';
import { STORAGE_ERRORS } from '../../files/types.ts';
import { defineOperation } from '../operation.ts';
import { parseJson } from './file-formats.ts';
import { FILES_PATH, path, place, toText } from './file-members.ts';

export const loadJson = defineOperation({
  name: 'LoadJSON',
  entity: 'AzureIoT.BlobContainer_TT',
  category: 'Files',
  summary: 'Reads a file as JSON; an array comes as {"array": [...]}.',
  method: 'GET',
  path: `${FILES_PATH}/json`,
  input: Type.Object({ ...place, path }),
  output: Type.Object({ content: JsonValue({ description: 'The JSON.' }) }),
  result: 'content',
  errors: [...STORAGE_ERRORS, 'PATH_INVALID', 'FILE_NOT_FOUND', 'FILE_TOO_LARGE', 'FILE_CONTENT_INVALID'],
  async run({ storages, signal }, input) {
    const files = storages.require(input.account).container(input.container);
    const text = toText(await files.read(input.path, signal), input.path);
    return { content: parseJson(text, input.path) };
  },
});
