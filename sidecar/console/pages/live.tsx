import { useState } from 'preact/hooks';
import type { SkippedEvent, WatchedMessage } from '../../contract/stream.ts';
import { call, route } from '../api.ts';
import { formatBytes, formatTime, prettyJson } from '../format.ts';
import { addressOf, useAction, useScene } from '../hooks.ts';
import { Badge, Facts, ProblemNote, SelectField, TextField } from '../parts/elements.tsx';
import { Details, Entry } from '../parts/long-list.tsx';
import { Remarks, TrialView, Values } from '../parts/message-view.tsx';
import { NoHub } from '../parts/no-hub.tsx';
import { keepSample, sampleOfMessage, type Trial } from '../samples.ts';
import { useStream } from '../stream.ts';

const MAX_MESSAGES = 200;
const TONES = { delivered: 'good', ignored: 'plain', deadLettered: 'bad' } as const;
const WORDS = { delivered: 'delivered', ignored: 'ignored', deadLettered: 'dead letter' } as const;

/** The last messages, each with what became of it. The sidecar keeps them only while somebody looks. */
export function LivePage({ rest }: { rest: readonly string[] }) {
  const { hub } = useScene();
  const [typed, setTyped] = useState(rest[0] ?? '');
  const [deviceId, setDeviceId] = useState(rest[0] ?? '');
  const [outcome, setOutcome] = useState('');
  const [paused, setPaused] = useState(false);
  const [messages, setMessages] = useState<readonly WatchedMessage[]>([]);
  const [skipped, setSkipped] = useState(0);
  const query = paused || hub === '' ? undefined : { topics: 'messages', hub, deviceId, outcome };
  const state = useStream(query, (name, data) => {
    if (name === 'skipped') setSkipped((count) => count + (data as SkippedEvent).count);
    if (name !== 'message') return;
    const message = data as WatchedMessage;
    setMessages((current) =>
      current.some((known) => keyOf(known) === keyOf(message))
        ? current
        : [message, ...current.slice(0, MAX_MESSAGES - 1)],
    );
  });
  if (hub === '') return <NoHub />;
  const clear = () => {
    setMessages([]);
    setSkipped(0);
  };
  return (
    <>
      {typeof state === 'object' && <ProblemNote problem={state.problem} />}
      <form
        class="filters"
        onSubmit={(event) => {
          event.preventDefault();
          clear();
          setDeviceId(typed.trim());
        }}
      >
        <TextField label="Device" value={typed} onInput={setTyped} placeholder="all devices" />
        <SelectField
          label="Outcome"
          value={outcome}
          options={[
            ['', 'all'],
            ['deadLettered', 'refused: dead letters'],
            ['ignored', 'ignored'],
            ['delivered', 'delivered'],
          ]}
          onChange={(value) => {
            clear();
            setOutcome(value);
          }}
        />
        <div class="buttons">
          <button type="submit" class="primary">
            Show
          </button>
          <button type="button" aria-pressed={paused} onClick={() => setPaused(!paused)}>
            {paused ? 'Continue' : 'Pause'}
          </button>
          <button type="button" onClick={clear}>
            Clear
          </button>
        </div>
      </form>
      <p class="quiet">
        {paused ? 'Paused.' : state === 'open' ? 'Watching.' : 'Connecting…'} The last {MAX_MESSAGES} messages
        {deviceId === '' ? '' : ` of ${deviceId}`}; nothing is recorded while nobody looks.
        {skipped > 0 && ` ${skipped} messages came too fast and are not shown.`}
      </p>
      {messages.length === 0 && <p class="quiet">No message yet.</p>}
      <ul class="messages" aria-label="Messages, the newest first">
        {messages.map((message) => (
          <Entry key={keyOf(message)} item={message} draw={drawMessage} />
        ))}
      </ul>
    </>
  );
}

function keyOf({ hub, partition, sequenceNumber, settledAt }: WatchedMessage): string {
  return `${hub} ${partition} ${sequenceNumber} ${settledAt}`;
}

function drawMessage(message: WatchedMessage) {
  const summary = (
    <>
      <time>{formatTime(message.settledAt)}</time> <strong>{message.deviceId}</strong>
      {message.moduleId && ` / ${message.moduleId}`}{' '}
      <Badge tone={TONES[message.outcome]}>{WORDS[message.outcome]}</Badge>{' '}
      {message.source !== 'Telemetry' && `${message.source} `}
      <span class="quiet">
        {message.reasons[0]?.code ?? `${message.values.length} values`}, {formatBytes(message.bytes)}
      </span>
    </>
  );
  return <Details summary={summary} content={() => <Message message={message} />} />;
}

function Message({ message }: { message: WatchedMessage }) {
  const [trial, setTrial] = useState<Trial>();
  const explain = useAction(async () => {
    setTrial(
      await call<Trial>('POST', route(['hubs', message.hub, 'mappings', 'test']), {
        message: sampleOfMessage(message),
      }),
    );
  });
  const properties = Object.entries(message.applicationProperties);
  return (
    <div class="detail">
      {message.reasons.length > 0 && <Remarks label="Reasons" remarks={message.reasons} />}
      <h4>Body{message.truncated && ' (the beginning)'}</h4>
      <pre>
        {message.bodyText === undefined ? `base64: ${message.bodyBase64}` : prettyJson(message.bodyText)}
      </pre>
      {properties.length > 0 && (
        <Facts facts={properties.map(([name, value]) => [name, String(value)] as const)} />
      )}
      <h4>Values sent to ThingWorx</h4>
      <Values label="Values sent to ThingWorx" values={message.values} />
      {message.ignored.length > 0 && (
        <>
          <h4>Ignored</h4>
          <Remarks label="Ignored" remarks={message.ignored} />
        </>
      )}
      {message.notifications.length > 0 && <p>Notifications: {message.notifications.join(', ')}</p>}
      <p class="quiet">
        Partition {message.partition}, sequence number {message.sequenceNumber}, enqueued{' '}
        {formatTime(message.enqueuedTime)}, content type {message.contentType ?? 'none'}
      </p>
      <div class="buttons">
        <button
          type="button"
          disabled={explain.running || message.truncated}
          onClick={() => void explain.run()}
        >
          Explain each value
        </button>
        <button
          type="button"
          disabled={message.truncated}
          onClick={() => {
            keepSample(sampleOfMessage(message));
            window.location.hash = addressOf('mappings');
          }}
        >
          Use as sample in Mappings
        </button>
      </div>
      <ProblemNote problem={explain.problem} />
      {trial && <TrialView trial={trial} />}
    </div>
  );
}
