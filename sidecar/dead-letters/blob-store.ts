import type { BlobItem, ContainerClient } from '@azure/storage-blob';
import { azureError } from '../azure/azure-error.ts';
import { ensureContainer, openStorage } from '../azure/storage.ts';
import { ConnectorError } from '../errors/connector-error.ts';
import { forEachConcurrently } from '../lib/concurrency.ts';
import { blobNameOf, dayOf, dayPrefix, daysOf, idOfBlob } from './blob-names.ts';
import { decodeDeadLetter, encodeDeadLetter, fits, isSummary, summaryOf } from './codec.ts';
import {
  type DeadLetter,
  type DeadLetterFilter,
  type DeadLetterPage,
  type DeadLetterStats,
  type DeadLetterStore,
  type DeadLetterSummary,
  deadLetterTimeMs,
  type Trimmed,
} from './store.ts';

interface BlobDeadLetterStoreOptions {
  /** Connection string, address with a SAS, or account address (azure/storage.ts). */
  readonly connection: string;
  readonly container: string;
  readonly hubThing: string;
  /** Of one upload. Default 10000. */
  readonly uploadTimeoutMs?: number;
}

/** Requests to the storage account at a time. */
const PARALLEL = 8;
const PAGE_SIZE = 1_000;
/** Metadata travels in headers, of which the service takes 8 KB in all. */
const MAX_METADATA = 6_000;
/**
 * When dead letters are counted again, since other sidecars store and delete some, too: after so many times the duration of the count, within these
 * limits.
 */
const SURE = { pauseMs: 5_000, factor: 200, longestMs: 3_600_000 };
/** The same after a count during which this sidecar stored or deleted some. */
const UNSURE = { pauseMs: 1_000, factor: 20, longestMs: 3_600_000 };
/** Of one upload. The abort closes the connection, so that the next attempt does not wait on a dead one. */
const UPLOAD_TIMEOUT_MS = 10_000;

/**
 * Dead letters in a blob container, one blob each, for any number of sidecars: `<hub>/<yyyy-MM-dd>/<time of day, counted down>-<id>.json`.
 * Ascending names are then newest first within a day, and the name follows from the id alone, so the same dead letter has one blob.
 * Metadata holds the summary: a list reads no bodies. The first call creates the container.
 */
export class BlobDeadLetterStore implements DeadLetterStore {
  readonly #options: BlobDeadLetterStoreOptions;
  #container: Promise<ContainerClient> | undefined;
  /** Number and size of the dead letters: counted now and then, and updated by this sidecar's own changes in between. */
  #stats: { count: number; bytes: number; oldestMs: number | undefined; countAgainAtMs: number } | undefined;
  /** Begins and ends of this sidecar's own changes so far, and how many changes are under way. */
  #changes = { seen: 0, pending: 0 };

  constructor(options: BlobDeadLetterStoreOptions) {
    this.#options = options;
  }

  append(letters: readonly DeadLetter[]): Promise<void> {
    return this.#guard('Writing', async (container) => {
      const unique = [...new Map(letters.map((letter) => [letter.id, letter])).values()];
      await this.#change(() =>
        forEachConcurrently(unique, PARALLEL, (letter) => this.#upload(container, letter)),
      );
    });
  }

  list(
    filter: DeadLetterFilter,
    { limit, after }: { limit: number; after?: string | undefined },
  ): Promise<DeadLetterPage> {
    return this.#guard('Listing', async (container) => {
      const letters: DeadLetterSummary[] = [];
      const days = await this.#days(container, filter, after);
      const beginAfter = (after && blobNameOf(this.#options.hubThing, after)) ?? '';
      for (const day of days) {
        for await (const item of this.#blobs(container, day)) {
          if (item.name <= beginAfter && dayOf(item.name) === dayOf(beginAfter)) continue;
          const summary = summaryIn(item);
          if (!summary || !fits(summary, filter)) continue;
          if (letters.length === limit) return { letters, more: true };
          letters.push(summary);
        }
      }
      return { letters, more: false };
    });
  }

  get(id: string): Promise<DeadLetter | undefined> {
    return this.#guard('Reading', async (container) => {
      const name = blobNameOf(this.#options.hubThing, id);
      if (name === undefined) return undefined;
      try {
        const content = await container.getBlockBlobClient(name).downloadToBuffer();
        return decodeDeadLetter(content.toString('utf8'), name);
      } catch (error) {
        if (isAbsent(error)) return undefined;
        throw error;
      }
    });
  }

  delete(ids: readonly string[]): Promise<number> {
    const names = ids.flatMap((id) => blobNameOf(this.#options.hubThing, id) ?? []);
    return this.#guard('Deleting', (container) => this.#deleteBlobs(container, names));
  }

  stats(): Promise<DeadLetterStats> {
    return this.#guard('Counting', async (container) => {
      if (!this.#stats || performance.now() > this.#stats.countAgainAtMs)
        this.#stats = await this.#count(container);
      const { count, bytes, oldestMs } = this.#stats;
      return { count, bytes, ...(oldestMs === undefined || count === 0 ? {} : { oldestMs }) };
    });
  }

  trim({ storedBeforeMs, maxBytes }: { storedBeforeMs: number; maxBytes: number }): Promise<Trimmed> {
    return this.#guard('Trimming', async (container) => {
      const expired = await this.#expire(container, storedBeforeMs);
      const { bytes } = await this.stats();
      const overflowed = bytes > maxBytes ? await this.#dropOldest(container, bytes - maxBytes) : 0;
      if (expired + overflowed > 0) this.#stats = await this.#count(container);
      return { expired, overflowed };
    });
  }

  async close(): Promise<void> {
    this.#container = undefined;
  }

  async #upload(container: ContainerClient, letter: DeadLetter): Promise<void> {
    const name = blobNameOf(this.#options.hubThing, letter.id);
    if (name === undefined)
      throw new ConnectorError('DEAD_LETTERS_UNAVAILABLE', `${letter.id} is not an id of a dead letter.`);
    const blob = container.getBlockBlobClient(name);
    const content = Buffer.from(encodeDeadLetter(letter));
    const options = {
      metadata: metadataOf(letter),
      blobHTTPHeaders: { blobContentType: 'application/json' },
    };
    try {
      await blob.upload(content, content.length, {
        ...options,
        abortSignal: this.#deadline(),
        conditions: { ifNoneMatch: '*' },
      });
      if (this.#stats) {
        this.#stats.count += 1;
        this.#stats.bytes += content.length;
        this.#stats.oldestMs = Math.min(
          this.#stats.oldestMs ?? Infinity,
          deadLetterTimeMs(letter.id) ?? Infinity,
        );
      }
    } catch (error) {
      // An attempt whose answer got lost may have stored it: only the container knows the count.
      this.#stats = undefined;
      if (!isTaken(error)) throw error;
      await blob.upload(content, content.length, { ...options, abortSignal: this.#deadline() });
    }
  }

  #deadline(): AbortSignal {
    return AbortSignal.timeout(this.#options.uploadTimeoutMs ?? UPLOAD_TIMEOUT_MS);
  }

  async #deleteBlobs(container: ContainerClient, names: readonly string[]): Promise<number> {
    let deleted = 0;
    await this.#change(() =>
      forEachConcurrently(names, PARALLEL, async (name) => {
        const blob = container.getBlobClient(name);
        const { succeeded } = await blob.deleteIfExists({ deleteSnapshots: 'include' });
        if (succeeded) deleted += 1;
      }),
    );
    if (this.#stats && deleted > 0) {
      const mean = this.#stats.count === 0 ? 0 : this.#stats.bytes / this.#stats.count;
      this.#stats.count = Math.max(0, this.#stats.count - deleted);
      this.#stats.bytes = this.#stats.count === 0 ? 0 : Math.max(0, this.#stats.bytes - mean * deleted);
    }
    return deleted;
  }

  /** Prefixes of the days that a list must look at, newest first. */
  async #days(
    container: ContainerClient,
    { fromMs, toMs }: DeadLetterFilter,
    after: string | undefined,
  ): Promise<string[]> {
    const { hubThing } = this.#options;
    const [first, last] = daysOf(fromMs, toMs);
    const limit = after === undefined ? undefined : dayOf(blobNameOf(hubThing, after) ?? '');
    const days: string[] = [];
    for await (const item of container.listBlobsByHierarchy('/', { prefix: dayPrefix(hubThing, '') })) {
      if (item.kind !== 'prefix') continue;
      const day = dayOf(item.name);
      if (day === undefined || day < first || day > last || (limit !== undefined && day > limit)) continue;
      days.push(item.name);
    }
    return days.reverse();
  }

  async *#blobs(container: ContainerClient, prefix: string): AsyncGenerator<BlobItem> {
    const pages = container
      .listBlobsFlat({ prefix, includeMetadata: true })
      .byPage({ maxPageSize: PAGE_SIZE });
    for await (const page of pages) yield* page.segment.blobItems;
  }

  async #change<T>(work: () => Promise<T>): Promise<T> {
    this.#changes.seen += 1;
    this.#changes.pending += 1;
    try {
      return await work();
    } finally {
      this.#changes.seen += 1;
      this.#changes.pending -= 1;
    }
  }

  async #count(container: ContainerClient) {
    const { hubThing } = this.#options;
    const { seen, pending } = this.#changes;
    const beganAtMs = performance.now();
    let count = 0;
    let bytes = 0;
    let oldestMs: number | undefined;
    for await (const { name, properties } of container.listBlobsFlat({ prefix: dayPrefix(hubThing, '') })) {
      const id = idOfBlob(name);
      if (id === undefined) continue;
      const timeMs = Number(id.slice(0, id.indexOf('-')));
      count += 1;
      bytes += properties.contentLength ?? 0;
      if (oldestMs === undefined || timeMs < oldestMs) oldestMs = timeMs;
    }
    // What was changed meanwhile may be in the list or not.
    const isSure = pending === 0 && this.#changes.seen === seen;
    const nowMs = performance.now();
    const { pauseMs: shortestMs, factor, longestMs } = isSure ? SURE : UNSURE;
    const pauseMs = Math.min(longestMs, Math.max(shortestMs, (nowMs - beganAtMs) * factor));
    return { count, bytes, oldestMs, countAgainAtMs: nowMs + pauseMs };
  }

  /** A dead letter cannot have been stored before the hub took its message, so later days need not be listed. */
  async #expire(container: ContainerClient, storedBeforeMs: number): Promise<number> {
    let deleted = 0;
    const days = await this.#days(container, { toMs: storedBeforeMs }, undefined);
    for (const day of days) {
      let old: string[] = [];
      for await (const item of this.#blobs(container, day)) {
        const storedAtMs = summaryIn(item)?.storedAtMs ?? item.properties.lastModified.getTime();
        if (storedAtMs < storedBeforeMs) old.push(item.name);
        if (old.length < PAGE_SIZE) continue;
        deleted += await this.#deleteBlobs(container, old);
        old = [];
      }
      deleted += await this.#deleteBlobs(container, old);
    }
    return deleted;
  }

  /** Within a day the oldest come last: only the tail that must go is remembered. */
  async #dropOldest(container: ContainerClient, excessBytes: number): Promise<number> {
    let deleted = 0;
    let left = excessBytes;
    const days = await this.#days(container, {}, undefined);
    for (const day of days.reverse()) {
      const tail: { name: string; bytes: number }[] = [];
      let tailBytes = 0;
      let begin = 0;
      for await (const { name, properties } of this.#blobs(container, day)) {
        const bytes = properties.contentLength ?? 0;
        tail.push({ name, bytes });
        tailBytes += bytes;
        for (let head = tail[begin]; head && tailBytes - head.bytes >= left; head = tail[begin]) {
          tailBytes -= head.bytes;
          begin += 1;
        }
        if (begin > PAGE_SIZE) tail.splice(0, begin);
        if (begin > PAGE_SIZE) begin = 0;
      }
      deleted += await this.#deleteBlobs(
        container,
        tail.slice(begin).map(({ name }) => name),
      );
      left -= tailBytes;
      if (left <= 0) break;
    }
    return deleted;
  }

  async #open(): Promise<ContainerClient> {
    const { connection, container } = this.#options;
    const service = await openStorage(connection, { setting: 'storageConnectionString' });
    const client = service.getContainerClient(container);
    await ensureContainer(client, {});
    return client;
  }

  async #guard<T>(action: string, work: (container: ContainerClient) => Promise<T>): Promise<T> {
    try {
      this.#container ??= this.#open();
      return await work(await this.#container);
    } catch (thrown) {
      if (thrown instanceof ConnectorError && thrown.code.startsWith('DEAD_LETTER')) throw thrown;
      // The container may have been deleted: the next call creates it again.
      this.#container = undefined;
      const error = azureError(thrown, { action: `${action} dead letters in ${this.#options.container}` });
      throw new ConnectorError('DEAD_LETTERS_UNAVAILABLE', error.message, {
        cause: error,
        ...(error.retryAfterMs === undefined ? {} : { retryAfterMs: error.retryAfterMs }),
      });
    }
  }
}

/** The summary for the list, and device and codes for other tools. Header values are ASCII. */
function metadataOf(letter: DeadLetter): Record<string, string> {
  const summary = summaryOf(letter);
  const [first] = summary.reasons;
  const short = { ...summary, reasons: [] };
  const forms = [summary, { ...summary, reasons: first ? [first] : [] }, short, withShortNames(short)];
  const texts = forms.map((form) => encodeURIComponent(JSON.stringify(form)));
  return {
    summary: texts.find((text) => text.length <= MAX_METADATA) ?? '',
    device: encodeURIComponent(shortName(summary.deviceId)),
    codes: summary.codes.join(' '),
  };
}

/** Names come from messages, in files and on the endpoint also from others than IoT Hub: a character may take nine bytes in a header. */
function withShortNames(summary: DeadLetterSummary): DeadLetterSummary {
  const { deviceId, moduleId, source } = summary;
  return {
    ...summary,
    deviceId: shortName(deviceId),
    ...(moduleId === undefined ? {} : { moduleId: shortName(moduleId) }),
    source: shortName(source),
  };
}

/** Half a character pair, which a text may hold or a cut may leave, has no form in a header. */
function shortName(text: string): string {
  return text.slice(0, 100).toWellFormed();
}

function summaryIn(item: BlobItem): DeadLetterSummary | undefined {
  const text = item.metadata?.summary;
  if (!text) return undefined;
  try {
    const summary = JSON.parse(decodeURIComponent(text)) as unknown;
    return isSummary(summary) ? summary : undefined;
  } catch {
    return undefined;
  }
}

function isAbsent(error: unknown): boolean {
  return (error as { statusCode?: number }).statusCode === 404;
}

function isTaken(error: unknown): boolean {
  const { statusCode } = error as { statusCode?: number };
  return statusCode === 409 || statusCode === 412;
}
