import { Lines } from '../lib/lines.ts';
import { type LineStore, type RecordStore, Records } from '../lib/records.ts';
import { TASK_STATES, type TaskFinding, type TaskRecord } from './task.ts';

/** Tasks and their reports, in the place that is given. */
export class TaskStore {
  readonly records: RecordStore<TaskRecord>;
  readonly #reports: LineStore;

  constructor(records: RecordStore<TaskRecord>, reports: LineStore) {
    this.records = records;
    this.#reports = reports;
  }

  /** In a directory of this sidecar. */
  static inDirectory(directory: string): TaskStore {
    return new TaskStore(new Records(directory, isTask), new Lines(directory));
  }

  async remove(id: string): Promise<void> {
    await this.records.remove(id);
    await this.#reports.remove(id);
  }

  async report(id: string, findings: readonly TaskFinding[]): Promise<void> {
    await this.#reports.append(
      id,
      findings.map((finding) => JSON.stringify(finding)),
    );
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
