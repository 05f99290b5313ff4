import Type from 'typebox';
import { ConnectorError } from '../../errors/connector-error.ts';
import { STORAGE_ERRORS } from '../../files/types.ts';
import type { OperationContext } from '../context.ts';
import { joinPath } from './file-formats.ts';
import { DONE, Done, folder, place } from './file-members.ts';
import { filesOf } from './file-services.ts';

/** What the services for archives have in common: a file repository knows each under an older and a newer name. */

const SERVICE = {
  entity: 'AzureIoT.BlobContainer_TT',
  category: 'Files',
  method: 'POST',
  output: Done,
  result: 'done',
  timeoutMs: 25_000,
} as const;

const TYPE = 'zip; other types are not possible here.';

/** @throws ConnectorError ARCHIVE_INVALID for a type other than zip, given or told by the ending of the name */
function checkZip(type: string | undefined, name: string): void {
  const told = /\.(tar\.gz|tgz|tar)$/i.test(name) ? 'targz' : 'zip';
  if ((type || told).toLowerCase() === 'zip') return;
  throw new ConnectorError(
    'ARCHIVE_INVALID',
    `${name}: archives of the type ${type || told} are not possible; only zip is.`,
  );
}

const packed = {
  ...place,
  path: folder,
  files: Type.String({ minLength: 1, description: 'The paths of the files, with a comma between.' }),
  newFileName: Type.String({ minLength: 1, maxLength: 1024, description: 'The name of the archive.' }),
};
const packInput = Type.Object(packed);
export const typedPackInput = Type.Object({
  ...packed,
  compressionType: Type.Optional(Type.String({ maxLength: 32, default: 'zip', description: TYPE })),
});

/** A service that packs files into an archive. */
export const packing = {
  ...SERVICE,
  errors: [
    ...STORAGE_ERRORS,
    'PATH_INVALID',
    'FILE_NOT_FOUND',
    'FILES_TOO_MANY',
    'ARCHIVE_TOO_LARGE',
    'ARCHIVE_INVALID',
  ],
  input: packInput,
  async run(context: OperationContext, input: Type.Static<typeof typedPackInput>) {
    checkZip(input.compressionType || 'zip', input.newFileName);
    const paths = input.files
      .split(',')
      .map((name) => name.trim())
      .filter((name) => name !== '');
    const target = joinPath(input.path, input.newFileName);
    await filesOf(context, input).createZip(target, paths, context.signal);
    return DONE;
  },
} as const;

const archiveName = Type.String({ minLength: 1, maxLength: 2000, description: 'The path of the archive.' });

const unpacking = {
  ...SERVICE,
  errors: [...STORAGE_ERRORS, 'PATH_INVALID', 'FILE_NOT_FOUND', 'ARCHIVE_INVALID', 'ARCHIVE_TOO_LARGE'],
} as const;

const zipInput = Type.Object({ ...place, path: folder, zipFileName: archiveName });

/** A service that unpacks an archive. */
export const unzipping = {
  ...unpacking,
  input: zipInput,
  async run(context: OperationContext, input: Type.Static<typeof zipInput>) {
    await filesOf(context, input).extractZip(input.zipFileName, input.path ?? '', context.signal);
    return DONE;
  },
} as const;

const archiveInput = Type.Object({
  ...place,
  path: folder,
  compressionType: Type.Optional(
    Type.String({ maxLength: 32, description: `${TYPE} Empty: as the ending of the name says.` }),
  ),
  archiveFileName: archiveName,
});

/** The same with the type of the archive. `flat`: without the folders of its entries. */
export function extracting(flat: boolean) {
  return {
    ...unpacking,
    input: archiveInput,
    async run(context: OperationContext, input: Type.Static<typeof archiveInput>) {
      checkZip(input.compressionType, input.archiveFileName);
      const files = filesOf(context, input);
      await files.extractZip(input.archiveFileName, input.path ?? '', context.signal, { flat });
      return DONE;
    },
  } as const;
}
