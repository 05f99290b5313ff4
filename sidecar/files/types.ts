import type { Readable } from 'node:stream';
import type { ErrorCode } from '../errors/catalogue.ts';
import type { SecretTicket } from '../secrets/tickets.ts';

/** What every service on files can give beside its own. */
export const STORAGE_ERRORS: readonly ErrorCode[] = [
  'STORAGE_NOT_CONNECTED',
  'CONTAINER_NOT_FOUND',
  'AZURE_UNAUTHORIZED',
  'AZURE_UNREACHABLE',
  'AZURE_TIMEOUT',
  'AZURE_THROTTLED',
  'AZURE_CONFLICT',
  'AZURE_FAILED',
  'AZURE_REJECTED',
];

/**
 * The largest file that goes through ThingWorx, in bytes. It travels as base64 in JSON and is held whole by platform and sidecar;
 * larger files go by link or by the streaming route.
 */
export const MAX_INLINE_BYTES = 5 * 1024 * 1024;
/** What such a file takes in a request: base64, or a text of which each character is escaped, such as line ends, and the other members. */
export const INLINE_BODY_BYTES = MAX_INLINE_BYTES * 2 + 64 * 1024;
/** The most rows that a listing of one folder gives. */
export const MAX_LISTED = 10_000;

/** The storage Things that asked to be connected. */
export interface Storages {
  /**
   * Takes the settings of a storage Thing. With `secret` its connection string follows by ticket, and the account is connected when it
   * has arrived. Opens no connection by itself.
   * @throws ConnectorError SETTING_INVALID without any access, CONNECTION_STRING_INVALID
   */
  connect(
    thing: string,
    settings: { readonly blobEndpoint?: string | undefined },
    secret: boolean,
  ): Promise<readonly SecretTicket[]>;
  /** Unknown ones are no error: the end is the same. */
  disconnect(thing: string): Promise<void>;
  /** @throws ConnectorError STORAGE_NOT_CONNECTED */
  require(thing: string): Storage;
}

export interface ContainerEntry {
  readonly name: string;
  readonly lastModified: string;
}

/** A file by its container. */
export interface FilePlace {
  readonly container: string;
  readonly path: string;
}

/** A file that is moved once, however often and by however many the move is tried. */
export interface Relocation {
  readonly from: FilePlace;
  readonly to: FilePlace;
  /** Where it goes instead when another file is at `to.path`: a path that only this move has. */
  readonly sparePath: string;
  /** Names the move, in printable ASCII: by it what was begun before is recognised. */
  readonly mark: string;
  /** What is known of the file, time in ms since 1970: one written later and of another size is another file and stays. */
  readonly written: { readonly atMs: number; readonly bytes: number };
}

/** One connected storage account. */
export interface Storage {
  readonly thing: string;
  listContainers(prefix: string, signal: AbortSignal): Promise<ContainerEntry[]>;
  /** @returns false when it existed already. */
  createContainer(name: string, signal: AbortSignal): Promise<boolean>;
  /** @returns false when there was none. */
  deleteContainer(name: string, signal: AbortSignal): Promise<boolean>;
  /** Asks the account something harmless. */
  check(
    signal: AbortSignal,
  ): Promise<{ account: string; signIn: 'key' | 'sas' | 'entra'; milliseconds: number }>;
  /** @throws ConnectorError PATH_INVALID for a name that no container can have. */
  container(name: string): Files;
  /**
   * Where a blob lies, by its address without any signature and its name, which must say the same.
   * @throws ConnectorError PATH_INVALID when they do not, SETTING_INVALID for the address of another account
   */
  locate(address: string, name: string): FilePlace;
  /**
   * Moves a file, also into another container. One that was moved before is no error.
   * @returns where it is
   * @throws ConnectorError FILE_NOT_FOUND, FILE_REPLACED by a later one, FILE_EXISTS when the spare path is taken as well,
   * CONTAINER_NOT_FOUND with `target: true` in its details for the container it shall go to, FILES_UNFINISHED
   */
  relocate(relocation: Relocation, signal: AbortSignal): Promise<FilePlace>;
}

/** A file or folder in a listing. Paths begin with a slash, as a ThingWorx file repository gives them. */
export interface FileEntry {
  readonly path: string;
  readonly name: string;
  readonly size: number;
  /** ISO 8601; absent for folders that exist only as part of names. */
  readonly lastModified?: string;
  readonly kind: 'file' | 'folder';
}

/** Conditions in HTTP's words: ETags with their quotes, `*`. */
export interface Conditions {
  readonly ifMatch?: string | undefined;
  readonly ifNoneMatch?: string | undefined;
}

export interface FileFacts extends FileEntry {
  readonly etag: string;
  readonly contentType: string;
  readonly contentMd5?: string;
  readonly contentEncoding?: string;
  readonly contentDisposition?: string;
  readonly contentLanguage?: string;
  readonly cacheControl?: string;
  readonly metadata: Readonly<Record<string, string>>;
  readonly accessTier?: string;
  readonly archiveStatus?: string;
  readonly createdOn?: string;
  readonly leaseState?: string;
}

export interface WriteOptions extends Conditions {
  readonly contentType?: string | undefined;
  readonly metadata?: Readonly<Record<string, string>> | undefined;
}

/** What HTTP says about the properties of a blob. */
export interface ContentFacts {
  readonly contentType?: string | undefined;
  readonly contentEncoding?: string | undefined;
  readonly contentDisposition?: string | undefined;
  readonly contentLanguage?: string | undefined;
  readonly cacheControl?: string | undefined;
}

export interface SearchPage {
  readonly files: FileEntry[];
  /** For the next page; absent at the end. */
  readonly continuationToken?: string;
}

export interface Snapshot {
  readonly snapshot: string;
  readonly size: number;
  readonly lastModified: string;
}

export interface Link {
  readonly url: string;
  readonly expiresAt: string;
}

/** An open download. */
export interface Download {
  readonly facts: FileFacts;
  /** First and last byte; the whole file when no range was asked for. */
  readonly start: number;
  readonly end: number;
  readonly body: Readable;
}

export interface UploadOptions extends WriteOptions {
  /** Base64 MD5 of the whole; checked before the blob becomes visible, where possible. */
  readonly contentMd5?: string | undefined;
  /** Bytes, when known. */
  readonly size?: number | undefined;
}

export interface UploadPiece extends UploadOptions {
  /** The client's own name of the upload. */
  readonly uploadId: string;
  /** Where the piece begins. */
  readonly offset: number;
  /** Bytes of the piece. */
  readonly length: number;
  readonly size: number;
}

export interface UploadState {
  /** Bytes from the beginning that are safely stored; the next piece begins there. */
  readonly received: number;
  /** Present when the last byte has arrived and the blob is visible. */
  readonly etag?: string;
  readonly contentMd5?: string;
}

/**
 * The files of one container. Paths are those of a ThingWorx file repository: a leading slash may stand or not, `/` parts folders.
 * All throw PATH_INVALID, and what STORAGE_ERRORS holds; those that need a file FILE_NOT_FOUND.
 */
export interface Files {
  /** One level, folders first. @throws ConnectorError FILES_TOO_MANY */
  list(
    folder: string,
    options: { mask?: string | undefined; kinds: readonly FileEntry['kind'][] },
    signal: AbortSignal,
  ): Promise<FileEntry[]>;
  /** All folders below a folder. @throws ConnectorError FILES_TOO_MANY */
  tree(signal: AbortSignal): Promise<FileEntry[]>;
  search(
    prefix: string,
    page: { limit: number; after?: string | undefined },
    signal: AbortSignal,
  ): Promise<SearchPage>;
  facts(path: string, signal: AbortSignal): Promise<FileFacts>;
  /** @throws ConnectorError FILE_TOO_LARGE */
  read(path: string, signal: AbortSignal): Promise<Buffer>;
  /** @throws ConnectorError FILE_TOO_LARGE, FILE_EXISTS, PRECONDITION_FAILED. @returns the new ETag */
  write(path: string, content: Buffer, options: WriteOptions, signal: AbortSignal): Promise<string>;
  append(path: string, content: Buffer, signal: AbortSignal): Promise<void>;
  /** Over what is there, and beyond the end. @throws ConnectorError FILE_TOO_LARGE, RANGE_NOT_SATISFIABLE behind the end */
  writeAt(path: string, content: Buffer, offset: number, signal: AbortSignal): Promise<void>;
  delete(path: string, conditions: Conditions, signal: AbortSignal): Promise<void>;
  /** On the server, never through the sidecar. @throws ConnectorError FILE_EXISTS, FILES_UNFINISHED */
  copy(source: string, target: string, overwrite: boolean, signal: AbortSignal): Promise<void>;
  move(source: string, target: string, overwrite: boolean, signal: AbortSignal): Promise<void>;
  createFolder(path: string, signal: AbortSignal): Promise<void>;
  /** With all that is in it. @throws ConnectorError FILES_UNFINISHED when the time is not enough for all. */
  deleteFolder(path: string, signal: AbortSignal): Promise<void>;
  checksum(path: string, algorithm: 'MD5' | 'SHA-1' | 'SHA-256', signal: AbortSignal): Promise<string>;

  setContentFacts(
    path: string,
    facts: ContentFacts,
    conditions: Conditions,
    signal: AbortSignal,
  ): Promise<string>;
  setMetadata(
    path: string,
    metadata: Readonly<Record<string, string>>,
    conditions: Conditions,
    signal: AbortSignal,
  ): Promise<string>;
  tags(path: string, signal: AbortSignal): Promise<Record<string, string>>;
  setTags(path: string, tags: Readonly<Record<string, string>>, signal: AbortSignal): Promise<void>;
  setTier(path: string, tier: string, signal: AbortSignal): Promise<void>;
  snapshots(path: string, signal: AbortSignal): Promise<Snapshot[]>;
  createSnapshot(path: string, signal: AbortSignal): Promise<string>;
  restore(path: string, signal: AbortSignal): Promise<void>;

  /** @throws ConnectorError LINK_NOT_POSSIBLE when the account was given by a SAS address. */
  downloadLink(path: string, minutes: number, signal: AbortSignal): Promise<Link>;
  uploadLink(path: string, minutes: number, overwrite: boolean, signal: AbortSignal): Promise<Link>;
  /** One signature round for all rows of a listing. */
  listWithLinks(
    folder: string,
    options: { mask?: string | undefined; minutes: number },
    signal: AbortSignal,
  ): Promise<(FileEntry & { link: string })[]>;

  /** @throws ConnectorError RANGE_NOT_SATISFIABLE, PRECONDITION_FAILED */
  open(
    path: string,
    options: Conditions & { range?: string | undefined },
    signal: AbortSignal,
  ): Promise<Download>;
  /** @throws ConnectorError CHECKSUM_MISMATCH, FILE_EXISTS, PRECONDITION_FAILED, UPLOAD_INCOMPLETE */
  upload(path: string, body: Readable, options: UploadOptions, signal: AbortSignal): Promise<UploadState>;
  /** @throws ConnectorError UPLOAD_OFFSET_WRONG beside those of `upload` */
  uploadPiece(path: string, body: Readable, piece: UploadPiece, signal: AbortSignal): Promise<UploadState>;
  uploadState(path: string, uploadId: string, signal: AbortSignal): Promise<UploadState>;

  /** Replaces an archive of that name. @throws ConnectorError FILES_TOO_MANY, ARCHIVE_TOO_LARGE */
  createZip(archive: string, paths: readonly string[], signal: AbortSignal): Promise<void>;
  /** `flat`: without the folders of the entries. @throws ConnectorError ARCHIVE_INVALID, ARCHIVE_TOO_LARGE. @returns how many files came out */
  extractZip(
    archive: string,
    folder: string,
    signal: AbortSignal,
    options?: { readonly flat: boolean },
  ): Promise<number>;
}
