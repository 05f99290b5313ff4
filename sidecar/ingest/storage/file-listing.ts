import type { BlobItem, ContainerClient } from '@azure/storage-blob';
import { azureError } from '../../azure/azure-error.ts';
import { SHARED_PREFIX } from '../../group/blob-folder.ts';

/** A file as a listing shows it. */
export interface StoredFile {
  readonly name: string;
  readonly bytes: number;
  /** Without quotation marks. */
  readonly etag: string;
  readonly lastModifiedMs: number;
}

export const READ_RIGHT = 'Storage Blob Data Reader';
const MAX_DEPTH = 8;
/** Where ledgers lie. */
export const OWN_PREFIX = '_ingested/';
/** What sidecars keep is never taken for files, even when somebody watches the container of the checkpoints. */
const OWN_PREFIXES: readonly string[] = [OWN_PREFIX, SHARED_PREFIX];

/** The files whose names begin with the prefix, by name, a page at a time. Rejects with ConnectorError. */
export async function* listFiles(
  container: ContainerClient,
  prefix: string,
  signal: AbortSignal,
): AsyncGenerator<StoredFile> {
  try {
    const options = { prefix, abortSignal: signal, includeMetadata: true };
    for await (const item of container.listBlobsFlat(options)) {
      if (!isNoFile(item)) yield fileOf(item);
    }
  } catch (thrown) {
    throw listingError(container, thrown);
  }
}

/** The file as it is now. Rejects with AZURE_NOT_FOUND and others. */
export async function findFile(container: ContainerClient, name: string): Promise<StoredFile> {
  try {
    const {
      contentLength = 0,
      etag = '',
      lastModified,
    } = await container.getBlobClient(name).getProperties();
    return { name, bytes: contentLength, etag: bare(etag), lastModifiedMs: lastModified?.getTime() ?? 0 };
  } catch (thrown) {
    throw azureError(thrown, {
      action: `Reading ${container.containerName}/${name}`,
      host: new URL(container.url).host,
      right: READ_RIGHT,
    });
  }
}

/** Folders that hold folders of years, `.../<partition>/`, and files that lie beside dated folders. */
type Branch = { readonly base: string } | { readonly file: StoredFile };

/** Walks down to where years begin: the layout that IoT Hub and Event Hubs Capture use by default. */
export async function* branches(
  container: ContainerClient,
  prefix: string,
  signal: AbortSignal,
  depth = 0,
): AsyncGenerator<Branch> {
  const folders: string[] = [];
  let hasYears = false;
  for await (const item of children(container, prefix, signal)) {
    if (typeof item !== 'string') yield { file: item };
    else if (/(^|\/)\d{4}\/$/.test(item)) hasYears = true;
    else folders.push(item);
  }
  if (hasYears) yield { base: prefix };
  for (const folder of folders) {
    if (depth < MAX_DEPTH) yield* branches(container, folder, signal, depth + 1);
    else for await (const file of listFiles(container, folder, signal)) yield { file };
  }
}

/** The folders `<base><yyyy>/<MM>/<dd>/` of the given day and later ones, in order. */
export async function* dayFolders(
  container: ContainerClient,
  base: string,
  firstDay: string,
  signal: AbortSignal,
): AsyncGenerator<string> {
  yield* below(container, base, base, firstDay, signal);
}

async function* below(
  container: ContainerClient,
  base: string,
  folder: string,
  firstDay: string,
  signal: AbortSignal,
): AsyncGenerator<string> {
  for await (const item of children(container, folder, signal)) {
    if (typeof item !== 'string') continue;
    const date = item.slice(base.length);
    if (!/^\d{4}\/(\d{2}\/){0,2}$/.test(date) || date < firstDay.slice(0, date.length)) continue;
    if (date.length === DAY_LENGTH) yield item;
    else yield* below(container, base, item, firstDay, signal);
  }
}

const DAY_LENGTH = 'yyyy/MM/dd/'.length;

/** `yyyy/MM/dd/` of a time, as folders are named. */
export function dayText(timeMs: number): string {
  return `${new Date(timeMs).toISOString().slice(0, 10).replaceAll('-', '/')}/`;
}

/** Names of folders, which end with a slash, and files, directly below a prefix. */
async function* children(
  container: ContainerClient,
  prefix: string,
  signal: AbortSignal,
): AsyncGenerator<string | StoredFile> {
  try {
    const options = { prefix, abortSignal: signal, includeMetadata: true };
    for await (const item of container.listBlobsByHierarchy('/', options)) {
      if (item.kind === 'prefix') {
        if (!OWN_PREFIXES.includes(item.name)) yield item.name;
      } else if (!isNoFile(item)) yield fileOf(item);
    }
  } catch (thrown) {
    throw listingError(container, thrown);
  }
}

function fileOf({ name, properties }: BlobItem): StoredFile {
  return {
    name,
    bytes: properties.contentLength ?? 0,
    etag: bare(properties.etag),
    lastModifiedMs: properties.lastModified.getTime(),
  };
}

/** Accounts with a hierarchical namespace list their folders as empty blobs. */
function isNoFile({ name, metadata }: BlobItem): boolean {
  return metadata?.hdi_isfolder === 'true' || OWN_PREFIXES.some((prefix) => name.startsWith(prefix));
}

function bare(etag: string): string {
  return etag.replaceAll('"', '');
}

function listingError(container: ContainerClient, thrown: unknown) {
  return azureError(thrown, {
    action: `Listing the container ${container.containerName}`,
    host: new URL(container.url).host,
    right: READ_RIGHT,
  });
}
