import Type, { type Static } from 'typebox';
import { Table } from '../../contract/schema.ts';
import { type FileEntry, STORAGE_ERRORS } from '../../files/types.ts';
import { defineOperation } from '../operation.ts';
import {
  boundMembers,
  DONE,
  Done,
  FILE_SERVICE,
  FILES_PATH,
  filesOf,
  folder,
  nameMask,
  pathText,
} from './file-members.ts';

const folderPath = pathText('The path of the folder.');

const FolderRow = Type.Object({
  path: Type.String({ description: 'The path of the folder.' }),
  parentPath: Type.String({ description: 'The path of the parent folder.' }),
  name: Type.String({ description: 'The name of the folder.' }),
});
const FolderTable = Table(FolderRow, 'FileSystemDirectory', { description: 'One row for each folder.' });

function folderRow(entry: FileEntry): Static<typeof FolderRow> {
  return {
    path: entry.path,
    parentPath: entry.path.slice(0, entry.path.lastIndexOf('/')) || '/',
    name: entry.name,
  };
}

export const createFolder = defineOperation({
  ...FILE_SERVICE,
  name: 'CreateFolder',
  role: 'engineer',
  summary: 'Creates a folder. An existing folder is no error.',
  method: 'PUT',
  path: `${FILES_PATH}/folders`,
  input: Type.Object({ ...boundMembers, path: folderPath }),
  output: Done,
  noResult: true,
  errors: [...STORAGE_ERRORS, 'PATH_INVALID', 'FILE_EXISTS'],
  async run(context, input) {
    const files = filesOf(context, input);
    await files.createFolder(input.path, context.signal);
    return DONE;
  },
});

export const createFolderInParent = defineOperation({
  ...FILE_SERVICE,
  name: 'CreateFolderInParent',
  role: 'engineer',
  summary: 'Creates a folder in a parent folder.',
  method: 'POST',
  path: `${FILES_PATH}/folders`,
  input: Type.Object({
    ...boundMembers,
    parentFolderPath: folder,
    folderName: Type.String({ minLength: 1, maxLength: 1000, description: 'The name of the new folder.' }),
  }),
  output: Done,
  noResult: true,
  errors: [...STORAGE_ERRORS, 'PATH_INVALID', 'FILE_EXISTS'],
  async run(context, input) {
    const files = filesOf(context, input);
    const parent = (input.parentFolderPath ?? '').replace(/\/$/, '');
    await files.createFolder(`${parent}/${input.folderName}`, context.signal);
    return DONE;
  },
});

export const deleteFolder = defineOperation({
  ...FILE_SERVICE,
  name: 'DeleteFolder',
  role: 'engineer',
  summary: 'Deletes a folder with its whole content.',
  method: 'DELETE',
  path: `${FILES_PATH}/folders`,
  input: Type.Object({ ...boundMembers, path: folderPath }),
  output: Done,
  noResult: true,
  errors: [...STORAGE_ERRORS, 'PATH_INVALID', 'FILE_NOT_FOUND', 'FILES_UNFINISHED'],
  async run(context, input) {
    const files = filesOf(context, input);
    await files.deleteFolder(input.path, context.signal);
    return DONE;
  },
});

export const getDirectoryStructure = defineOperation({
  ...FILE_SERVICE,
  name: 'GetDirectoryStructure',
  role: 'viewer',
  summary: 'Lists all folders of the container.',
  method: 'GET',
  path: `${FILES_PATH}/folder-tree`,
  input: Type.Object({ ...boundMembers }),
  output: Type.Object({ folders: FolderTable }),
  result: 'folders',
  errors: [...STORAGE_ERRORS, 'FILES_TOO_MANY'],
  timeoutMs: 25_000,
  async run(context, input) {
    const files = filesOf(context, input);
    return { folders: (await files.tree(context.signal)).map(folderRow) };
  },
});

export const listDirectories = defineOperation({
  ...FILE_SERVICE,
  name: 'ListDirectories',
  role: 'viewer',
  summary: 'Lists the subfolders of a folder.',
  method: 'GET',
  path: `${FILES_PATH}/folders`,
  input: Type.Object({ ...boundMembers, path: folder, nameMask }),
  output: Type.Object({ folders: FolderTable }),
  result: 'folders',
  errors: [...STORAGE_ERRORS, 'PATH_INVALID', 'FILES_TOO_MANY'],
  async run(context, input) {
    const files = filesOf(context, input);
    const found = await files.list(
      input.path ?? '',
      { mask: input.nameMask, kinds: ['folder'] },
      context.signal,
    );
    return { folders: found.map(folderRow) };
  },
});
