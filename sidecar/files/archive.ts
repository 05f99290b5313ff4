import { PassThrough, Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { crc32 } from 'node:zlib';
import { ZipArchive } from 'archiver';
import yauzl from 'yauzl';
import { ConnectorError } from '../errors/connector-error.ts';
import type { BlobContainer } from './blob-container.ts';
import { openFile } from './download.ts';
import { createFolder } from './folders.ts';
import { baseOf, blobName, folderName, folderPrefix } from './paths.ts';
import { readFacts } from './properties.ts';
import { uploadFile } from './upload.ts';

/** Limits that fit into the timeout of a script. */
const MAX_ENTRIES = 1_000;
const MAX_BYTES = 256 * 1024 * 1024;
const ENCRYPTED = 1;
const STORED = 0;
const DEFLATED = 8;
const FILE_TYPE_MASK = 0o170000;
const SYMBOLIC_LINK = 0o120000;

/** Packs files of the container into an archive in the same container. No file is held in memory as a whole. */
export async function createZip(
  container: BlobContainer,
  target: string,
  paths: readonly string[],
  signal: AbortSignal,
): Promise<void> {
  if (paths.length > MAX_ENTRIES) {
    throw new ConnectorError(
      'FILES_TOO_MANY',
      `${paths.length} files are too many for one archive; the limit is ${MAX_ENTRIES}.`,
    );
  }
  blobName(target);
  const names = new Set(paths.map(blobName));
  let bytes = 0;
  for (const name of names) {
    bytes += (await readFacts(container, name, signal)).size;
    if (bytes > MAX_BYTES) throw tooLarge(`The files have more than ${MAX_BYTES} bytes in total`);
  }
  const archive = new ZipArchive({ zlib: { level: 6 } });
  const body = new PassThrough();
  const packed = pipeline(archive, body, { signal });
  const stored = uploadFile(container, target, body, { contentType: 'application/zip' }, signal);
  const filled = (async () => {
    try {
      for (const name of names) {
        const { body: content, facts } = await openFile(container, name, {}, signal);
        const added = new Promise((resolve) => archive.once('entry', resolve));
        content.once('error', (error) => archive.destroy(error));
        archive.append(content, { name, date: new Date(facts.lastModified ?? 0), mode: 0o644 });
        await Promise.race([added, packed]);
      }
      await archive.finalize();
    } catch (thrown) {
      archive.destroy(thrown as Error);
      throw thrown;
    }
  })();
  const results = await Promise.allSettled([filled, packed, stored]);
  const failed = results.find((result) => result.status === 'rejected');
  if (failed) throw failed.reason;
}

/** Extracts an archive into a folder. All names and sizes are checked before the first file is written. */
export async function extractZip(
  container: BlobContainer,
  source: string,
  { folder, flat }: { readonly folder: string; readonly flat: boolean },
  signal: AbortSignal,
): Promise<number> {
  const prefix = folderPrefix(folder);
  const facts = await readFacts(container, source, signal);
  const reader = new BlobReader((start, end) =>
    rangeStream(container, source, { start, end, etag: facts.etag }, signal),
  );
  let zip: yauzl.ZipFile | undefined;
  try {
    zip = await yauzl.fromRandomAccessReaderPromise(reader, facts.size, {
      lazyEntries: true,
      autoClose: false,
      strictFileNames: true,
    });
    const entries = await readEntries(zip, source, { prefix, flat });
    for (const { entry, name } of entries) {
      if (name.endsWith('/')) {
        await createFolder(container, name, signal);
        continue;
      }
      const body = checked(source, entry, await zip.openReadStreamPromise(entry));
      await uploadFile(container, name, body, { size: entry.uncompressedSize }, signal);
    }
    if (entries.length === 0 && prefix !== '') await createFolder(container, folder, signal);
    return entries.filter(({ name }) => !name.endsWith('/')).length;
  } catch (thrown) {
    const cause =
      thrown instanceof ConnectorError && thrown.code === 'UPLOAD_INCOMPLETE' ? thrown.cause : thrown;
    if (cause instanceof ConnectorError) throw cause;
    throw invalid(source, cause instanceof Error ? cause.message : 'it is damaged', cause);
  } finally {
    zip?.close();
  }
}

interface Checked {
  readonly entry: yauzl.Entry;
  readonly name: string;
}

async function readEntries(
  zip: yauzl.ZipFile,
  source: string,
  { prefix, flat }: { readonly prefix: string; readonly flat: boolean },
): Promise<Checked[]> {
  const archive = blobName(source);
  if (zip.entryCount > MAX_ENTRIES)
    throw tooLarge(`${source} has ${zip.entryCount} entries; the limit is ${MAX_ENTRIES}`);
  const entries: Checked[] = [];
  const seen = new Set<string>();
  let bytes = 0;
  for await (const entry of zip.eachEntry()) {
    const shown = JSON.stringify(entry.fileName.slice(0, 120));
    if (entry.generalPurposeBitFlag & ENCRYPTED) throw invalid(source, `the entry ${shown} is encrypted`);
    if (((entry.externalFileAttributes >>> 16) & FILE_TYPE_MASK) === SYMBOLIC_LINK) {
      throw invalid(source, `the entry ${shown} is a link`);
    }
    if (entry.compressionMethod !== STORED && entry.compressionMethod !== DEFLATED) {
      throw invalid(
        source,
        `the entry ${shown} uses the compression method ${entry.compressionMethod}; only deflate is supported`,
      );
    }
    // The whole name is checked even if only its last segment is used: names that leave the folder are malicious.
    const whole = entryName(source, prefix, entry.fileName);
    if (flat && whole.endsWith('/')) continue;
    const name = flat ? `${prefix}${baseOf(whole)}` : whole;
    if (name === archive) throw invalid(source, `the entry ${shown} would replace the archive itself`);
    if (seen.has(name)) throw invalid(source, `the entry ${shown} occurs twice`);
    seen.add(name);
    bytes += entry.uncompressedSize;
    if (bytes > MAX_BYTES || entries.length >= MAX_ENTRIES) {
      throw tooLarge(`${source} contains more than ${MAX_BYTES} bytes or ${MAX_ENTRIES} entries`);
    }
    entries.push({ entry, name });
  }
  return entries;
}

/** The content of an entry. yauzl checks its size but not its CRC-32. */
function checked(source: string, entry: yauzl.Entry, body: Readable): Readable {
  async function* content(): AsyncGenerator<Buffer> {
    let sum = 0;
    for await (const chunk of body) {
      sum = crc32(chunk as Buffer, sum);
      yield chunk as Buffer;
    }
    if (sum === entry.crc32) return;
    const shown = JSON.stringify(entry.fileName.slice(0, 120));
    throw invalid(source, `the entry ${shown} is damaged: its CRC-32 does not match the archive`);
  }
  return Readable.from(content(), { objectMode: false });
}

/** The blob name for an entry; with a trailing slash for a folder. */
function entryName(source: string, prefix: string, fileName: string): string {
  try {
    if (fileName.startsWith('/')) throw invalid(source, `the entry ${JSON.stringify(fileName)} is absolute`);
    const name = `${prefix}${fileName}`;
    return name.endsWith('/') ? `${folderName(name)}/` : blobName(name);
  } catch (thrown) {
    throw invalid(source, thrown instanceof Error ? thrown.message : 'a name is invalid', thrown);
  }
}

/** Gives yauzl the bytes of a blob. */
class BlobReader extends yauzl.RandomAccessReader {
  readonly #read: (start: number, end: number) => Readable;

  constructor(read: (start: number, end: number) => Readable) {
    super();
    this.#read = read;
  }

  /** `end` is exclusive. */
  override _readStreamForRange(start: number, end: number): Readable {
    return this.#read(start, end);
  }
}

function rangeStream(
  container: BlobContainer,
  path: string,
  range: { start: number; end: number; etag: string },
  signal: AbortSignal,
): Readable {
  async function* content(): AsyncGenerator<Buffer> {
    if (range.end <= range.start) return;
    const header = `bytes=${range.start}-${range.end - 1}`;
    const { body } = await openFile(container, path, { range: header, ifMatch: range.etag }, signal);
    yield* body as AsyncIterable<Buffer>;
  }
  return Readable.from(content(), { objectMode: false });
}

function tooLarge(detail: string): ConnectorError {
  return new ConnectorError('ARCHIVE_TOO_LARGE', `${detail}.`);
}

function invalid(source: string, reason: string, cause?: unknown): ConnectorError {
  return new ConnectorError(
    'ARCHIVE_INVALID',
    `${source} cannot be extracted: ${reason.replace(/\.$/, '')}.`,
    { cause },
  );
}
