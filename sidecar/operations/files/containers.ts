import Type from 'typebox';
import { DateTime, HeaderText, Table } from '../../contract/schema.ts';
import { STORAGE_ERRORS } from '../../files/types.ts';
import { defineOperation } from '../operation.ts';
import { account } from './file-members.ts';

const CONTAINERS_PATH = '/storage/{account}/containers';
const containerName = Type.String({ minLength: 1, maxLength: 63, description: 'The name of the container.' });

const ContainerRow = Type.Object(
  {
    name: Type.String({ description: 'The name of the container.' }),
    lastModified: DateTime({ description: 'The time of the last change of the container or its settings.' }),
  },
  { description: 'One container in a list.' },
);

export const createContainer = defineOperation({
  name: 'CreateContainer',
  entity: 'AzureIoT.StorageAccount_TT',
  category: 'Containers',
  role: 'engineer',
  summary: 'Creates a private container. An existing container is no error.',
  method: 'PUT',
  path: `${CONTAINERS_PATH}/{containerName}`,
  input: Type.Object({
    account,
    containerName,
  }),
  output: Type.Object({ created: Type.Boolean({ description: 'False if the container existed already.' }) }),
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
  role: 'administrator',
  summary: 'Deletes a container with its whole content.',
  method: 'DELETE',
  path: `${CONTAINERS_PATH}/{containerName}`,
  input: Type.Object({
    account,
    containerName,
  }),
  output: Type.Object({ deleted: Type.Boolean({ description: 'False if the container did not exist.' }) }),
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
  role: 'viewer',
  summary: 'Lists the containers of the storage account.',
  method: 'GET',
  path: CONTAINERS_PATH,
  input: Type.Object({
    account,
    prefix: Type.Optional(
      HeaderText({
        maxLength: 63,
        default: '',
        description: 'The prefix of the names. Empty: all containers.',
      }),
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
