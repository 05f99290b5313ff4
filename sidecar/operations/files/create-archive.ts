import { defineOperation } from '../operation.ts';
import { packing, typedPackInput } from './archive-services.ts';
import { FILES_PATH } from './file-members.ts';

export const createArchive = defineOperation({
  ...packing,
  name: 'CreateArchive',
  summary: 'Packs files of the container into a zip archive in it, as CreateZipArchive does.',
  path: `${FILES_PATH}/archives`,
  input: typedPackInput,
});
