import Type from 'typebox';
import { defineOperation } from '../operation.ts';
import { siblingPath } from './file-formats.ts';
import { DONE, Done, FILES_PATH, overwrite, path, place } from './file-members.ts';
import { filesOf, TRANSFER_ERRORS } from './file-services.ts';

export const renameFile = defineOperation({
  name: 'RenameFile',
  entity: 'AzureIoT.BlobContainer_TT',
  category: 'Files',
  summary: 'Gives a file another name in the same folder.',
  method: 'POST',
  path: `${FILES_PATH}/renames`,
  input: Type.Object({
    ...place,
    path,
    name: Type.String({ minLength: 1, maxLength: 1024, description: 'The new name, without folders.' }),
    overwrite,
  }),
  output: Done,
  noResult: true,
  errors: TRANSFER_ERRORS,
  async run(context, input) {
    const target = siblingPath(input.path, input.name);
    await filesOf(context, input).move(input.path, target, input.overwrite ?? false, context.signal);
    return DONE;
  },
});
