import Type from 'typebox';
import { DONE, Done, etag, FILES_PATH, largeBody, path, place, textContent } from '../../file-members.ts';
import { defineOperation } from '../../operation.ts';
import { STORAGE_ERRORS } from '../../storage.ts';

export const saveText = defineOperation({
  name: 'SaveText',
  entity: 'AzureIoT.BlobContainer_TT',
  category: 'Files',
  summary: 'Writes a text to a file, in UTF-8.',
  method: 'PUT',
  path: `${FILES_PATH}/text`,
  input: Type.Object({ ...place, path, content: textContent, etag }),
  output: Done,
  noResult: true,
  errors: [...STORAGE_ERRORS, 'PATH_INVALID', 'FILE_TOO_LARGE', 'PRECONDITION_FAILED'],
  largeBody,
  async run({ storages, signal }, input) {
    const files = storages.require(input.account).container(input.container);
    await files.write(input.path, Buffer.from(input.content ?? ''), { ifMatch: input.etag }, signal);
    return DONE;
  },
});
