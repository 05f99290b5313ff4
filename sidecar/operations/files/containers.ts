import Type from 'typebox';
import { DateTime, Table } from '../../contract/schema.ts';
import { STORAGE_ERRORS } from '../../files/types.ts';
import { defineOperation } from '../operation.ts';
import { account } from './file-members.ts';

const CONTAINERS_PATH = '/storage/{account}/containers';
const containerName = Type.String({ minLength: 1, maxLength: 63, description: 'The name of the container.' });

const ContainerRow = Type.Object(
  {
    name: Type.String({ description: 'The name of the container.' }),
    lastModified: DateTime({ description: 'When it or its settings were changed last.' }),
  },
  { description: 'One container in a list.' },
);

export const createContainer = defineOperation({
  name: 'CreateContainer',
  entity: 'AzureIoT.StorageAccount_TT',
  category: 'Containers',
  summary: 'Makes a container that nobody may read without credentials; one that exists is no error.',
  method: 'PUT',
  path: `${CONTAINERS_PATH}/{containerName}`,
  input: Type.Object({
    account,
    containerName,
  }),
  output: Type.Object({ created: Type.Boolean({ description: 'False when it existed already.' }) }),
  result: 'created',
  errors: [...STORAGE_ERRORS, 'PATH_INVALID'],
  async run({ storages, signal }, input) {
    return { created: await storages.require(input.account).createContainer(input.containerName, signal) };
  },
});

export const deleteContainer = defineOperation({
  name: 'DeleteContainer',
  entity: 'AzureIoT.StorageAccount_TT',
  category: 'Containers',
  summary: 'Deletes a container with everything in it.',
  method: 'DELETE',
  path: `${CONTAINERS_PATH}/{containerName}`,
  input: Type.Object({
    account,
    containerName,
  }),
  output: Type.Object({ deleted: Type.Boolean({ description: 'False when there was none.' }) }),
  result: 'deleted',
  errors: [...STORAGE_ERRORS, 'PATH_INVALID'],
  async run({ storages, signal }, input) {
    return { deleted: await storages.require(input.account).deleteContainer(input.containerName, signal) };
  },
});

export const listContainers = defineOperation({
  name: 'ListContainers',
  entity: 'AzureIoT.StorageAccount_TT',
  category: 'Containers',
  summary: 'Lists the containers of the storage account.',
  method: 'GET',
  path: CONTAINERS_PATH,
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
