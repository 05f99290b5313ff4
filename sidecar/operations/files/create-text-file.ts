import Type from 'typebox';
import { STORAGE_ERRORS } from '../../files/types.ts';
import { defineOperation } from '../operation.ts';
import { DONE, Done, FILES_PATH, largeBody, overwrite, path, place } from './file-members.ts';

export const createTextFile = defineOperation({
  name: 'CreateTextFile',
  entity: 'AzureIoT.BlobContainer_TT',
  category: 'Files',
  summary: 'Makes a file with a text, in UTF-8.',
  method: 'POST',
  path: `${FILES_PATH}/text`,
  input: Type.Object({
    ...place,
    path,
    data: Type.Optional(Type.String({ default: '', description: 'The text.' })),
    overwrite,
  }),
  output: Done,
  noResult: true,
  errors: [...STORAGE_ERRORS, 'PATH_INVALID', 'FILE_TOO_LARGE', 'FILE_EXISTS'],
  largeBody,
  async run({ storages, signal }, input) {
    const files = storages.require(input.account).container(input.container);
    const options = input.overwrite ? {} : { ifNoneMatch: '*' };
    await files.write(input.path, Buffer.from(input.data ?? ''), options, signal);
    return DONE;
  },
});
