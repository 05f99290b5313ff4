import type { BlobItem, ContainerClient } from '@azure/storage-blob';
import { azureError } from '../azure/azure-error.ts';
import { ensureContainer, openStorage, pagesOf, statusOf, storageCode, timeoutOf } from '../azure/storage.ts';
import { ConnectorError } from '../errors/connector-error.ts';
import { forEachConcurrently } from '../lib/concurrency.ts';
import { hash53 } from '../lib/hash.ts';
import { BlobSegment } from './blob-segment.ts';
import { decodeDeadLetter, decodeSummary, fits } from './codec.ts';
import { CodeBits, deviceHash, HashSet } from './segment-index.ts';
import { type Candidate, newestAfter } from './selection.ts';
import { SingleBlobs } from './single-blobs.ts';
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
import type { ListedSegment } from './stored-index.ts';

interface BlobDeadLetterStoreOptions {
  /** Connection string, address with a SAS, or account address (azure/storage.ts). */
  readonly connection: string;
  readonly container: string;
  readonly hubThing: string;
  /** Of one request, beside the time for its bytes. Default 10000. */
  readonly requestTimeoutMs?: number;
  /** Size at which the next segment is begun, in bytes. */
  readonly segmentBytes?: number;
}

/** The folder of this layout. Another layout gets another number: older sidecars of the group know nothing of it and leave it alone. */
const LAYOUT = 'segments-2';
const SEGMENT_BYTES = 16 * 1_048_576;
const REQUEST_TIMEOUT_MS = 10_000;
/** A plant may have a slow line: 4 requests at a time then share 2 Mbit/s. */
const SLOWEST_BYTES_PER_MS = 64;
/** Segments that are read at a time, each in pieces of some megabytes. */
const PARALLEL = 4;
/** Dead letters that wait are stored together, up to about so many bytes of bodies. */
const GROUP_BYTES = 2 * 1_048_576;
/** How old may be what this sidecar knows of the others, when the numbers of the store or one dead letter are asked for. */
const STATS_AGE_MS = 5_000;
const GET_AGE_MS = 1_000;
/** A segment without dead letters: its sidecar has ended before it stored any. */
const EMPTY_AGE_MS = 3_600_000;

interface Waiting {
  readonly letters: readonly DeadLetter[];
  readonly resolve: () => void;
  readonly reject: (error: unknown) => void;
}

interface Place {
  readonly segment: BlobSegment;
  readonly ordinal: number;
}

/**
 * Dead letters in a blob container for any number of sidecars: each writes segments of its own, `<hub>/segments-2/<time>-<random>.ndjson`, and
 * reads and deletes in all of them. An index in memory holds about 65 bytes of each dead letter; before a call reads, it takes what the others
 * have changed. If a dead letter is in several lines, the one in the last segment counts, so that all sidecars agree without a lock.
 */
export class BlobDeadLetterStore implements DeadLetterStore {
  readonly #options: BlobDeadLetterStoreOptions;
  readonly #folder: string;
  readonly #bits = new CodeBits();
  readonly #singles: SingleBlobs;
  #container: Promise<ContainerClient> | undefined;
  readonly #segments = new Map<string, BlobSegment>();
  /** The ids of all dead letters, and of some deleted ones. */
  #ids = new HashSet();
  /** Hashes of ids that may be in several lines, until they are in one. */
  #repeated = new Set<number>();
  /** The segment that gets new dead letters. */
  #current: BlobSegment | undefined;
  #waiting: Waiting[] = [];
  #writing: Promise<void> | undefined;
  #looking: Promise<void> = Promise.resolve();
  #nextLook: Promise<void> | undefined;
  #lookedAtMs = -Infinity;
  #moving: Promise<void> | undefined;
  /** Whether the first layout may still hold dead letters. */
  #hasSingles = true;
  readonly #closing = new AbortController();

  constructor(options: BlobDeadLetterStoreOptions) {
    this.#options = options;
    const hub = `${encodeURIComponent(options.hubThing)}/`;
    this.#folder = `${hub}${LAYOUT}/`;
    this.#singles = new SingleBlobs(hub, () => this.#deadline());
  }

  append(letters: readonly DeadLetter[]): Promise<void> {
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const odd = letters.find(({ id }) => deadLetterTimeMs(id) === undefined);
    if (odd)
      reject(new ConnectorError('DEAD_LETTERS_UNAVAILABLE', `${odd.id} is not an id of a dead letter.`));
    else if (letters.length === 0) resolve();
    else {
      this.#waiting.push({ letters, resolve, reject });
      this.#writing ??= this.#write();
    }
    return promise;
  }

  list(
    filter: DeadLetterFilter,
    { limit, after }: { limit: number; after?: string | undefined },
  ): Promise<DeadLetterPage> {
    return this.#guard('Listing', async (container) => {
      await this.#look(container);
      const device = filter.deviceId === undefined ? undefined : deviceHash(filter.deviceId);
      const codes = filter.code === undefined ? undefined : this.#bits.of([filter.code]);
      const letters: DeadLetterSummary[] = [];
      let last: { timeMs: number; hash: number } | undefined;
      if (after !== undefined) last = { timeMs: deadLetterTimeMs(after) ?? -1, hash: hash53(after) };
      for (;;) {
        const wanted = limit - letters.length + 1;
        const candidates = newestAfter(this.#segments.values(), { ...filter, device, codes }, last, wanted);
        for (const summary of await this.#summaries(candidates))
          if (summary && fits(summary, filter)) letters.push(summary);
        last = candidates.at(-1);
        if (letters.length > limit) return { letters: letters.slice(0, limit), more: true };
        if (candidates.length < wanted) return { letters, more: false };
      }
    });
  }

  get(id: string): Promise<DeadLetter | undefined> {
    return this.#guard('Reading', async (container) => {
      await this.#look(container, GET_AGE_MS);
      const place = this.#locate([id]).at(-1);
      if (!place) return this.#hasSingles ? await this.#singles.get(container, id) : undefined;
      const line = await unlessGone(place.segment.line(place.ordinal));
      if (line === undefined) return undefined;
      const letter = decodeDeadLetter(line, place.segment.name);
      return letter.id === id ? letter : undefined;
    });
  }

  delete(ids: readonly string[]): Promise<number> {
    return this.#guard('Deleting', async (container) => {
      await this.#look(container);
      const deleted = await this.#deleteAt(this.#locate(ids));
      return this.#hasSingles ? deleted + (await this.#singles.delete(container, ids)) : deleted;
    });
  }

  stats(): Promise<DeadLetterStats> {
    return this.#guard('Counting', async (container) => {
      await this.#look(container, STATS_AGE_MS);
      return this.#numbers();
    });
  }

  trim({ storedBeforeMs, maxBytes }: { storedBeforeMs: number; maxBytes: number }): Promise<Trimmed> {
    return this.#guard('Trimming', async (container) => {
      await this.#look(container);
      this.#moveSingles(container);
      let { bytes } = this.#numbers();
      let expired = 0;
      let overflowed = 0;
      for (const segment of this.#ordered()) {
        const { index } = segment;
        const old: number[] = [];
        const excess: number[] = [];
        for (let ordinal = 0; ordinal < index.count; ordinal += 1) {
          if (!index.isLive(ordinal)) continue;
          const isOld = index.storedAtOf(ordinal) < storedBeforeMs;
          if (!isOld && bytes <= maxBytes) continue;
          bytes -= index.lengthOf(ordinal) + 1;
          (isOld ? old : excess).push(ordinal);
        }
        const deleted = await this.#deleteFrom(segment, [...old, ...excess]);
        expired += Math.min(deleted, old.length);
        overflowed += Math.max(0, deleted - old.length);
      }
      return { expired, overflowed };
    });
  }

  async close(): Promise<void> {
    this.#closing.abort();
    await this.#moving;
    await this.#writing;
    this.#container = undefined;
  }

  /** Stores what waits, many dead letters with one request, until nothing waits. Never rejects. */
  async #write(): Promise<void> {
    while (this.#waiting.length > 0) {
      let bytes = 0;
      const count = this.#waiting.findIndex(({ letters }) => {
        for (const { message } of letters) bytes += message.body.byteLength;
        return bytes > GROUP_BYTES;
      });
      const group = this.#waiting.splice(0, count < 0 ? this.#waiting.length : Math.max(1, count));
      try {
        await this.#guard('Writing', (container) =>
          this.#store(
            container,
            group.flatMap(({ letters }) => letters),
          ),
        );
        for (const { resolve } of group) resolve();
      } catch (error) {
        for (const { reject } of group) reject(error);
      }
    }
    this.#writing = undefined;
  }

  async #store(container: ContainerClient, letters: readonly DeadLetter[]): Promise<void> {
    const unique = [...new Map(letters.map((letter) => [letter.id, letter])).values()];
    const before = this.#locate(unique.map(({ id }) => id));
    let segment = await this.#writable(container, before);
    try {
      await segment.append(unique);
    } catch (error) {
      this.#current = undefined;
      if (storageCode(error) !== 'BlobNotFound') throw error;
      // Another sidecar removed the segment, since all its dead letters were deleted.
      this.#segments.delete(segment.name);
      segment = await this.#begin(container, before);
      await segment.append(unique);
    }
    for (const { id } of unique) this.#ids.add(hash53(id));
    await this.#deleteAt(before);
    // It only saves time.
    await segment.storeIndex().catch(() => undefined);
  }

  async #writable(container: ContainerClient, before: readonly Place[]): Promise<BlobSegment> {
    const { segmentBytes = SEGMENT_BYTES } = this.#options;
    const current = this.#current;
    const isLast = before.every(
      ({ segment }) => segment.beginMs < (current?.beginMs ?? 0) || segment === current,
    );
    if (current && isLast && !current.isFull && current.bytes < segmentBytes) return current;
    this.#current = undefined;
    current?.release();
    await current?.storeIndex(1).catch(() => undefined);
    return await this.#begin(container, before);
  }

  /** Begins a segment that comes after those of the given places, so that what it gets counts. */
  async #begin(container: ContainerClient, before: readonly Place[]): Promise<BlobSegment> {
    const beginMs = Math.max(Date.now(), ...before.map(({ segment }) => segment.beginMs + 1));
    const segment = await BlobSegment.create(beginMs, this.#segmentOptions(container));
    this.#segments.set(segment.name, segment);
    this.#current = segment;
    this.#ids = this.#livingIds();
    return segment;
  }

  /** Takes what all sidecars have changed up to this call. `maxAgeMs`: unless what is known is younger. */
  async #look(container: ContainerClient, maxAgeMs = 0): Promise<void> {
    if (performance.now() - this.#lookedAtMs < maxAgeMs) return;
    // One that has begun may have missed what was stored since.
    this.#nextLook ??= this.#looking
      .catch(() => undefined)
      .then(() => {
        this.#nextLook = undefined;
        this.#looking = this.#read(container);
        return this.#looking;
      });
    await this.#nextLook;
  }

  async #read(container: ContainerClient): Promise<void> {
    const isFirst = this.#lookedAtMs === -Infinity;
    const startedAtMs = performance.now();
    const known = new Set(this.#segments.keys());
    const { segments, remains } = await this.#listed(container);
    for (const name of known) if (!segments.has(name)) this.#segments.delete(name);
    for (const name of remains) await new BlobSegment(name, this.#segmentOptions(container)).removeRest();
    const gone = new Set<string>();
    await forEachConcurrently([...segments], PARALLEL, async ([name, listed]) => {
      let segment = this.#segments.get(name);
      if (!segment) {
        segment = new BlobSegment(name, this.#segmentOptions(container));
        this.#segments.set(name, segment);
      }
      const first = (await unlessGone(segment.read(listed))) ?? Number.NaN;
      if (Number.isNaN(first)) gone.add(name);
      else this.#takeIds(segment, first);
      const isEmpty = listed.size === 0 && Date.now() - listed.modifiedMs > EMPTY_AGE_MS;
      const isDone = segment.index.count > 0 && segment.index.live === 0;
      if ((isDone || (isEmpty && segment !== this.#current)) && (await segment.remove())) gone.add(name);
      else await segment.storeIndex().catch(() => undefined);
    });
    for (const name of gone) this.#segments.delete(name);
    await this.#dropRepeats();
    this.#lookedAtMs = startedAtMs;
    if (isFirst) this.#moveSingles(container);
  }

  async #listed(
    container: ContainerClient,
  ): Promise<{ segments: Map<string, ListedSegment>; remains: string[] }> {
    const segments = new Map<string, ListedSegment>();
    const beside = new Map<string, { deletedSize: number; hasIndex: boolean }>();
    const blobs: BlobItem[] = [];
    const pages = pagesOf((at) =>
      container.listBlobsFlat({ prefix: this.#folder, abortSignal: this.#deadline() }).byPage(at),
    );
    for await (const page of pages) blobs.push(...page.segment.blobItems);
    for (const { name, properties } of blobs) {
      const [, own = '', ending] = /([^/.]+)\.(ndjson|deleted|index)$/.exec(name) ?? [];
      const { contentLength: size = 0, etag, lastModified } = properties;
      const rest = beside.get(own) ?? { deletedSize: 0, hasIndex: false };
      if (ending === 'deleted') beside.set(own, { ...rest, deletedSize: size });
      else if (ending === 'index') beside.set(own, { ...rest, hasIndex: true });
      else if (ending === 'ndjson')
        segments.set(own, {
          size,
          etag: quoted(etag),
          modifiedMs: lastModified.getTime(),
          deletedSize: 0,
          hasIndex: false,
        });
    }
    const remains: string[] = [];
    for (const [name, rest] of beside) {
      const segment = segments.get(name);
      if (segment) segments.set(name, { ...segment, ...rest });
      else remains.push(name);
    }
    return { segments, remains };
  }

  #takeIds(segment: BlobSegment, first: number): void {
    const { index } = segment;
    for (let ordinal = first; ordinal < index.count; ordinal += 1) {
      if (!index.isLive(ordinal)) continue;
      const hash = index.hashOf(ordinal);
      if (this.#ids.has(hash)) this.#repeated.add(hash);
      else this.#ids.add(hash);
    }
  }

  /**
   * Two sidecars may store the same dead letter, one after the other: the last line counts. All sidecars delete the same lines, and the last
   * never, so that none is lost.
   */
  async #dropRepeats(): Promise<void> {
    if (this.#repeated.size === 0) return;
    const hashes = [...this.#repeated];
    const last = new Map<string, Place>();
    const places: Place[] = [];
    for (const segment of this.#ordered()) {
      const { index } = segment;
      for (let ordinal = 0; ordinal < index.count; ordinal += 1) {
        if (!index.isLive(ordinal) || !this.#repeated.has(index.hashOf(ordinal))) continue;
        // The same hash and the same time: the same id.
        const key = `${index.hashOf(ordinal)} ${index.timeOf(ordinal)}`;
        const earlier = last.get(key);
        if (earlier) places.push(earlier);
        last.set(key, { segment, ordinal });
      }
    }
    await this.#deleteAt(places);
    for (const hash of hashes) this.#repeated.delete(hash);
  }

  #livingIds(): HashSet {
    const ids = new HashSet();
    for (const { index } of this.#segments.values()) {
      for (let ordinal = 0; ordinal < index.count; ordinal += 1)
        if (index.isLive(ordinal)) ids.add(index.hashOf(ordinal));
    }
    return ids;
  }

  /** By their names, which is the order in which they count. */
  #ordered(): BlobSegment[] {
    return [...this.#segments.values()].sort((a, b) => (a.name < b.name ? -1 : 1));
  }

  /** Where the dead letters with these ids lie, in the order in which the lines count. */
  #locate(ids: readonly string[]): Place[] {
    const times = new Map<number, number>();
    for (const id of ids) {
      const timeMs = deadLetterTimeMs(id);
      const hash = hash53(id);
      if (timeMs !== undefined && this.#ids.has(hash)) times.set(hash, timeMs);
    }
    if (times.size === 0) return [];
    return this.#ordered().flatMap((segment) =>
      segment.index.findAll(times).map((ordinal) => ({ segment, ordinal })),
    );
  }

  async #deleteAt(places: readonly Place[]): Promise<number> {
    let deleted = 0;
    for (const [segment, found] of Map.groupBy(places, (place) => place.segment)) {
      deleted += await this.#deleteFrom(
        segment,
        found.map(({ ordinal }) => ordinal),
      );
    }
    return deleted;
  }

  async #deleteFrom(segment: BlobSegment, ordinals: readonly number[]): Promise<number> {
    const deleted = await segment.delete(ordinals);
    if (deleted > 0 && segment.index.live === 0 && segment !== this.#current)
      this.#segments.delete(segment.name);
    return deleted;
  }

  #numbers(): DeadLetterStats {
    let count = 0;
    let bytes = 0;
    let oldestMs = Infinity;
    for (const { index } of this.#segments.values()) {
      count += index.live;
      bytes += index.liveBytes;
      oldestMs = Math.min(oldestMs, index.oldestMs());
    }
    return { count, bytes, ...(count === 0 ? {} : { oldestMs }) };
  }

  async #summaries(
    candidates: readonly Candidate<BlobSegment>[],
  ): Promise<(DeadLetterSummary | undefined)[]> {
    const found = new Map<BlobSegment, Map<number, string>>();
    const groups = Map.groupBy(candidates, ({ segment }) => segment);
    await forEachConcurrently([...groups], PARALLEL, async ([segment, group]) => {
      const texts = await unlessGone(segment.summaries(group.map(({ ordinal }) => ordinal)));
      if (texts) found.set(segment, texts);
    });
    return candidates.map(({ segment, ordinal }) => {
      const text = found.get(segment)?.get(ordinal);
      return text === undefined ? undefined : decodeSummary(text);
    });
  }

  /** Moves the dead letters of the first layout into segments, in the background. A failure is tried again with the next trim. */
  #moveSingles(container: ContainerClient): void {
    const { signal } = this.#closing;
    this.#moving ??= this.#singles
      .move(container, (letters) => this.append(letters), signal)
      .then(
        (isLeft) => {
          this.#hasSingles = isLeft;
        },
        () => undefined,
      )
      .finally(() => {
        this.#moving = undefined;
      });
  }

  #segmentOptions(container: ContainerClient) {
    return {
      container,
      folder: this.#folder,
      bits: this.#bits,
      deadline: (bytes?: number) => this.#deadline(bytes),
    };
  }

  #deadline(bytes = 0): AbortSignal {
    const { requestTimeoutMs = REQUEST_TIMEOUT_MS } = this.#options;
    return AbortSignal.timeout(requestTimeoutMs + Math.ceil(bytes / SLOWEST_BYTES_PER_MS));
  }

  async #open(): Promise<ContainerClient> {
    const { connection, container } = this.#options;
    const service = await openStorage(connection, { setting: 'storageConnectionString' });
    const client = service.getContainerClient(container);
    const { requestTimeoutMs: timeoutMs = REQUEST_TIMEOUT_MS } = this.#options;
    await ensureContainer(client, { timeoutMs });
    return client;
  }

  async #guard<T>(action: string, work: (container: ContainerClient) => Promise<T>): Promise<T> {
    try {
      this.#container ??= this.#open().catch((thrown) => {
        this.#container = undefined;
        throw thrown;
      });
      return await work(await this.#container);
    } catch (thrown) {
      if (thrown instanceof ConnectorError && thrown.code.startsWith('DEAD_LETTER')) throw thrown;
      // The container has been deleted: the next call creates it again.
      if (statusOf(thrown) === 404) this.#container = undefined;
      const context = { action: `${action} dead letters in ${this.#options.container}` };
      const error = azureError(timeoutOf(thrown), context);
      throw new ConnectorError('DEAD_LETTERS_UNAVAILABLE', error.message, {
        cause: error,
        ...(error.retryAfterMs === undefined ? {} : { retryAfterMs: error.retryAfterMs }),
      });
    }
  }
}

/** Undefined when another sidecar has removed the segment meanwhile. */
async function unlessGone<T>(call: Promise<T>): Promise<T | undefined> {
  try {
    return await call;
  } catch (thrown) {
    if (statusOf(thrown) !== 404) throw thrown;
    return undefined;
  }
}

/** Lists have versions without the quotes that conditions need. */
function quoted(etag: string): string {
  return `"${etag.replaceAll('"', '')}"`;
}
