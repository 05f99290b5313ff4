import Type, { type Static } from 'typebox';
import { DateTime, JsonObject, OneOf } from '../../contract/schema.ts';
import { ConnectorError } from '../../errors/connector-error.ts';
import { type FileFacts, STORAGE_ERRORS } from '../../files/types.ts';
import { defineOperation } from '../operation.ts';
import { DONE, Done, etag, FILE_SERVICE, FILES_PATH, filesOf, path, place } from './file-members.ts';

const optional = (description: string) => Type.Optional(Type.String({ description }));

const FileDetail = Type.Object(
  {
    path: Type.String({ description: 'The whole path.' }),
    name: Type.String({ description: 'The name without folders.' }),
    size: Type.Integer({ minimum: 0, description: 'The size in bytes.' }),
    lastModified: Type.Optional(DateTime({ description: 'When it was changed last.' })),
    kind: Type.String({ description: 'file or folder.' }),
    etag: Type.String({ description: 'Changes with every change; for conditional writes.' }),
    contentType: Type.String({ description: 'The content type.' }),
    contentMd5: optional('The MD5 of the content in base64, when it is known.'),
    contentEncoding: optional('The content encoding.'),
    contentDisposition: optional('The content disposition.'),
    contentLanguage: optional('The content language.'),
    cacheControl: optional('How long it may be cached.'),
    metadata: JsonObject({ description: 'The metadata: names and texts.' }),
    accessTier: optional('Hot, Cool, Cold or Archive.'),
    archiveStatus: optional('Where a file stands that is brought back from the archive.'),
    createdOn: Type.Optional(DateTime({ description: 'When it was made.' })),
    leaseState: optional('Whether somebody holds a lease on it.'),
  },
  { description: 'Everything that is known of one file.' },
);

function fileDetail(facts: FileFacts): Static<typeof FileDetail> {
  return { ...facts, metadata: { ...facts.metadata } };
}

/** An object whose values are all texts. @throws ConnectorError REQUEST_INVALID */
function texts(given: Readonly<Record<string, unknown>>, member: string): Record<string, string> {
  return Object.fromEntries(
    Object.entries(given).map(([name, value]) => {
      if (typeof value !== 'object' && value !== undefined) return [name, String(value)];
      throw new ConnectorError('REQUEST_INVALID', `${member}.${name} is no text; expected a text.`);
    }),
  );
}

export const getFileCheckSum = defineOperation({
  ...FILE_SERVICE,
  name: 'GetFileCheckSum',
  summary: 'Computes the checksum of a file, in hexadecimal digits.',
  method: 'GET',
  path: `${FILES_PATH}/checksum`,
  input: Type.Object({
    ...place,
    path,
    algorithm: Type.Optional(OneOf(['MD5', 'SHA-1', 'SHA-256'], { default: 'MD5', description: 'How.' })),
  }),
  output: Type.Object({ checksum: Type.String({ description: 'The checksum.' }) }),
  result: 'checksum',
  errors: [...STORAGE_ERRORS, 'PATH_INVALID', 'FILE_NOT_FOUND'],
  timeoutMs: 25_000,
  async run(context, input) {
    const files = filesOf(context, input);
    return { checksum: await files.checksum(input.path, input.algorithm ?? 'MD5', context.signal) };
  },
});

export const getFileProperties = defineOperation({
  name: 'GetFileProperties',
  entity: 'AzureIoT.BlobContainer_TT',
  category: 'Properties',
  summary: 'Gives everything that is known of one file: properties, metadata, ETag and tier.',
  method: 'GET',
  path: `${FILES_PATH}/properties`,
  input: Type.Object({ ...place, path }),
  output: FileDetail,
  errors: [...STORAGE_ERRORS, 'PATH_INVALID', 'FILE_NOT_FOUND'],
  async run(context, input) {
    const files = filesOf(context, input);
    return fileDetail(await files.facts(input.path, context.signal));
  },
});

export const getFileTags = defineOperation({
  name: 'GetFileTags',
  entity: 'AzureIoT.BlobContainer_TT',
  category: 'Properties',
  summary: 'Reads the index tags of a file.',
  method: 'GET',
  path: `${FILES_PATH}/tags`,
  input: Type.Object({ ...place, path }),
  output: Type.Object({ tags: JsonObject({ description: 'Names and texts.' }) }),
  result: 'tags',
  errors: [...STORAGE_ERRORS, 'PATH_INVALID', 'FILE_NOT_FOUND'],
  async run(context, input) {
    const files = filesOf(context, input);
    return { tags: await files.tags(input.path, context.signal) };
  },
});

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
  async run(context, input) {
    const files = filesOf(context, input);
    const metadata = texts(input.metadata, 'metadata');
    return { etag: await files.setMetadata(input.path, metadata, { ifMatch: input.etag }, context.signal) };
  },
});

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
  async run(context, input) {
    const files = filesOf(context, input);
    const { contentType, contentEncoding, contentDisposition, contentLanguage, cacheControl } = input;
    const facts = { contentType, contentEncoding, contentDisposition, contentLanguage, cacheControl };
    return { etag: await files.setContentFacts(input.path, facts, { ifMatch: input.etag }, context.signal) };
  },
});

export const setFileTags = defineOperation({
  name: 'SetFileTags',
  entity: 'AzureIoT.BlobContainer_TT',
  category: 'Properties',
  summary: 'Replaces the index tags of a file.',
  method: 'PUT',
  path: `${FILES_PATH}/tags`,
  input: Type.Object({ ...place, path, tags: JsonObject({ description: 'Up to ten names and texts.' }) }),
  output: Done,
  noResult: true,
  errors: [...STORAGE_ERRORS, 'PATH_INVALID', 'FILE_NOT_FOUND'],
  async run(context, input) {
    const files = filesOf(context, input);
    await files.setTags(input.path, texts(input.tags, 'tags'), context.signal);
    return DONE;
  },
});

export const setFileTier = defineOperation({
  name: 'SetFileTier',
  entity: 'AzureIoT.BlobContainer_TT',
  category: 'Properties',
  summary: 'Moves a file to another access tier.',
  method: 'PUT',
  path: `${FILES_PATH}/tier`,
  input: Type.Object({
    ...place,
    path,
    tier: OneOf(['Hot', 'Cool', 'Cold', 'Archive'], { description: 'The tier.' }),
  }),
  output: Done,
  noResult: true,
  errors: [...STORAGE_ERRORS, 'PATH_INVALID', 'FILE_NOT_FOUND'],
  async run(context, input) {
    const files = filesOf(context, input);
    await files.setTier(input.path, input.tier, context.signal);
    return DONE;
  },
});
