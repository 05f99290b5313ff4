import { randomBytes } from 'node:crypto';
import type { ContainerClient } from '@azure/storage-blob';
import { statusOf, storageCode } from '../azure/storage.ts';
import { forEachConcurrently } from '../lib/concurrency.ts';
import { encodeDeadLetter, summaryLengthOf, summaryOf } from './codec.ts';
import { type CodeBits, entryOf, ordinalsIn, pushLine, SegmentIndex } from './segment-index.ts';
import type { DeadLetter } from './store.ts';
import { type ListedSegment, StoredIndex } from './stored-index.ts';

/** The most that Azure takes in one call, with every version of its API. */
const BLOCK_BYTES = 4 * 1_048_576;
/** Azure takes 50,000 blocks per append blob. A dead letter needs at most one for itself and one for its deletion. */
const MAX_BLOCKS = 40_000;
/** The index is stored when it lacks so many bytes of lines. */
const INDEX_STEP_BYTES = 4 * 1_048_576;
/** Lines that lie closer together are read with one request. */
const GAP_BYTES = 65_536;
const PARALLEL = 8;
const LINE_END = 0x0a;

interface BlobSegmentOptions {
  readonly container: ContainerClient;
  /** Of the blobs of all segments. */
  readonly folder: string;
  readonly bits: CodeBits;
  /**
   * Of one request that transfers so many bytes. The client has no time limit of its own. The abort closes the connection, so that the next attempt
   * uses another one.
   */
  readonly deadline: (bytes?: number) => AbortSignal;
}

/**
 * A run of dead letters of one sidecar in an append blob, `<name>.ndjson`, a line each. Beside it lie `<name>.deleted`, an append blob with the
 * numbers of deleted lines, to which every sidecar appends, and `<name>.index`, which spares others to read the lines. Only the sidecar that
 * created a segment appends dead letters, and only until a call fails: nobody knows then what the storage has of it.
 */
export class BlobSegment {
  readonly name: string;
  readonly index = new SegmentIndex();
  readonly #options: BlobSegmentOptions;
  readonly #stored: StoredIndex;
  /** Bytes of whole lines that are in the index. */
  #bytes = 0;
  /** Size and version of the blob as it was last seen. */
  #size = 0;
  #etag: string | undefined;
  #blocks = 0;
  #isOwn = false;
  #deletedBytes = 0;
  /** Deleted lines that this sidecar has not read yet. */
  readonly #deletedAhead = new Set<number>();

  constructor(name: string, options: BlobSegmentOptions) {
    this.name = name;
    this.#options = options;
    const { container, folder, bits } = options;
    this.#stored = new StoredIndex(
      container.getBlockBlobClient(`${folder}${name}.index`),
      bits,
      options.deadline,
    );
  }

  /** `beginMs`: later than in the names of all segments that this one must come after. */
  static async create(beginMs: number, options: BlobSegmentOptions): Promise<BlobSegment> {
    const name = `${String(beginMs).padStart(13, '0')}-${randomBytes(4).toString('hex')}`;
    const segment = new BlobSegment(name, options);
    const { etag } = await segment.#lines.create({
      abortSignal: options.deadline(),
      blobHTTPHeaders: { blobContentType: 'application/x-ndjson' },
    });
    segment.#etag = etag;
    segment.#isOwn = true;
    return segment;
  }

  get beginMs(): number {
    return Number(this.name.slice(0, 13));
  }

  get bytes(): number {
    return this.#size;
  }

  /** Whether no more blocks should be appended. */
  get isFull(): boolean {
    return this.#blocks >= MAX_BLOCKS || this.index.count >= MAX_BLOCKS;
  }

  /** The dead letters are durable, and in the index, when this resolves. When it rejects, the segment must get no more. */
  async append(letters: readonly DeadLetter[]): Promise<void> {
    const lines = letters.map((letter) => Buffer.from(`${encodeDeadLetter(letter)}\n`));
    const all = Buffer.concat(lines);
    try {
      for (let at = 0; at < all.length; at += BLOCK_BYTES)
        await this.#appendBlock(all.subarray(at, at + BLOCK_BYTES));
    } catch (error) {
      this.#isOwn = false;
      // What the storage has of it is read with the next list.
      this.#size = this.#bytes;
      this.#etag = undefined;
      throw error;
    }
    const first = this.index.count;
    for (const [i, letter] of letters.entries()) {
      const line = lines[i] as Buffer;
      const place = { offset: this.#bytes, length: line.length - 1, summaryLength: summaryLengthOf(line) };
      this.index.push(entryOf(summaryOf(letter), this.#options.bits, place));
      this.#bytes += line.length;
    }
    this.#applyDeleted(first);
  }

  /** This sidecar appends no more to it: what is in it is read like that of others. */
  release(): void {
    this.#isOwn = false;
  }

  /** Reads what is new. Resolves to the number of the first line that was not known before. Rejects when the blob is gone. */
  async read(listed: ListedSegment): Promise<number> {
    const before = this.index.count;
    if (!this.#isOwn && listed.size > this.#size) {
      if (before === 0 && listed.hasIndex) await this.#loadIndex(listed.size);
      await this.#readLines(listed.size);
      this.#size = listed.size;
      this.#etag = listed.etag;
    }
    if (listed.deletedSize > this.#deletedBytes) await this.#readDeleted();
    return before;
  }

  /** Resolves to how many of them lived. */
  async delete(ordinals: readonly number[]): Promise<number> {
    const living = [...new Set(ordinals)].filter((ordinal) => this.index.isLive(ordinal));
    if (living.length === 0) return 0;
    if (living.length < this.index.live || !(await this.remove())) await this.#appendDeleted(living);
    let deleted = 0;
    for (const ordinal of living) if (this.index.markDeleted(ordinal)) deleted += 1;
    return deleted;
  }

  /** Removes the blobs, first that of the dead letters. False when it has got new ones that this sidecar has not read. */
  async remove(): Promise<boolean> {
    if (this.#etag === undefined) return false;
    try {
      await this.#lines.deleteIfExists({
        abortSignal: this.#options.deadline(),
        conditions: { ifMatch: this.#etag },
        deleteSnapshots: 'include',
      });
    } catch (error) {
      if (statusOf(error) === 412) return false;
      throw error;
    }
    await this.removeRest();
    return true;
  }

  /** Removes what a crash may have left of a segment that was removed. */
  async removeRest(): Promise<void> {
    await this.#stored.remove();
    await this.#deleted.deleteIfExists({
      abortSignal: this.#options.deadline(),
      deleteSnapshots: 'include',
    });
  }

  /** One whole line, without its end. */
  async line(ordinal: number): Promise<string> {
    const { index } = this;
    return (await this.#range(index.offsetOf(ordinal), index.lengthOf(ordinal))).toString('utf8');
  }

  /** The beginnings of the lines, up to the end of the summary. */
  async summaries(ordinals: readonly number[]): Promise<Map<number, string>> {
    const { index } = this;
    const endOf = (ordinal: number) => index.offsetOf(ordinal) + index.summaryLengthOf(ordinal);
    const runs: number[][] = [];
    for (const ordinal of ordinals.toSorted((a, b) => a - b)) {
      const run = runs.at(-1) ?? [];
      const [first = ordinal] = run;
      const isNear = index.offsetOf(ordinal) - endOf(run.at(-1) ?? ordinal) <= GAP_BYTES;
      if (run.length > 0 && isNear && endOf(ordinal) - index.offsetOf(first) <= BLOCK_BYTES)
        run.push(ordinal);
      else runs.push([ordinal]);
    }
    const found = new Map<number, string>();
    await forEachConcurrently(runs, PARALLEL, async (run) => {
      const begin = index.offsetOf(run[0] as number);
      const bytes = await this.#range(begin, endOf(run.at(-1) as number) - begin);
      for (const ordinal of run)
        found.set(ordinal, bytes.toString('utf8', index.offsetOf(ordinal) - begin, endOf(ordinal) - begin));
    });
    return found;
  }

  /** Stores the index if it lacks so many bytes of lines. It only saves time: every part of it can be made of the lines. */
  async storeIndex(stepBytes = INDEX_STEP_BYTES): Promise<void> {
    if (this.#bytes - this.#stored.bytes >= stepBytes) await this.#stored.write(this.index, this.#bytes);
  }

  get #lines() {
    return this.#options.container.getAppendBlobClient(`${this.#options.folder}${this.name}.ndjson`);
  }

  get #deleted() {
    return this.#options.container.getAppendBlobClient(`${this.#options.folder}${this.name}.deleted`);
  }

  async #appendBlock(block: Buffer): Promise<void> {
    try {
      const { etag } = await this.#lines.appendBlock(block, block.length, {
        abortSignal: this.#options.deadline(block.length),
        conditions: { appendPosition: this.#size },
      });
      this.#etag = etag;
    } catch (error) {
      // The client repeats a call whose answer was lost. Nobody else appends, so the block is there if the size is right.
      if (statusOf(error) !== 412) throw error;
      const { contentLength, etag } = await this.#lines.getProperties({
        abortSignal: this.#options.deadline(),
      });
      if (contentLength !== this.#size + block.length) throw error;
      this.#etag = etag;
    }
    this.#size += block.length;
    this.#blocks += 1;
  }

  /** Blocks of several sidecars follow each other, each of them whole. */
  async #appendDeleted(ordinals: readonly number[]): Promise<void> {
    const block = Buffer.from(`${JSON.stringify(ordinals)}\n`);
    const append = () =>
      this.#deleted.appendBlock(block, block.length, { abortSignal: this.#options.deadline() });
    try {
      await append();
    } catch (error) {
      if (storageCode(error) !== 'BlobNotFound') throw error;
      await this.#deleted.createIfNotExists({ abortSignal: this.#options.deadline() });
      await append().catch((again) => {
        // It is removed only after the dead letters, so there is nothing left to delete.
        if (storageCode(again) !== 'BlobNotFound') throw again;
      });
    }
  }

  async #loadIndex(size: number): Promise<void> {
    for (const entry of await this.#stored.read(size)) {
      if (entry.summaryLength === 0) this.index.pushUnreadable(entry.offset, entry.length);
      else this.index.push(entry);
      this.#bytes = entry.offset + entry.length + 1;
    }
    this.#applyDeleted(0);
  }

  /** The last line may be unfinished: it is read again when the blob has grown. */
  async #readLines(size: number): Promise<void> {
    const first = this.index.count;
    let rest: Buffer = Buffer.alloc(0);
    for (let position = this.#bytes; position < size; ) {
      const part = await this.#range(position, Math.min(BLOCK_BYTES, size - position));
      position += part.length;
      const bytes = Buffer.concat([rest, part]);
      let begin = 0;
      for (let end = bytes.indexOf(LINE_END); end >= 0; end = bytes.indexOf(LINE_END, begin)) {
        pushLine(this.index, bytes.subarray(begin, end), this.#bytes, this.#options.bits);
        this.#bytes += end + 1 - begin;
        begin = end + 1;
      }
      rest = bytes.subarray(begin);
    }
    this.#applyDeleted(first);
  }

  async #readDeleted(): Promise<void> {
    const { readableStreamBody } = await this.#deleted.download(this.#deletedBytes, undefined, {
      abortSignal: this.#options.deadline(),
    });
    const chunks: Buffer[] = [];
    for await (const chunk of readableStreamBody ?? []) chunks.push(chunk as Buffer);
    const bytes = Buffer.concat(chunks);
    this.#deletedBytes += bytes.length;
    for (const line of bytes.toString('utf8').split('\n')) {
      if (line === '') continue;
      for (const ordinal of ordinalsIn(line)) {
        if (ordinal < this.index.count) this.index.markDeleted(ordinal);
        else this.#deletedAhead.add(ordinal);
      }
    }
  }

  #applyDeleted(first: number): void {
    if (this.#deletedAhead.size === 0) return;
    for (let ordinal = first; ordinal < this.index.count; ordinal += 1)
      if (this.#deletedAhead.delete(ordinal)) this.index.markDeleted(ordinal);
  }

  async #range(offset: number, length: number): Promise<Buffer> {
    return await this.#lines.downloadToBuffer(offset, length, {
      abortSignal: this.#options.deadline(length),
    });
  }
}
