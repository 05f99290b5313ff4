import Type from 'typebox';
import { Table } from '../../contract/schema.ts';
import { STORAGE_ERRORS } from '../../files/types.ts';
import { defineOperation } from '../operation.ts';
import { SnapshotRow } from './file-formats.ts';
import { FILES_PATH, path, place } from './file-members.ts';

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
  async run({ storages, signal }, input) {
    const files = storages.require(input.account).container(input.container);
    return { snapshots: await files.snapshots(input.path, signal) };
  },
});
