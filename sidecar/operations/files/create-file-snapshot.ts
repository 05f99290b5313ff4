import Type from 'typebox';
import { STORAGE_ERRORS } from '../../files/types.ts';
import { defineOperation } from '../operation.ts';
import { FILES_PATH, path, place } from './file-members.ts';

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
  async run({ storages, signal }, input) {
    const files = storages.require(input.account).container(input.container);
    return { snapshot: await files.createSnapshot(input.path, signal) };
  },
});
