import Type, { type Static } from 'typebox';
import { DateTime, HeaderText, Table } from '../../contract/schema.ts';
import { type FileEntry, STORAGE_ERRORS } from '../../files/types.ts';
import type { OperationContext } from '../context.ts';
import { defineOperation } from '../operation.ts';
import { boundMembers, FILE_SERVICE, FILES_PATH, filesOf, folder, nameMask, path } from './file-members.ts';

const FileRow = Type.Object({
  path: Type.String({ description: 'The full path.' }),
  size: Type.Number({ minimum: 0, description: 'The size in bytes.' }),
  lastModifiedDate: Type.Optional(DateTime({ description: 'The time of the last change.' })),
  name: Type.String({ description: 'The name without folders.' }),
  fileType: Type.String({ description: 'F for a file, D for a folder.' }),
});
/** A row of SearchFiles. */
const FoundFile = Type.Object(
  {
    ...FileRow.properties,
    continuationToken: Type.String({
      description: 'The token for the next page, the same on every row. Empty on the last page.',
    }),
  },
  { description: 'One file that SearchFiles found.' },
);
const FileTable = Table(FileRow, 'FileSystemFile', { description: 'One row for each file or folder.' });

export function fileRow(entry: FileEntry): Static<typeof FileRow> {
  return {
    path: entry.path,
    size: entry.size,
    ...(entry.lastModified === undefined ? {} : { lastModifiedDate: entry.lastModified }),
    name: entry.name,
    fileType: entry.kind === 'file' ? 'F' : 'D',
  };
}

const listing = {
  ...FILE_SERVICE,
  method: 'GET',
  output: Type.Object({ files: FileTable }),
  result: 'files',
  errors: [...STORAGE_ERRORS, 'PATH_INVALID', 'FILES_TOO_MANY'],
} as const;

const listInput = Type.Object({ ...boundMembers, path: folder, nameMask });
const browseInput = Type.Object({ ...boundMembers, path: folder });

async function list(
  context: OperationContext,
  input: Static<typeof listInput>,
  kinds: readonly FileEntry['kind'][],
) {
  const options = { mask: input.nameMask, kinds };
  const found = await filesOf(context, input).list(input.path ?? '', options, context.signal);
  return { files: found.map(fileRow) };
}

export const listFiles = defineOperation({
  ...listing,
  name: 'ListFiles',
  role: 'viewer',
  summary: 'Lists the files of a folder.',
  path: `${FILES_PATH}/files`,
  input: listInput,
  run: (context, input) => list(context, input, ['file']),
});

export const getFileListing = defineOperation({
  ...listFiles,
  name: 'GetFileListing',
  role: 'viewer',
  summary: 'Lists the files of a folder, as ListFiles does.',
  path: `${FILES_PATH}/file-listing`,
});

export const browseDirectory = defineOperation({
  ...listing,
  name: 'BrowseDirectory',
  role: 'viewer',
  summary: 'Lists the folders and files of a folder.',
  path: `${FILES_PATH}/entries`,
  input: browseInput,
  run: (context, input) => list(context, input, ['folder', 'file']),
});

export const browseFileSystem = defineOperation({
  ...browseDirectory,
  name: 'BrowseFileSystem',
  role: 'viewer',
  summary: 'Lists the folders and files of a folder, as BrowseDirectory does.',
  path: `${FILES_PATH}/browse`,
});

export const searchFiles = defineOperation({
  name: 'SearchFiles',
  entity: 'AzureIoT.BlobContainer_TT',
  category: 'Search',
  role: 'viewer',
  summary: 'Lists the files of all folders whose paths start with a prefix, page by page.',
  method: 'GET',
  path: `${FILES_PATH}/search`,
  input: Type.Object({
    ...boundMembers,
    prefix: Type.Optional(
      Type.String({
        maxLength: 1025,
        default: '',
        description: 'The prefix of the paths. Empty: all files.',
      }),
    ),
    maxItems: Type.Optional(
      Type.Integer({
        minimum: 1,
        maximum: 5000,
        default: 500,
        description: 'The maximum number of files in a page.',
      }),
    ),
    continuationToken: Type.Optional(
      HeaderText({
        maxLength: 8192,
        description: 'The token of the previous page. Empty: the first page.',
      }),
    ),
  }),
  output: Type.Object({
    files: Table(FoundFile, 'AzureIoT.FoundFile_DS', {
      description: 'One page; each row has the token for the next one. No rows: there are no more files.',
    }),
  }),
  result: 'files',
  errors: [...STORAGE_ERRORS, 'PATH_INVALID'],
  async run(context, input) {
    const files = filesOf(context, input);
    const { prefix = '', maxItems = 500 } = input;
    let after = input.continuationToken || undefined;
    for (;;) {
      const page = await files.search(prefix, { limit: maxItems, after }, context.signal);
      after = page.continuationToken;
      // A page of folders alone has no row that could hold the token.
      if (page.files.length > 0 || after === undefined)
        return { files: page.files.map((file) => ({ ...fileRow(file), continuationToken: after ?? '' })) };
    }
  },
});

export const getFileInfo = defineOperation({
  ...FILE_SERVICE,
  name: 'GetFileInfo',
  role: 'viewer',
  summary: 'Returns size and time of one file, as a table with one row.',
  method: 'GET',
  path: `${FILES_PATH}/file-info`,
  input: Type.Object({ ...boundMembers, path }),
  output: Type.Object({ files: FileTable }),
  result: 'files',
  errors: [...STORAGE_ERRORS, 'PATH_INVALID', 'FILE_NOT_FOUND'],
  async run(context, input) {
    const files = filesOf(context, input);
    return { files: [fileRow(await files.facts(input.path, context.signal))] };
  },
});
