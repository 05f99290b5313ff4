import { defineOperation } from '../operation.ts';
import { FILES_PATH } from './file-members.ts';
import { listingFiles } from './file-services.ts';

export const listFiles = defineOperation({
  ...listingFiles,
  name: 'ListFiles',
  summary: 'Lists the files of a folder.',
  path: `${FILES_PATH}/files`,
});
