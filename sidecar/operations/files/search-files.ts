import Type from 'typebox';
import { STORAGE_ERRORS } from '../../files/types.ts';
import { defineOperation } from '../operation.ts';
import { FILES_PATH, FileTable, fileRow, place } from './file-members.ts';

export const searchFiles = defineOperation({
  name: 'SearchFiles',
  entity: 'AzureIoT.BlobContainer_TT',
  category: 'Search',
  summary: 'Lists files by the beginning of their paths, in all folders, page by page.',
  method: 'GET',
  path: `${FILES_PATH}/search`,
  input: Type.Object({
    ...place,
    prefix: Type.Optional(
      Type.String({ maxLength: 1025, default: '', description: 'How the paths begin. Empty: all files.' }),
    ),
    maxItems: Type.Optional(
      Type.Integer({ minimum: 1, maximum: 5000, default: 500, description: 'The most files of one page.' }),
    ),
    continuationToken: Type.Optional(
      Type.String({
        maxLength: 8192,
        description: 'The token that came with the page before. Empty: the first page.',
      }),
    ),
  }),
  output: Type.Object({
    files: FileTable,
    continuationToken: Type.Optional(Type.String({ description: 'For the next page; absent at the end.' })),
  }),
  errors: [...STORAGE_ERRORS, 'PATH_INVALID'],
  async run({ storages, signal }, input) {
    const files = storages.require(input.account).container(input.container);
    const page = { limit: input.maxItems ?? 500, after: input.continuationToken || undefined };
    const { files: found, ...rest } = await files.search(input.prefix ?? '', page, signal);
    return { files: found.map(fileRow), ...rest };
  },
});
