import { defineOperation } from '../operation.ts';
import { FILES_PATH } from './file-members.ts';
import { transferring } from './file-services.ts';

export const copyFile = defineOperation({
  ...transferring('copy'),
  name: 'CopyFile',
  summary: 'Copies a file within the container; nothing travels through the sidecar.',
  path: `${FILES_PATH}/copies`,
});
