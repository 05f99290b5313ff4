import Type from 'typebox';
import { STORAGE_ERRORS } from '../../files/types.ts';
import { defineOperation } from '../operation.ts';
import { binaryContent, FILES_PATH, path, place } from './file-members.ts';

export const loadImage = defineOperation({
  name: 'LoadImage',
  entity: 'AzureIoT.BlobContainer_TT',
  category: 'Files',
  summary: 'Reads a file as an image.',
  method: 'GET',
  path: `${FILES_PATH}/image`,
  input: Type.Object({ ...place, path }),
  output: Type.Object({ content: binaryContent('IMAGE', 'The image.') }),
  result: 'content',
  errors: [...STORAGE_ERRORS, 'PATH_INVALID', 'FILE_NOT_FOUND', 'FILE_TOO_LARGE'],
  async run({ storages, signal }, input) {
    const files = storages.require(input.account).container(input.container);
    return { content: (await files.read(input.path, signal)).toString('base64') };
  },
});
