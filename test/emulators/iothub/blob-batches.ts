/**
 * Collects messages per partition and writes them as blobs, when a window of time is over or enough bytes are there.
 * Message routing and Event Hubs Capture differ only in names and in what a blob contains.
 */
import type { ContainerClient } from '@azure/storage-blob';

export interface BlobBatchesOptions<T> {
  /** A blob is written at the latest this long after its first message. */
  windowMs: number;
  maxBytes: number;
  encode: (items: T[]) => Promise<Buffer> | Buffer;
  /** `attempt` grows when a blob of the name exists: two blobs of a minute must not overwrite each other. */
  nameOf: (partition: number, firstTimeMs: number, attempt: number) => string;
  contentType: string;
}

interface Batch<T> {
  items: T[];
  bytes: number;
  firstTimeMs: number;
  timer: NodeJS.Timeout;
}

/** While the storage account is away, messages wait in memory up to this size for each partition, then are lost. */
const maxWaitingBytes = 64 * 1024 * 1024;
const maxAttempts = 1000;

export class BlobBatches<T> {
  readonly #options: BlobBatchesOptions<T>;
  readonly #batches = new Map<number, Batch<T>>();
  #container: ContainerClient | undefined;
  #writing: Promise<void> = Promise.resolve();
  #lost = 0;
  #lastError: Error | undefined;

  constructor(options: BlobBatchesOptions<T>) {
    this.#options = options;
  }

  /** Messages that were given up because the account was away for too long. */
  get lost(): number {
    return this.#lost;
  }
  /** Why the last write failed; undefined once one succeeds. */
  get lastError(): Error | undefined {
    return this.#lastError;
  }

  async start(container: ContainerClient): Promise<void> {
    await container.createIfNotExists();
    this.#container = container;
  }

  /** Writes what is left. */
  async stop(): Promise<void> {
    await this.flush();
    for (const { timer } of this.#batches.values()) clearTimeout(timer);
    this.#batches.clear();
  }

  add(partition: number, item: T, bytes: number, timeMs: number): void {
    let batch = this.#batches.get(partition);
    if (!batch) {
      batch = { items: [], bytes: 0, firstTimeMs: timeMs, timer: this.#timer(partition) };
      this.#batches.set(partition, batch);
    }
    if (batch.bytes + bytes > maxWaitingBytes) {
      this.#lost += 1;
      return;
    }
    batch.items.push(item);
    batch.bytes += bytes;
    if (batch.bytes >= this.#options.maxBytes && !this.#lastError) void this.#write(partition);
  }

  /** Writes all partitions now. Never rejects: a failure is kept for the next window and told by lastError. */
  async flush(): Promise<void> {
    for (const partition of [...this.#batches.keys()]) void this.#write(partition);
    await this.#writing;
  }

  #timer(partition: number): NodeJS.Timeout {
    return setTimeout(() => void this.#write(partition), this.#options.windowMs).unref();
  }

  #write(partition: number): Promise<void> {
    const batch = this.#batches.get(partition);
    if (!batch) return this.#writing;
    clearTimeout(batch.timer);
    this.#batches.delete(partition);
    this.#writing = this.#writing.then(async () => {
      try {
        await this.#upload(partition, batch);
        this.#lastError = undefined;
      } catch (error) {
        this.#lastError = error as Error;
        this.#giveBack(partition, batch);
      }
    });
    return this.#writing;
  }

  async #upload(partition: number, batch: Batch<T>): Promise<void> {
    if (!this.#container) throw new Error('The storage account is not open');
    const bytes = await this.#options.encode(batch.items);
    for (let attempt = 0; attempt < maxAttempts; attempt += 1) {
      const name = this.#options.nameOf(partition, batch.firstTimeMs, attempt);
      try {
        await this.#container.getBlockBlobClient(name).upload(bytes, bytes.length, {
          conditions: { ifNoneMatch: '*' },
          blobHTTPHeaders: { blobContentType: this.#options.contentType },
        });
        return;
      } catch (error) {
        const status = (error as { statusCode?: number }).statusCode;
        if (status !== 409 && status !== 412) throw error;
      }
    }
    throw new Error('There are too many blobs of one name');
  }

  /** Puts a batch back in front of what came meanwhile. */
  #giveBack(partition: number, batch: Batch<T>): void {
    const later = this.#batches.get(partition);
    if (later) {
      later.items.unshift(...batch.items);
      later.bytes += batch.bytes;
      later.firstTimeMs = batch.firstTimeMs;
    } else {
      this.#batches.set(partition, { ...batch, timer: this.#timer(partition) });
    }
  }
}
