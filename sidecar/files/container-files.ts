import { createHash } from 'node:crypto';
import type { Readable } from 'node:stream';
import type { ContainerClient } from '@azure/storage-blob';
import { ConnectorError } from '../errors/connector-error.ts';
import type { KeyedMutex } from '../lib/keyed-mutex.ts';
import { createZip, extractZip } from './archive.ts';
import { BlobContainer } from './blob-container.ts';
import { changeFile, deleteFile, readFile, writeFile } from './content.ts';
import { openFile } from './download.ts';
import { createFolder, deleteFolder } from './folders.ts';
import type { LinkMaker, Right } from './links.ts';
import { listFolder, listTree, searchFiles } from './listing.ts';
import { freePiece } from './pieces.ts';
import {
  createSnapshot,
  listSnapshots,
  readFacts,
  readTags,
  restoreFile,
  setContentFacts,
  setMetadata,
  setTags,
  setTier,
} from './properties.ts';
import { type ResumableUploads, uploadChunk, uploadState } from './resumable-upload.ts';
import { copyFile, moveFile } from './transfer.ts';
import type {
  Conditions,
  ContentFacts,
  FileEntry,
  Link,
  UploadChunk,
  UploadOptions,
  WriteOptions,
} from './types.ts';
import { uploadFile } from './upload.ts';

const HASHES = { MD5: 'md5', 'SHA-1': 'sha1', 'SHA-256': 'sha256' } as const;

/** State that all containers of an account share. */
export interface Shared {
  readonly links: LinkMaker;
  readonly uploads: ResumableUploads;
  readonly mutex: KeyedMutex;
}

/**
 * The files of one container: a facade of the modules beside it. Paths are those of a ThingWorx file repository: with or without a leading
 * slash, folders separated by `/`. All methods throw PATH_INVALID and the codes of STORAGE_ERRORS; those that need a file throw FILE_NOT_FOUND.
 */
export class ContainerFiles {
  readonly #container: BlobContainer;
  readonly #shared: Shared;

  constructor(container: ContainerClient, shared: Shared) {
    this.#container = new BlobContainer(container);
    this.#shared = shared;
  }

  /** One level, folders first. @throws ConnectorError FILES_TOO_MANY */
  list(
    folder: string,
    options: { mask?: string | undefined; kinds: readonly FileEntry['kind'][] },
    signal: AbortSignal,
  ) {
    return listFolder(this.#container, folder, options, signal);
  }

  /** All folders of the container. @throws ConnectorError FILES_TOO_MANY */
  tree(signal: AbortSignal) {
    return listTree(this.#container, signal);
  }

  search(prefix: string, page: { limit: number; after?: string | undefined }, signal: AbortSignal) {
    return searchFiles(this.#container, prefix, page, signal);
  }

  facts(path: string, signal: AbortSignal) {
    return readFacts(this.#container, path, signal);
  }

  /** @throws ConnectorError FILE_TOO_LARGE */
  async read(path: string, signal: AbortSignal): Promise<Buffer> {
    return (await readFile(this.#container, path, signal)).content;
  }

  /** @throws ConnectorError FILE_TOO_LARGE, FILE_EXISTS, PRECONDITION_FAILED. @returns the new ETag */
  write(path: string, content: Buffer, options: WriteOptions, signal: AbortSignal) {
    return writeFile(this.#container, path, content, options, signal);
  }

  append(path: string, content: Buffer, signal: AbortSignal) {
    const add = (before: Buffer = Buffer.alloc(0)) => Buffer.concat([before, content]);
    return this.#change(path, add, signal);
  }

  /** Overwrites from the offset on, also beyond the end. @throws ConnectorError FILE_TOO_LARGE, RANGE_NOT_SATISFIABLE for an offset beyond the end */
  writeAt(path: string, content: Buffer, offset: number, signal: AbortSignal): Promise<void> {
    const write = (before: Buffer = Buffer.alloc(0)) => {
      if (offset > before.byteLength) {
        throw new ConnectorError(
          'RANGE_NOT_SATISFIABLE',
          `${path} has ${before.byteLength} bytes; the offset ${offset} is beyond its end.`,
        );
      }
      const behind = before.subarray(offset + content.byteLength);
      return Buffer.concat([before.subarray(0, offset), content, behind]);
    };
    return this.#change(path, write, signal);
  }

  delete(path: string, conditions: Conditions, signal: AbortSignal) {
    return deleteFile(this.#container, path, conditions, signal);
  }

  /** On the server, never through the sidecar. @throws ConnectorError FILE_EXISTS, FILES_UNFINISHED */
  async copy(source: string, target: string, overwrite: boolean, signal: AbortSignal): Promise<void> {
    await copyFile(this.#container, source, target, overwrite, signal);
  }

  move(source: string, target: string, overwrite: boolean, signal: AbortSignal) {
    return moveFile(this.#container, source, target, overwrite, signal);
  }

  createFolder(path: string, signal: AbortSignal) {
    return createFolder(this.#container, path, signal);
  }

  /** With its whole content. @throws ConnectorError FILES_UNFINISHED when the time is not enough */
  deleteFolder(path: string, signal: AbortSignal) {
    return deleteFolder(this.#container, path, signal);
  }

  async checksum(path: string, algorithm: keyof typeof HASHES, signal: AbortSignal): Promise<string> {
    const { body } = await openFile(this.#container, path, {}, signal);
    const hash = createHash(HASHES[algorithm]);
    for await (const piece of body) {
      hash.update(piece as Buffer);
      freePiece(piece as Buffer);
    }
    return hash.digest('hex');
  }

  setContentFacts(path: string, facts: ContentFacts, conditions: Conditions, signal: AbortSignal) {
    return setContentFacts(this.#container, path, facts, conditions, signal);
  }

  setMetadata(
    path: string,
    metadata: Readonly<Record<string, string>>,
    conditions: Conditions,
    signal: AbortSignal,
  ) {
    return setMetadata(this.#container, path, metadata, conditions, signal);
  }

  tags(path: string, signal: AbortSignal) {
    return readTags(this.#container, path, signal);
  }

  setTags(path: string, tags: Readonly<Record<string, string>>, signal: AbortSignal) {
    return setTags(this.#container, path, tags, signal);
  }

  setTier(path: string, tier: string, signal: AbortSignal) {
    return setTier(this.#container, path, tier, signal);
  }

  snapshots(path: string, signal: AbortSignal) {
    return listSnapshots(this.#container, path, signal);
  }

  createSnapshot(path: string, signal: AbortSignal) {
    return createSnapshot(this.#container, path, signal);
  }

  restore(path: string, signal: AbortSignal) {
    return restoreFile(this.#container, path, signal);
  }

  /** @throws ConnectorError LINK_NOT_POSSIBLE for an account that is connected by a SAS address */
  async downloadLink(path: string, minutes: number, signal: AbortSignal): Promise<Link> {
    // A link to a missing file would fail later, at the device or in the browser, without a clear error.
    const { kind } = await readFacts(this.#container, path, signal);
    if (kind === 'folder') throw new ConnectorError('FILE_NOT_FOUND', `${path} is a folder.`);
    return this.#link(path, 'r', minutes, signal);
  }

  async uploadLink(path: string, minutes: number, overwrite: boolean, signal: AbortSignal): Promise<Link> {
    return this.#link(path, overwrite ? 'w' : 'c', minutes, signal);
  }

  async listWithLinks(
    folder: string,
    options: { mask?: string | undefined; minutes: number },
    signal: AbortSignal,
  ): Promise<(FileEntry & { link: string })[]> {
    const files = await listFolder(this.#container, folder, { mask: options.mask, kinds: ['file'] }, signal);
    const rows: (FileEntry & { link: string })[] = [];
    for (const file of files) {
      const blob = this.#container.client.getBlobClient(file.path.slice(1));
      const { url } = await this.#shared.links.make(blob, 'r', options.minutes, signal);
      rows.push({ ...file, link: url });
    }
    return rows;
  }

  /** @throws ConnectorError RANGE_NOT_SATISFIABLE, PRECONDITION_FAILED */
  open(path: string, options: Conditions & { range?: string | undefined }, signal: AbortSignal) {
    return openFile(this.#container, path, options, signal);
  }

  /** @throws ConnectorError CHECKSUM_MISMATCH, FILE_EXISTS, PRECONDITION_FAILED, UPLOAD_INCOMPLETE */
  upload(path: string, body: Readable, options: UploadOptions, signal: AbortSignal) {
    return uploadFile(this.#container, path, body, options, signal);
  }

  /** @throws ConnectorError UPLOAD_OFFSET_WRONG, and those of `upload` */
  uploadChunk(path: string, body: Readable, chunk: UploadChunk, signal: AbortSignal) {
    return uploadChunk(this.#container, path, body, chunk, this.#shared.uploads, signal);
  }

  uploadState(path: string, uploadId: string, signal: AbortSignal) {
    return uploadState(this.#container, path, uploadId, signal);
  }

  /** Replaces an archive of that name. @throws ConnectorError FILES_TOO_MANY, ARCHIVE_TOO_LARGE */
  createZip(archive: string, paths: readonly string[], signal: AbortSignal) {
    return createZip(this.#container, archive, paths, signal);
  }

  /** `flat`: without the folders of the entries. @throws ConnectorError ARCHIVE_INVALID, ARCHIVE_TOO_LARGE. @returns the number of extracted files */
  extractZip(archive: string, folder: string, signal: AbortSignal, options = { flat: false }) {
    return extractZip(this.#container, archive, { folder, ...options }, signal);
  }

  #change(path: string, change: (content: Buffer | undefined) => Buffer, signal: AbortSignal): Promise<void> {
    const key = this.#container.blob(path).url;
    return this.#shared.mutex.run(key, () => changeFile(this.#container, path, change, signal));
  }

  #link(path: string, right: Right, minutes: number, signal: AbortSignal): Promise<Link> {
    return this.#shared.links.make(this.#container.blob(path), right, minutes, signal);
  }
}
