import Type from 'typebox';
import { DateTime } from '../../contract/schema.ts';
import { STORAGE_ERRORS } from '../../files/types.ts';
import { defineOperation } from '../operation.ts';
import { FILES_PATH, minutes, path, place } from './file-members.ts';

export const createDownloadLink = defineOperation({
  name: 'CreateDownloadLink',
  entity: 'AzureIoT.BlobContainer_TT',
  category: 'Links',
  summary: 'Makes an address from which anyone can load this one file for some minutes.',
  method: 'POST',
  path: `${FILES_PATH}/download-links`,
  input: Type.Object({ ...place, path, minutes }),
  output: Type.Object({
    url: Type.String({ description: 'The address; whoever has it may read the file.' }),
    expiresAt: DateTime({ description: 'When it stops to work.' }),
  }),
  errors: [...STORAGE_ERRORS, 'PATH_INVALID', 'FILE_NOT_FOUND', 'LINK_NOT_POSSIBLE'],
  async run({ storages, signal }, input) {
    const files = storages.require(input.account).container(input.container);
    return files.downloadLink(input.path, input.minutes ?? 15, signal);
  },
});
