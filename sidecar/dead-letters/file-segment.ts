import { type FileHandle, open, readFile, rm } from 'node:fs/promises';
import path from 'node:path';
import { flushDirectory, isMissing } from '../lib/files.ts';
import { encodeDeadLetter, summaryLengthOf, summaryOf } from './codec.ts';
import { type CodeBits, entryOf, ordinalsIn, pushLine, SegmentIndex } from './segment-index.ts';
import type { DeadLetter } from './store.ts';

const CHUNK_BYTES = 1_048_576;
const LINE_END = 0x0a;

/** What was wrong with a file when it was opened. */
interface SegmentDamage {
  /** Bytes of an unfinished last line, cut off: its write never succeeded, so its message is received again. */
  readonly tornBytes: number;
  /** Whole lines that are no dead letters. They stay where they are. */
  readonly unreadableLines: number;
}

/**
 * One file of dead letters, `<number>.ndjson`, a line each, and beside it `<number>.deleted` with the numbers of the lines that count no
 * more. Both only grow; both are flushed to the disk before a call resolves. Calls that write come one at a time.
 */
export class FileSegment {
  readonly number: number;
  readonly index = new SegmentIndex();
  readonly #file: string;
  readonly #bits: CodeBits;
  #bytes = 0;
  #writer: FileHandle | undefined;
  #damaged = false;

  private constructor(directory: string, number: number, bits: CodeBits) {
    this.number = number;
    this.#file = path.join(directory, String(number).padStart(8, '0'));
    this.#bits = bits;
  }

  static async create(directory: string, number: number, bits: CodeBits): Promise<FileSegment> {
    const segment = new FileSegment(directory, number, bits);
    const file = `${segment.#file}.ndjson`;
    segment.#writer = await open(file, 'wx', 0o600);
    try {
      await flushDirectory(directory);
    } catch (error) {
      // The next attempt takes the same number.
      await segment.close();
      await rm(file, { force: true });
      throw error;
    }
    return segment;
  }

  static async load(
    directory: string,
    number: number,
    bits: CodeBits,
  ): Promise<{ segment: FileSegment; damage: SegmentDamage }> {
    const segment = new FileSegment(directory, number, bits);
    const unreadableLines = await segment.#scan();
    const tornBytes = await segment.#cutTornLine();
    await segment.#readDeleted();
    return { segment, damage: { tornBytes, unreadableLines } };
  }

  /** Size of the file, in bytes. */
  get bytes(): number {
    return this.#bytes;
  }

  /** False once a write has failed: nobody knows what the disk has of it. */
  get canGrow(): boolean {
    return !this.#damaged;
  }

  /** The dead letters are durable, and in the index, when this resolves; none of them is when it rejects. */
  async append(letters: readonly DeadLetter[]): Promise<void> {
    const lines = letters.map((letter) => Buffer.from(`${encodeDeadLetter(letter)}\n`));
    const begin = this.#bytes;
    try {
      this.#writer ??= await open(`${this.#file}.ndjson`, 'r+', 0o600);
      const all = Buffer.concat(lines);
      let written = 0;
      while (written < all.length) {
        const { bytesWritten } = await this.#writer.write(
          all,
          written,
          all.length - written,
          begin + written,
        );
        written += bytesWritten;
      }
      await this.#writer.datasync();
    } catch (error) {
      this.#damaged = true;
      await this.#writer?.truncate(begin).catch(() => undefined);
      throw error;
    }
    for (const [i, letter] of letters.entries()) {
      const line = lines[i] as Buffer;
      const length = line.length - 1;
      const place = { offset: this.#bytes, length, summaryLength: summaryLengthOf(line) };
      this.index.push(entryOf(summaryOf(letter), this.#bits, place));
      this.#bytes += length + 1;
    }
  }

  /** Resolves to how many of them lived. When none is left the caller must remove the file. */
  async delete(ordinals: readonly number[]): Promise<number> {
    const living = [...new Set(ordinals)].filter((ordinal) => this.index.isLive(ordinal));
    if (living.length === 0) return 0;
    // The last ones go with their file, which needs no room: a full disk must not keep anyone from making some.
    // The empty line before ends a line that a crash may have left unfinished.
    if (living.length < this.index.live)
      await appendFlushed(`${this.#file}.deleted`, `\n${JSON.stringify(living)}\n`);
    for (const ordinal of living) this.index.markDeleted(ordinal);
    return living.length;
  }

  /** Lines as they were written, without their ends, in the order asked for: whole, or up to the end of the summary. */
  async *lines(
    ordinals: Iterable<number>,
    part: 'whole' | 'summary',
  ): AsyncGenerator<{ ordinal: number; line: string }> {
    const file = await open(`${this.#file}.ndjson`, 'r');
    const { index } = this;
    try {
      for (const ordinal of ordinals) {
        const length = part === 'whole' ? index.lengthOf(ordinal) : index.summaryLengthOf(ordinal);
        const buffer = Buffer.allocUnsafe(length);
        const { bytesRead } = await file.read(buffer, 0, buffer.length, index.offsetOf(ordinal));
        if (bytesRead === buffer.length) yield { ordinal, line: buffer.toString('utf8') };
      }
    } finally {
      await file.close();
    }
  }

  /** Removes the files: first the dead letters, so that no crash brings deleted ones back. */
  async remove(): Promise<void> {
    await this.close();
    await rm(`${this.#file}.ndjson`, { force: true });
    await rm(`${this.#file}.deleted`, { force: true });
    await flushDirectory(path.dirname(this.#file));
  }

  async close(): Promise<void> {
    const writer = this.#writer;
    this.#writer = undefined;
    await writer?.close();
  }

  /** Fills the index from the file and finds the end of its last whole line. Resolves to how many lines are no dead letters. */
  async #scan(): Promise<number> {
    let unreadable = 0;
    const file = await open(`${this.#file}.ndjson`, 'r');
    try {
      const chunk = Buffer.allocUnsafe(CHUNK_BYTES);
      let rest: Buffer = Buffer.alloc(0);
      for (let position = 0; ; ) {
        const { bytesRead } = await file.read(chunk, 0, chunk.length, position);
        if (bytesRead === 0) return unreadable;
        position += bytesRead;
        const bytes = Buffer.concat([rest, chunk.subarray(0, bytesRead)]);
        let begin = 0;
        for (let end = bytes.indexOf(LINE_END); end >= 0; end = bytes.indexOf(LINE_END, begin)) {
          if (!this.#take(bytes.subarray(begin, end))) unreadable += 1;
          begin = end + 1;
        }
        rest = bytes.subarray(begin);
      }
    } finally {
      await file.close();
    }
  }

  #take(line: Buffer): boolean {
    const isLetter = pushLine(this.index, line, this.#bytes, this.#bits);
    this.#bytes += line.length + 1;
    return isLetter;
  }

  async #cutTornLine(): Promise<number> {
    const file = await open(`${this.#file}.ndjson`, 'r+');
    try {
      const { size } = await file.stat();
      const torn = size - this.#bytes;
      if (torn === 0) return 0;
      await file.truncate(this.#bytes);
      await file.datasync();
      return torn;
    } finally {
      await file.close();
    }
  }

  async #readDeleted(): Promise<void> {
    let text: string;
    try {
      text = await readFile(`${this.#file}.deleted`, 'utf8');
    } catch (error) {
      if (isMissing(error)) return;
      throw error;
    }
    for (const line of text.split('\n')) {
      if (line === '') continue;
      for (const ordinal of ordinalsIn(line)) this.index.markDeleted(ordinal);
    }
  }
}

async function appendFlushed(file: string, text: string): Promise<void> {
  const handle = await open(file, 'a', 0o600);
  try {
    await handle.appendFile(text);
    await handle.datasync();
  } finally {
    await handle.close();
  }
}
