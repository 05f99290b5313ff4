import { createReadStream } from 'node:fs';
import { appendFile, rm, stat, truncate } from 'node:fs/promises';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { isMissing } from '../lib/files.ts';
import { Records } from '../lib/records.ts';
import { TASK_STATES, type TaskFinding, type TaskRecord } from './task.ts';

/**
 * Tasks on disk, and beside each `<id>.report.ndjson`, which only grows. A report is no account that must survive a power cut, so it is
 * not flushed line by line.
 */
export class TaskStore {
  readonly #records: Records<TaskRecord>;

  constructor(directory: string) {
    this.#records = new Records(directory, isTask);
  }

  /** The tasks that can be read, oldest first, and the names of files that cannot. */
  async load(): Promise<{ tasks: TaskRecord[]; unreadable: string[] }> {
    const { records, unreadable } = await this.#records.load();
    return { tasks: records, unreadable };
  }

  write(task: TaskRecord): Promise<void> {
    return this.#records.write(task);
  }

  async remove(id: string): Promise<void> {
    await this.#records.remove(id);
    await rm(this.#report(id), { force: true });
    await this.removeScratch(id);
  }

  /** The directory for what a task keeps beside its record. */
  scratch(id: string): string {
    return path.join(this.#records.directory, `${id}.scratch`);
  }

  async removeScratch(id: string): Promise<void> {
    await rm(this.scratch(id), { recursive: true, force: true });
  }

  async report(id: string, findings: readonly TaskFinding[]): Promise<void> {
    await this.#records.make();
    const lines = findings.map((finding) => `${JSON.stringify(finding)}\n`).join('');
    await appendFile(this.#report(id), lines, { mode: 0o600 });
  }

  /** The size of a report; 0 when there is none. */
  async reportBytes(id: string): Promise<number> {
    try {
      return (await stat(this.#report(id))).size;
    } catch (error) {
      if (isMissing(error)) return 0;
      throw error;
    }
  }

  /** Leaves the first lines of a report, and none of which a crash has cut. */
  async cutReport(id: string, lines: number): Promise<void> {
    const file = this.#report(id);
    try {
      await truncate(file, await endOfLine(file, lines));
    } catch (error) {
      if (!isMissing(error)) throw error;
    }
  }

  /** Lines of the report from a number on, the first being 0. A report of a million lines is read in pieces. */
  async readReport(id: string, from: number, limit: number): Promise<TaskFinding[]> {
    const found: TaskFinding[] = [];
    const stream = createReadStream(this.#report(id));
    try {
      let line = 0;
      for await (const text of createInterface({ input: stream, crlfDelay: Number.POSITIVE_INFINITY })) {
        if (line >= from) found.push(...parsed(text));
        line += 1;
        if (line >= from + limit) break;
      }
    } catch (error) {
      if (!isMissing(error)) throw error;
    } finally {
      stream.destroy();
    }
    return found;
  }

  #report(id: string): string {
    return path.join(this.#records.directory, `${id}.report.ndjson`);
  }
}

/** A crash may have cut the last line. */
function parsed(line: string): TaskFinding[] {
  try {
    return [JSON.parse(line) as TaskFinding];
  } catch {
    return [];
  }
}

/** Where the line of a number ends in a file, or its last whole line where it has fewer. */
async function endOfLine(file: string, lines: number): Promise<number> {
  let end = 0;
  let offset = 0;
  let line = 0;
  for await (const bytes of createReadStream(file) as AsyncIterable<Buffer>) {
    for (
      let next = bytes.indexOf(NEWLINE);
      next >= 0 && line < lines;
      next = bytes.indexOf(NEWLINE, next + 1)
    ) {
      line += 1;
      end = offset + next + 1;
    }
    if (line >= lines) break;
    offset += bytes.length;
  }
  return end;
}

const NEWLINE = 10;

function isTask(task: TaskRecord | null): boolean {
  return (
    typeof task?.id === 'string' &&
    typeof task.kind === 'string' &&
    TASK_STATES.includes(task.state) &&
    typeof task.counts === 'object'
  );
}
