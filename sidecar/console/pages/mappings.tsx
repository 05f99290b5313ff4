import { useEffect, useRef, useState } from 'preact/hooks';
import type { WatchedMessage } from '../../contract/stream.ts';
import { call, Problem, route } from '../api.ts';
import type { MappingEditor } from '../editor/mapping-editor.ts';
import { parseJson, saveFile } from '../format.ts';
import { useAction, useLoaded, useScene } from '../hooks.ts';
import { Note, ProblemNote, TextField } from '../parts/elements.tsx';
import { TrialView } from '../parts/message-view.tsx';
import { NoHub } from '../parts/no-hub.tsx';
import {
  keepSample,
  keptSample,
  type LetterDetail,
  type MappingProblem,
  sampleOfLetter,
  sampleOfMessage,
  type Trial,
} from '../samples.ts';
import { useStream } from '../stream.ts';

const FIRST_MAPPINGS = '{\n  "version": 1,\n  "rules": []\n}\n';
const FIRST_SAMPLE = '{\n  "deviceId": "machine-01",\n  "body": { "temperature": 21.5 }\n}\n';
/** How long the typing rests before the sample is tried, in milliseconds. */
const REST_MS = 300;

/** The editor of mappings with a sample message beside it: what comes of it appears while one types. */
export function MappingsPage() {
  const { hub } = useScene();
  const current = useLoaded<{ mappings: Record<string, unknown> }>(
    hub === '' ? undefined : (signal) => call('GET', route(['hubs', hub, 'mappings']), undefined, signal),
    [hub],
  );
  if (hub === '') return <NoHub />;
  return (
    <>
      <ProblemNote problem={current.problem} />
      {current.value && <Workbench hub={hub} present={textOf(current.value.mappings)} />}
    </>
  );
}

function textOf(mappings: Readonly<Record<string, unknown>>): string {
  return Object.keys(mappings).length === 0 ? FIRST_MAPPINGS : `${JSON.stringify(mappings, null, 2)}\n`;
}

function Workbench({ hub, present }: { hub: string; present: string }) {
  const [mappings, setMappings] = useState(present);
  const [sample, setSample] = useState(() => keptSample() ?? FIRST_SAMPLE);
  const [useThings, setUseThings] = useState(true);
  const [checked, setChecked] = useState<readonly MappingProblem[]>();
  const [copied, setCopied] = useState(false);
  const editor = useRef<MappingEditor>(undefined);
  const rested = useRested(JSON.stringify([mappings, sample]));
  const trial = useLoaded<Trial>(
    (signal) => {
      const [mappingText, sampleText] = JSON.parse(rested) as [string, string];
      const body = {
        mappings: jsonObject(mappingText, 'The mapping document'),
        message: jsonObject(sampleText, 'The sample message'),
        useThings,
      };
      return call('POST', route(['hubs', hub, 'mappings', 'test']), body, signal);
    },
    [hub, rested, useThings],
  );
  // What was found last stays until something new is found: the page must not jump while one types.
  const shown = useRef<Trial>(undefined);
  if (trial.value) shown.current = trial.value;
  useEffect(() => {
    const problems = trial.value?.problems.filter(({ pointer }) => pointer.startsWith('/mappings')) ?? [];
    editor.current?.mark(
      problems.map(({ pointer, message }) => ({ pointer: pointer.slice('/mappings'.length), message })),
    );
  }, [trial.value]);
  const validate = useAction(async () => {
    setChecked(undefined);
    const answer = await call<{ problems: MappingProblem[] }>(
      'POST',
      route(['hubs', hub, 'mappings', 'validate']),
      { mappings: jsonObject(mappings, 'The mapping document') },
    );
    setChecked(answer.problems);
    editor.current?.mark(answer.problems);
  });
  const edit = (text: string) => {
    setMappings(text);
    setChecked(undefined);
    setCopied(false);
  };
  const edited = mappings !== present;
  return (
    <>
      <div class="bench">
        <section aria-label="Mapping document">
          <h2>Mapping document {edited && <span class="quiet">(changed, not in use)</span>}</h2>
          <Editor text={present} onChange={edit} onReady={(made) => (editor.current = made)} />
          <div class="buttons">
            <button type="button" disabled={validate.running} onClick={() => void validate.run()}>
              Validate
            </button>
            <button
              type="button"
              onClick={() => void navigator.clipboard.writeText(mappings).then(() => setCopied(true))}
            >
              Copy
            </button>
            <button
              type="button"
              onClick={() => saveFile(`${hub}-mappings.json`, mappings, 'application/json')}
            >
              Download
            </button>
            <button type="button" disabled={!edited} onClick={() => editor.current?.replace(present)}>
              Back to the mappings in use
            </button>
          </div>
          <ProblemNote problem={validate.problem} />
          {copied && <Note tone="good">Copied.</Note>}
          {checked &&
            (checked.length === 0 ? (
              <Note tone="good">The mappings can be used, and their own tests pass.</Note>
            ) : (
              <Note tone="bad">
                <ul>
                  {checked.map(({ pointer, message }) => (
                    <li key={pointer + message}>
                      <code>{pointer || '(whole)'}</code> {message}
                    </li>
                  ))}
                </ul>
              </Note>
            ))}
          <p class="quiet">
            To use the mappings, set them as the property <code>mappings</code> of {hub} in ThingWorx.
            ThingWorx keeps the settings of a hub, and the sidecar takes them from there.
          </p>
        </section>
        <section aria-label="Sample message">
          <h2>Sample message</h2>
          <SampleSources hub={hub} onSample={(text) => setSample(text)} />
          <TextField
            label="Sample"
            value={sample}
            onInput={setSample}
            rows={12}
            help="deviceId and body, bodyText or bodyBase64; docs/map-messages.md lists the other members."
          />
          <label>
            <input
              type="checkbox"
              checked={useThings}
              onChange={(event) => setUseThings(event.currentTarget.checked)}
            />{' '}
            Look up Things and properties in ThingWorx
          </label>
        </section>
      </div>
      <section aria-label="Result" class="card">
        <h2>Result {trial.loading && <span class="quiet">…</span>}</h2>
        <p class="quiet">Nothing is sent or stored.</p>
        <ProblemNote problem={trial.problem} />
        {!trial.problem && shown.current && <TrialView trial={shown.current} />}
      </section>
    </>
  );
}

/** @throws Problem for a text that is no JSON object */
function jsonObject(text: string, name: string): unknown {
  let value: unknown;
  try {
    value = parseJson(text, name);
  } catch (thrown) {
    throw notJson((thrown as Error).message);
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    throw notJson(`${name} is no JSON object.`);
  return value;
}

function notJson(detail: string): Problem {
  return new Problem({ code: 'NOT_JSON', detail, remedy: '', status: 0 });
}

/** The value when it has not changed for a moment. */
function useRested(value: string): string {
  const [rested, setRested] = useState(value);
  useEffect(() => {
    const timer = setTimeout(() => setRested(value), REST_MS);
    return () => clearTimeout(timer);
  }, [value]);
  return rested;
}

interface EditorProps {
  text: string;
  onChange: (text: string) => void;
  onReady: (editor: MappingEditor) => void;
}

/** The editor is large, so that the browser loads it only with this page. */
function Editor({ text, onChange, onReady }: EditorProps) {
  const host = useRef<HTMLDivElement>(null);
  const [problem, setProblem] = useState<Problem>();
  const listener = useRef(onChange);
  listener.current = onChange;
  useEffect(() => {
    let editor: MappingEditor | undefined;
    let gone = false;
    const make = async () => {
      const [{ MappingEditor: Made }, { default: schema }] = await Promise.all([
        import('../editor/mapping-editor.ts'),
        import('mapping-schema'),
      ]);
      const element = host.current;
      if (gone || !element) return;
      const root = element.shadowRoot ?? element.attachShadow({ mode: 'open' });
      editor = new Made({
        root,
        text,
        label: 'Mapping document',
        schema,
        readOnly: false,
        onChange: (changed) => listener.current(changed),
      });
      onReady(editor);
    };
    make().catch((thrown) => setProblem(Problem.of(thrown)));
    return () => {
      gone = true;
      editor?.destroy();
    };
  }, []);
  return (
    <>
      <ProblemNote problem={problem} />
      <div ref={host} class="editor" />
    </>
  );
}

interface SampleSourcesProps {
  hub: string;
  onSample: (text: string) => void;
}

/** Where a sample can come from: the next live message, or the newest dead letters. */
function SampleSources({ hub, onSample }: SampleSourcesProps) {
  const [waiting, setWaiting] = useState(false);
  const use = (message: Parameters<typeof keepSample>[0]) => {
    keepSample(message);
    onSample(JSON.stringify(message, null, 2));
  };
  const state = useStream(waiting ? { topics: 'messages', hub } : undefined, (name, data) => {
    if (name !== 'message') return;
    const message = data as WatchedMessage;
    if (message.truncated) return;
    setWaiting(false);
    use(sampleOfMessage(message));
  });
  const letters = useLoaded<{ letters: { id: string; deviceId: string; code: string }[] }>(
    (signal) => call('GET', route(['hubs', hub, 'dead-letters'], { limit: 20 }), undefined, signal),
    [hub],
  );
  const takeLetter = useAction(async (id: string) => {
    use(sampleOfLetter(await call<LetterDetail>('GET', route(['hubs', hub, 'dead-letters', id]))));
  });
  return (
    <>
      <div class="filters">
        <div class="buttons">
          <button type="button" aria-pressed={waiting} onClick={() => setWaiting(!waiting)}>
            {waiting ? 'Waiting for a message…' : 'Take the next live message'}
          </button>
        </div>
        <label>
          Dead letter{' '}
          <select
            value=""
            onChange={(event) => {
              const id = event.currentTarget.value;
              if (id !== '') void takeLetter.run(id);
            }}
          >
            <option value="">{letters.value?.letters.length === 0 ? 'there is none' : 'choose'}</option>
            {letters.value?.letters.map(({ id, deviceId, code }) => (
              <option key={id} value={id}>
                {deviceId}: {code}
              </option>
            ))}
          </select>
        </label>
      </div>
      <ProblemNote
        problem={
          takeLetter.problem ?? letters.problem ?? (typeof state === 'object' ? state.problem : undefined)
        }
      />
    </>
  );
}
