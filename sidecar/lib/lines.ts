import { createReadStream } from 'node:fs';
import { appendFile, mkdir, rm, stat, truncate } from 'node:fs/promises';
import path from 'node:path';
import { isMissing } from './files.ts';
import type { LineStore } from './records.ts';

/**
 * Lines on disk, one file `<id>.report.ndjson` each, which only grows. They are no account that must survive a power cut, so they are not
 * flushed. Files of a million lines are read in pieces.
 */
export class Lines implements LineStore {
  readonly #directory: string;

  constructor(directory: string) {
    this.#directory = directory;
  }

  async append(id: string, lines: readonly string[]): Promise<void> {
    await mkdir(this.#directory, { recursive: true, mode: 0o700 });
    await appendFile(this.#file(id), lines.map((line) => `${line}\n`).join(''), { mode: 0o600 });
  }

  async cut(id: string, lines: number): Promise<void> {
    let end = 0;
    let line = 0;
    for await (const bytes of this.#wholeLines(id)) {
      if (line >= lines) break;
      line += 1;
      end += bytes.length + 1;
    }
    try {
      await truncate(this.#file(id), end);
    } catch (error) {
      if (!isMissing(error)) throw error;
    }
  }

  async read(id: string, from: number, limit: number): Promise<string[]> {
    const found: string[] = [];
    let line = 0;
    for await (const bytes of this.#wholeLines(id)) {
      if (line >= from + limit) break;
      if (line >= from) found.push(bytes.toString('utf8'));
      line += 1;
    }
    return found;
  }

  async diskBytes(id: string): Promise<number> {
    try {
      return (await stat(this.#file(id))).size;
    } catch (error) {
      if (isMissing(error)) return 0;
      throw error;
    }
  }

  async remove(id: string): Promise<void> {
    await rm(this.#file(id), { force: true });
  }

  /** A crash may have cut the last line, which is left out. */
  async *#wholeLines(id: string): AsyncGenerator<Buffer, void> {
    let rest: Buffer = Buffer.alloc(0);
    try {
      for await (const chunk of createReadStream(this.#file(id)) as AsyncIterable<Buffer>) {
        const bytes = rest.length > 0 ? Buffer.concat([rest, chunk]) : chunk;
        let begin = 0;
        for (let end = bytes.indexOf(NEWLINE); end >= 0; end = bytes.indexOf(NEWLINE, begin)) {
          yield bytes.subarray(begin, end);
          begin = end + 1;
        }
        rest = bytes.subarray(begin);
      }
    } catch (error) {
      if (!isMissing(error)) throw error;
    }
  }

  #file(id: string): string {
    return path.join(this.#directory, `${id}.report.ndjson`);
  }
}

const NEWLINE = 10;
