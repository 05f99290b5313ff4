import Type from 'typebox';
import { STORAGE_ERRORS } from '../../files/types.ts';
import { defineOperation } from '../operation.ts';
import { checkXml } from './file-formats.ts';
import { FILES_PATH, path, place, toText, xmlContent } from './file-members.ts';

export const loadXml = defineOperation({
  name: 'LoadXML',
  entity: 'AzureIoT.BlobContainer_TT',
  category: 'Files',
  summary: 'Reads a file as XML.',
  method: 'GET',
  path: `${FILES_PATH}/xml`,
  input: Type.Object({ ...place, path }),
  output: Type.Object({ content: xmlContent('The XML.') }),
  result: 'content',
  errors: [...STORAGE_ERRORS, 'PATH_INVALID', 'FILE_NOT_FOUND', 'FILE_TOO_LARGE', 'FILE_CONTENT_INVALID'],
  async run({ storages, signal }, input) {
    const files = storages.require(input.account).container(input.container);
    const text = toText(await files.read(input.path, signal), input.path);
    return { content: checkXml(text, input.path) };
  },
});
