import { appendFile, mkdir, readFile, rm, truncate } from 'node:fs/promises';
import path from 'node:path';
import { isMissing } from './files.ts';
import type { LineStore } from './records.ts';

/**
 * Lines on disk, one file `<id>.report.ndjson` each, which only grows. They are no account that must survive a power cut, so they are not
 * flushed.
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
    const bytes = await this.#bytes(id);
    if (!bytes) return;
    let end = 0;
    for (let line = 0; line < lines; line += 1) {
      const next = bytes.indexOf('\n', end) + 1;
      if (next === 0) break;
      end = next;
    }
    await truncate(this.#file(id), end);
  }

  async read(id: string, from: number, limit: number): Promise<string[]> {
    const bytes = await this.#bytes(id);
    // Whole lines only: a crash may have cut the last one.
    const lines = bytes?.toString('utf8').split('\n').slice(0, -1) ?? [];
    return lines.slice(from, from + limit);
  }

  async remove(id: string): Promise<void> {
    await rm(this.#file(id), { force: true });
  }

  async #bytes(id: string): Promise<Buffer | undefined> {
    try {
      return await readFile(this.#file(id));
    } catch (error) {
      if (isMissing(error)) return undefined;
      throw error;
    }
  }

  #file(id: string): string {
    return path.join(this.#directory, `${id}.report.ndjson`);
  }
}
