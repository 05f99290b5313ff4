import Type from 'typebox';
import {
  binaryContent,
  DONE,
  Done,
  etag,
  FILES_PATH,
  fromBase64,
  largeBody,
  path,
  place,
} from '../../file-members.ts';
import { defineOperation } from '../../operation.ts';
import { STORAGE_ERRORS } from '../../storage.ts';

export const saveBinary = defineOperation({
  name: 'SaveBinary',
  entity: 'AzureIoT.BlobContainer_TT',
  category: 'Files',
  summary: 'Writes bytes to a file.',
  method: 'PUT',
  path: `${FILES_PATH}/binary`,
  input: Type.Object({ ...place, path, content: Type.Optional(binaryContent('BLOB', 'The bytes.')), etag }),
  output: Done,
  noResult: true,
  errors: [...STORAGE_ERRORS, 'PATH_INVALID', 'FILE_TOO_LARGE', 'PRECONDITION_FAILED'],
  largeBody,
  async run({ storages, signal }, input) {
    const files = storages.require(input.account).container(input.container);
    await files.write(input.path, fromBase64(input.content ?? ''), { ifMatch: input.etag }, signal);
    return DONE;
  },
});
