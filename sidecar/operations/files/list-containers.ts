import Type from 'typebox';
import { Table } from '../../contract/schema.ts';
import { STORAGE_ERRORS } from '../../files/types.ts';
import { defineOperation } from '../operation.ts';
import { ContainerRow } from './file-formats.ts';
import { account } from './file-members.ts';

export const listContainers = defineOperation({
  name: 'ListContainers',
  entity: 'AzureIoT.StorageAccount_TT',
  category: 'Containers',
  summary: 'Lists the containers of the storage account.',
  method: 'GET',
  path: '/storage/{account}/containers',
  input: Type.Object({
    account,
    prefix: Type.Optional(
      Type.String({ maxLength: 63, default: '', description: 'How the names begin. Empty: all.' }),
    ),
  }),
  output: Type.Object({
    containers: Table(ContainerRow, 'AzureIoT.Container_DS', { description: 'One row for each container.' }),
  }),
  result: 'containers',
  errors: [...STORAGE_ERRORS, 'FILES_TOO_MANY'],
  async run({ storages, signal }, input) {
    return { containers: await storages.require(input.account).listContainers(input.prefix ?? '', signal) };
  },
});
