import Type from 'typebox';
import { STORAGE_ERRORS } from '../../files/types.ts';
import { defineOperation } from '../operation.ts';
import { binaryContent, FILES_PATH, path, place } from './file-members.ts';

export const loadBinary = defineOperation({
  name: 'LoadBinary',
  entity: 'AzureIoT.BlobContainer_TT',
  category: 'Files',
  summary: 'Reads a file as bytes.',
  method: 'GET',
  path: `${FILES_PATH}/binary`,
  input: Type.Object({ ...place, path }),
  output: Type.Object({ content: binaryContent('BLOB', 'The bytes.') }),
  result: 'content',
  errors: [...STORAGE_ERRORS, 'PATH_INVALID', 'FILE_NOT_FOUND', 'FILE_TOO_LARGE'],
  async run({ storages, signal }, input) {
    const files = storages.require(input.account).container(input.container);
    return { content: (await files.read(input.path, signal)).toString('base64') };
  },
});
