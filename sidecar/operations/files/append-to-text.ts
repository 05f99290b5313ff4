import { defineOperation } from '../operation.ts';
import { FILES_PATH } from './file-members.ts';
import { appending } from './file-services.ts';

export const appendToText = defineOperation({
  ...appending,
  name: 'AppendToText',
  path: `${FILES_PATH}/text-append`,
});
