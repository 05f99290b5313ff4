import { mkdir, readdir } from 'node:fs/promises';
import path from 'node:path';
import { ConnectorError } from '../errors/connector-error.ts';
import { FileLock } from '../lib/file-lock.ts';
import { isMissing, setAside, systemCode } from '../lib/files.ts';
import { hash53 } from '../lib/hash.ts';
import type { Log } from '../observe/log.ts';
import { decodeDeadLetter, decodeSummary, fits } from './codec.ts';
import { FileSegment } from './file-segment.ts';
import { CodeBits, deviceHash, HashSet } from './segment-index.ts';
import { type Candidate, newestAfter } from './selection.ts';
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

interface FileDeadLetterStoreOptions {
  /** Made when it does not exist. */
  readonly directory: string;
  readonly log: Log;
  /** Size at which the next file is begun, in bytes. */
  readonly segmentBytes?: number;
}

/** A file whose dead letters are half deleted is written anew when the files take this much more than their dead letters. */
const WASTE_BYTES = 16 * 1_048_576;

/**
 * Dead letters of a single sidecar in files of the state directory: `00000001.ndjson` and so on, a line of JSON each. Opened by the first
 * call; an index in memory holds about 100 bytes of each dead letter. Files whose dead letters are all deleted are removed.
 */
export class FileDeadLetterStore implements DeadLetterStore {
  readonly #directory: string;
  readonly #log: Log;
  readonly #segmentBytes: number;
  readonly #bits = new CodeBits();
  /** The ids of all dead letters; of deleted ones until the next file is begun. */
  #ids = new HashSet();
  #segments: FileSegment[] = [];
  #lock: FileLock | undefined;
  #opening: Promise<void> | undefined;
  /** Calls that change files come one after the other. */
  #lastChange: Promise<unknown> = Promise.resolve();
  #closed = false;

  constructor(options: FileDeadLetterStoreOptions) {
    this.#directory = options.directory;
    this.#log = options.log;
    this.#segmentBytes = options.segmentBytes ?? 8 * 1_048_576;
  }

  append(letters: readonly DeadLetter[]): Promise<void> {
    return this.#change(async () => {
      const unique = [...new Map(letters.map((letter) => [letter.id, letter])).values()];
      if (unique.length === 0) return;
      const before = await this.#locate(unique.map(({ id }) => id));
      const segment = await this.#writable();
      await segment.append(unique);
      for (const { id } of unique) this.#ids.add(hash53(id));
      await this.#markDeleted(before);
    });
  }

  async list(
    filter: DeadLetterFilter,
    { limit, after }: { limit: number; after?: string | undefined },
  ): Promise<DeadLetterPage> {
    await this.#open();
    return await this.#guard('read', async () => {
      const device = filter.deviceId === undefined ? undefined : deviceHash(filter.deviceId);
      const codes = filter.code === undefined ? undefined : this.#bits.of([filter.code]);
      const letters: DeadLetterSummary[] = [];
      let last: { timeMs: number; hash: number } | undefined;
      if (after !== undefined) last = { timeMs: deadLetterTimeMs(after) ?? -1, hash: hash53(after) };
      for (;;) {
        const wanted = limit - letters.length + 1;
        const candidates = newestAfter(this.#segments, { ...filter, device, codes }, last, wanted);
        const summaries = await this.#summaries(candidates);
        for (const summary of summaries) if (summary && fits(summary, filter)) letters.push(summary);
        last = candidates.at(-1);
        if (letters.length > limit) return { letters: letters.slice(0, limit), more: true };
        if (candidates.length < wanted) return { letters, more: false };
      }
    });
  }

  async get(id: string): Promise<DeadLetter | undefined> {
    await this.#open();
    return await this.#guard('read', async () => {
      for (const { line } of (await this.#locate([id])).values())
        return decodeDeadLetter(line, this.#directory);
      return undefined;
    });
  }

  delete(ids: readonly string[]): Promise<number> {
    return this.#change(async () => await this.#markDeleted(await this.#locate(ids)));
  }

  async stats(): Promise<DeadLetterStats> {
    await this.#open();
    let count = 0;
    let bytes = 0;
    let oldestMs = Infinity;
    for (const { index } of this.#segments) {
      count += index.live;
      bytes += index.liveBytes;
      oldestMs = Math.min(oldestMs, index.oldestMs());
    }
    return { count, bytes, ...(count === 0 ? {} : { oldestMs }) };
  }

  trim({ storedBeforeMs, maxBytes }: { storedBeforeMs: number; maxBytes: number }): Promise<Trimmed> {
    return this.#change(async () => {
      let bytes = this.#segments.reduce((sum, { index }) => sum + index.liveBytes, 0);
      let expired = 0;
      let overflowed = 0;
      for (const segment of [...this.#segments]) {
        const { index } = segment;
        const gone: number[] = [];
        for (let ordinal = 0; ordinal < index.count; ordinal += 1) {
          if (!index.isLive(ordinal)) continue;
          const isOld = index.storedAtOf(ordinal) < storedBeforeMs;
          if (!isOld && bytes <= maxBytes) continue;
          gone.push(ordinal);
          bytes -= index.lengthOf(ordinal) + 1;
          if (isOld) expired += 1;
          else overflowed += 1;
        }
        await this.#deleteFrom(segment, gone);
      }
      await this.#compact();
      return { expired, overflowed };
    });
  }

  async close(): Promise<void> {
    this.#closed = true;
    await this.#lastChange.catch(() => undefined);
    for (const segment of this.#segments) await segment.close().catch(() => undefined);
    await this.#lock?.release();
    this.#lock = undefined;
  }

  #open(): Promise<void> {
    if (this.#closed) throw new ConnectorError('STOPPING', 'The dead letters are closed.');
    this.#opening ??= this.#guard('opened', () => this.#load()).catch((error) => {
      this.#opening = undefined;
      throw error;
    });
    return this.#opening;
  }

  async #load(): Promise<void> {
    await mkdir(this.#directory, { recursive: true, mode: 0o700 });
    this.#lock ??= await FileLock.acquire(path.join(this.#directory, 'lock'));
    if (!this.#lock)
      throw new ConnectorError(
        'DEAD_LETTERS_UNAVAILABLE',
        `The dead letters in ${this.#directory} are in use by another sidecar.`,
      );
    const names = await this.#fileNames();
    const numbers = names.flatMap((name) => /^(\d{8})\.ndjson$/.exec(name)?.[1] ?? []).map(Number);
    this.#segments = [];
    for (const number of numbers.sort((a, b) => a - b)) {
      const { segment, damage } = await FileSegment.load(this.#directory, number, this.#bits);
      if (damage.tornBytes > 0 || damage.unreadableLines > 0)
        this.#log.warn(
          { directory: this.#directory, file: number, ...damage },
          'A file of dead letters was damaged: an unfinished last line was cut off, unreadable lines are passed over.',
        );
      this.#segments.push(segment);
    }
    await this.#dropRepeats();
    this.#ids = this.#livingIds();
    for (const segment of [...this.#segments]) await this.#removeIfEmpty(segment);
  }

  /** The names of files. A directory in the place of one is damage; it is set aside. */
  async #fileNames(): Promise<string[]> {
    const names: string[] = [];
    for (const entry of await readdir(this.#directory, { withFileTypes: true })) {
      if (!entry.isDirectory()) names.push(entry.name);
      else if (/^\d{8}\.(ndjson|deleted)$/.test(entry.name))
        this.#log.warn(
          { kept: await setAside(path.join(this.#directory, entry.name)) },
          'A directory lay in the place of a file of dead letters and was set aside.',
        );
    }
    return names;
  }

  /** A crash between the new dead letter and the removal of the old one leaves both: the later counts. */
  async #dropRepeats(): Promise<void> {
    const timeByHash = new Map<number, number>();
    for (const segment of this.#segments.toReversed()) {
      const { index } = segment;
      const repeated: number[] = [];
      for (let ordinal = index.count - 1; ordinal >= 0; ordinal -= 1) {
        if (!index.isLive(ordinal)) continue;
        // The same hash and the same time: the same id.
        if (timeByHash.get(index.hashOf(ordinal)) === index.timeOf(ordinal)) repeated.push(ordinal);
        else timeByHash.set(index.hashOf(ordinal), index.timeOf(ordinal));
      }
      await segment.delete(repeated);
    }
  }

  #livingIds(): HashSet {
    const ids = new HashSet();
    for (const { index } of this.#segments) {
      for (let ordinal = 0; ordinal < index.count; ordinal += 1)
        if (index.isLive(ordinal)) ids.add(index.hashOf(ordinal));
    }
    return ids;
  }

  async #writable(): Promise<FileSegment> {
    const last = this.#segments.at(-1);
    if (last?.canGrow && last.bytes < this.#segmentBytes) return last;
    await last?.close();
    const next = await FileSegment.create(this.#directory, (last?.number ?? 0) + 1, this.#bits);
    this.#segments.push(next);
    this.#ids = this.#livingIds();
    if (last) await this.#removeIfEmpty(last);
    return next;
  }

  /** Where the dead letters with these ids lie; the line tells them from others with the same hash. */
  async #locate(ids: readonly string[]): Promise<Map<string, Place>> {
    const places = new Map<string, Place>();
    const known = ids.filter((id) => this.#ids.has(hash53(id)));
    if (known.length === 0) return places;
    for (const segment of this.#segments) {
      const wanted = new Map<number, string>();
      for (const id of known) {
        const timeMs = deadLetterTimeMs(id);
        if (timeMs === undefined) continue;
        for (const ordinal of segment.index.find(timeMs, hash53(id))) wanted.set(ordinal, id);
      }
      if (wanted.size === 0) continue;
      for await (const { ordinal, line } of segment.lines(wanted.keys(), 'whole')) {
        const id = decodeSummary(line)?.id;
        if (id !== undefined && id === wanted.get(ordinal)) places.set(id, { segment, ordinal, line });
      }
    }
    return places;
  }

  async #markDeleted(places: ReadonlyMap<string, Place>): Promise<number> {
    const bySegment = Map.groupBy(places.values(), ({ segment }) => segment);
    let deleted = 0;
    for (const [segment, found] of bySegment) {
      deleted += await this.#deleteFrom(
        segment,
        found.map(({ ordinal }) => ordinal),
      );
    }
    return deleted;
  }

  async #deleteFrom(segment: FileSegment, ordinals: readonly number[]): Promise<number> {
    const deleted = await segment.delete(ordinals);
    if (deleted > 0) await this.#removeIfEmpty(segment);
    return deleted;
  }

  async #removeIfEmpty(segment: FileSegment): Promise<void> {
    if (segment.index.live > 0) return;
    this.#segments = this.#segments.filter((other) => other !== segment);
    await segment.remove();
  }

  /** Writes what is left of half-deleted files at the end, so that deleted dead letters give their room back. */
  async #compact(): Promise<void> {
    const waste = this.#segments.reduce((sum, { bytes, index }) => sum + bytes - index.liveBytes, 0);
    if (waste < WASTE_BYTES) return;
    for (const segment of this.#segments.slice(0, -1)) {
      if (segment.index.liveBytes * 2 > segment.bytes) continue;
      const living = Array.from({ length: segment.index.count }, (_, ordinal) => ordinal).filter((ordinal) =>
        segment.index.isLive(ordinal),
      );
      for (let start = 0; start < living.length; start += 100) {
        const letters: DeadLetter[] = [];
        const moved: number[] = [];
        for await (const { ordinal, line } of segment.lines(living.slice(start, start + 100), 'whole')) {
          const letter = readable(line, this.#directory);
          if (!letter) continue;
          letters.push(letter);
          moved.push(ordinal);
        }
        if (letters.length === 0) continue;
        await (await this.#writable()).append(letters);
        await this.#deleteFrom(segment, moved);
      }
    }
  }

  async #summaries(
    candidates: readonly Candidate<FileSegment>[],
  ): Promise<(DeadLetterSummary | undefined)[]> {
    const found = new Map<Candidate<FileSegment>, DeadLetterSummary>();
    for (const [segment, group] of Map.groupBy(candidates, (candidate) => candidate.segment)) {
      const byOrdinal = new Map(group.map((candidate) => [candidate.ordinal, candidate]));
      try {
        for await (const { ordinal, line } of segment.lines(byOrdinal.keys(), 'summary')) {
          const summary = decodeSummary(line);
          const candidate = byOrdinal.get(ordinal);
          if (summary && candidate) found.set(candidate, summary);
        }
      } catch (error) {
        // Removed by a deletion meanwhile.
        if (!isMissing(error)) throw error;
      }
    }
    return candidates.map((candidate) => found.get(candidate));
  }

  #change<T>(work: () => Promise<T>): Promise<T> {
    const done = this.#lastChange.then(async () => {
      await this.#open();
      return await this.#guard('written', work);
    });
    this.#lastChange = done.catch(() => undefined);
    return done;
  }

  async #guard<T>(what: string, work: () => Promise<T>): Promise<T> {
    try {
      return await work();
    } catch (cause) {
      if (cause instanceof ConnectorError) throw cause;
      throw new ConnectorError(
        'DEAD_LETTERS_UNAVAILABLE',
        `The dead letters in ${this.#directory} cannot be ${what} (${systemCode(cause)}).`,
        { cause },
      );
    }
  }
}

/** A dead letter that cannot be read stays where it is. */
function readable(line: string, place: string): DeadLetter | undefined {
  try {
    return decodeDeadLetter(line, place);
  } catch {
    return undefined;
  }
}

interface Place {
  readonly segment: FileSegment;
  readonly ordinal: number;
  readonly line: string;
}
