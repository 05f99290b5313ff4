import { appendFile, mkdir, readdir, readFile, rm, truncate } from 'node:fs/promises';
import path from 'node:path';
import { isMissing, replaceFile } from '../disk/files.ts';
import { TASK_STATES, type TaskFinding, type TaskRecord } from './task.ts';

/**
 * Tasks on disk: `<id>.json`, replaced atomically, and beside it `<id>.report.ndjson`, which only grows. A report is no account that must
 * survive a power cut, so it is not flushed line by line.
 */
export class TaskStore {
  readonly #directory: string;
  #made = false;

  constructor(directory: string) {
    this.#directory = directory;
  }

  /** The tasks that can be read, oldest first, and the names of files that cannot. */
  async load(): Promise<{ tasks: TaskRecord[]; unreadable: string[] }> {
    const tasks: TaskRecord[] = [];
    const unreadable: string[] = [];
    for (const name of (await this.#names()).sort()) {
      const file = path.join(this.#directory, name);
      const task = parse(await readFile(file, 'utf8'));
      if (task && name === `${task.id}.json`) tasks.push(task);
      else unreadable.push(name);
    }
    return { tasks, unreadable };
  }

  async write(task: TaskRecord): Promise<void> {
    await this.#make();
    await replaceFile(this.#file(task.id, 'json'), `${JSON.stringify(task)}\n`);
  }

  async remove(id: string): Promise<void> {
    await rm(this.#file(id, 'json'), { force: true });
    await rm(this.#file(id, 'report.ndjson'), { force: true });
  }

  async report(id: string, findings: readonly TaskFinding[]): Promise<void> {
    await this.#make();
    const lines = findings.map((finding) => `${JSON.stringify(finding)}\n`).join('');
    await appendFile(this.#file(id, 'report.ndjson'), lines, { mode: 0o600 });
  }

  /** Leaves the first lines of a report, and none of which a crash has cut. */
  async cutReport(id: string, lines: number): Promise<void> {
    const file = this.#file(id, 'report.ndjson');
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
      text = await readFile(this.#file(id, 'report.ndjson'), 'utf8');
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

  async #names(): Promise<string[]> {
    try {
      return (await readdir(this.#directory)).filter((name) => name.endsWith('.json'));
    } catch (error) {
      if (isMissing(error)) return [];
      throw error;
    }
  }

  async #make(): Promise<void> {
    if (this.#made) return;
    await mkdir(this.#directory, { recursive: true, mode: 0o700 });
    this.#made = true;
  }

  #file(id: string, ending: string): string {
    return path.join(this.#directory, `${id}.${ending}`);
  }
}

function parse(text: string): TaskRecord | undefined {
  try {
    const task = JSON.parse(text) as TaskRecord | null;
    const isTask =
      typeof task?.id === 'string' &&
      typeof task.kind === 'string' &&
      TASK_STATES.includes(task.state) &&
      typeof task.counts === 'object';
    return isTask ? task : undefined;
  } catch {
    return undefined;
  }
}
