import { access, readdir, rm } from 'node:fs/promises';
import path from 'node:path';
import { Lines } from '../lib/lines.ts';
import { areTexts, type LineStore, type RecordStore, Records } from '../lib/records.ts';
import { TASK_STATES, type TaskFinding, type TaskRecord } from './task.ts';

const SCRATCH = '.scratch';

/**
 * Tasks and their reports, in the place that is given. What a task keeps beside its record while it runs is in `directory` of this sidecar; a
 * sidecar that goes on with the task of another one does not have it and collects it again.
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

  /** The directory for what a task keeps beside its record. The name begins with the id of the task. */
  scratch(name: string): string {
    return path.join(this.#directory, `${name}${SCRATCH}`);
  }

  /** Whether this sidecar has the directory. */
  async hasScratch(name: string): Promise<boolean> {
    return await access(this.scratch(name)).then(
      () => true,
      () => false,
    );
  }

  /** Removes all directories of a task. */
  async removeScratch(id: string): Promise<void> {
    for (const name of await this.#scratchNames())
      if (name.startsWith(id)) await rm(this.scratch(name), { recursive: true, force: true });
  }

  /** Removes what a process that was killed has left of tasks that another sidecar has ended. Never rejects. */
  async clearScratch(except: readonly string[]): Promise<void> {
    for (const name of await this.#scratchNames())
      if (!except.some((id) => name.startsWith(id)))
        await rm(this.scratch(name), { recursive: true, force: true }).catch(() => undefined);
  }

  async #scratchNames(): Promise<string[]> {
    const files = await readdir(this.#directory).catch((): string[] => []);
    return files.filter((file) => file.endsWith(SCRATCH)).map((file) => file.slice(0, -SCRATCH.length));
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
        const finding: unknown = JSON.parse(line);
        return isFinding(finding) ? [finding] : [];
      } catch {
        return [];
      }
    });
  }
}

export function isTask(task: TaskRecord | null): boolean {
  if (!task) return false;
  const { id, kind, title, state, counts, done, reported, note = '', error } = task;
  const { createdAtMs, startedAtMs = 0, endedAtMs = 0 } = task;
  return (
    areTexts(id, kind, title, note) &&
    [done, reported, createdAtMs, startedAtMs, endedAtMs].every(Number.isFinite) &&
    TASK_STATES.includes(state) &&
    typeof counts === 'object' &&
    counts !== null &&
    (error === undefined || typeof error?.message === 'string')
  );
}

function isFinding(value: unknown): value is TaskFinding {
  const { item, outcome, message } = (value ?? {}) as Partial<TaskFinding>;
  return areTexts(item, outcome, message);
}
