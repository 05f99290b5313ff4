import Type from 'typebox';
import { DONE, Done, FILES_PATH, largeBody, path, place } from '../../file-members.ts';
import { defineOperation } from '../../operation.ts';
import { STORAGE_ERRORS } from '../../storage.ts';

export const appendToTextFile = defineOperation({
  name: 'AppendToTextFile',
  entity: 'AzureIoT.BlobContainer_TT',
  category: 'Files',
  summary:
    'Adds a text to the end of a file, which is made when there is none; writers at the same time lose nothing.',
  method: 'POST',
  path: `${FILES_PATH}/text-file-append`,
  input: Type.Object({
    ...place,
    path,
    data: Type.Optional(Type.String({ default: '', description: 'The text that is added.' })),
  }),
  output: Done,
  noResult: true,
  errors: [...STORAGE_ERRORS, 'PATH_INVALID', 'FILE_TOO_LARGE', 'PRECONDITION_FAILED'],
  largeBody,
  async run({ storages, signal }, input) {
    const files = storages.require(input.account).container(input.container);
    await files.append(input.path, Buffer.from(input.data ?? ''), signal);
    return DONE;
  },
});
