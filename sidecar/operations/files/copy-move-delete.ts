import Type, { type Static } from 'typebox';
import { ConnectorError } from '../../errors/connector-error.ts';
import { STORAGE_ERRORS } from '../../files/types.ts';
import type { OperationContext } from '../context.ts';
import { defineOperation } from '../operation.ts';
import {
  boundMembers,
  DONE,
  Done,
  etag,
  FILE_SERVICE,
  FILES_PATH,
  filesOf,
  overwrite,
  path,
  pathText,
} from './file-members.ts';

const transfer = {
  ...FILE_SERVICE,
  method: 'POST',
  output: Done,
  noResult: true,
  errors: [
    ...STORAGE_ERRORS,
    'PATH_INVALID',
    'FILE_NOT_FOUND',
    'FILE_EXISTS',
    'FILES_UNFINISHED',
    'PRECONDITION_FAILED',
  ],
} as const;

const transferInput = Type.Object({
  ...boundMembers,
  sourcePath: pathText('The current path of the file.'),
  targetPath: pathText('The new path of the file.'),
  overwrite,
});

export const copyFile = defineOperation({
  ...transfer,
  name: 'CopyFile',
  role: 'engineer',
  summary: 'Copies a file within the container. Azure copies the data; it does not pass through the sidecar.',
  path: `${FILES_PATH}/copies`,
  input: transferInput,
  async run(context, input) {
    const { sourcePath, targetPath, overwrite = false } = input;
    await filesOf(context, input).copy(sourcePath, targetPath, overwrite, context.signal);
    return DONE;
  },
});

export const moveFile = defineOperation({
  ...transfer,
  name: 'MoveFile',
  role: 'engineer',
  summary: 'Moves a file within the container.',
  path: `${FILES_PATH}/moves`,
  input: transferInput,
  run: (context, input) => move(context, input),
});

export const renameFile = defineOperation({
  ...transfer,
  name: 'RenameFile',
  role: 'engineer',
  summary: 'Renames a file in its folder.',
  path: `${FILES_PATH}/renames`,
  input: Type.Object({
    ...boundMembers,
    path,
    name: Type.String({ minLength: 1, maxLength: 1024, description: 'The new name, without folders.' }),
    overwrite,
  }),
  run: async (context, { path, name, ...input }) =>
    move(context, { ...input, sourcePath: path, targetPath: siblingPath(path, name) }),
});

async function move(context: OperationContext, input: Static<typeof transferInput>): Promise<typeof DONE> {
  const { sourcePath, targetPath, overwrite = false } = input;
  await filesOf(context, input).move(sourcePath, targetPath, overwrite, context.signal);
  return DONE;
}

export const deleteFile = defineOperation({
  ...FILE_SERVICE,
  name: 'DeleteFile',
  role: 'engineer',
  summary: 'Deletes a file with its snapshots.',
  method: 'DELETE',
  path: `${FILES_PATH}/files`,
  input: Type.Object({ ...boundMembers, path, etag }),
  output: Done,
  noResult: true,
  errors: [...STORAGE_ERRORS, 'PATH_INVALID', 'FILE_NOT_FOUND', 'PRECONDITION_FAILED'],
  async run(context, input) {
    const files = filesOf(context, input);
    await files.delete(input.path, { ifMatch: input.etag }, context.signal);
    return DONE;
  },
});

/** The path of another name in the folder of a file. @throws ConnectorError PATH_INVALID for a name with a slash */
function siblingPath(path: string, name: string): string {
  if (name.includes('/')) {
    throw new ConnectorError(
      'PATH_INVALID',
      `The name ${JSON.stringify(name)} is invalid: a name contains no slash.`,
    );
  }
  return `${path.slice(0, path.lastIndexOf('/') + 1)}${name}`;
}
