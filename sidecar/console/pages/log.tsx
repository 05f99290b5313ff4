import { useState } from 'preact/hooks';
import { formatTime, saveFile } from '../format.ts';
import { Badge, ProblemNote, SelectField, TextField } from '../parts/elements.tsx';
import { Details, Entry } from '../parts/long-list.tsx';
import { useStream } from '../stream.ts';

interface LogLine {
  readonly id: number;
  readonly level: string;
  readonly time: string;
  readonly message: string;
  /** The other members of the line. */
  readonly rest: Readonly<Record<string, unknown>>;
}

const LEVELS = ['trace', 'debug', 'info', 'warn', 'error', 'fatal'] as const;
const TONES: Readonly<Record<string, 'plain' | 'warning' | 'bad'>> = {
  warn: 'warning',
  error: 'bad',
  fatal: 'bad',
};
const MAX_LINES = 1_000;

/** The log of the sidecar as it is written, without secrets. */
export function LogPage() {
  const [lines, setLines] = useState<readonly LogLine[]>([]);
  const [level, setLevel] = useState('info');
  const [text, setText] = useState('');
  const [paused, setPaused] = useState(false);
  const state = useStream(paused ? undefined : { topics: 'log' }, (name, data) => {
    if (name !== 'log') return;
    setLines((current) => {
      const line = toLine(data as Record<string, unknown>);
      // The stream begins with the lines of the ring, which may be here already after it was opened again.
      if (current.some(({ id }) => id === line.id)) return current;
      return [...current.slice(1 - MAX_LINES), line];
    });
  });
  const wanted = text.toLowerCase();
  const shown = lines.filter(
    (line) =>
      LEVELS.indexOf(line.level as never) >= LEVELS.indexOf(level as never) &&
      (wanted === '' || JSON.stringify([line.message, line.rest]).toLowerCase().includes(wanted)),
  );
  return (
    <>
      {typeof state === 'object' && <ProblemNote problem={state.problem} />}
      <div class="filters">
        <SelectField
          label="At least"
          value={level}
          options={LEVELS.map((name) => [name, name] as const)}
          onChange={setLevel}
        />
        <TextField label="Contains" value={text} onInput={setText} />
        <div class="buttons">
          <button type="button" aria-pressed={paused} onClick={() => setPaused(!paused)}>
            {paused ? 'Continue' : 'Pause'}
          </button>
          <button
            type="button"
            onClick={() => saveFile('sidecar-log.jsonl', shown.map(toText).join(''), 'application/jsonl')}
          >
            Download
          </button>
        </div>
      </div>
      <p class="quiet">
        {shown.length} of {lines.length} lines. LOG_LEVEL decides what the sidecar writes.
      </p>
      <ol class="log" aria-label="Log lines, the newest first">
        {shown.toReversed().map((line) => (
          <Entry key={line.id} item={line} draw={drawLine} />
        ))}
      </ol>
    </>
  );
}

function drawLine({ time, level, message, rest }: LogLine) {
  return (
    <>
      <time>{formatTime(time)}</time> <Badge tone={TONES[level] ?? 'plain'}>{level}</Badge> {message}
      {Object.keys(rest).length > 0 && (
        <Details summary="Details" content={() => <pre>{JSON.stringify(rest, null, 2)}</pre>} />
      )}
    </>
  );
}

function toLine({ id, line }: Record<string, unknown>): LogLine {
  const { level, time, msg, ...rest } = (line ?? {}) as Record<string, unknown>;
  return {
    id: Number(id),
    level: String(level ?? 'info'),
    time: String(time ?? ''),
    message: String(msg ?? ''),
    rest,
  };
}

function toText({ level, time, message, rest }: LogLine): string {
  return `${JSON.stringify({ level, time, ...rest, msg: message })}\n`;
}
