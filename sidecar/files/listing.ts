import type { BlobGetPropertiesResponse, BlobItem } from '@azure/storage-blob';
import { ConnectorError } from '../errors/connector-error.ts';
import type { BlobContainer } from './blob-container.ts';
import { baseOf, folderPrefix, maskMatcher, searchPrefix } from './paths.ts';
import type { FileEntry, FileFacts, SearchPage } from './types.ts';
import { MAX_LISTED } from './types.ts';

/** Blob Storage has no folders. An empty blob with this metadata is a folder for the tools of Azure and for accounts with a hierarchical namespace. */
export const FOLDER_METADATA = { hdi_isfolder: 'true' };

export function isFolder(metadata: Readonly<Record<string, string>> | undefined): boolean {
  return Object.entries(metadata ?? {}).some(
    ([name, value]) => name.toLowerCase() === 'hdi_isfolder' && value.toLowerCase() === 'true',
  );
}

function folderEntry(name: string, lastModified?: Date): FileEntry {
  return {
    path: `/${name}`,
    name: baseOf(name),
    size: 0,
    kind: 'folder',
    ...(lastModified === undefined ? {} : { lastModified: lastModified.toISOString() }),
  };
}

function fileEntry(item: BlobItem): FileEntry {
  return {
    path: `/${item.name}`,
    name: baseOf(item.name),
    size: item.properties.contentLength ?? 0,
    lastModified: item.properties.lastModified.toISOString(),
    kind: 'file',
  };
}

export function factsOf(name: string, found: BlobGetPropertiesResponse): FileFacts {
  const metadata = found.metadata ?? {};
  const optional = {
    contentMd5: found.contentMD5 && Buffer.from(found.contentMD5).toString('base64'),
    contentEncoding: found.contentEncoding,
    contentDisposition: found.contentDisposition,
    contentLanguage: found.contentLanguage,
    cacheControl: found.cacheControl,
    accessTier: found.accessTier,
    archiveStatus: found.archiveStatus,
    createdOn: found.createdOn?.toISOString(),
    leaseState: found.leaseState,
  };
  return {
    path: `/${name}`,
    name: baseOf(name),
    size: found.contentLength ?? 0,
    lastModified: (found.lastModified ?? new Date(0)).toISOString(),
    kind: isFolder(metadata) ? 'folder' : 'file',
    etag: found.etag ?? '',
    contentType: found.contentType ?? 'application/octet-stream',
    metadata,
    ...(Object.fromEntries(
      Object.entries(optional).filter(([, value]) => value !== undefined && value !== ''),
    ) as Partial<FileFacts>),
  };
}

/** One level of a folder: folders first, then files, each sorted by name. */
export async function listFolder(
  container: BlobContainer,
  folder: string,
  options: { mask?: string | undefined; kinds: readonly FileEntry['kind'][] },
  signal: AbortSignal,
): Promise<FileEntry[]> {
  const prefix = folderPrefix(folder);
  const matches = maskMatcher(options.mask);
  const folders = new Map<string, FileEntry>();
  const files: FileEntry[] = [];
  await container.attempt(`Listing ${folder || '/'}`, async () => {
    const items = container.client.listBlobsByHierarchy('/', {
      abortSignal: signal,
      includeMetadata: true,
      ...(prefix === '' ? {} : { prefix }),
    });
    for await (const item of items) {
      if (folders.size + files.length > MAX_LISTED) throw tooMany(folder);
      if (item.kind === 'prefix') {
        const name = item.name.slice(0, -1);
        // A folder without a name, as in a//b: its path would mean its parent, so a recursive listing would never end.
        if (baseOf(name) === '') continue;
        if (options.kinds.includes('folder') && matches(baseOf(name)) && !folders.has(name))
          folders.set(name, folderEntry(name));
      } else if (isFolder(item.metadata)) {
        if (options.kinds.includes('folder') && matches(baseOf(item.name)))
          folders.set(item.name, folderEntry(item.name, item.properties.lastModified));
        // Some tools mark a folder with a blob that has its name with a trailing slash.
      } else if (options.kinds.includes('file') && item.name !== prefix && matches(baseOf(item.name))) {
        files.push(fileEntry(item));
      }
    }
  });
  const sorted = [...folders.values()].sort((a, b) => (a.name < b.name ? -1 : 1));
  return [...sorted, ...files];
}

/** Every folder of the container, sorted. */
export async function listTree(container: BlobContainer, signal: AbortSignal): Promise<FileEntry[]> {
  const names = new Set<string>();
  await container.attempt('Listing the folders', async () => {
    for await (const item of container.client.listBlobsFlat({ abortSignal: signal, includeMetadata: true })) {
      const parts = item.name.split('/');
      if (!isFolder(item.metadata)) parts.pop();
      for (let depth = 1; depth <= parts.length; depth += 1) {
        if (parts[depth - 1] === '') break;
        names.add(parts.slice(0, depth).join('/'));
      }
      if (names.size > MAX_LISTED) throw tooMany('/');
    }
  });
  return [...names].sort().map((name) => folderEntry(name));
}

/** One page of the files whose names begin with a prefix, in the order of names. */
export async function searchFiles(
  container: BlobContainer,
  prefix: string,
  page: { limit: number; after?: string | undefined },
  signal: AbortSignal,
): Promise<SearchPage> {
  const start = searchPrefix(prefix);
  return container.attempt(`Searching ${prefix || '/'}`, async () => {
    const pages = container.client
      .listBlobsFlat({
        abortSignal: signal,
        includeMetadata: true,
        ...(start === '' ? {} : { prefix: start }),
      })
      .byPage({
        maxPageSize: page.limit,
        ...(page.after === undefined ? {} : { continuationToken: page.after }),
      });
    const { value, done } = await pages.next();
    if (done) return { files: [] };
    const files = value.segment.blobItems.filter((item) => !isFolder(item.metadata)).map(fileEntry);
    return { files, ...(value.continuationToken ? { continuationToken: value.continuationToken } : {}) };
  });
}

function tooMany(folder: string): ConnectorError {
  return new ConnectorError(
    'FILES_TOO_MANY',
    `${folder || '/'} contains more than ${MAX_LISTED} files and folders; SearchFiles returns them in pages.`,
  );
}
