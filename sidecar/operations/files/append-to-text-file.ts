import { defineOperation } from '../operation.ts';
import { FILES_PATH } from './file-members.ts';
import { appending } from './file-services.ts';

export const appendToTextFile = defineOperation({
  ...appending,
  name: 'AppendToTextFile',
  path: `${FILES_PATH}/text-file-append`,
});
