import { defineOperation } from '../operation.ts';
import { FILES_PATH } from './file-members.ts';
import { browsing } from './file-services.ts';

export const browseDirectory = defineOperation({
  ...browsing,
  name: 'BrowseDirectory',
  summary: 'Lists the folders and files of a folder.',
  path: `${FILES_PATH}/entries`,
});
