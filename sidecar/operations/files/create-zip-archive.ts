import { defineOperation } from '../operation.ts';
import { packing } from './archive-services.ts';
import { FILES_PATH } from './file-members.ts';

export const createZipArchive = defineOperation({
  ...packing,
  name: 'CreateZipArchive',
  summary: 'Packs files of the container into a zip archive in it.',
  path: `${FILES_PATH}/zip-archives`,
});
