import { useState } from 'preact/hooks';
import { call, route } from '../api.ts';
import { formatTime, saveFile } from '../format.ts';
import { addressOf, useAction, useLoaded, useScene } from '../hooks.ts';
import { Badge, ChangeButton, Note, ProblemNote, Progress, SelectField, Table } from '../parts/elements.tsx';
import { NoHub } from '../parts/no-hub.tsx';
import { countsText, hasEnded, type ReportLine, TASK_TONES, type TaskRow } from '../parts/task-progress.tsx';

const PAGE = 500;

/** Imports, exports, comparisons, replays and ingestions, with progress, report and cancel. */
export function TasksPage({ rest: [chosen] }: { rest: readonly string[] }) {
  const { hub } = useScene();
  const [state, setState] = useState('');
  const list = useLoaded(
    hub === ''
      ? undefined
      : (signal) =>
          call<{ tasks: TaskRow[] }>('GET', route(['hubs', hub, 'tasks'], { state }), undefined, signal),
    [hub, state],
    2_000,
  );
  const cancel = useAction(async (task: string) => {
    await call('POST', route(['hubs', hub, 'tasks', task, 'cancel']), {});
    list.reload();
  });
  if (hub === '') return <NoHub />;
  return (
    <>
      <div class="filters">
        <SelectField
          label="State"
          value={state}
          options={[
            ['', 'all'],
            ...(['queued', 'running', 'completed', 'failed', 'cancelled'] as const).map(
              (name) => [name, name] as const,
            ),
          ]}
          onChange={setState}
        />
      </div>
      <ProblemNote problem={list.problem ?? cancel.problem} />
      {list.value && (
        <Table
          label="Tasks"
          rows={list.value.tasks}
          keyOf={({ id }) => id}
          empty="There is no task."
          columns={[
            { name: 'Task', cell: (task) => <a href={addressOf('tasks', task.id)}>{task.title}</a> },
            { name: 'State', cell: (task) => <Badge tone={TASK_TONES[task.state]}>{task.state}</Badge> },
            {
              name: 'Progress',
              cell: (task) => (
                <>
                  {!hasEnded(task) && <Progress label={task.title} done={task.done} total={task.total} />}
                  {task.total === undefined ? task.done : `${task.done} of ${task.total}`}
                </>
              ),
            },
            { name: 'Counts', cell: countsText },
            { name: 'Created', cell: ({ createdAt }) => formatTime(createdAt) },
            {
              name: 'Action',
              cell: (task) =>
                hasEnded(task) ? (
                  ''
                ) : (
                  <ChangeButton disabled={cancel.running} onClick={() => void cancel.run(task.id)}>
                    Cancel
                  </ChangeButton>
                ),
            },
          ]}
        />
      )}
      {chosen && <Report key={chosen} hub={hub} task={chosen} />}
    </>
  );
}

function Report({ hub, task }: { hub: string; task: string }) {
  const [from, setFrom] = useState(0);
  const facts = useLoaded<TaskRow>(
    (signal) => call('GET', route(['hubs', hub, 'tasks', task]), undefined, signal),
    [hub, task],
    2_000,
  );
  const report = useLoaded(
    (signal) =>
      call<{ lines: ReportLine[] }>(
        'GET',
        route(['hubs', hub, 'tasks', task, 'report'], { from, limit: PAGE }),
        undefined,
        signal,
      ),
    [hub, task, from],
    facts.value && hasEnded(facts.value) ? undefined : 2_000,
  );
  const { value: row } = facts;
  const lines = report.value?.lines ?? [];
  return (
    <section class="card" aria-label="Report">
      <h2>{row?.title ?? 'Task'}</h2>
      <ProblemNote problem={facts.problem ?? report.problem} />
      {row?.error && (
        <Note tone="bad">
          <strong>{row.errorCode}</strong> {row.error}
        </Note>
      )}
      {row && (
        <p>
          <Badge tone={TASK_TONES[row.state]}>{row.state}</Badge> {countsText(row)}{' '}
          {row.endedAt && `Ended ${formatTime(row.endedAt)}.`}
        </p>
      )}
      <Table
        label="Report lines"
        rows={lines.map((line, index) => ({ ...line, index }))}
        keyOf={({ index }) => String(index)}
        empty="The report has no lines."
        columns={[
          { name: 'Item', cell: ({ item }) => item },
          { name: 'Outcome', cell: ({ outcome }) => outcome },
          { name: 'Message', cell: ({ message }) => message },
        ]}
      />
      <div class="buttons">
        <button type="button" disabled={from === 0} onClick={() => setFrom(Math.max(0, from - PAGE))}>
          Previous lines
        </button>
        <button type="button" disabled={lines.length < PAGE} onClick={() => setFrom(from + PAGE)}>
          Next lines
        </button>
        <button
          type="button"
          disabled={lines.length === 0}
          onClick={() =>
            saveFile(
              `task-${task}.jsonl`,
              lines.map((line) => `${JSON.stringify(line)}\n`).join(''),
              'application/jsonl',
            )
          }
        >
          Download these lines
        </button>
      </div>
    </section>
  );
}
