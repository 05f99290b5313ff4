import Type from 'typebox';
import { DateTime } from '../../contract/schema.ts';
import { STORAGE_ERRORS } from '../../files/types.ts';
import { defineOperation } from '../operation.ts';
import { FILES_PATH, minutes, overwrite, path, place } from './file-members.ts';

export const createUploadLink = defineOperation({
  name: 'CreateUploadLink',
  entity: 'AzureIoT.BlobContainer_TT',
  category: 'Links',
  summary:
    'Makes an address to which anyone can write this one file for some minutes, with PUT and the header x-ms-blob-type: BlockBlob.',
  method: 'POST',
  path: `${FILES_PATH}/upload-links`,
  input: Type.Object({ ...place, path, minutes, overwrite }),
  output: Type.Object({
    url: Type.String({ description: 'The address; whoever has it may write the file.' }),
    expiresAt: DateTime({ description: 'When it stops to work.' }),
  }),
  errors: [...STORAGE_ERRORS, 'PATH_INVALID', 'LINK_NOT_POSSIBLE'],
  async run({ storages, signal }, input) {
    const files = storages.require(input.account).container(input.container);
    return files.uploadLink(input.path, input.minutes ?? 15, input.overwrite ?? false, signal);
  },
});
