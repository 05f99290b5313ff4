import { useEffect } from 'preact/hooks';
import { call, route } from '../api.ts';
import { addressOf, useLoaded } from '../hooks.ts';
import { Badge, ProblemNote, Progress } from './elements.tsx';

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

/** The progress of one task that was just started. */
export function TaskProgress({ hub, task, onEnd }: { hub: string; task: string; onEnd?: () => void }) {
  const { value, problem } = useLoaded<TaskRow>(
    (signal) => call('GET', route(['hubs', hub, 'tasks', task]), undefined, signal),
    [hub, task],
    1_000,
  );
  const ended = value !== undefined && hasEnded(value);
  useEffect(() => {
    if (ended) onEnd?.();
  }, [ended]);
  return (
    <div role="status">
      <ProblemNote problem={problem} />
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
      <p>
        <a href={addressOf('tasks', task)}>Report of the task</a>
      </p>
    </div>
  );
}
