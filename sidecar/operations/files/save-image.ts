import { defineOperation } from '../operation.ts';
import { FILES_PATH } from './file-members.ts';
import { savingBytes } from './file-services.ts';

export const saveImage = defineOperation({
  ...savingBytes('IMAGE', 'The image.'),
  name: 'SaveImage',
  summary: 'Writes an image to a file.',
  path: `${FILES_PATH}/image`,
});
