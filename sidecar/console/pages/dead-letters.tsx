import { useState } from 'preact/hooks';
import { call, route } from '../api.ts';
import { formatBytes, formatCount, formatTime, saveFile } from '../format.ts';
import { useAction, useLoaded, useScene } from '../hooks.ts';
import {
  ChangeButton,
  Confirm,
  Dialog,
  Note,
  ProblemNote,
  Progress,
  Table,
  TextField,
} from '../parts/elements.tsx';
import { LetterDialog } from '../parts/letter-dialog.tsx';
import { NoHub } from '../parts/no-hub.tsx';
import { TaskProgress } from '../parts/task-progress.tsx';
import type { LetterDetail } from '../samples.ts';

interface LetterRow {
  readonly id: string;
  readonly enqueuedTime: string;
  readonly storedAt: string;
  readonly deviceId: string;
  readonly moduleId: string;
  readonly code: string;
  readonly reason: string;
  readonly thing: string;
  readonly property: string;
  readonly codes: string;
  readonly bytes: number;
}

interface Filter {
  readonly deviceId: string;
  readonly code: string;
  readonly from: string;
  readonly to: string;
}

const NO_FILTER: Filter = { deviceId: '', code: '', from: '', to: '' };
const PAGE = 500;
const DETAILS_AT_ONCE = 4;

/** What is to be replayed or deleted: letters that were chosen, or all that the filter lets through. */
interface Scope {
  readonly ids?: readonly string[];
  readonly filter?: Filter;
  readonly text: string;
}

/** The dead-letter store: filter, group, inspect, replay, delete, download. */
export function DeadLettersPage() {
  const { hub } = useScene();
  const [typed, setTyped] = useState(NO_FILTER);
  const [filter, setFilter] = useState(NO_FILTER);
  const [more, setMore] = useState<readonly LetterRow[]>([]);
  const [complete, setComplete] = useState(false);
  const [chosen, setChosen] = useState<ReadonlySet<string>>(new Set());
  const [opened, setOpened] = useState<string>();
  const [asked, setAsked] = useState<'replay' | 'delete' | 'download'>();
  const load = (after: string | undefined, signal?: AbortSignal) =>
    call<{ letters: LetterRow[]; more: boolean }>(
      'GET',
      route(['hubs', hub, 'dead-letters'], { ...filterMembers(filter), limit: PAGE, after }),
      undefined,
      signal,
    );
  const first = useLoaded(hub === '' ? undefined : (signal) => load(undefined, signal), [hub, filter]);
  const count = useLoaded(
    hub === ''
      ? undefined
      : (signal) =>
          call<{ count: number; bytes: number; oldest?: string; warning?: string }>(
            'GET',
            route(['hubs', hub, 'dead-letter-count']),
            undefined,
            signal,
          ),
    [hub],
  );
  const rows = [...(first.value?.letters ?? []), ...more];
  const hasMore = more.length > 0 ? !complete : (first.value?.more ?? false);
  const loadMore = useAction(async () => {
    const page = await load(rows.at(-1)?.id);
    setMore((current) => [...current, ...page.letters]);
    setComplete(!page.more);
  });
  const reload = () => {
    setMore([]);
    setComplete(false);
    setChosen(new Set());
    first.reload();
    count.reload();
  };
  const apply = (next: Filter) => {
    setTyped(next);
    setMore([]);
    setComplete(false);
    setChosen(new Set());
    setFilter(next);
  };
  if (hub === '') return <NoHub />;
  const scope: Scope =
    chosen.size > 0
      ? { ids: [...chosen], text: `${chosen.size} chosen dead letter${chosen.size === 1 ? '' : 's'}` }
      : {
          filter,
          text: isEmpty(filter)
            ? `all ${hasMore ? '' : `${rows.length} `}dead letters of ${hub}`
            : `all ${hasMore ? '' : `${rows.length} `}dead letters that the filter lets through`,
        };
  const close = () => setAsked(undefined);
  return (
    <>
      <ProblemNote problem={count.problem} />
      {count.value && (
        <p>
          {formatCount(count.value.count)} dead letters, {formatBytes(count.value.bytes)}
          {count.value.oldest && `, the oldest from ${formatTime(count.value.oldest)}`}
        </p>
      )}
      {count.value?.warning && <Note tone="warning">{count.value.warning}</Note>}
      <form
        class="filters"
        onSubmit={(event) => {
          event.preventDefault();
          apply(typed);
        }}
      >
        <TextField
          label="Device"
          value={typed.deviceId}
          onInput={(deviceId) => setTyped({ ...typed, deviceId })}
        />
        <TextField
          label="Reason code"
          value={typed.code}
          onInput={(code) => setTyped({ ...typed, code })}
          placeholder="THING_UNKNOWN"
        />
        <TextField
          label="Enqueued from"
          type="datetime-local"
          value={typed.from}
          onInput={(from) => setTyped({ ...typed, from })}
        />
        <TextField
          label="Enqueued to"
          type="datetime-local"
          value={typed.to}
          onInput={(to) => setTyped({ ...typed, to })}
        />
        <div class="buttons">
          <button type="submit" class="primary">
            Filter
          </button>
          <button type="button" onClick={() => apply(NO_FILTER)}>
            Show all
          </button>
          <button type="button" onClick={reload}>
            Reload
          </button>
        </div>
      </form>
      <ProblemNote problem={first.problem ?? loadMore.problem} />
      <Groups rows={rows} complete={!hasMore} onChoose={(code) => apply({ ...filter, code })} />
      <div class="buttons">
        <ChangeButton class="primary" disabled={rows.length === 0} onClick={() => setAsked('replay')}>
          Replay {chosen.size > 0 ? 'chosen' : 'all shown'}…
        </ChangeButton>
        <ChangeButton class="danger" disabled={rows.length === 0} onClick={() => setAsked('delete')}>
          Delete {chosen.size > 0 ? 'chosen' : 'all shown'}…
        </ChangeButton>
        <button type="button" disabled={rows.length === 0} onClick={() => setAsked('download')}>
          Download {chosen.size > 0 ? 'chosen' : 'all shown'}…
        </button>
      </div>
      {first.loading && !first.value && <p class="quiet">Loading…</p>}
      {first.value && (
        <Table
          label="Dead letters"
          rows={rows}
          keyOf={({ id }) => id}
          empty="There is no dead letter."
          columns={[
            {
              name: 'Choose',
              cell: ({ id, deviceId, enqueuedTime }) => (
                <input
                  type="checkbox"
                  aria-label={`Choose the message of ${deviceId} from ${formatTime(enqueuedTime)}`}
                  checked={chosen.has(id)}
                  onChange={(event) => {
                    const next = new Set(chosen);
                    if (event.currentTarget.checked) next.add(id);
                    else next.delete(id);
                    setChosen(next);
                  }}
                />
              ),
            },
            { name: 'Enqueued', cell: ({ enqueuedTime }) => formatTime(enqueuedTime) },
            {
              name: 'Device',
              cell: ({ deviceId, moduleId }) => (moduleId ? `${deviceId} / ${moduleId}` : deviceId),
            },
            {
              name: 'Reason',
              cell: ({ code, reason }) => (
                <>
                  {code}: {reason}
                </>
              ),
            },
            { name: 'Thing', cell: ({ thing, property }) => (property ? `${thing}.${property}` : thing) },
            { name: 'Size', numeric: true, cell: ({ bytes }) => formatBytes(bytes) },
            {
              name: 'Action',
              cell: ({ id, deviceId }) => (
                <button
                  type="button"
                  aria-label={`Inspect the message of ${deviceId}`}
                  onClick={() => setOpened(id)}
                >
                  Inspect
                </button>
              ),
            },
          ]}
        />
      )}
      {hasMore && rows.length > 0 && (
        <button type="button" disabled={loadMore.running} onClick={() => void loadMore.run()}>
          Load more
        </button>
      )}
      {opened && <LetterDialog hub={hub} id={opened} onClose={() => setOpened(undefined)} />}
      {asked === 'replay' && <ReplayDialog hub={hub} scope={scope} onClose={close} onDone={reload} />}
      {asked === 'delete' && <DeleteDialog hub={hub} scope={scope} onClose={close} onDone={reload} />}
      {asked === 'download' && (
        <DownloadDialog
          hub={hub}
          ids={scope.ids ?? rows.map(({ id }) => id)}
          partial={!scope.ids && hasMore}
          onClose={close}
        />
      )}
    </>
  );
}

function isEmpty(filter: Filter): boolean {
  return Object.values(filter).every((value) => value === '');
}

/** The members of the filter as the API takes them: without empty ones, times in UTC. */
function filterMembers({ deviceId, code, from, to }: Filter): Record<string, string> {
  return {
    ...(deviceId.trim() === '' ? {} : { deviceId: deviceId.trim() }),
    ...(code.trim() === '' ? {} : { code: code.trim().toUpperCase() }),
    ...(from === '' ? {} : { from: new Date(from).toISOString() }),
    ...(to === '' ? {} : { to: new Date(to).toISOString() }),
  };
}

function scopeMembers({ ids, filter }: Scope): Record<string, unknown> {
  return ids ? { ids } : filterMembers(filter ?? NO_FILTER);
}

interface GroupsProps {
  rows: readonly LetterRow[];
  complete: boolean;
  onChoose: (code: string) => void;
}

/** How many of the loaded letters have each first reason. */
function Groups({ rows, complete, onChoose }: GroupsProps) {
  const groups = new Map<string, number>();
  for (const { code } of rows) groups.set(code, (groups.get(code) ?? 0) + 1);
  if (groups.size === 0) return null;
  return (
    <section aria-label="Dead letters by reason" class="groups">
      {[...groups]
        .sort(([, a], [, b]) => b - a)
        .map(([code, count]) => (
          <button type="button" key={code} onClick={() => onChoose(code)}>
            {code} <strong>{count}</strong>
          </button>
        ))}
      {!complete && <span class="quiet">of the {rows.length} letters loaded</span>}
    </section>
  );
}

interface ReplayProps {
  hub: string;
  scope: Scope;
  onClose: () => void;
  onDone: () => void;
}

/** A dry run, which changes nothing, and the replay. Both are tasks with a report. */
function ReplayDialog({ hub, scope, onClose, onDone }: ReplayProps) {
  const [deleteIgnored, setDeleteIgnored] = useState(false);
  const [started, setStarted] = useState<{ task: string; dryRun: boolean }>();
  const replay = useAction(async (dryRun: boolean) => {
    setStarted(undefined);
    const { task } = await call<{ task: string }>('POST', route(['hubs', hub, 'dead-letters', 'replay']), {
      ...scopeMembers(scope),
      deleteIgnored,
      dryRun,
    });
    setStarted({ task, dryRun });
  });
  return (
    <Dialog title="Replay dead letters" onClose={onClose}>
      <p>
        Replay {scope.text}. What is delivered leaves the dead-letter store; what is refused again stays in
        it.
      </p>
      <label>
        <input
          type="checkbox"
          checked={deleteIgnored}
          onChange={(event) => setDeleteIgnored(event.currentTarget.checked)}
        />{' '}
        Delete also dead letters that the settings ignore
      </label>
      <ProblemNote problem={replay.problem} />
      <div class="buttons">
        <button type="button" disabled={replay.running} onClick={() => void replay.run(true)}>
          Dry run
        </button>
        <button
          type="button"
          class="primary"
          disabled={replay.running}
          onClick={() => void replay.run(false)}
        >
          Replay now
        </button>
      </div>
      {started && (
        <section key={started.task} aria-label={started.dryRun ? 'Dry run' : 'Replay'}>
          {started.dryRun && <p>Dry run: nothing is sent, created or deleted.</p>}
          <TaskProgress
            hub={hub}
            task={started.task}
            withReport
            {...(started.dryRun ? {} : { onEnd: onDone })}
          />
        </section>
      )}
    </Dialog>
  );
}

interface DeleteProps {
  hub: string;
  scope: Scope;
  onClose: () => void;
  onDone: () => void;
}

function DeleteDialog({ hub, scope, onClose, onDone }: DeleteProps) {
  const remove = useAction(async () => {
    const members = scope.filter && isEmpty(scope.filter) ? { all: true } : scopeMembers(scope);
    for (let more = true; more; ) {
      const answer = await call<{ more: boolean }>(
        'POST',
        route(['hubs', hub, 'dead-letters', 'delete']),
        members,
      );
      more = answer.more;
    }
    onDone();
    onClose();
  });
  return (
    <Confirm
      title="Delete dead letters"
      question={`Delete ${scope.text}? Their messages are lost: nothing brings them back.`}
      verb="Delete"
      running={remove.running}
      problem={remove.problem}
      onConfirm={() => void remove.run()}
      onClose={onClose}
    />
  );
}

interface DownloadProps {
  hub: string;
  ids: readonly string[];
  partial: boolean;
  onClose: () => void;
}

/** One JSON object per line, as GetDeadLetter gives it. */
function DownloadDialog({ hub, ids, partial, onClose }: DownloadProps) {
  const [done, setDone] = useState(0);
  const download = useAction(async () => {
    const texts = new Map<string, string>();
    setDone(0);
    await eachOf(ids, async (id) => {
      const letter = await call<LetterDetail>('GET', route(['hubs', hub, 'dead-letters', id]));
      texts.set(id, `${JSON.stringify(letter)}\n`);
      setDone(texts.size);
    });
    saveFile('dead-letters.jsonl', ids.map((id) => texts.get(id) ?? '').join(''), 'application/jsonl');
    onClose();
  });
  return (
    <Dialog title="Download dead letters" onClose={onClose}>
      <p>
        {ids.length} dead letters as JSON lines: one object with headers, body and reasons in each line.
        {partial && ' These are the letters loaded so far; load more to download more.'}
      </p>
      <ProblemNote problem={download.problem} />
      {download.running && <Progress label="Download" done={done} total={ids.length} />}
      <div class="buttons">
        <button type="button" class="primary" disabled={download.running} onClick={() => void download.run()}>
          Download
        </button>
      </div>
    </Dialog>
  );
}

/** Does something with every item, a few at a time. */
async function eachOf<T>(items: readonly T[], act: (item: T) => Promise<void>): Promise<void> {
  const queue = [...items];
  const work = async () => {
    for (let item = queue.shift(); item !== undefined; item = queue.shift()) await act(item);
  };
  await Promise.all(Array.from({ length: DETAILS_AT_ONCE }, work));
}
