import Type, { type Static } from 'typebox';
import { ConnectorError } from '../../errors/connector-error.ts';
import { STORAGE_ERRORS } from '../../files/types.ts';
import type { OperationContext } from '../context.ts';
import { defineOperation } from '../operation.ts';
import { boundMembers, DONE, Done, FILE_SERVICE, FILES_PATH, filesOf, folder } from './file-members.ts';

/** The platform's FileRepository has each of these services under an older and a newer name. */

const archiveService = {
  ...FILE_SERVICE,
  method: 'POST',
  output: Done,
  result: 'done',
  timeoutMs: 25_000,
} as const;

const TYPE = 'zip is the only supported type.';

/** @throws ConnectorError ARCHIVE_INVALID for a type other than zip, given or implied by the file extension */
function checkZip(type: string | undefined, name: string): void {
  const implied = /\.(tar\.gz|tgz|tar)$/i.test(name) ? 'targz' : 'zip';
  if ((type || implied).toLowerCase() === 'zip') return;
  throw new ConnectorError(
    'ARCHIVE_INVALID',
    `${name}: archives of type ${type || implied} are not supported; use zip.`,
  );
}

const creation = {
  ...archiveService,
  errors: [...STORAGE_ERRORS, 'PATH_INVALID', 'FILE_NOT_FOUND', 'FILES_TOO_MANY', 'ARCHIVE_TOO_LARGE'],
} as const;

const zipContent = {
  ...boundMembers,
  path: folder,
  files: Type.String({ minLength: 1, description: 'The paths of the files, separated by commas.' }),
  newFileName: Type.String({ minLength: 1, maxLength: 1024, description: 'The name of the archive.' }),
};
const createZipInput = Type.Object(zipContent);

async function createZip(
  context: OperationContext,
  input: Static<typeof createZipInput>,
): Promise<typeof DONE> {
  const paths = input.files
    .split(',')
    .map((name) => name.trim())
    .filter((name) => name !== '');
  const target = joinPath(input.path, input.newFileName);
  await filesOf(context, input).createZip(target, paths, context.signal);
  return DONE;
}

/** A name in a folder. */
function joinPath(folder: string | undefined, name: string): string {
  const parent = (folder ?? '').replace(/\/$/, '');
  return `${parent}/${name.replace(/^\//, '')}`;
}

export const createZipArchive = defineOperation({
  ...creation,
  name: 'CreateZipArchive',
  role: 'engineer',
  summary: 'Packs files of the container into a zip archive in the same container.',
  path: `${FILES_PATH}/zip-archives`,
  input: createZipInput,
  run: createZip,
});

export const createArchive = defineOperation({
  ...creation,
  errors: [...creation.errors, 'ARCHIVE_INVALID'],
  name: 'CreateArchive',
  role: 'engineer',
  summary: 'Packs files of the container into a zip archive in the same container, as CreateZipArchive does.',
  path: `${FILES_PATH}/archives`,
  input: Type.Object({
    ...zipContent,
    compressionType: Type.Optional(Type.String({ maxLength: 32, default: 'zip', description: TYPE })),
  }),
  async run(context, input) {
    checkZip(input.compressionType || 'zip', input.newFileName);
    return createZip(context, input);
  },
});

const archiveName = Type.String({ minLength: 1, maxLength: 2000, description: 'The path of the archive.' });

const extraction = {
  ...archiveService,
  errors: [...STORAGE_ERRORS, 'PATH_INVALID', 'FILE_NOT_FOUND', 'ARCHIVE_INVALID', 'ARCHIVE_TOO_LARGE'],
} as const;

export const extractZipArchive = defineOperation({
  ...extraction,
  name: 'ExtractZipArchive',
  role: 'engineer',
  summary: 'Extracts a zip archive of the container into one of its folders.',
  path: `${FILES_PATH}/zip-extractions`,
  input: Type.Object({ ...boundMembers, path: folder, zipFileName: archiveName }),
  async run(context, input) {
    await filesOf(context, input).extractZip(input.zipFileName, input.path ?? '', context.signal);
    return DONE;
  },
});

const extractInput = Type.Object({
  ...boundMembers,
  path: folder,
  compressionType: Type.Optional(
    Type.String({ maxLength: 32, description: `${TYPE} Empty: the type of the file extension.` }),
  ),
  archiveFileName: archiveName,
});

async function extract(
  context: OperationContext,
  input: Static<typeof extractInput>,
  options: { readonly flat: boolean },
): Promise<typeof DONE> {
  checkZip(input.compressionType, input.archiveFileName);
  const files = filesOf(context, input);
  await files.extractZip(input.archiveFileName, input.path ?? '', context.signal, options);
  return DONE;
}

export const extractArchive = defineOperation({
  ...extraction,
  name: 'ExtractArchive',
  role: 'engineer',
  summary: 'Extracts a zip archive of the container into one of its folders, as ExtractZipArchive does.',
  path: `${FILES_PATH}/extractions`,
  input: extractInput,
  run: (context, input) => extract(context, input, { flat: false }),
});

export const flatExtractArchive = defineOperation({
  ...extraction,
  name: 'FlatExtractArchive',
  role: 'engineer',
  summary: 'Extracts the files of a zip archive into one folder, without the folders of the archive.',
  path: `${FILES_PATH}/flat-extractions`,
  input: extractInput,
  run: (context, input) => extract(context, input, { flat: true }),
});
