import { defineOperation } from '../operation.ts';
import { FILES_PATH } from './file-members.ts';
import { listingFiles } from './file-services.ts';

export const getFileListing = defineOperation({
  ...listingFiles,
  name: 'GetFileListing',
  summary: 'Lists the files of a folder, as ListFiles does.',
  path: `${FILES_PATH}/file-listing`,
});
