import type { TokenCredential } from '@azure/identity';
import type { BlobServiceClient, ContainerClient, StoragePipelineOptions } from '@azure/storage-blob';
import type { ConnectorError } from '../errors/connector-error.ts';
import { azureError } from './azure-error.ts';
import { requireTokenHost } from './azure-hosts.ts';
import { parseStorage, requireStorageEndpoint } from './connection-string.ts';
import { loadEntraCredential } from './credentials.ts';

export interface StorageOptions {
  /** For an account address without a signature; DefaultAzureCredential by default. */
  readonly credential?: TokenCredential;
  /** Names the setting in error messages. */
  readonly setting?: string;
  /** Timeout of one attempt, ms. Default 10000. Needs to be larger for bodies of megabytes. */
  readonly tryTimeoutMs?: number;
}

/**
 * A client of a storage account. `access` is a connection string, an account address with a SAS query
 * (`https://account.blob.core.windows.net/?sv=..&sig=..`), or the account address alone, which means Microsoft Entra ID.
 *
 * Calls fail within half a minute, not within the SDK's several minutes: callers retry themselves.
 * Opens no connection. Throws CONNECTION_STRING_INVALID.
 */
export async function openStorage(access: string, options: StorageOptions = {}): Promise<BlobServiceClient> {
  const { BlobServiceClient } = await import('@azure/storage-blob');
  const text = access.trim();
  const pipeline = pipelineOf(options);
  if (!/^https?:\/\//i.test(text)) {
    return BlobServiceClient.fromConnectionString(
      parseStorage(text, options.setting).connectionString,
      pipeline,
    );
  }
  const setting = options.setting ?? 'Storage address';
  const url = requireStorageEndpoint(text, setting);
  if (url.searchParams.has('sig')) return new BlobServiceClient(text, undefined, pipeline);
  requireTokenHost(url.hostname, setting);
  return new BlobServiceClient(text, options.credential ?? (await loadEntraCredential()), pipeline);
}

/** Creates the container unless it exists. For an existing container a SAS that may only list blobs is sufficient. */
export async function ensureContainer(
  container: ContainerClient,
  options: { readonly timeoutMs?: number; readonly signal?: AbortSignal },
): Promise<void> {
  const timeout = AbortSignal.timeout(options.timeoutMs ?? 30_000);
  const abortSignal = options.signal ? AbortSignal.any([options.signal, timeout]) : timeout;
  const context = {
    action: `Opening the container ${container.containerName}`,
    host: new URL(container.url).host,
  };
  const attempt = async (work: Promise<unknown>): Promise<ConnectorError | undefined> => {
    try {
      await work;
      return undefined;
    } catch (thrown) {
      return azureError(timeout.aborted ? timeout.reason : thrown, context);
    }
  };
  const refusal = await attempt(container.createIfNotExists({ abortSignal }));
  if (!refusal) return;
  if (refusal.code !== 'AZURE_UNAUTHORIZED') throw refusal;
  const absence = await attempt(container.listBlobsFlat({ abortSignal }).byPage({ maxPageSize: 1 }).next());
  if (absence) throw absence.code === 'AZURE_NOT_FOUND' ? absence : refusal;
}

/** The error of a call that only its deadline aborts, as a TimeoutError: the client says only that the call was aborted. */
export function timeoutOf(thrown: unknown): unknown {
  const isLate = (thrown as Partial<Error> | undefined)?.name === 'AbortError';
  return isLate ? new DOMException('There was no answer in time.', 'TimeoutError') : thrown;
}

interface Page {
  readonly continuationToken?: string;
}

/**
 * The pages of a list, each by a request of its own: `begin` makes the list that begins at a page, with a deadline for one request. The deadline
 * of a list that the client continues by itself would be one for all its pages.
 */
export async function* pagesOf<T extends Page>(
  begin: (at: Page) => AsyncIterableIterator<T>,
): AsyncGenerator<T, void> {
  let continuationToken: string | undefined;
  do {
    const { value, done } = await begin(continuationToken ? { continuationToken } : {}).next();
    if (done === true) return;
    yield value;
    continuationToken = value.continuationToken;
  } while (continuationToken);
}

/** The error code of the storage service (x-ms-error-code), if the failure has one. */
export function storageCode(thrown: unknown): string | undefined {
  const { code, details } = (thrown ?? {}) as { code?: unknown; details?: { errorCode?: unknown } };
  if (typeof details?.errorCode === 'string') return details.errorCode;
  return typeof code === 'string' ? code : undefined;
}

export function statusOf(thrown: unknown): number | undefined {
  const { statusCode } = (thrown ?? {}) as { statusCode?: unknown };
  return typeof statusCode === 'number' ? statusCode : undefined;
}

function pipelineOf({ tryTimeoutMs = 10_000 }: StorageOptions): StoragePipelineOptions {
  return {
    retryOptions: {
      maxTries: 3,
      tryTimeoutInMs: tryTimeoutMs,
      retryDelayInMs: 300,
      maxRetryDelayInMs: 2000,
    },
    keepAliveOptions: { enable: true },
  };
}
