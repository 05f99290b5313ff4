import Type from 'typebox';
import { HeaderText, ThingName } from '../../contract/schema.ts';
import type { ContainerFiles } from '../../files/container-files.ts';
import type { OperationContext } from '../context.ts';

/** What the operations on storage accounts and files share. Names and Data Shapes are those of the platform's FileRepository. */

/** The prefix of the routes of a container. */
export const FILES_PATH = '/storage/{account}/containers/{container}';

/** For services of a container that the platform's FileRepository has as well. */
export const FILE_SERVICE = { entity: 'AzureIoT.BlobContainer_TT', category: 'Files' } as const;

export const account = ThingName({ description: 'The Thing of the storage account.' });
export const container = Type.String({ maxLength: 63, description: 'The name of the container.' });

/** The members that the Thing of a container supplies. */
export const boundMembers = { account, container };

const MAX_PATH = 2_000;

export function pathText(description: string) {
  return Type.String({ minLength: 1, maxLength: MAX_PATH, description });
}

export const path = pathText('The path of the file, such as /folder/name.txt.');
export const folder = Type.Optional(
  Type.String({ maxLength: MAX_PATH, default: '/', description: 'The path of the folder. Empty: the root.' }),
);
export const overwrite = Type.Optional(
  Type.Boolean({ default: false, description: 'Whether an existing file of that name is replaced.' }),
);
export const nameMask = Type.Optional(
  Type.String({
    maxLength: 256,
    description: 'A filter for names: * matches any characters, ? matches one. Empty: all names.',
  }),
);
export const etag = Type.Optional(
  HeaderText({
    maxLength: 128,
    description:
      'The ETag from GetFileProperties. The call fails with PRECONDITION_FAILED if the file has changed since. Empty: no condition.',
  }),
);

export const Done = Type.Object({
  done: Type.Boolean({ description: 'Always true: a failure throws an error.' }),
});
export const DONE = { done: true };

/** @throws ConnectorError STORAGE_NOT_CONNECTED, PATH_INVALID */
export function filesOf(
  { storages }: OperationContext,
  input: { readonly account: string; readonly container: string },
): ContainerFiles {
  return storages.require(input.account).container(input.container);
}
