import Type from 'typebox';
import { STORAGE_ERRORS } from '../../files/types.ts';
import { defineOperation } from '../operation.ts';
import { FILES_PATH, folder, LinkTable, linkRow, minutes, nameMask, place } from './file-members.ts';

export const getFileListingWithLinks = defineOperation({
  name: 'GetFileListingWithLinks',
  entity: 'AzureIoT.BlobContainer_TT',
  category: 'Files',
  summary: 'Lists the files of a folder with a link to load each.',
  method: 'GET',
  path: `${FILES_PATH}/file-links`,
  input: Type.Object({ ...place, path: folder, nameMask, minutes }),
  output: Type.Object({ files: LinkTable }),
  result: 'files',
  errors: [...STORAGE_ERRORS, 'PATH_INVALID', 'FILES_TOO_MANY', 'LINK_NOT_POSSIBLE'],
  async run({ storages, signal }, input) {
    const files = storages.require(input.account).container(input.container);
    const found = await files.listWithLinks(
      input.path ?? '',
      { mask: input.nameMask, minutes: input.minutes ?? 15 },
      signal,
    );
    return { files: found.map(linkRow) };
  },
});
