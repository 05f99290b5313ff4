import Type from 'typebox';
import { DateTime, Table } from '../../contract/schema.ts';
import { STORAGE_ERRORS } from '../../files/types.ts';
import { defineOperation } from '../operation.ts';
import { boundMembers, DONE, Done, FILES_PATH, filesOf, path } from './file-members.ts';

const SnapshotRow = Type.Object(
  {
    snapshot: Type.String({ description: 'The time that identifies the snapshot.' }),
    size: Type.Number({ minimum: 0, description: 'The size in bytes.' }),
    lastModified: DateTime({ description: 'The time of the last change of the file before the snapshot.' }),
  },
  { description: 'One snapshot of a file.' },
);

export const createFileSnapshot = defineOperation({
  name: 'CreateFileSnapshot',
  entity: 'AzureIoT.BlobContainer_TT',
  category: 'Versions',
  role: 'engineer',
  summary: 'Creates a snapshot of the file.',
  method: 'POST',
  path: `${FILES_PATH}/snapshots`,
  input: Type.Object({ ...boundMembers, path }),
  output: Type.Object({ snapshot: Type.String({ description: 'The time that identifies the snapshot.' }) }),
  result: 'snapshot',
  errors: [...STORAGE_ERRORS, 'PATH_INVALID', 'FILE_NOT_FOUND'],
  async run(context, input) {
    const files = filesOf(context, input);
    return { snapshot: await files.createSnapshot(input.path, context.signal) };
  },
});

export const listFileSnapshots = defineOperation({
  name: 'ListFileSnapshots',
  entity: 'AzureIoT.BlobContainer_TT',
  category: 'Versions',
  role: 'viewer',
  summary: 'Lists the snapshots of a file.',
  method: 'GET',
  path: `${FILES_PATH}/snapshots`,
  input: Type.Object({ ...boundMembers, path }),
  output: Type.Object({
    snapshots: Table(SnapshotRow, 'AzureIoT.FileSnapshot_DS', { description: 'One row for each snapshot.' }),
  }),
  result: 'snapshots',
  errors: [...STORAGE_ERRORS, 'PATH_INVALID'],
  async run(context, input) {
    const files = filesOf(context, input);
    return { snapshots: await files.snapshots(input.path, context.signal) };
  },
});

export const restoreFile = defineOperation({
  name: 'RestoreFile',
  entity: 'AzureIoT.BlobContainer_TT',
  category: 'Versions',
  role: 'engineer',
  summary: 'Restores a deleted file. The storage account must have soft delete for blobs enabled.',
  method: 'POST',
  path: `${FILES_PATH}/restores`,
  input: Type.Object({ ...boundMembers, path }),
  output: Done,
  noResult: true,
  errors: [...STORAGE_ERRORS, 'PATH_INVALID', 'FILE_NOT_FOUND'],
  async run(context, input) {
    const files = filesOf(context, input);
    await files.restore(input.path, context.signal);
    return DONE;
  },
});
