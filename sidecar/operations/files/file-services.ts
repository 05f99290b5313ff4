import Type from 'typebox';
import type { ErrorCode } from '../../errors/catalogue.ts';
import { type FileEntry, type Files, STORAGE_ERRORS, type WriteOptions } from '../../files/types.ts';
import type { OperationContext } from '../context.ts';
import {
  binaryContent,
  DONE,
  Done,
  etag,
  FileTable,
  fileRow,
  folder,
  fromBase64,
  largeBody,
  nameMask,
  overwrite,
  path,
  place,
  sourcePath,
  targetPath,
} from './file-members.ts';

/**
 * What services of a file repository have in common that do the same under two names, or the same with another content. Each operation
 * adds its name, summary and path.
 */

const SERVICE = { entity: 'AzureIoT.BlobContainer_TT', category: 'Files' } as const;

interface Placed {
  readonly account: string;
  readonly container: string;
}

export function filesOf({ storages }: OperationContext, { account, container }: Placed): Files {
  return storages.require(account).container(container);
}

/** CopyFile, MoveFile, RenameFile. */
export const TRANSFER_ERRORS: readonly ErrorCode[] = [
  ...STORAGE_ERRORS,
  'PATH_INVALID',
  'FILE_NOT_FOUND',
  'FILE_EXISTS',
  'FILES_UNFINISHED',
  'PRECONDITION_FAILED',
];
const transferInput = Type.Object({ ...place, sourcePath, targetPath, overwrite });

/** A service that brings a file to another path. */
export function transferring(bring: 'copy' | 'move') {
  return {
    ...SERVICE,
    method: 'POST',
    input: transferInput,
    output: Done,
    noResult: true,
    errors: TRANSFER_ERRORS,
    async run(context: OperationContext, input: Type.Static<typeof transferInput>) {
      const files = filesOf(context, input);
      await files[bring](input.sourcePath, input.targetPath, input.overwrite ?? false, context.signal);
      return DONE;
    },
  } as const;
}

/** A service that writes a file. */
export const saving = {
  ...SERVICE,
  method: 'PUT',
  output: Done,
  noResult: true,
  errors: [...STORAGE_ERRORS, 'PATH_INVALID', 'FILE_TOO_LARGE', 'PRECONDITION_FAILED'],
  largeBody,
} as const;

/** Writes what a service of `saving` was given, over the version that its caller knows. */
export async function save(
  context: OperationContext,
  input: Placed & { readonly path: string; readonly etag?: string | undefined },
  bytes: Buffer,
): Promise<typeof DONE> {
  const options: WriteOptions = { ifMatch: input.etag };
  await filesOf(context, input).write(input.path, bytes, options, context.signal);
  return DONE;
}

/** A service that writes bytes, which travel as base64. */
export function savingBytes(baseType: 'BLOB' | 'IMAGE', description: string) {
  const input = Type.Object({
    ...place,
    path,
    content: Type.Optional(binaryContent(baseType, description)),
    etag,
  });
  return {
    ...saving,
    input,
    run: (context: OperationContext, given: Type.Static<typeof input>) =>
      save(context, given, fromBase64(given.content ?? '')),
  } as const;
}

const appendInput = Type.Object({
  ...place,
  path,
  data: Type.Optional(Type.String({ default: '', description: 'The text that is added.' })),
});

/** A service that adds a text to a file. */
export const appending = {
  ...saving,
  summary:
    'Adds a text to the end of a file, which is made when there is none; writers at the same time lose nothing.',
  method: 'POST',
  input: appendInput,
  async run(context: OperationContext, input: Type.Static<typeof appendInput>) {
    await filesOf(context, input).append(input.path, Buffer.from(input.data ?? ''), context.signal);
    return DONE;
  },
} as const;

const listingInput = Type.Object({ ...place, path: folder, nameMask });
const browsingInput = Type.Omit(listingInput, ['nameMask']);
const listing = {
  ...SERVICE,
  method: 'GET',
  output: Type.Object({ files: FileTable }),
  result: 'files',
  errors: [...STORAGE_ERRORS, 'PATH_INVALID', 'FILES_TOO_MANY'],
} as const;

async function list(
  context: OperationContext,
  input: Type.Static<typeof listingInput>,
  kinds: readonly FileEntry['kind'][],
) {
  const found = await filesOf(context, input).list(
    input.path ?? '',
    { mask: input.nameMask, kinds },
    context.signal,
  );
  return { files: found.map(fileRow) };
}

/** A service that gives the files of a folder. */
export const listingFiles = {
  ...listing,
  input: listingInput,
  run: (context: OperationContext, input: Type.Static<typeof listingInput>) => list(context, input, ['file']),
} as const;

/** A service that gives the folders and files of a folder. */
export const browsing = {
  ...listing,
  input: browsingInput,
  run: (context: OperationContext, input: Type.Static<typeof browsingInput>) =>
    list(context, input, ['folder', 'file']),
} as const;
