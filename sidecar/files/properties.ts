import type { BlobClient, BlobGetPropertiesResponse } from '@azure/storage-blob';
import { ConnectorError } from '../errors/connector-error.ts';
import { type BlobContainer, conditionsOf } from './blob-container.ts';
import { factsOf } from './listing.ts';
import type { Conditions, ContentFacts, FileFacts, Snapshot } from './types.ts';

export async function readFacts(
  container: BlobContainer,
  path: string,
  signal: AbortSignal,
): Promise<FileFacts> {
  const blob = container.blob(path);
  return container.attempt(`Looking at ${path}`, async () =>
    factsOf(blob.name, await blob.getProperties({ abortSignal: signal })),
  );
}

/** Changes the given properties and keeps the others: Azure would clear properties that a call omits. */
export async function setContentFacts(
  container: BlobContainer,
  path: string,
  given: ContentFacts,
  conditions: Conditions,
  signal: AbortSignal,
): Promise<string> {
  const blob = container.blob(path);
  const before = await readFacts(container, path, signal);
  return container.attempt(`Changing the properties of ${path}`, async () => {
    const merged = { ...before, ...defined(given) };
    const answer = await blob.setHTTPHeaders(
      {
        blobContentType: merged.contentType ?? before.contentType,
        ...(merged.contentEncoding ? { blobContentEncoding: merged.contentEncoding } : {}),
        ...(merged.contentDisposition ? { blobContentDisposition: merged.contentDisposition } : {}),
        ...(merged.contentLanguage ? { blobContentLanguage: merged.contentLanguage } : {}),
        ...(merged.cacheControl ? { blobCacheControl: merged.cacheControl } : {}),
        ...(before.contentMd5 ? { blobContentMD5: Buffer.from(before.contentMd5, 'base64') } : {}),
      },
      // The kept values were read before, so nobody may have changed them meanwhile.
      { abortSignal: signal, conditions: conditionsOf({ ifMatch: conditions.ifMatch || before.etag }) },
    );
    return answer.etag ?? '';
  });
}

export async function setMetadata(
  container: BlobContainer,
  path: string,
  metadata: Readonly<Record<string, string>>,
  conditions: Conditions,
  signal: AbortSignal,
): Promise<string> {
  for (const [name, value] of Object.entries(metadata)) {
    // Metadata are HTTP headers.
    if (!/^[A-Za-z_][A-Za-z0-9_]{0,254}$/.test(name) || !/^[\x20-\x7e]{0,4096}$/.test(value)) {
      throw new ConnectorError(
        'REQUEST_INVALID',
        `metadata: ${JSON.stringify(name.slice(0, 80))} is invalid; expected names of letters, digits and _, and values of printable ASCII.`,
      );
    }
  }
  const answer = await container.attempt(`Changing the metadata of ${path}`, () =>
    container
      .blob(path)
      .setMetadata({ ...metadata }, { abortSignal: signal, conditions: conditionsOf(conditions) }),
  );
  return answer.etag ?? '';
}

export async function readTags(
  container: BlobContainer,
  path: string,
  signal: AbortSignal,
): Promise<Record<string, string>> {
  const blob = container.blob(path);
  const { tags } = await container.attempt(`Reading the tags of ${path}`, () =>
    blob.getTags({ abortSignal: signal }),
  );
  return tags;
}

/** The tags of a blob, if it has any that the account may read. */
export async function tagsOf(
  blob: BlobClient,
  found: BlobGetPropertiesResponse,
  signal: AbortSignal,
): Promise<Record<string, string> | undefined> {
  if (!(found as { tagCount?: number }).tagCount) return undefined;
  return (await blob.getTags({ abortSignal: signal })).tags;
}

export async function setTags(
  container: BlobContainer,
  path: string,
  tags: Readonly<Record<string, string>>,
  signal: AbortSignal,
): Promise<void> {
  const blob = container.blob(path);
  await container.attempt(`Changing the tags of ${path}`, () =>
    blob.setTags({ ...tags }, { abortSignal: signal }),
  );
}

export async function setTier(
  container: BlobContainer,
  path: string,
  tier: string,
  signal: AbortSignal,
): Promise<void> {
  const blob = container.blob(path);
  await container.attempt(`Changing the tier of ${path}`, () =>
    blob.setAccessTier(tier, { abortSignal: signal }),
  );
}

export async function listSnapshots(
  container: BlobContainer,
  path: string,
  signal: AbortSignal,
): Promise<Snapshot[]> {
  const { name } = container.blob(path);
  return container.attempt(`Listing the snapshots of ${path}`, async () => {
    const found: Snapshot[] = [];
    const options = { abortSignal: signal, includeSnapshots: true, prefix: name };
    for await (const item of container.client.listBlobsFlat(options)) {
      // Names are sorted: longer names follow the blob.
      if (item.name !== name) break;
      if (!item.snapshot) continue;
      found.push({
        snapshot: item.snapshot,
        size: item.properties.contentLength ?? 0,
        lastModified: item.properties.lastModified.toISOString(),
      });
    }
    return found;
  });
}

export async function createSnapshot(
  container: BlobContainer,
  path: string,
  signal: AbortSignal,
): Promise<string> {
  const blob = container.blob(path);
  const { snapshot } = await container.attempt(`Making a snapshot of ${path}`, () =>
    blob.createSnapshot({ abortSignal: signal }),
  );
  return snapshot ?? '';
}

export async function restoreFile(
  container: BlobContainer,
  path: string,
  signal: AbortSignal,
): Promise<void> {
  const blob = container.blob(path);
  await container.attempt(`Restoring ${path}`, async () => {
    await blob.undelete({ abortSignal: signal });
    if (await blob.exists({ abortSignal: signal })) return;
    // Azure answers 200 in this case, too.
    throw new ConnectorError(
      'FILE_NOT_FOUND',
      `Restoring ${path}: Azure keeps versions of it, but no current file; make one of them current in Azure.`,
    );
  });
}

function defined(facts: ContentFacts): ContentFacts {
  return Object.fromEntries(Object.entries(facts).filter(([, value]) => value !== undefined)) as ContentFacts;
}
