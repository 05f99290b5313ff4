import Type from 'typebox';
import { STORAGE_ERRORS } from '../../files/types.ts';
import { defineOperation } from '../operation.ts';
import { etag, FILES_PATH, path, place } from './file-members.ts';

export const setFileProperties = defineOperation({
  name: 'SetFileProperties',
  entity: 'AzureIoT.BlobContainer_TT',
  category: 'Properties',
  summary: 'Changes content type and the like of a file; what is not given stays.',
  method: 'PATCH',
  path: `${FILES_PATH}/properties`,
  input: Type.Object({
    ...place,
    path,
    contentType: Type.Optional(
      Type.String({ maxLength: 1024, description: 'The content type. Empty: as it is.' }),
    ),
    contentEncoding: Type.Optional(
      Type.String({ maxLength: 1024, description: 'The content encoding. Empty: as it is.' }),
    ),
    contentDisposition: Type.Optional(
      Type.String({ maxLength: 1024, description: 'The content disposition. Empty: as it is.' }),
    ),
    contentLanguage: Type.Optional(
      Type.String({ maxLength: 1024, description: 'The content language. Empty: as it is.' }),
    ),
    cacheControl: Type.Optional(
      Type.String({ maxLength: 1024, description: 'How long it may be cached. Empty: as it is.' }),
    ),
    etag,
  }),
  output: Type.Object({ etag: Type.String({ description: 'The new ETag.' }) }),
  result: 'etag',
  errors: [...STORAGE_ERRORS, 'PATH_INVALID', 'FILE_NOT_FOUND', 'PRECONDITION_FAILED'],
  async run({ storages, signal }, input) {
    const files = storages.require(input.account).container(input.container);
    const { contentType, contentEncoding, contentDisposition, contentLanguage, cacheControl } = input;
    const facts = { contentType, contentEncoding, contentDisposition, contentLanguage, cacheControl };
    return { etag: await files.setContentFacts(input.path, facts, { ifMatch: input.etag }, signal) };
  },
});
