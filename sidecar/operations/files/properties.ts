import Type, { type Static } from 'typebox';
import { DateTime, HeaderText, JsonObject, OneOf, OneRow } from '../../contract/schema.ts';
import { type FileFacts, STORAGE_ERRORS } from '../../files/types.ts';
import { checkChange, requireTexts } from '../input-checks.ts';
import { defineOperation } from '../operation.ts';
import { boundMembers, DONE, Done, etag, FILE_SERVICE, FILES_PATH, filesOf, path } from './file-members.ts';

const optional = (description: string) => Type.Optional(Type.String({ description }));

const FileDetail = OneRow(
  Type.Object(
    {
      path: Type.String({ description: 'The full path.' }),
      name: Type.String({ description: 'The name without folders.' }),
      size: Type.Number({ minimum: 0, description: 'The size in bytes.' }),
      lastModified: Type.Optional(DateTime({ description: 'The time of the last change.' })),
      kind: Type.String({ description: 'file or folder.' }),
      etag: Type.String({ description: 'The ETag: a new value after every change, for conditional writes.' }),
      contentType: Type.String({ description: 'The content type.' }),
      contentMd5: optional('The MD5 of the content in base64, if known.'),
      contentEncoding: optional('The content encoding.'),
      contentDisposition: optional('The content disposition.'),
      contentLanguage: optional('The content language.'),
      cacheControl: optional('The cache control.'),
      metadata: JsonObject({ description: 'The metadata: names with text values.' }),
      accessTier: optional('Hot, Cool, Cold or Archive.'),
      archiveStatus: optional('The state of the rehydration from the archive tier.'),
      createdOn: Type.Optional(DateTime({ description: 'The time of creation.' })),
      leaseState: optional('The lease state.'),
    },
    { description: 'All properties of one file.' },
  ),
  'AzureIoT.FileDetail_DS',
);

function fileDetail(facts: FileFacts): Static<typeof FileDetail> {
  return { ...facts, metadata: { ...facts.metadata } };
}

export const getFileCheckSum = defineOperation({
  ...FILE_SERVICE,
  name: 'GetFileCheckSum',
  role: 'viewer',
  summary: 'Computes the checksum of a file, in hexadecimal digits.',
  method: 'GET',
  path: `${FILES_PATH}/checksum`,
  input: Type.Object({
    ...boundMembers,
    path,
    algorithm: Type.Optional(
      OneOf(['MD5', 'SHA-1', 'SHA-256'], { default: 'MD5', description: 'The hash algorithm.' }),
    ),
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
  role: 'viewer',
  summary: 'Returns all properties of one file: content properties, metadata, ETag and tier.',
  method: 'GET',
  path: `${FILES_PATH}/properties`,
  input: Type.Object({ ...boundMembers, path }),
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
  role: 'viewer',
  summary: 'Reads the index tags of a file.',
  method: 'GET',
  path: `${FILES_PATH}/tags`,
  input: Type.Object({ ...boundMembers, path }),
  output: Type.Object({ tags: JsonObject({ description: 'Names with text values.' }) }),
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
  role: 'engineer',
  summary: 'Replaces the metadata of a file.',
  method: 'PUT',
  path: `${FILES_PATH}/metadata`,
  input: Type.Object({
    ...boundMembers,
    path,
    metadata: JsonObject({ description: 'Names with text values. An empty object removes all metadata.' }),
    etag,
  }),
  output: Type.Object({ etag: Type.String({ description: 'The new ETag.' }) }),
  result: 'etag',
  errors: [...STORAGE_ERRORS, 'PATH_INVALID', 'FILE_NOT_FOUND', 'PRECONDITION_FAILED'],
  async run(context, input) {
    const files = filesOf(context, input);
    const metadata = requireTexts(input.metadata, 'metadata');
    return { etag: await files.setMetadata(input.path, metadata, { ifMatch: input.etag }, context.signal) };
  },
});

export const setFileProperties = defineOperation({
  name: 'SetFileProperties',
  entity: 'AzureIoT.BlobContainer_TT',
  category: 'Properties',
  role: 'engineer',
  summary: 'Changes the content properties of a file. Properties that are not given stay unchanged.',
  method: 'PATCH',
  path: `${FILES_PATH}/properties`,
  input: Type.Object({
    ...boundMembers,
    path,
    contentType: Type.Optional(
      HeaderText({ maxLength: 1024, description: 'The content type. Empty: unchanged.' }),
    ),
    contentEncoding: Type.Optional(
      HeaderText({ maxLength: 1024, description: 'The content encoding. Empty: unchanged.' }),
    ),
    contentDisposition: Type.Optional(
      HeaderText({ maxLength: 1024, description: 'The content disposition. Empty: unchanged.' }),
    ),
    contentLanguage: Type.Optional(
      HeaderText({ maxLength: 1024, description: 'The content language. Empty: unchanged.' }),
    ),
    cacheControl: Type.Optional(
      HeaderText({ maxLength: 1024, description: 'The cache control. Empty: unchanged.' }),
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
    checkChange(facts, Object.keys(facts));
    return { etag: await files.setContentFacts(input.path, facts, { ifMatch: input.etag }, context.signal) };
  },
});

export const setFileTags = defineOperation({
  name: 'SetFileTags',
  entity: 'AzureIoT.BlobContainer_TT',
  category: 'Properties',
  role: 'engineer',
  summary: 'Replaces the index tags of a file.',
  method: 'PUT',
  path: `${FILES_PATH}/tags`,
  input: Type.Object({
    ...boundMembers,
    path,
    tags: JsonObject({ description: 'Up to ten names with text values.' }),
  }),
  output: Done,
  noResult: true,
  errors: [...STORAGE_ERRORS, 'PATH_INVALID', 'FILE_NOT_FOUND'],
  async run(context, input) {
    const files = filesOf(context, input);
    await files.setTags(input.path, requireTexts(input.tags, 'tags'), context.signal);
    return DONE;
  },
});

export const setFileTier = defineOperation({
  name: 'SetFileTier',
  entity: 'AzureIoT.BlobContainer_TT',
  category: 'Properties',
  role: 'engineer',
  summary: 'Sets the access tier of a file.',
  method: 'PUT',
  path: `${FILES_PATH}/tier`,
  input: Type.Object({
    ...boundMembers,
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
