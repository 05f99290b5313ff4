import Type from 'typebox';
import { DateTime, Table } from '../../contract/schema.ts';
import { STORAGE_ERRORS } from '../../files/types.ts';
import { defineOperation } from '../operation.ts';
import { FILES_PATH, filesOf, path, place } from './file-members.ts';

const SnapshotRow = Type.Object(
  {
    snapshot: Type.String({ description: 'The time that names the snapshot.' }),
    size: Type.Integer({ minimum: 0, description: 'The size in bytes.' }),
    lastModified: DateTime({ description: 'When the file had been changed last.' }),
  },
  { description: 'One snapshot of a file.' },
);

export const createFileSnapshot = defineOperation({
  name: 'CreateFileSnapshot',
  entity: 'AzureIoT.BlobContainer_TT',
  category: 'Versions',
  summary: 'Keeps the file as it is now as a snapshot.',
  method: 'POST',
  path: `${FILES_PATH}/snapshots`,
  input: Type.Object({ ...place, path }),
  output: Type.Object({ snapshot: Type.String({ description: 'The time that names the snapshot.' }) }),
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
  summary: 'Lists the snapshots of a file.',
  method: 'GET',
  path: `${FILES_PATH}/snapshots`,
  input: Type.Object({ ...place, path }),
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
