import type { Readable } from 'node:stream';
import type { BlobItem, ContainerClient } from '@azure/storage-blob';
import { azureError } from '../azure/azure-error.ts';
import { ensureContainer, openStorage, timeoutOf } from '../azure/storage.ts';
import { ConnectorError } from '../errors/connector-error.ts';

interface BlobFolderOptions {
  /** Connection string, address with a SAS, or account address (azure/storage.ts). */
  readonly connection: string;
  readonly container: string;
  /** The beginning of the names of its blobs, with a slash at the end. */
  readonly prefix: string;
}

/** A blob as it was read. */
interface Content {
  readonly text: string;
  readonly etag: string;
}

/** What may be written: a blob that does not exist, one that has not changed since, or any. */
type Expected = 'absent' | { readonly etag: string } | 'any';

/** Where the sidecars of groups keep what they share, in the container of the checkpoints. */
export const SHARED_PREFIX = '_group/';
/** More than any text of a sidecar has: a blob that is larger is somebody else's, and the memory of the sidecar must not depend on it. */
const MAX_BYTES = 32 * 1024 * 1024;
/** A call of the client that takes longer is of no use to a sidecar whose lease lasts fifteen seconds. */
const CALL_MS = 10_000;

/** Small texts in a blob container, which the sidecars of a group share. The first call creates the container. Throws STATE_UNAVAILABLE. */
export class BlobFolder {
  readonly #options: BlobFolderOptions;
  #container: Promise<ContainerClient> | undefined;

  constructor(options: BlobFolderOptions) {
    this.#options = options;
  }

  /** The folder of this name in it, over the same connection. */
  within(name: string): BlobFolder {
    const inner = new BlobFolder({ ...this.#options, prefix: `${this.#options.prefix}${name}/` });
    inner.#container = this.#open();
    return inner;
  }

  /** For errors. */
  pathOf(name: string): string {
    return `${this.#options.container}/${this.#options.prefix}${name}`;
  }

  /** Names without the prefix, with their versions, in order. */
  list(): Promise<Map<string, string>> {
    return this.run('Listing', async (container, prefix) => {
      const found = new Map<string, string>();
      for await (const item of container.listBlobsFlat({ prefix, abortSignal: deadline() }))
        if (!isFolder(item)) found.set(item.name.slice(prefix.length), bare(item.properties.etag));
      return found;
    });
  }

  /** The text of a blob that is too large for one is empty. */
  read(name: string): Promise<Content | undefined> {
    return this.run('Reading', async (container, prefix) => {
      const blob = container.getBlobClient(prefix + name);
      try {
        const answer = await blob.download(0, undefined, { abortSignal: deadline() });
        const etag = bare(answer.etag ?? '');
        const body = answer.readableStreamBody as Readable | undefined;
        if ((answer.contentLength ?? 0) > MAX_BYTES) {
          body?.destroy();
          return { text: '', etag };
        }
        const chunks: Buffer[] = [];
        for await (const chunk of body ?? []) chunks.push(Buffer.from(chunk));
        return { text: Buffer.concat(chunks).toString('utf8'), etag };
      } catch (thrown) {
        if (statusOf(thrown) === 404) return undefined;
        throw thrown;
      }
    });
  }

  /** The new version; undefined when the blob is not what was expected. */
  write(name: string, text: string, expected: Expected): Promise<string | undefined> {
    return this.run('Writing', async (container, prefix) => {
      const content = Buffer.from(text);
      try {
        const { etag = '' } = await container
          .getBlockBlobClient(prefix + name)
          .upload(content, content.length, {
            abortSignal: deadline(),
            blobHTTPHeaders: { blobContentType: 'application/json' },
            ...(expected === 'any' ? {} : { conditions: conditionsOf(expected) }),
          });
        return bare(etag);
      } catch (thrown) {
        if (isConflict(thrown)) return undefined;
        throw thrown;
      }
    });
  }

  async remove(name: string): Promise<void> {
    await this.run('Deleting', async (container, prefix) => {
      await container.getBlobClient(prefix + name).deleteIfExists({ abortSignal: deadline() });
    });
  }

  async run<T>(action: string, work: (container: ContainerClient, prefix: string) => Promise<T>): Promise<T> {
    const { container, prefix } = this.#options;
    try {
      return await work(await this.#open(), prefix);
    } catch (thrown) {
      // The container may have been deleted: the next call creates it again.
      this.#container = undefined;
      const error = azureError(timeoutOf(thrown), { action: `${action} ${container}/${prefix}` });
      throw new ConnectorError('STATE_UNAVAILABLE', error.message, {
        cause: error,
        ...(error.retryAfterMs === undefined ? {} : { retryAfterMs: error.retryAfterMs }),
      });
    }
  }

  #open(): Promise<ContainerClient> {
    this.#container ??= (async () => {
      const { connection, container } = this.#options;
      const service = await openStorage(connection, { setting: 'storageConnectionString' });
      const client = service.getContainerClient(container);
      await ensureContainer(client, {});
      return client;
    })();
    // Who waits for it handles the failure.
    this.#container.catch(() => undefined);
    return this.#container;
  }
}

/** Whether another write came first. */
export function isConflict(thrown: unknown): boolean {
  return statusOf(thrown) === 409 || statusOf(thrown) === 412;
}

function deadline(): AbortSignal {
  return AbortSignal.timeout(CALL_MS);
}

function conditionsOf(expected: Exclude<Expected, 'any'>) {
  return expected === 'absent' ? { ifNoneMatch: '*' } : { ifMatch: `"${expected.etag}"` };
}

/** Lists of blobs have it without quotation marks, headers with them. */
function bare(etag: string): string {
  return etag.replaceAll('"', '');
}

function statusOf(thrown: unknown): number | undefined {
  return (thrown as { statusCode?: number }).statusCode;
}

/** Accounts with a hierarchical namespace list their folders as empty blobs. */
function isFolder({ metadata, name }: BlobItem): boolean {
  return metadata?.hdi_isfolder === 'true' || name.endsWith('/');
}
