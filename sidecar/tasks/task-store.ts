import { appendFile, readFile, rm, truncate } from 'node:fs/promises';
import path from 'node:path';
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
  }

  async report(id: string, findings: readonly TaskFinding[]): Promise<void> {
    await this.#records.make();
    const lines = findings.map((finding) => `${JSON.stringify(finding)}\n`).join('');
    await appendFile(this.#report(id), lines, { mode: 0o600 });
  }

  /** Leaves the first lines of a report, and none of which a crash has cut. */
  async cutReport(id: string, lines: number): Promise<void> {
    const file = this.#report(id);
    let bytes: Buffer;
    try {
      bytes = await readFile(file);
    } catch (error) {
      if (isMissing(error)) return;
      throw error;
    }
    let end = 0;
    for (let line = 0; line < lines; line += 1) {
      const next = bytes.indexOf('\n', end) + 1;
      if (next === 0) break;
      end = next;
    }
    await truncate(file, end);
  }

  /** Lines of the report from a number on, the first being 0. */
  async readReport(id: string, from: number, limit: number): Promise<TaskFinding[]> {
    let text: string;
    try {
      text = await readFile(this.#report(id), 'utf8');
    } catch (error) {
      if (isMissing(error)) return [];
      throw error;
    }
    // Whole lines only: a crash may have cut the last one.
    const lines = text.split('\n').slice(0, -1);
    return lines.slice(from, from + limit).flatMap((line) => {
      try {
        return JSON.parse(line) as TaskFinding;
      } catch {
        return [];
      }
    });
  }

  #report(id: string): string {
    return path.join(this.#records.directory, `${id}.report.ndjson`);
  }
}

function isTask(task: TaskRecord | null): boolean {
  return (
    typeof task?.id === 'string' &&
    typeof task.kind === 'string' &&
    TASK_STATES.includes(task.state) &&
    typeof task.counts === 'object'
  );
}
