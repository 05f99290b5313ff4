import type { Readable } from 'node:stream';
import type { ErrorCode } from '../errors/catalogue.ts';

/** The errors that every operation on files can return, beside its own. */
export const STORAGE_ERRORS: readonly ErrorCode[] = [
  'STORAGE_NOT_CONNECTED',
  'CONTAINER_NOT_FOUND',
  'AZURE_UNAUTHORIZED',
  'AZURE_UNREACHABLE',
  'CERTIFICATE_UNTRUSTED',
  'PROXY_REFUSED',
  'AZURE_TIMEOUT',
  'AZURE_THROTTLED',
  'AZURE_CONFLICT',
  'AZURE_FAILED',
  'AZURE_REJECTED',
];

/**
 * The largest file that passes through ThingWorx, in bytes. Platform and sidecar hold it in memory as base64 in JSON; larger files need a link
 * or the streaming route.
 */
export const MAX_INLINE_BYTES = 5 * 1024 * 1024;
/** The largest request with such a file: base64, or a text of escaped characters such as line ends, and the other members. */
export const INLINE_BODY_BYTES = MAX_INLINE_BYTES * 2 + 64 * 1024;
/** The maximum number of rows in the listing of a folder. */
export const MAX_LISTED = 10_000;

export interface ContainerEntry {
  readonly name: string;
  readonly lastModified: string;
}

/** A file by container and path. */
export interface FileLocation {
  readonly container: string;
  readonly path: string;
}

/** The move of a file that has the same result when it is repeated, also at the same time by several processes. */
export interface IdempotentMove {
  readonly from: FileLocation;
  readonly to: FileLocation;
  /** The target if another file exists at `to.path`; unique to this move. */
  readonly fallbackPath: string;
  /** Identifies the move, in printable ASCII, so that a repetition recognises the earlier copy. */
  readonly idempotencyKey: string;
  /** The expected file. A file that was written later and has another size is a different one and is not moved. Time in ms since 1970. */
  readonly written: { readonly atMs: number; readonly bytes: number };
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

/** Conditions as in HTTP: ETags with quotes, or `*`. */
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

/** The properties of a blob that HTTP has headers for. */
export interface ContentFacts {
  readonly contentType?: string | undefined;
  readonly contentEncoding?: string | undefined;
  readonly contentDisposition?: string | undefined;
  readonly contentLanguage?: string | undefined;
  readonly cacheControl?: string | undefined;
}

export interface SearchPage {
  readonly files: FileEntry[];
  /** For the next page; absent on the last page. */
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
  /** First and last byte; the whole file without a requested range. */
  readonly start: number;
  readonly end: number;
  readonly body: Readable;
}

export interface UploadOptions extends WriteOptions {
  /** Base64 MD5 of the whole blob; checked before the blob becomes visible, if possible. */
  readonly contentMd5?: string | undefined;
  /** In bytes, if known. */
  readonly size?: number | undefined;
}

export interface UploadChunk extends UploadOptions {
  /** Chosen by the client. */
  readonly uploadId: string;
  /** Position of the chunk in the file, in bytes. */
  readonly offset: number;
  /** Bytes of the chunk. */
  readonly length: number;
  readonly size: number;
}

export interface UploadState {
  /** Bytes from the start of the file that are stored; the next chunk starts there. */
  readonly received: number;
  /** Present when the upload is complete and the blob is visible. */
  readonly etag?: string;
  readonly contentMd5?: string;
}
