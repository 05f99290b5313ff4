import { readdir, rm } from 'node:fs/promises';
import path from 'node:path';
import { Lines } from '../lib/lines.ts';
import { type LineStore, type RecordStore, Records } from '../lib/records.ts';
import { TASK_STATES, type TaskFinding, type TaskRecord } from './task.ts';

const SCRATCH = '.scratch';

/**
 * Tasks and their reports, in the place that is given. What a task keeps beside its record while it runs is in `directory` of this sidecar; a
 * sidecar that goes on with the task of another one collects it again.
 */
export class TaskStore {
  readonly records: RecordStore<TaskRecord>;
  readonly #reports: LineStore;
  readonly #directory: string;

  constructor(records: RecordStore<TaskRecord>, reports: LineStore, directory: string) {
    this.records = records;
    this.#reports = reports;
    this.#directory = directory;
  }

  /** In a directory of this sidecar. */
  static inDirectory(directory: string): TaskStore {
    return new TaskStore(new Records(directory, isTask), new Lines(directory), directory);
  }

  async remove(id: string): Promise<void> {
    await this.records.remove(id);
    await this.#reports.remove(id);
    await this.removeScratch(id);
  }

  /** The directory for what a task keeps beside its record. */
  scratch(id: string): string {
    return path.join(this.#directory, `${id}${SCRATCH}`);
  }

  async removeScratch(id: string): Promise<void> {
    await rm(this.scratch(id), { recursive: true, force: true });
  }

  /** Removes what a process that was killed has left of tasks that another sidecar has ended. Never rejects. */
  async clearScratch(except: readonly string[]): Promise<void> {
    const names = await readdir(this.#directory).catch((): string[] => []);
    for (const name of names) {
      const id = name.slice(0, -SCRATCH.length);
      if (name.endsWith(SCRATCH) && !except.includes(id)) await this.removeScratch(id).catch(() => undefined);
    }
  }

  async report(id: string, findings: readonly TaskFinding[]): Promise<void> {
    await this.#reports.append(
      id,
      findings.map((finding) => JSON.stringify(finding)),
    );
  }

  /** What a report takes of the disk of this sidecar. */
  reportBytes(id: string): Promise<number> {
    return this.#reports.diskBytes(id);
  }

  /** Leaves the first lines of a report. */
  async cutReport(id: string, lines: number): Promise<void> {
    await this.#reports.cut(id, lines);
  }

  /** Lines of the report from a number on, the first being 0. */
  async readReport(id: string, from: number, limit: number): Promise<TaskFinding[]> {
    return (await this.#reports.read(id, from, limit)).flatMap((line) => {
      try {
        return JSON.parse(line) as TaskFinding;
      } catch {
        return [];
      }
    });
  }
}

export function isTask(task: TaskRecord | null): boolean {
  return (
    typeof task?.id === 'string' &&
    typeof task.kind === 'string' &&
    TASK_STATES.includes(task.state) &&
    typeof task.counts === 'object'
  );
}
