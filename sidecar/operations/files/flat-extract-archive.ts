import { defineOperation } from '../operation.ts';
import { extracting } from './archive-services.ts';
import { FILES_PATH } from './file-members.ts';

export const flatExtractArchive = defineOperation({
  ...extracting(true),
  name: 'FlatExtractArchive',
  summary: 'Unpacks the files of a zip archive into one folder, without the folders that they have in it.',
  path: `${FILES_PATH}/flat-extractions`,
});
