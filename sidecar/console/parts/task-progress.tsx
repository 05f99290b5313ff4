import { useEffect, useState } from 'preact/hooks';
import { call, route } from '../api.ts';
import { addressOf, useLoaded } from '../hooks.ts';
import { Badge, ProblemNote, Progress, Table } from './elements.tsx';

export interface TaskRow {
  readonly id: string;
  readonly kind: string;
  readonly title: string;
  readonly state: 'queued' | 'running' | 'completed' | 'failed' | 'cancelled';
  readonly done: number;
  readonly total?: number;
  readonly counts: Readonly<Record<string, number>>;
  readonly reported: number;
  readonly errorCode?: string;
  readonly error?: string;
  readonly createdAt: string;
  readonly startedAt?: string;
  readonly endedAt?: string;
}

export const TASK_TONES = {
  queued: 'plain',
  running: 'plain',
  completed: 'good',
  failed: 'bad',
  cancelled: 'warning',
} as const;

export function hasEnded({ state }: TaskRow): boolean {
  return state !== 'queued' && state !== 'running';
}

export function countsText({ counts }: TaskRow): string {
  return Object.entries(counts)
    .filter(([, count]) => count > 0)
    .map(([name, count]) => `${name} ${count}`)
    .join(', ');
}

export interface ReportLine {
  readonly item: string;
  readonly outcome: string;
  readonly message: string;
}

interface TaskProgressProps {
  hub: string;
  task: string;
  /** Shows the first lines of the report as soon as the task has ended. */
  withReport?: boolean;
  onEnd?: () => void;
}

const REPORT_LINES = 100;

/** The progress of one task that was just started. */
export function TaskProgress({ hub, task, withReport, onEnd }: TaskProgressProps) {
  const [ended, setEnded] = useState(false);
  const { value, problem } = useLoaded<TaskRow>(
    (signal) => call('GET', route(['hubs', hub, 'tasks', task]), undefined, signal),
    [hub, task, ended],
    ended ? undefined : 700,
  );
  const report = useLoaded<{ lines: ReportLine[] }>(
    ended && withReport
      ? (signal) =>
          call(
            'GET',
            route(['hubs', hub, 'tasks', task, 'report'], { limit: REPORT_LINES }),
            undefined,
            signal,
          )
      : undefined,
    [hub, task, ended],
  );
  useEffect(() => {
    if (value && hasEnded(value)) setEnded(true);
  }, [value]);
  useEffect(() => {
    if (ended) onEnd?.();
  }, [ended]);
  return (
    <div role="status">
      <ProblemNote problem={problem ?? report.problem} />
      {value && (
        <>
          <p>
            {value.title} <Badge tone={TASK_TONES[value.state]}>{value.state}</Badge> {countsText(value)}
          </p>
          {!ended && <Progress label={value.title} done={value.done} total={value.total} />}
          {value.error && (
            <p>
              <strong>{value.errorCode}</strong> {value.error}
            </p>
          )}
        </>
      )}
      {report.value && (
        <Table
          label="Report"
          rows={report.value.lines}
          keyOf={({ item, message }) => item + message}
          empty="The report has no lines."
          columns={[
            { name: 'Item', cell: ({ item }) => item },
            { name: 'Outcome', cell: ({ outcome }) => outcome },
            { name: 'Message', cell: ({ message }) => message },
          ]}
        />
      )}
      <p>
        <a href={addressOf('tasks', task)}>Report of the task</a>
      </p>
    </div>
  );
}
