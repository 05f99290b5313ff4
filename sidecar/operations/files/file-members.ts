import Type, { type Static } from 'typebox';
import { DateTime, forThingWorx, JsonObject, Table, ThingName } from '../../contract/schema.ts';
import { ConnectorError } from '../../errors/connector-error.ts';
import { type FileEntry, type FileFacts, INLINE_BODY_BYTES, MAX_INLINE_BYTES } from '../../files/types.ts';

/** Members, rows and rules that the operations on files share. Names and Data Shapes are those of the platform's FileRepository. */

/** Where the routes of the files of a container begin. */
export const FILES_PATH = '/storage/{account}/containers/{container}';

export const account = ThingName({ description: 'The Thing of the storage account.' });
export const container = Type.String({ maxLength: 63, description: 'The name of the container.' });

/** What the Thing of a container fills in by itself. */
export const place = { account, container };

const MAX_PATH = 2_000;

function pathText(description: string) {
  return Type.String({ minLength: 1, maxLength: MAX_PATH, description });
}

export const path = pathText('The path of the file, such as /folder/name.txt.');
export const folder = Type.Optional(
  Type.String({ maxLength: MAX_PATH, default: '/', description: 'The path of the folder. Empty: the root.' }),
);
export const folderPath = pathText('The path of the folder.');
export const sourcePath = pathText('The path of the file as it is.');
export const targetPath = pathText('The path that it gets.');
export const overwrite = Type.Optional(
  Type.Boolean({ default: false, description: 'Whether a file of that name is replaced.' }),
);
export const nameMask = Type.Optional(
  Type.String({
    maxLength: 256,
    description: 'Which names: * stands for any characters and ? for one. Empty: all.',
  }),
);
export const etag = Type.Optional(
  Type.String({
    maxLength: 128,
    description:
      'The ETag as GetFileProperties gave it: nothing is done with PRECONDITION_FAILED when the file is another by now. Empty: whatever it is now.',
  }),
);
export const minutes = Type.Optional(
  Type.Integer({
    minimum: 1,
    maximum: 1440,
    default: 15,
    description: 'How long the link works, in minutes.',
  }),
);
export const textContent = Type.Optional(
  Type.String({ default: '', description: 'The text. Empty: an empty file.' }),
);

const SIZE = `Up to ${MAX_INLINE_BYTES} bytes; larger files go by link or stream.`;

export function binaryContent(baseType: 'BLOB' | 'IMAGE', description: string) {
  return forThingWorx(Type.String({ description: `${description} ${SIZE}` }), { baseType });
}

export function xmlContent(description: string) {
  return forThingWorx(Type.String({ description }), { baseType: 'XML' });
}

/** For operations that take the content of a file. */
export const largeBody = {
  maxBytes: INLINE_BODY_BYTES,
  refuse: () =>
    new ConnectorError(
      'FILE_TOO_LARGE',
      `Through ThingWorx go files of up to ${MAX_INLINE_BYTES} bytes. Use CreateUploadLink or the streaming route of the sidecar.`,
      { details: { maxBytes: MAX_INLINE_BYTES } },
    ),
};

const FileRow = Type.Object({
  path: Type.String({ description: 'The whole path.' }),
  size: Type.Number({ minimum: 0, description: 'The size in bytes.' }),
  lastModifiedDate: Type.Optional(DateTime({ description: 'When it was changed last.' })),
  name: Type.String({ description: 'The name without folders.' }),
  fileType: Type.String({ description: 'F for a file, D for a folder.' }),
});

const LinkRow = Type.Object({
  path: Type.String({ description: 'The whole path.' }),
  size: Type.Number({ minimum: 0, description: 'The size in bytes.' }),
  downloadLink: forThingWorx(Type.String({ description: 'The address from which it can be loaded.' }), {
    baseType: 'HYPERLINK',
  }),
  lastModifiedDate: Type.Optional(DateTime({ description: 'When it was changed last.' })),
  name: Type.String({ description: 'The name without folders.' }),
});

const FolderRow = Type.Object({
  path: Type.String({ description: 'The path of the folder.' }),
  parentPath: Type.String({ description: 'The path of the folder that it is in.' }),
  name: Type.String({ description: 'The name of the folder.' }),
});

export const FileTable = Table(FileRow, 'FileSystemFile', {
  description: 'One row for each file or folder.',
});
export const LinkTable = Table(LinkRow, 'FileSystemFileWithLinks', { description: 'One row for each file.' });
export const FolderTable = Table(FolderRow, 'FileSystemDirectory', {
  description: 'One row for each folder.',
});

export function fileRow(entry: FileEntry): Static<typeof FileRow> {
  return {
    path: entry.path,
    size: entry.size,
    ...(entry.lastModified === undefined ? {} : { lastModifiedDate: entry.lastModified }),
    name: entry.name,
    fileType: entry.kind === 'file' ? 'F' : 'D',
  };
}

export function linkRow(entry: FileEntry & { link: string }): Static<typeof LinkRow> {
  const { fileType: _, ...row } = fileRow(entry);
  return { ...row, downloadLink: entry.link };
}

export function folderRow(entry: FileEntry): Static<typeof FolderRow> {
  return {
    path: entry.path,
    parentPath: entry.path.slice(0, entry.path.lastIndexOf('/')) || '/',
    name: entry.name,
  };
}

const optional = (description: string) => Type.Optional(Type.String({ description }));

export const FileDetail = Type.Object(
  {
    path: Type.String({ description: 'The whole path.' }),
    name: Type.String({ description: 'The name without folders.' }),
    size: Type.Integer({ minimum: 0, description: 'The size in bytes.' }),
    lastModified: Type.Optional(DateTime({ description: 'When it was changed last.' })),
    kind: Type.String({ description: 'file or folder.' }),
    etag: Type.String({ description: 'Changes with every change; for conditional writes.' }),
    contentType: Type.String({ description: 'The content type.' }),
    contentMd5: optional('The MD5 of the content in base64, when it is known.'),
    contentEncoding: optional('The content encoding.'),
    contentDisposition: optional('The content disposition.'),
    contentLanguage: optional('The content language.'),
    cacheControl: optional('How long it may be cached.'),
    metadata: JsonObject({ description: 'The metadata: names and texts.' }),
    accessTier: optional('Hot, Cool, Cold or Archive.'),
    archiveStatus: optional('Where a file stands that is brought back from the archive.'),
    createdOn: Type.Optional(DateTime({ description: 'When it was made.' })),
    leaseState: optional('Whether somebody holds a lease on it.'),
  },
  { description: 'Everything that is known of one file.' },
);

export function fileDetail(facts: FileFacts): Static<typeof FileDetail> {
  return { ...facts, metadata: { ...facts.metadata } };
}

/** The bytes of base64 text. @throws ConnectorError REQUEST_INVALID */
export function fromBase64(text: string): Buffer {
  const tight = text.replace(/\s+/g, '');
  if (tight.length % 4 !== 0 || !/^[A-Za-z0-9+/]*={0,2}$/.test(tight)) {
    throw new ConnectorError('REQUEST_INVALID', 'content is not base64.');
  }
  return Buffer.from(tight, 'base64');
}

/** The text of a file in UTF-8. @throws ConnectorError FILE_CONTENT_INVALID */
export function toText(content: Buffer, file: string): string {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(content);
  } catch {
    throw new ConnectorError('FILE_CONTENT_INVALID', `${file} is no text in UTF-8; read it with LoadBinary.`);
  }
}

export const Done = Type.Object({
  done: Type.Boolean({ description: 'Always true: a failure is answered as a problem.' }),
});
export const DONE = { done: true };
