import { defineOperation } from '../operation.ts';
import { FILES_PATH } from './file-members.ts';
import { browsing } from './file-services.ts';

export const browseFileSystem = defineOperation({
  ...browsing,
  name: 'BrowseFileSystem',
  summary: 'Lists the folders and files of a folder, as BrowseDirectory does.',
  path: `${FILES_PATH}/browse`,
});
