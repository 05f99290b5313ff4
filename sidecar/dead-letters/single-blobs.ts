import type { BlobClient, ContainerClient } from '@azure/storage-blob';
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

  /** `folder`: of the hub, with a slash at its end. */
  constructor(folder: string) {
    this.#folder = folder;
  }

  async get(container: ContainerClient, id: string): Promise<DeadLetter | undefined> {
    const name = this.#nameOf(id);
    return name === undefined ? undefined : await read(container.getBlobClient(name));
  }

  /** Resolves to how many there were. */
  async delete(container: ContainerClient, ids: readonly string[]): Promise<number> {
    let deleted = 0;
    await forEachConcurrently(ids, PARALLEL, async (id) => {
      const name = this.#nameOf(id);
      if (name === undefined) return;
      const blob = container.getBlobClient(name);
      if (await unlessTaken(blob.deleteIfExists({ deleteSnapshots: 'include' }))) deleted += 1;
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
        const lease = await unlessTaken(blob.getBlobLeaseClient().acquireLease(LEASE_SECONDS));
        const letter = lease?.leaseId === undefined ? undefined : await readable(blob);
        if (letter && lease?.leaseId) taken.push({ blob, leaseId: lease.leaseId, letter });
        else isLeft = true;
      });
      signal.throwIfAborted();
      if (taken.length > 0) await append(taken.map(({ letter }) => letter));
      await forEachConcurrently(taken, PARALLEL, async ({ blob, leaseId }) => {
        await unlessTaken(blob.deleteIfExists({ deleteSnapshots: 'include', conditions: { leaseId } }));
      });
    }
    return isLeft;
  }

  async *#groups(container: ContainerClient, signal: AbortSignal): AsyncGenerator<string[]> {
    for await (const day of container.listBlobsByHierarchy('/', {
      prefix: this.#folder,
      abortSignal: signal,
    })) {
      if (day.kind !== 'prefix' || !DAY.test(day.name)) continue;
      const pages = container
        .listBlobsFlat({ prefix: day.name, abortSignal: signal })
        .byPage({ maxPageSize: GROUP });
      for await (const { segment } of pages)
        yield segment.blobItems.map(({ name }) => name).filter((name) => NAME.test(name));
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

async function read(blob: BlobClient): Promise<DeadLetter | undefined> {
  const content = await unlessTaken(blob.downloadToBuffer());
  return content && decodeDeadLetter(content.toString('utf8'), blob.name);
}

async function readable(blob: BlobClient): Promise<DeadLetter | undefined> {
  try {
    return await read(blob);
  } catch (thrown) {
    if (toConnectorError(thrown).code !== 'DEAD_LETTER_UNREADABLE') throw thrown;
    return undefined;
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
