import Type from 'typebox';
import { OneOf } from '../../contract/schema.ts';
import { STORAGE_ERRORS } from '../../files/types.ts';
import { defineOperation } from '../operation.ts';
import { FILES_PATH, path, place } from './file-members.ts';

export const getFileCheckSum = defineOperation({
  name: 'GetFileCheckSum',
  entity: 'AzureIoT.BlobContainer_TT',
  category: 'Files',
  summary: 'Computes the checksum of a file, in hexadecimal digits.',
  method: 'GET',
  path: `${FILES_PATH}/checksum`,
  input: Type.Object({
    ...place,
    path,
    algorithm: Type.Optional(OneOf(['MD5', 'SHA-1', 'SHA-256'], { default: 'MD5', description: 'How.' })),
  }),
  output: Type.Object({ checksum: Type.String({ description: 'The checksum.' }) }),
  result: 'checksum',
  errors: [...STORAGE_ERRORS, 'PATH_INVALID', 'FILE_NOT_FOUND'],
  timeoutMs: 25_000,
  async run({ storages, signal }, input) {
    const files = storages.require(input.account).container(input.container);
    return { checksum: await files.checksum(input.path, input.algorithm ?? 'MD5', signal) };
  },
});
