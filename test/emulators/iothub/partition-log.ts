/**
 * The log of one partition: slabs on disk, the one being written and the recently read ones in memory. Readers see a
 * record only when it is on disk, so nobody has seen an event that a killed emulator does not remember.
 */
import { EventEmitter } from 'node:events';
import { mkdirSync, readdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Place } from './event-message.ts';
import { type LogRecord, RECORD_HEADER_BYTES, recordAt, reopenSlab, Slab } from './slab.ts';
import type { SlabCache } from './slab-cache.ts';

export interface Retention {
  /** Bytes of one partition on disk beyond which its oldest slab goes. */
  maxBytes: number;
  /** Age beyond which an event may go. */
  maxAgeMs: number;
}

/** Where a reader begins. Exclusive unless said otherwise. */
export type StartPosition =
  | { at: 'start' }
  | { at: 'latest' }
  | { at: 'offset'; value: number; inclusive: boolean }
  | { at: 'sequenceNumber'; value: number; inclusive: boolean }
  | { at: 'enqueuedTime'; valueMs: number; inclusive: boolean };

export interface PartitionLogOptions {
  directory: string;
  retention: Retention;
  cache: SlabCache;
  /** Size at which a slab is sealed. */
  slabBytes: number;
}

interface PartitionLogEvents {
  /** New records can be read. */
  appended: [];
}

export class PartitionLog extends EventEmitter<PartitionLogEvents> {
  readonly #options: PartitionLogOptions;
  readonly #slabs: Slab[] = [];
  #nextOffset = 0;
  #nextSequence = 0;
  /** Of the newest stored event. */
  #last: Place = { sequenceNumber: -1, offset: -1, enqueuedTimeMs: 0 };
  #flushing: Promise<void> | undefined;
  #waiting: { offset: number; done: () => void; failed: (error: unknown) => void }[] = [];
  #stopped = false;

  constructor(options: PartitionLogOptions) {
    super();
    this.setMaxListeners(0);
    this.#options = options;
  }

  /** Takes up what an earlier run left in the directory. */
  start(): void {
    const { directory } = this.#options;
    mkdirSync(directory, { recursive: true });
    const bases = readdirSync(directory)
      .filter((name) => name.endsWith('.slab'))
      .map((name) => Number(name.slice(0, -'.slab'.length)))
      .sort((left, right) => left - right);
    for (const base of bases) {
      const { slab, last } = reopenSlab(directory, base);
      if (last) {
        this.#slabs.push(slab);
        this.#last = {
          sequenceNumber: last.sequenceNumber,
          offset: last.offset,
          enqueuedTimeMs: last.enqueuedTimeMs,
        };
      }
      this.#nextOffset = slab.endOffset;
    }
    this.#nextSequence = this.#last.sequenceNumber + 1;
    this.#readHead();
  }

  stop(): void {
    this.#stopped = true;
    for (const slab of this.#slabs) slab.flushSync();
    this.#writeHead();
  }

  /** Sequence number of the oldest event that is kept; that of the next one when there is none. */
  get beginSequence(): number {
    return this.#slabs[0]?.baseSequence ?? this.#nextSequence;
  }
  get last(): Place {
    return this.#last;
  }
  get isEmpty(): boolean {
    return this.#slabs.length === 0;
  }
  get bytes(): number {
    const first = this.#slabs[0];
    return first ? this.#nextOffset - first.baseOffset : 0;
  }

  /**
   * Stores one event. The callback gets the event's place and gives the encoded message.
   * Resolves when the event is on disk.
   */
  append(encode: (place: Place) => Buffer): Promise<void> {
    // Times never go back within a partition, or a start by time would miss events.
    const enqueuedTimeMs = Math.max(Date.now(), this.#last.enqueuedTimeMs);
    const place = { sequenceNumber: this.#nextSequence, offset: this.#nextOffset, enqueuedTimeMs };
    const message = encode(place);
    const bytes = RECORD_HEADER_BYTES + message.length;
    this.#slabFor(bytes).write(place, message);
    this.#nextSequence += 1;
    this.#nextOffset += bytes;
    this.#last = place;
    const end = this.#nextOffset;
    return new Promise((done, failed) => {
      this.#waiting.push({ offset: end, done, failed });
      this.#flushing ??= this.#flush();
    });
  }

  /** Offset from which a reader with this position reads. Undefined when the position lies beyond the log. */
  async locate(position: StartPosition): Promise<number | undefined> {
    const first = this.#slabs[0]?.baseOffset ?? this.#nextOffset;
    switch (position.at) {
      case 'start':
        return first;
      case 'latest':
        return this.#nextOffset;
      case 'offset':
        if (position.value > this.#last.offset) return undefined;
        return this.#find(
          (slab) => slab.endOffset > position.value,
          (record) => (position.inclusive ? record.offset >= position.value : record.offset > position.value),
        );
      case 'sequenceNumber':
        if (position.value > this.#last.sequenceNumber + (position.inclusive ? 1 : 0)) return undefined;
        return this.#find(
          (_slab, next) => next === undefined || next.baseSequence > position.value,
          ({ sequenceNumber }) =>
            position.inclusive ? sequenceNumber >= position.value : sequenceNumber > position.value,
        );
      case 'enqueuedTime':
        return this.#find(
          (slab) => slab.lastTimeMs >= position.valueMs,
          ({ enqueuedTimeMs }) =>
            position.inclusive ? enqueuedTimeMs >= position.valueMs : enqueuedTimeMs > position.valueMs,
        );
    }
  }

  /** Up to `maxCount` records from the offset on that are on disk; a reader behind the retention skips forward. */
  read(offset: number, maxCount: number): LogRecord[] | Promise<LogRecord[]> {
    // A slab may be on disk before the tail of the one before it: a reader waits for the tail.
    const slab = this.#slabs.find((candidate) => candidate.endOffset > offset);
    if (!slab || slab.flushedOffset <= offset) return [];
    const take = (buffer: Buffer) => {
      const records: LogRecord[] = [];
      let position = Math.max(0, offset - slab.baseOffset);
      while (records.length < maxCount) {
        const record = recordAt(buffer, position, slab.flushedBytes);
        if (!record) break;
        records.push(record);
        position += RECORD_HEADER_BYTES + record.message.length;
      }
      return records;
    };
    this.#options.cache.use(slab);
    if (slab.buffer) return take(slab.buffer);
    return slab.load().then(take, (error: unknown) => {
      // Retention was faster: go on with what is left.
      if (this.#slabs.includes(slab)) throw error;
      return this.read(offset, maxCount);
    });
  }

  /** Removes what the retention no longer keeps. */
  async expire(): Promise<void> {
    const { maxBytes, maxAgeMs } = this.#options.retention;
    const oldest = Date.now() - maxAgeMs;
    const removed: Slab[] = [];
    for (;;) {
      const slab = this.#slabs[0];
      if (!slab || slab.flushedBytes < slab.usedBytes) break;
      const isActive = this.#slabs.length === 1;
      const tooOld = slab.lastTimeMs < oldest;
      if (!tooOld && (isActive || this.bytes <= maxBytes)) break;
      this.#slabs.shift();
      this.#options.cache.drop(slab);
      removed.push(slab);
    }
    if (removed.length === 0) return;
    this.#writeHead();
    await Promise.all(removed.map((slab) => slab.remove()));
  }

  #slabFor(bytes: number): Slab {
    const { directory, slabBytes, cache } = this.#options;
    const active = this.#slabs.at(-1);
    if (active?.buffer && !active.sealed && active.usedBytes + bytes <= active.buffer.length) return active;
    if (active && !active.sealed) active.seal();
    const slab = new Slab(directory, this.#nextOffset, this.#nextSequence);
    slab.buffer = Buffer.allocUnsafeSlow(Math.max(slabBytes, bytes));
    this.#slabs.push(slab);
    cache.use(slab);
    return slab;
  }

  async #flush(): Promise<void> {
    // What arrives while a write is under way goes with the next one.
    while (this.#waiting.length > 0 && !this.#stopped) {
      const waiting = this.#waiting;
      this.#waiting = [];
      try {
        for (const slab of this.#slabs) if (slab.flushedBytes < slab.usedBytes) await slab.flush();
        for (const waiter of waiting) waiter.done();
      } catch (error) {
        for (const waiter of waiting) waiter.failed(error);
      }
      this.emit('appended');
      this.#options.cache.trim();
      if (this.bytes > this.#options.retention.maxBytes) await this.expire();
    }
    this.#flushing = undefined;
  }

  async #find(
    mayHold: (slab: Slab, next: Slab | undefined) => boolean,
    isFirst: (record: LogRecord) => boolean,
  ): Promise<number> {
    const slabs = [...this.#slabs];
    for (const [index, slab] of slabs.entries()) {
      if (!mayHold(slab, slabs[index + 1])) continue;
      this.#options.cache.use(slab);
      const buffer = await slab.load().catch((error: unknown) => {
        if (this.#slabs.includes(slab)) throw error;
        return undefined;
      });
      if (!buffer) continue;
      let position = 0;
      for (;;) {
        const record = recordAt(buffer, position, slab.usedBytes);
        if (!record) break;
        if (isFirst(record)) return record.offset;
        position += RECORD_HEADER_BYTES + record.message.length;
      }
    }
    return this.#nextOffset;
  }

  // The numbering goes on when retention has removed everything, so it is kept beside the slabs.
  #writeHead(): void {
    const path = join(this.#options.directory, 'head.json');
    const head = { nextOffset: this.#nextOffset, last: this.#last };
    writeFileSync(`${path}.next`, JSON.stringify(head));
    renameSync(`${path}.next`, path);
  }

  #readHead(): void {
    try {
      const text = readFileSync(join(this.#options.directory, 'head.json'), 'utf8');
      const head = JSON.parse(text) as { nextOffset: number; last: Place };
      if (head.last.sequenceNumber <= this.#last.sequenceNumber) return;
      this.#last = head.last;
      this.#nextOffset = head.nextOffset;
      this.#nextSequence = head.last.sequenceNumber + 1;
    } catch {
      // No head file: the slabs say it all.
    }
  }
}
