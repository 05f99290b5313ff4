import { defineOperation } from '../operation.ts';
import { FILES_PATH } from './file-members.ts';
import { savingBytes } from './file-services.ts';

export const saveBinary = defineOperation({
  ...savingBytes('BLOB', 'The bytes.'),
  name: 'SaveBinary',
  summary: 'Writes bytes to a file.',
  path: `${FILES_PATH}/binary`,
});
