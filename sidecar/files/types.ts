import type { Readable } from 'node:stream';
import type { ErrorCode } from '../errors/catalogue.ts';

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

export interface ContainerEntry {
  readonly name: string;
  readonly lastModified: string;
}

/** A file by its container. */
export interface FileLocation {
  readonly container: string;
  readonly path: string;
}

/** A file that is moved once, however often and by however many the move is tried. */
export interface IdempotentMove {
  readonly from: FileLocation;
  readonly to: FileLocation;
  /** Where it goes instead when another file is at `to.path`: a path that only this move has. */
  readonly fallbackPath: string;
  /** Names the move, in printable ASCII: by it what was begun before is recognised. */
  readonly idempotencyKey: string;
  /** What is known of the file, time in ms since 1970: one written later and of another size is another file and stays. */
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

export interface UploadChunk extends UploadOptions {
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
