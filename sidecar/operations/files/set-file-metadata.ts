import Type from 'typebox';
import { JsonObject } from '../../contract/schema.ts';
import { STORAGE_ERRORS } from '../../files/types.ts';
import { defineOperation } from '../operation.ts';
import { texts } from './file-formats.ts';
import { etag, FILES_PATH, path, place } from './file-members.ts';

export const setFileMetadata = defineOperation({
  name: 'SetFileMetadata',
  entity: 'AzureIoT.BlobContainer_TT',
  category: 'Properties',
  summary: 'Replaces the metadata of a file.',
  method: 'PUT',
  path: `${FILES_PATH}/metadata`,
  input: Type.Object({
    ...place,
    path,
    metadata: JsonObject({ description: 'Names and texts; an empty object takes all away.' }),
    etag,
  }),
  output: Type.Object({ etag: Type.String({ description: 'The new ETag.' }) }),
  result: 'etag',
  errors: [...STORAGE_ERRORS, 'PATH_INVALID', 'FILE_NOT_FOUND', 'PRECONDITION_FAILED'],
  async run({ storages, signal }, input) {
    const files = storages.require(input.account).container(input.container);
    const metadata = texts(input.metadata, 'metadata');
    return { etag: await files.setMetadata(input.path, metadata, { ifMatch: input.etag }, signal) };
  },
});
