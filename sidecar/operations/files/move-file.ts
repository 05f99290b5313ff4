import { defineOperation } from '../operation.ts';
import { FILES_PATH } from './file-members.ts';
import { transferring } from './file-services.ts';

export const moveFile = defineOperation({
  ...transferring('move'),
  name: 'MoveFile',
  summary: 'Moves a file within the container.',
  path: `${FILES_PATH}/moves`,
});
