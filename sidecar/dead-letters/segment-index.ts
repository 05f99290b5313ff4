import { hash53 } from '../lib/hash.ts';
import { decodeSummary, summaryLengthOf } from './codec.ts';
import type { DeadLetterSummary } from './store.ts';

/** What is kept in memory of one dead letter: 45 bytes, so that a hundred thousand dead letters take five megabytes. */
export interface IndexEntry {
  readonly timeMs: number;
  readonly storedAtMs: number;
  /** Of the id. */
  readonly hash: number;
  /** Hash of the device id. */
  readonly device: number;
  /** A bit for each reason code. */
  readonly codes: number;
  /** Where the line begins and how long it is, without its end, in bytes. */
  readonly offset: number;
  readonly length: number;
  /** Of the beginning of the line that holds the summary, in bytes; 0 for a line that is no dead letter. */
  readonly summaryLength: number;
}

/** The dead letters of one file or append blob in the order of their lines. */
export class SegmentIndex {
  #count = 0;
  #live = 0;
  #liveBytes = 0;
  #minTimeMs = Infinity;
  #maxTimeMs = -Infinity;
  #times = new Float64Array(64);
  #stored = new Float64Array(64);
  #hashes = new Float64Array(64);
  #devices = new Uint32Array(64);
  #codes = new Uint32Array(64);
  #offsets = new Uint32Array(64);
  #lengths = new Uint32Array(64);
  #summaryLengths = new Uint32Array(64);
  #dead = new Uint8Array(64);

  get count(): number {
    return this.#count;
  }

  get live(): number {
    return this.#live;
  }

  get liveBytes(): number {
    return this.#liveBytes;
  }

  push(entry: IndexEntry): void {
    const at = this.#count;
    if (at === this.#times.length) this.#grow();
    this.#times[at] = entry.timeMs;
    this.#stored[at] = entry.storedAtMs;
    this.#hashes[at] = entry.hash;
    this.#devices[at] = entry.device;
    this.#codes[at] = entry.codes;
    this.#offsets[at] = entry.offset;
    this.#lengths[at] = entry.length;
    this.#summaryLengths[at] = entry.summaryLength;
    this.#count = at + 1;
    this.#live += 1;
    this.#liveBytes += entry.length + 1;
    this.#minTimeMs = Math.min(this.#minTimeMs, entry.timeMs);
    this.#maxTimeMs = Math.max(this.#maxTimeMs, entry.timeMs);
  }

  /** A line that is no dead letter. */
  pushUnreadable(offset: number, length: number): void {
    this.push({ timeMs: 0, storedAtMs: 0, hash: -1, device: 0, codes: 0, offset, length, summaryLength: 0 });
    this.markDeleted(this.#count - 1);
  }

  /** False when it was dead before, or never there. */
  markDeleted(ordinal: number): boolean {
    if (ordinal < 0 || ordinal >= this.#count || this.#dead[ordinal] === 1) return false;
    this.#dead[ordinal] = 1;
    this.#live -= 1;
    this.#liveBytes -= this.lengthOf(ordinal) + 1;
    return true;
  }

  isLive(ordinal: number): boolean {
    return ordinal < this.#count && this.#dead[ordinal] === 0;
  }

  timeOf(ordinal: number): number {
    return this.#times[ordinal] ?? 0;
  }

  storedAtOf(ordinal: number): number {
    return this.#stored[ordinal] ?? 0;
  }

  hashOf(ordinal: number): number {
    return this.#hashes[ordinal] ?? 0;
  }

  offsetOf(ordinal: number): number {
    return this.#offsets[ordinal] ?? 0;
  }

  lengthOf(ordinal: number): number {
    return this.#lengths[ordinal] ?? 0;
  }

  summaryLengthOf(ordinal: number): number {
    return this.#summaryLengths[ordinal] ?? 0;
  }

  /** All of a line but its offset, in the order of `IndexEntry`. */
  rowOf(ordinal: number): readonly number[] {
    return [
      this.timeOf(ordinal),
      this.storedAtOf(ordinal),
      this.hashOf(ordinal),
      this.#devices[ordinal] ?? 0,
      this.#codes[ordinal] ?? 0,
      this.lengthOf(ordinal),
      this.summaryLengthOf(ordinal),
    ];
  }

  /** Whether the dead letter may be of the device and may have the code; the line says it for certain. */
  mayFit(ordinal: number, device: number | undefined, codes: number | undefined): boolean {
    return (
      (device === undefined || this.#devices[ordinal] === device) &&
      (codes === undefined || ((this.#codes[ordinal] ?? 0) & codes) !== 0)
    );
  }

  /** The living dead letters with this time and hash. */
  find(timeMs: number, hash: number): number[] {
    if (timeMs < this.#minTimeMs || timeMs > this.#maxTimeMs) return [];
    const found: number[] = [];
    for (let ordinal = 0; ordinal < this.#count; ordinal += 1) {
      if (this.#times[ordinal] === timeMs && this.#hashes[ordinal] === hash && this.#dead[ordinal] === 0)
        found.push(ordinal);
    }
    return found;
  }

  /** The living dead letters with these hashes and times. */
  findAll(timesByHash: ReadonlyMap<number, number>): number[] {
    let [first, last] = [Infinity, -Infinity];
    for (const timeMs of timesByHash.values()) {
      first = Math.min(first, timeMs);
      last = Math.max(last, timeMs);
    }
    if (last < this.#minTimeMs || first > this.#maxTimeMs) return [];
    const found: number[] = [];
    for (let ordinal = 0; ordinal < this.#count; ordinal += 1) {
      if (this.#dead[ordinal] === 0 && timesByHash.get(this.hashOf(ordinal)) === this.#times[ordinal])
        found.push(ordinal);
    }
    return found;
  }

  /** The earliest time of a living dead letter. */
  oldestMs(): number {
    let oldest = Infinity;
    for (let ordinal = 0; ordinal < this.#count; ordinal += 1) {
      if (this.#dead[ordinal] === 0) oldest = Math.min(oldest, this.#times[ordinal] ?? Infinity);
    }
    return oldest;
  }

  #grow(): void {
    const size = this.#times.length * 2;
    this.#times = grown(this.#times, new Float64Array(size));
    this.#stored = grown(this.#stored, new Float64Array(size));
    this.#hashes = grown(this.#hashes, new Float64Array(size));
    this.#devices = grown(this.#devices, new Uint32Array(size));
    this.#codes = grown(this.#codes, new Uint32Array(size));
    this.#offsets = grown(this.#offsets, new Uint32Array(size));
    this.#lengths = grown(this.#lengths, new Uint32Array(size));
    this.#summaryLengths = grown(this.#summaryLengths, new Uint32Array(size));
    this.#dead = grown(this.#dead, new Uint8Array(size));
  }
}

/** Hashes of ids, in 16 to 32 bytes each. Tells that an id is new without a look at every file. */
export class HashSet {
  /** An open hash table, at most half full; NaN is a free place. */
  #places = new Float64Array(128).fill(Number.NaN);
  #size = 0;

  add(hash: number): void {
    const place = this.#placeOf(hash);
    if (this.#places[place] === hash) return;
    this.#places[place] = hash;
    this.#size += 1;
    if (this.#size * 2 > this.#places.length) this.#grow();
  }

  has(hash: number): boolean {
    return this.#places[this.#placeOf(hash)] === hash;
  }

  /** Where the hash is, or the free place for it. */
  #placeOf(hash: number): number {
    const { length } = this.#places;
    let place = hash % length;
    while (!Number.isNaN(this.#places[place]) && this.#places[place] !== hash) place = (place + 1) % length;
    return place;
  }

  #grow(): void {
    const hashes = this.#places;
    this.#places = new Float64Array(hashes.length * 2).fill(Number.NaN);
    for (const hash of hashes) if (!Number.isNaN(hash)) this.#places[this.#placeOf(hash)] = hash;
  }
}

function grown<T extends Float64Array | Uint32Array | Uint8Array>(old: T, larger: T): T {
  larger.set(old);
  return larger;
}

const LAST_BIT = 31;

/** Gives each reason code a bit; from the 32nd on they share the last. */
export class CodeBits {
  readonly #bits = new Map<string, number>();

  /** In the order of their bits. */
  get codes(): string[] {
    return [...this.#bits.keys()];
  }

  /** The mask here of a mask of another process that had these codes. Where several shared the last bit, it may be any code. */
  maskOf(mask: number, codes: readonly string[]): number {
    let own = mask >>> LAST_BIT === 1 ? 0xffffffff : 0;
    for (let bit = 0; bit < LAST_BIT; bit += 1) {
      const code = codes[bit];
      if (code !== undefined && ((mask >>> bit) & 1) === 1) own |= this.#bitOf(code);
    }
    return own >>> 0;
  }

  of(codes: readonly string[]): number {
    let mask = 0;
    for (const code of codes) mask |= this.#bitOf(code);
    return mask >>> 0;
  }

  #bitOf(code: string): number {
    const known = this.#bits.get(code);
    if (known !== undefined) return known;
    const bit = (1 << Math.min(this.#bits.size, LAST_BIT)) >>> 0;
    // Codes are our own words; what a damaged file makes up must not fill the memory.
    if (this.#bits.size < 1000) this.#bits.set(code, bit);
    return bit;
  }
}

export function entryOf(
  summary: DeadLetterSummary,
  bits: CodeBits,
  place: { offset: number; length: number; summaryLength: number },
): IndexEntry {
  return {
    timeMs: summary.enqueuedTimeMs,
    storedAtMs: summary.storedAtMs,
    hash: hash53(summary.id),
    device: deviceHash(summary.deviceId),
    codes: bits.of(summary.codes),
    ...place,
  };
}

export function deviceHash(deviceId: string): number {
  return hash53(deviceId) >>> 0;
}

/** A line that is no dead letter takes its number all the same, so that the numbers of deleted lines stay right. Gives whether it is one. */
export function pushLine(index: SegmentIndex, line: Buffer, offset: number, bits: CodeBits): boolean {
  const { length } = line;
  const summaryLength = summaryLengthOf(line);
  const summary = decodeSummary(line.toString('utf8', 0, summaryLength));
  if (summary) index.push(entryOf(summary, bits, { offset, length, summaryLength }));
  else index.pushUnreadable(offset, length);
  return summary !== undefined;
}

/**
 * The numbers in one line of the deleted ones. None when it is damaged: a deletion that a crash left unfinished was never confirmed, and a dead
 * letter that comes back is better than one that is lost.
 */
export function ordinalsIn(line: string): number[] {
  try {
    const value = JSON.parse(line) as unknown;
    return Array.isArray(value) ? value.filter(Number.isSafeInteger) : [];
  } catch {
    return [];
  }
}
