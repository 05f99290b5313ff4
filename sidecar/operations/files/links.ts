import Type, { type Static } from 'typebox';
import { DateTime, forThingWorx, OneRow, Table } from '../../contract/schema.ts';
import { type FileEntry, STORAGE_ERRORS } from '../../files/types.ts';
import { defineOperation } from '../operation.ts';
import {
  boundMembers,
  FILE_SERVICE,
  FILES_PATH,
  filesOf,
  folder,
  nameMask,
  overwrite,
  path,
} from './file-members.ts';
import { fileRow } from './listing.ts';

const DEFAULT_MINUTES = 15;
const minutes = Type.Optional(
  Type.Integer({
    minimum: 1,
    maximum: 1440,
    default: DEFAULT_MINUTES,
    description: 'The lifetime of the link in minutes.',
  }),
);

const LinkRow = Type.Object({
  path: Type.String({ description: 'The full path.' }),
  size: Type.Number({ minimum: 0, description: 'The size in bytes.' }),
  downloadLink: forThingWorx(Type.String({ description: 'The URL for downloading the file.' }), {
    baseType: 'HYPERLINK',
  }),
  lastModifiedDate: Type.Optional(DateTime({ description: 'The time of the last change.' })),
  name: Type.String({ description: 'The name without folders.' }),
});
const LinkTable = Table(LinkRow, 'FileSystemFileWithLinks', { description: 'One row for each file.' });

function linkRow(entry: FileEntry & { link: string }): Static<typeof LinkRow> {
  const { fileType: _, ...row } = fileRow(entry);
  return { ...row, downloadLink: entry.link };
}

const link = OneRow(
  Type.Object(
    {
      url: forThingWorx(Type.String({ description: 'The URL. Anyone who knows it can use it.' }), {
        baseType: 'HYPERLINK',
      }),
      expiresAt: DateTime({ description: 'The time when the URL expires.' }),
    },
    { description: 'A URL with which anyone can read or write one file for a limited time.' },
  ),
  'AzureIoT.FileLink_DS',
);

export const createDownloadLink = defineOperation({
  name: 'CreateDownloadLink',
  entity: 'AzureIoT.BlobContainer_TT',
  category: 'Links',
  role: 'engineer',
  summary: 'Creates a URL with which anyone can download this file for a limited time.',
  method: 'POST',
  path: `${FILES_PATH}/download-links`,
  input: Type.Object({ ...boundMembers, path, minutes }),
  output: link,
  errors: [...STORAGE_ERRORS, 'PATH_INVALID', 'FILE_NOT_FOUND', 'LINK_NOT_POSSIBLE'],
  async run(context, input) {
    const files = filesOf(context, input);
    return files.downloadLink(input.path, input.minutes ?? DEFAULT_MINUTES, context.signal);
  },
});

export const createUploadLink = defineOperation({
  name: 'CreateUploadLink',
  entity: 'AzureIoT.BlobContainer_TT',
  category: 'Links',
  role: 'engineer',
  summary:
    'Creates a URL with which anyone can upload this file for a limited time, by PUT with the header x-ms-blob-type: BlockBlob.',
  method: 'POST',
  path: `${FILES_PATH}/upload-links`,
  input: Type.Object({ ...boundMembers, path, minutes, overwrite }),
  output: link,
  errors: [...STORAGE_ERRORS, 'PATH_INVALID', 'LINK_NOT_POSSIBLE'],
  async run(context, input) {
    const files = filesOf(context, input);
    return files.uploadLink(
      input.path,
      input.minutes ?? DEFAULT_MINUTES,
      input.overwrite ?? false,
      context.signal,
    );
  },
});

export const getFileListingWithLinks = defineOperation({
  ...FILE_SERVICE,
  name: 'GetFileListingWithLinks',
  role: 'engineer',
  summary: 'Lists the files of a folder with a download link for each.',
  method: 'GET',
  path: `${FILES_PATH}/file-links`,
  input: Type.Object({ ...boundMembers, path: folder, nameMask, minutes }),
  output: Type.Object({ files: LinkTable }),
  result: 'files',
  errors: [...STORAGE_ERRORS, 'PATH_INVALID', 'FILES_TOO_MANY', 'LINK_NOT_POSSIBLE'],
  async run(context, input) {
    const files = filesOf(context, input);
    const found = await files.listWithLinks(
      input.path ?? '',
      { mask: input.nameMask, minutes: input.minutes ?? DEFAULT_MINUTES },
      context.signal,
    );
    return { files: found.map(linkRow) };
  },
});
