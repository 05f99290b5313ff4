import { createHash } from 'node:crypto';
import { mkdir, readFile } from 'node:fs/promises';
import path from 'node:path';
import type { ContainerClient } from '@azure/storage-blob';
import { azureError } from '../../azure/azure-error.ts';
import { ensureContainer, openStorage } from '../../azure/storage.ts';
import { ConnectorError } from '../../errors/connector-error.ts';
import { isDirectory, isMissing, replaceFile, setAside } from '../../lib/files.ts';

/** Small texts that survive the process, by key. */
export interface Documents {
  /**
   * Changes a document durably. `change` gets what it holds now, undefined at first, and gives what it shall hold; it may be called again
   * when somebody else changed it meanwhile.
   */
  update(key: string, change: (text: string | undefined) => string): Promise<void>;
  read(key: string): Promise<string | undefined>;
  /** Idempotent. */
  close(): Promise<void>;
}

/** Documents of a single sidecar, a file each. */
export class FileDocuments implements Documents {
  readonly #directory: string;
  #lastUpdate: Promise<unknown> = Promise.resolve();

  constructor(directory: string) {
    this.#directory = directory;
  }

  update(key: string, change: (text: string | undefined) => string): Promise<void> {
    const done = this.#lastUpdate.then(async () => {
      const text = change(await this.read(key));
      await mkdir(this.#directory, { recursive: true, mode: 0o700 });
      await replaceFile(this.#file(key), text);
    });
    this.#lastUpdate = done.catch(() => undefined);
    return done;
  }

  async read(key: string): Promise<string | undefined> {
    const file = this.#file(key);
    try {
      const text = await readFile(file, 'utf8');
      JSON.parse(text);
      return text;
    } catch (error) {
      if (isMissing(error)) return undefined;
      if (!isDirectory(error) && !(error instanceof SyntaxError)) throw error;
      // A damaged document counts as empty: files are ingested again rather than forgotten.
      await setAside(file);
      return undefined;
    }
  }

  async close(): Promise<void> {
    await this.#lastUpdate;
  }

  #file(key: string): string {
    return path.join(this.#directory, `${nameOf(key)}.json`);
  }
}

interface BlobDocumentsOptions {
  readonly connection: string;
  readonly container: string;
  /** Before the names of the blobs. */
  readonly prefix: string;
}

const ATTEMPTS = 10;

/** Documents that any number of sidecars share, a blob each. */
export class BlobDocuments implements Documents {
  readonly #options: BlobDocumentsOptions;
  #container: Promise<ContainerClient> | undefined;

  constructor(options: BlobDocumentsOptions) {
    this.#options = options;
  }

  update(key: string, change: (text: string | undefined) => string): Promise<void> {
    return this.#guard('Writing', async (container) => {
      const blob = container.getBlockBlobClient(this.#name(key));
      for (let attempt = 1; ; attempt += 1) {
        const { text, etag } = await this.#download(container, key);
        const next = Buffer.from(change(text));
        const conditions = etag === undefined ? { ifNoneMatch: '*' } : { ifMatch: etag };
        try {
          await blob.upload(next, next.length, {
            conditions,
            blobHTTPHeaders: { blobContentType: 'application/json' },
          });
          return;
        } catch (error) {
          if (attempt === ATTEMPTS || !isConflict(error)) throw error;
        }
      }
    });
  }

  read(key: string): Promise<string | undefined> {
    return this.#guard('Reading', async (container) => (await this.#download(container, key)).text);
  }

  async close(): Promise<void> {
    this.#container = undefined;
  }

  async #download(container: ContainerClient, key: string): Promise<{ text?: string; etag?: string }> {
    try {
      const answer = await container.getBlobClient(this.#name(key)).download();
      const chunks: Buffer[] = [];
      for await (const chunk of answer.readableStreamBody ?? []) chunks.push(Buffer.from(chunk));
      const text = Buffer.concat(chunks).toString('utf8');
      return answer.etag === undefined ? { text } : { text, etag: answer.etag };
    } catch (error) {
      if ((error as { statusCode?: number }).statusCode === 404) return {};
      throw error;
    }
  }

  #name(key: string): string {
    return `${this.#options.prefix}/${nameOf(key)}.json`;
  }

  async #guard<T>(action: string, work: (container: ContainerClient) => Promise<T>): Promise<T> {
    const { container, connection } = this.#options;
    const open = async () => {
      const client = (await openStorage(connection)).getContainerClient(container);
      await ensureContainer(client, {});
      return client;
    };
    try {
      this.#container ??= open();
      return await work(await this.#container);
    } catch (thrown) {
      this.#container = undefined;
      if (thrown instanceof ConnectorError) throw thrown;
      throw azureError(thrown, { action: `${action} ${container}/${this.#options.prefix}` });
    }
  }
}

function isConflict(error: unknown): boolean {
  const { statusCode } = error as { statusCode?: number };
  return statusCode === 409 || statusCode === 412;
}

/** Keys are longer, and of more characters, than file names may be. */
function nameOf(key: string): string {
  return createHash('sha256').update(key).digest('hex').slice(0, 40);
}
