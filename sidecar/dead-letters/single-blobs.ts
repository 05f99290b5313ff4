import type { BlobClient, ContainerClient } from '@azure/storage-blob';
import { pagesOf } from '../azure/storage.ts';
import { toConnectorError } from '../errors/connector-error.ts';
import { forEachConcurrently } from '../lib/concurrency.ts';
import { decodeDeadLetter } from './codec.ts';
import { type DeadLetter, deadLetterTimeMs } from './store.ts';

const DAY_MS = 86_400_000;
const DAY = /\/\d{4}-\d{2}-\d{2}\/$/;
const NAME = /\/\d{4}-\d{2}-\d{2}\/\d{8}-(\d{13}-.+)\.json$/;
/** Requests at a time. */
const PARALLEL = 8;
/** Dead letters that are moved at a time. */
const GROUP = 50;
/** Long enough to move a group. */
const LEASE_SECONDS = 60;

/**
 * The first layout of the container, which has one blob per dead letter: `<hub>/<yyyy-MM-dd>/<time of day, counted down>-<id>.json`. An older
 * sidecar of the group may still write such blobs, so they are looked for again and again.
 */
export class SingleBlobs {
  readonly #folder: string;
  readonly #deadline: () => AbortSignal;

  /** `folder`: of the hub, with a slash at its end; `deadline`: of one request. */
  constructor(folder: string, deadline: () => AbortSignal) {
    this.#folder = folder;
    this.#deadline = deadline;
  }

  async get(container: ContainerClient, id: string): Promise<DeadLetter | undefined> {
    const name = this.#nameOf(id);
    return name === undefined ? undefined : await this.#read(container.getBlobClient(name));
  }

  /** Resolves to how many there were. */
  async delete(container: ContainerClient, ids: readonly string[]): Promise<number> {
    let deleted = 0;
    await forEachConcurrently(ids, PARALLEL, async (id) => {
      const name = this.#nameOf(id);
      if (name === undefined) return;
      const blob = container.getBlobClient(name);
      if (
        await unlessTaken(blob.deleteIfExists({ abortSignal: this.#deadline(), deleteSnapshots: 'include' }))
      )
        deleted += 1;
    });
    return deleted;
  }

  /**
   * Passes all dead letters to `append` and deletes their blobs. One that cannot be read stays. A lease keeps two sidecars from moving the same
   * dead letter. Resolves to whether any blob is left.
   */
  async move(
    container: ContainerClient,
    append: (letters: readonly DeadLetter[]) => Promise<void>,
    signal: AbortSignal,
  ): Promise<boolean> {
    let isLeft = false;
    for await (const names of this.#groups(container, signal)) {
      const taken: { blob: BlobClient; leaseId: string; letter: DeadLetter }[] = [];
      await forEachConcurrently(names, PARALLEL, async (name) => {
        const blob = container.getBlobClient(name);
        const lease = await unlessTaken(
          blob.getBlobLeaseClient().acquireLease(LEASE_SECONDS, { abortSignal: this.#deadline() }),
        );
        const letter = lease?.leaseId === undefined ? undefined : await this.#readable(blob);
        if (letter && lease?.leaseId) taken.push({ blob, leaseId: lease.leaseId, letter });
        else isLeft = true;
      });
      signal.throwIfAborted();
      if (taken.length > 0) await append(taken.map(({ letter }) => letter));
      await forEachConcurrently(taken, PARALLEL, async ({ blob, leaseId }) => {
        await unlessTaken(
          blob.deleteIfExists({
            abortSignal: this.#deadline(),
            deleteSnapshots: 'include',
            conditions: { leaseId },
          }),
        );
      });
    }
    return isLeft;
  }

  async *#groups(container: ContainerClient, signal: AbortSignal): AsyncGenerator<string[]> {
    const abortSignal = () => AbortSignal.any([signal, this.#deadline()]);
    const folders = pagesOf((at) =>
      container.listBlobsByHierarchy('/', { prefix: this.#folder, abortSignal: abortSignal() }).byPage(at),
    );
    for await (const { segment } of folders)
      for (const { name: prefix } of segment.blobPrefixes ?? []) {
        if (!DAY.test(prefix)) continue;
        const pages = pagesOf((at) =>
          container
            .listBlobsFlat({ prefix, abortSignal: abortSignal() })
            .byPage({ ...at, maxPageSize: GROUP }),
        );
        for await (const page of pages)
          yield page.segment.blobItems.map(({ name }) => name).filter((name) => NAME.test(name));
      }
  }

  async #read(blob: BlobClient): Promise<DeadLetter | undefined> {
    const content = await unlessTaken(blob.downloadToBuffer(0, undefined, { abortSignal: this.#deadline() }));
    return content && decodeDeadLetter(content.toString('utf8'), blob.name);
  }

  async #readable(blob: BlobClient): Promise<DeadLetter | undefined> {
    try {
      return await this.#read(blob);
    } catch (thrown) {
      if (toConnectorError(thrown).code !== 'DEAD_LETTER_UNREADABLE') throw thrown;
      return undefined;
    }
  }

  /** The digits before the id count down to the end of the day. */
  #nameOf(id: string): string | undefined {
    const timeMs = deadLetterTimeMs(id);
    if (timeMs === undefined) return undefined;
    const left = DAY_MS - 1 - (timeMs % DAY_MS);
    const day = new Date(timeMs).toISOString().slice(0, 10);
    return `${this.#folder}${day}/${String(left).padStart(8, '0')}-${id}.json`;
  }
}

/** Undefined when the blob is gone, or leased by the sidecar that moves it. */
async function unlessTaken<T>(call: Promise<T>): Promise<T | undefined> {
  try {
    return await call;
  } catch (thrown) {
    const { statusCode } = thrown as { statusCode?: number };
    if (statusCode === 404 || statusCode === 409 || statusCode === 412) return undefined;
    throw thrown;
  }
}
