import { createHash } from 'node:crypto';
import { extname } from 'node:path';
import type { BlobGetPropertiesResponse, BlockBlobUploadOptions } from '@azure/storage-blob';
import { statusOf } from '../azure/storage.ts';
import { ConnectorError } from '../errors/connector-error.ts';
import { type BlobContainer, conditionsOf } from './blob-container.ts';
import { readRange } from './download.ts';
import { factsOf, isFolder } from './listing.ts';
import { tagsOf } from './properties.ts';
import type { Conditions, FileFacts, WriteOptions } from './types.ts';
import { MAX_INLINE_BYTES } from './types.ts';

/** Attempts of a reader or writer while other writers are faster. */
const MAX_TRIES = 30;

/** Reads a whole small file, all of one version: reads again if a writer changed it meanwhile. */
export async function readFile(
  container: BlobContainer,
  path: string,
  signal: AbortSignal,
): Promise<{ content: Buffer; facts: FileFacts; found: BlobGetPropertiesResponse }> {
  const blob = container.blob(path);
  return container.attempt(`Reading ${path}`, async () => {
    for (let tries = 1; ; tries += 1) {
      const found = await blob.getProperties({ abortSignal: signal });
      const facts = factsOf(blob.name, found);
      if (facts.kind === 'folder') throw new ConnectorError('FILE_NOT_FOUND', `${path} is a folder.`);
      if (facts.size > MAX_INLINE_BYTES) throw tooLarge(path, facts.size, MAX_INLINE_BYTES);
      if (facts.size === 0) return { content: Buffer.alloc(0), facts, found };
      try {
        return { content: await readRange(blob, 0, facts.size, facts.etag, signal), facts, found };
      } catch (thrown) {
        if (statusOf(thrown) !== 412 || tries === MAX_TRIES) throw thrown;
      }
    }
  });
}

/** Writes a small file atomically. @returns the new ETag */
export async function writeFile(
  container: BlobContainer,
  path: string,
  content: Buffer,
  options: WriteOptions,
  signal: AbortSignal,
): Promise<string> {
  const blob = container.blob(path);
  if (content.byteLength > MAX_INLINE_BYTES) throw tooLarge(path, content.byteLength, MAX_INLINE_BYTES);
  return container.attempt(`Writing ${path}`, async () => {
    const answer = await blob.upload(content, content.byteLength, {
      abortSignal: signal,
      conditions: conditionsOf(options),
      blobHTTPHeaders: {
        blobContentType: options.contentType ?? contentTypeOf(path),
        blobContentMD5: createHash('md5').update(content).digest(),
      },
      ...(options.metadata === undefined ? {} : { metadata: { ...options.metadata } }),
    });
    return answer.etag ?? '';
  });
}

/**
 * Reads, changes and writes with an ETag condition, and retries if another writer was faster, so that no change of any writer is lost. Keeps
 * properties, metadata and tags. `change` receives undefined if the file does not exist.
 * @throws ConnectorError FILE_EXISTS if the path is a folder
 */
export async function changeFile(
  container: BlobContainer,
  path: string,
  change: (content: Buffer | undefined) => Buffer,
  signal: AbortSignal,
): Promise<void> {
  for (let tries = 1; ; tries += 1) {
    const before = await readFile(container, path, signal).catch((thrown) => {
      if (thrown instanceof ConnectorError && thrown.code === 'FILE_NOT_FOUND') return undefined;
      throw thrown;
    });
    const content = change(before?.content);
    try {
      if (before) await rewriteFile(container, path, before, content, signal);
      else await writeFile(container, path, content, { ifNoneMatch: '*' }, signal);
      return;
    } catch (thrown) {
      const { code } = thrown as { code?: unknown };
      const overtaken = code === 'PRECONDITION_FAILED' || code === 'FILE_EXISTS';
      if (!overtaken || tries === MAX_TRIES) throw thrown;
      if (code === 'FILE_EXISTS') await refuseFolder(container, path, signal);
      await new Promise((resolve) => setTimeout(resolve, Math.random() * 20 * Math.min(tries, 10)));
    }
  }
}

/** What cannot be read as a file and yet exists may be a folder: no new attempt changes that. @throws ConnectorError FILE_EXISTS */
async function refuseFolder(container: BlobContainer, path: string, signal: AbortSignal): Promise<void> {
  await container.attempt(`Writing ${path}`, async () => {
    const found = await container
      .blob(path)
      .getProperties({ abortSignal: signal })
      .catch((thrown) => {
        // Deleted in the meantime.
        if (statusOf(thrown) === 404) return undefined;
        throw thrown;
      });
    if (isFolder(found?.metadata)) throw new ConnectorError('FILE_EXISTS', `${path} is a folder.`);
  });
}

/** Sends properties, metadata, tags and tier again: a new content would clear them. */
async function rewriteFile(
  container: BlobContainer,
  path: string,
  { facts, found }: { readonly facts: FileFacts; readonly found: BlobGetPropertiesResponse },
  content: Buffer,
  signal: AbortSignal,
): Promise<void> {
  const blob = container.blob(path);
  if (content.byteLength > MAX_INLINE_BYTES) throw tooLarge(path, content.byteLength, MAX_INLINE_BYTES);
  await container.attempt(`Writing ${path}`, async () => {
    const tags = await tagsOf(blob, found, signal);
    const { contentEncoding, contentDisposition, contentLanguage, cacheControl, accessTier } = facts;
    const tier = found.accessTierInferred ? undefined : accessTier;
    await blob.upload(content, content.byteLength, {
      abortSignal: signal,
      conditions: conditionsOf({ ifMatch: facts.etag }),
      metadata: { ...facts.metadata },
      ...(tags === undefined ? {} : { tags }),
      ...(tier === undefined ? {} : ({ tier } as BlockBlobUploadOptions)),
      blobHTTPHeaders: {
        blobContentType: facts.contentType,
        blobContentMD5: createHash('md5').update(content).digest(),
        ...(contentEncoding === undefined ? {} : { blobContentEncoding: contentEncoding }),
        ...(contentDisposition === undefined ? {} : { blobContentDisposition: contentDisposition }),
        ...(contentLanguage === undefined ? {} : { blobContentLanguage: contentLanguage }),
        ...(cacheControl === undefined ? {} : { blobCacheControl: cacheControl }),
      },
    });
  });
}

export async function deleteFile(
  container: BlobContainer,
  path: string,
  conditions: Conditions,
  signal: AbortSignal,
): Promise<void> {
  const blob = container.blob(path);
  await container.attempt(`Deleting ${path}`, () =>
    blob.delete({ abortSignal: signal, deleteSnapshots: 'include', conditions: conditionsOf(conditions) }),
  );
}

function tooLarge(path: string, bytes: number, maxBytes: number): ConnectorError {
  return new ConnectorError(
    'FILE_TOO_LARGE',
    `${path} has ${bytes} bytes; the limit for files through ThingWorx is ${maxBytes} bytes. Use CreateDownloadLink or CreateUploadLink, or the streaming route of the sidecar.`,
    { details: { bytes, maxBytes } },
  );
}

const CONTENT_TYPES: Readonly<Record<string, string>> = {
  '.bmp': 'image/bmp',
  '.css': 'text/css; charset=utf-8',
  '.csv': 'text/csv; charset=utf-8',
  '.gif': 'image/gif',
  '.gz': 'application/gzip',
  '.htm': 'text/html; charset=utf-8',
  '.html': 'text/html; charset=utf-8',
  '.jpeg': 'image/jpeg',
  '.jpg': 'image/jpeg',
  '.js': 'text/javascript; charset=utf-8',
  '.json': 'application/json',
  '.log': 'text/plain; charset=utf-8',
  '.md': 'text/markdown; charset=utf-8',
  '.mp4': 'video/mp4',
  '.pdf': 'application/pdf',
  '.png': 'image/png',
  '.svg': 'image/svg+xml',
  '.tar': 'application/x-tar',
  '.txt': 'text/plain; charset=utf-8',
  '.webp': 'image/webp',
  '.xml': 'application/xml',
  '.yaml': 'application/yaml',
  '.yml': 'application/yaml',
  '.zip': 'application/zip',
};

/** The content type for a file name. */
export function contentTypeOf(path: string): string {
  return CONTENT_TYPES[extname(path).toLowerCase()] ?? 'application/octet-stream';
}
