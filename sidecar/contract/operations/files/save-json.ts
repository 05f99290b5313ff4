import Type from 'typebox';
import { DONE, Done, etag, FILES_PATH, largeBody, path, place } from '../../file-members.ts';
import { defineOperation } from '../../operation.ts';
import { JsonValue } from '../../schema.ts';
import { STORAGE_ERRORS } from '../../storage.ts';

export const saveJson = defineOperation({
  name: 'SaveJSON',
  entity: 'AzureIoT.BlobContainer_TT',
  category: 'Files',
  summary: 'Writes JSON to a file.',
  method: 'PUT',
  path: `${FILES_PATH}/json`,
  input: Type.Object({
    ...place,
    path,
    content: JsonValue({ description: 'The JSON; {"array": [...]} is written as an array.' }),
    etag,
  }),
  output: Done,
  noResult: true,
  errors: [...STORAGE_ERRORS, 'PATH_INVALID', 'FILE_TOO_LARGE', 'PRECONDITION_FAILED'],
  largeBody,
  async run({ storages, signal }, input) {
    const files = storages.require(input.account).container(input.container);
    await files.write(
      input.path,
      Buffer.from(JSON.stringify(input.content)),
      { ifMatch: input.etag },
      signal,
    );
    return DONE;
  },
});
