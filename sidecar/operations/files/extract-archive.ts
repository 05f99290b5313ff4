import { defineOperation } from '../operation.ts';
import { extracting } from './archive-services.ts';
import { FILES_PATH } from './file-members.ts';

export const extractArchive = defineOperation({
  ...extracting(false),
  name: 'ExtractArchive',
  summary: 'Unpacks a zip archive of the container into a folder of it, as ExtractZipArchive does.',
  path: `${FILES_PATH}/extractions`,
});
