import { defineOperation } from '../operation.ts';
import { unzipping } from './archive-services.ts';
import { FILES_PATH } from './file-members.ts';

export const extractZipArchive = defineOperation({
  ...unzipping,
  name: 'ExtractZipArchive',
  summary: 'Unpacks a zip archive of the container into a folder of it.',
  path: `${FILES_PATH}/zip-extractions`,
});
