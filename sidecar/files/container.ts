import { createHash } from 'node:crypto';
import type { Readable } from 'node:stream';
import type { ContainerClient } from '@azure/storage-blob';
import { ConnectorError } from '../errors/connector-error.ts';
import type { KeyedMutex } from '../lib/keyed-mutex.ts';
import { createZip, extractZip } from './archive.ts';
import { changeFile, deleteFile, readFile, writeFile } from './content.ts';
import { openFile } from './download.ts';
import type { LinkMaker, Right } from './links.ts';
import { listFolder, listTree, searchFiles } from './listing.ts';
import { copyFile, createFolder, deleteFolder, moveFile } from './moving.ts';
import { type Pieces, uploadPiece, uploadState } from './pieces.ts';
import { Place } from './place.ts';
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
import type {
  Conditions,
  ContentFacts,
  FileEntry,
  Files,
  Link,
  UploadOptions,
  UploadPiece,
  WriteOptions,
} from './types.ts';
import { uploadFile } from './upload.ts';

const HASHES = { MD5: 'md5', 'SHA-1': 'sha1', 'SHA-256': 'sha256' } as const;

/** What all containers of an account share, and all calls to them. */
export interface Shared {
  readonly links: LinkMaker;
  readonly pieces: Pieces;
  readonly turns: KeyedMutex;
}

/** The files of one container: a table of contents of the modules beside it. */
export class ContainerFiles implements Files {
  readonly #place: Place;
  readonly #shared: Shared;

  constructor(container: ContainerClient, shared: Shared) {
    this.#place = new Place(container);
    this.#shared = shared;
  }

  list(
    folder: string,
    options: { mask?: string | undefined; kinds: readonly FileEntry['kind'][] },
    signal: AbortSignal,
  ) {
    return listFolder(this.#place, folder, options, signal);
  }

  tree(signal: AbortSignal) {
    return listTree(this.#place, signal);
  }

  search(prefix: string, page: { limit: number; after?: string | undefined }, signal: AbortSignal) {
    return searchFiles(this.#place, prefix, page, signal);
  }

  facts(path: string, signal: AbortSignal) {
    return readFacts(this.#place, path, signal);
  }

  async read(path: string, signal: AbortSignal): Promise<Buffer> {
    return (await readFile(this.#place, path, signal)).content;
  }

  write(path: string, content: Buffer, options: WriteOptions, signal: AbortSignal) {
    return writeFile(this.#place, path, content, options, signal);
  }

  append(path: string, content: Buffer, signal: AbortSignal) {
    const add = (before: Buffer = Buffer.alloc(0)) => Buffer.concat([before, content]);
    return this.#change(path, add, signal);
  }

  writeAt(path: string, content: Buffer, offset: number, signal: AbortSignal): Promise<void> {
    const write = (before: Buffer = Buffer.alloc(0)) => {
      if (offset > before.byteLength) {
        throw new ConnectorError(
          'RANGE_NOT_SATISFIABLE',
          `${path} has ${before.byteLength} bytes; the offset ${offset} lies behind its end.`,
        );
      }
      const behind = before.subarray(offset + content.byteLength);
      return Buffer.concat([before.subarray(0, offset), content, behind]);
    };
    return this.#change(path, write, signal);
  }

  delete(path: string, conditions: Conditions, signal: AbortSignal) {
    return deleteFile(this.#place, path, conditions, signal);
  }

  async copy(source: string, target: string, overwrite: boolean, signal: AbortSignal): Promise<void> {
    await copyFile(this.#place, source, target, overwrite, signal);
  }

  move(source: string, target: string, overwrite: boolean, signal: AbortSignal) {
    return moveFile(this.#place, source, target, overwrite, signal);
  }

  createFolder(path: string, signal: AbortSignal) {
    return createFolder(this.#place, path, signal);
  }

  deleteFolder(path: string, signal: AbortSignal) {
    return deleteFolder(this.#place, path, signal);
  }

  async checksum(path: string, algorithm: keyof typeof HASHES, signal: AbortSignal): Promise<string> {
    const { body } = await openFile(this.#place, path, {}, signal);
    const hash = createHash(HASHES[algorithm]);
    for await (const chunk of body) hash.update(chunk as Buffer);
    return hash.digest('hex');
  }

  setContentFacts(path: string, facts: ContentFacts, conditions: Conditions, signal: AbortSignal) {
    return setContentFacts(this.#place, path, facts, conditions, signal);
  }

  setMetadata(
    path: string,
    metadata: Readonly<Record<string, string>>,
    conditions: Conditions,
    signal: AbortSignal,
  ) {
    return setMetadata(this.#place, path, metadata, conditions, signal);
  }

  tags(path: string, signal: AbortSignal) {
    return readTags(this.#place, path, signal);
  }

  setTags(path: string, tags: Readonly<Record<string, string>>, signal: AbortSignal) {
    return setTags(this.#place, path, tags, signal);
  }

  setTier(path: string, tier: string, signal: AbortSignal) {
    return setTier(this.#place, path, tier, signal);
  }

  snapshots(path: string, signal: AbortSignal) {
    return listSnapshots(this.#place, path, signal);
  }

  createSnapshot(path: string, signal: AbortSignal) {
    return createSnapshot(this.#place, path, signal);
  }

  restore(path: string, signal: AbortSignal) {
    return restoreFile(this.#place, path, signal);
  }

  async downloadLink(path: string, minutes: number, signal: AbortSignal): Promise<Link> {
    // A link to nothing would fail later, at the device or in the browser, where nobody sees why.
    const { kind } = await readFacts(this.#place, path, signal);
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
    const files = await listFolder(this.#place, folder, { mask: options.mask, kinds: ['file'] }, signal);
    const rows: (FileEntry & { link: string })[] = [];
    for (const file of files) {
      const blob = this.#place.container.getBlobClient(file.path.slice(1));
      const { url } = await this.#shared.links.make(blob, 'r', options.minutes, signal);
      rows.push({ ...file, link: url });
    }
    return rows;
  }

  open(path: string, options: Conditions & { range?: string | undefined }, signal: AbortSignal) {
    return openFile(this.#place, path, options, signal);
  }

  upload(path: string, body: Readable, options: UploadOptions, signal: AbortSignal) {
    return uploadFile(this.#place, path, body, options, signal);
  }

  uploadPiece(path: string, body: Readable, piece: UploadPiece, signal: AbortSignal) {
    return uploadPiece(this.#place, path, body, piece, this.#shared.pieces, signal);
  }

  uploadState(path: string, uploadId: string, signal: AbortSignal) {
    return uploadState(this.#place, path, uploadId, signal);
  }

  createZip(archive: string, paths: readonly string[], signal: AbortSignal) {
    return createZip(this.#place, archive, paths, signal);
  }

  extractZip(archive: string, folder: string, signal: AbortSignal, options = { flat: false }) {
    return extractZip(this.#place, archive, { folder, ...options }, signal);
  }

  #change(path: string, change: (content: Buffer | undefined) => Buffer, signal: AbortSignal): Promise<void> {
    const key = this.#place.blob(path).url;
    return this.#shared.turns.run(key, () => changeFile(this.#place, path, change, signal));
  }

  #link(path: string, right: Right, minutes: number, signal: AbortSignal): Promise<Link> {
    return this.#shared.links.make(this.#place.blob(path), right, minutes, signal);
  }
}
