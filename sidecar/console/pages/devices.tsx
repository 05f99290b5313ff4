import { useState } from 'preact/hooks';
import { call, route } from '../api.ts';
import { formatTime, parseJson, prettyJson } from '../format.ts';
import { addressOf, useAction, useLoaded, useScene } from '../hooks.ts';
import {
  Badge,
  ChangeButton,
  Facts,
  Note,
  ProblemNote,
  SelectField,
  Table,
  TextField,
} from '../parts/elements.tsx';
import { NoHub } from '../parts/no-hub.tsx';

interface DeviceRow {
  readonly deviceId: string;
  readonly status: 'enabled' | 'disabled';
  readonly connectionState: 'Connected' | 'Disconnected';
  readonly lastActivityTime?: string;
  readonly authentication: string;
  readonly iotEdge: boolean;
  readonly continuationToken: string;
}

const PAGE = 100;
const FEEDBACK_MS = 2_000;

/** The devices of the IoT Hub, and what can be done with one of them. */
export function DevicesPage({ rest: [chosen] }: { rest: readonly string[] }) {
  const { hub } = useScene();
  if (hub === '') return <NoHub />;
  return chosen ? <Device key={chosen} hub={hub} deviceId={chosen} /> : <DeviceList hub={hub} />;
}

/** The WHERE part of a twin query. */
function conditionOf(prefix: string, connection: string): string {
  const quoted = prefix.replaceAll("'", "''");
  return [
    ...(prefix === '' ? [] : [`STARTSWITH(deviceId, '${quoted}')`]),
    ...(connection === '' ? [] : [`connectionState = '${connection}'`]),
  ].join(' AND ');
}

function DeviceList({ hub }: { hub: string }) {
  const [typed, setTyped] = useState('');
  const [connection, setConnection] = useState('');
  const [condition, setCondition] = useState('');
  const [more, setMore] = useState<readonly DeviceRow[]>([]);
  const load = (continuationToken: string | undefined, signal?: AbortSignal) =>
    call<{ devices: DeviceRow[] }>(
      'GET',
      route(['hubs', hub, 'devices'], { condition, pageSize: PAGE, continuationToken }),
      undefined,
      signal,
    );
  const first = useLoaded((signal) => load(undefined, signal), [hub, condition]);
  const counts = useLoaded(
    (signal) =>
      call<{ totalDevices: number; enabledDevices: number; disabledDevices: number }>(
        'GET',
        route(['hubs', hub, 'registry-statistics']),
        undefined,
        signal,
      ),
    [hub],
  );
  const rows = [...(first.value?.devices ?? []), ...more];
  const token = rows.at(-1)?.continuationToken;
  const loadMore = useAction(async () => {
    const page = await load(token);
    setMore([...more, ...page.devices]);
  });
  return (
    <>
      {counts.value && (
        <p>
          {counts.value.totalDevices} devices, {counts.value.enabledDevices} enabled,{' '}
          {counts.value.disabledDevices} disabled
        </p>
      )}
      <form
        class="filters"
        onSubmit={(event) => {
          event.preventDefault();
          setMore([]);
          const next = conditionOf(typed.trim(), connection);
          if (next === condition) first.reload();
          else setCondition(next);
        }}
      >
        <TextField label="Device id begins with" value={typed} onInput={setTyped} />
        <SelectField
          label="Connection"
          value={connection}
          options={[
            ['', 'all'],
            ['Connected', 'connected'],
            ['Disconnected', 'disconnected'],
          ]}
          onChange={setConnection}
        />
        <div class="buttons">
          <button type="submit" class="primary">
            Search
          </button>
        </div>
      </form>
      <ProblemNote problem={first.problem ?? loadMore.problem} />
      {first.loading && !first.value && <p class="quiet">Loading…</p>}
      {first.value && (
        <Table
          label="Devices"
          rows={rows}
          keyOf={({ deviceId }) => deviceId}
          empty="No device was found. A new device appears here after some seconds."
          columns={[
            {
              name: 'Device',
              cell: ({ deviceId }) => <a href={addressOf('devices', deviceId)}>{deviceId}</a>,
            },
            { name: 'Connection', cell: ({ connectionState }) => <Connection state={connectionState} /> },
            { name: 'Status', cell: ({ status }) => status },
            { name: 'Kind', cell: ({ iotEdge }) => (iotEdge ? 'IoT Edge' : 'device') },
            { name: 'Authentication', cell: ({ authentication }) => authentication },
            { name: 'Last activity', cell: ({ lastActivityTime }) => formatTime(lastActivityTime) },
          ]}
        />
      )}
      {token && (
        <button type="button" disabled={loadMore.running} onClick={() => void loadMore.run()}>
          Load more
        </button>
      )}
    </>
  );
}

function Connection({ state }: { state: 'Connected' | 'Disconnected' }) {
  return state === 'Connected' ? (
    <Badge tone="good">connected</Badge>
  ) : (
    <Badge tone="plain">disconnected</Badge>
  );
}

interface DeviceDetail {
  readonly deviceId: string;
  readonly status: 'enabled' | 'disabled';
  readonly statusReason?: string;
  readonly connectionState: 'Connected' | 'Disconnected';
  readonly lastActivityTime?: string;
  readonly authentication: string;
  readonly iotEdge: boolean;
  readonly pendingMessages: number;
}

interface PartProps {
  hub: string;
  deviceId: string;
}

function Device({ hub, deviceId }: PartProps) {
  const device = useLoaded<DeviceDetail>(
    (signal) => call('GET', route(['hubs', hub, 'devices', deviceId]), undefined, signal),
    [hub, deviceId],
  );
  const toggle = useAction(async () => {
    const action = device.value?.status === 'enabled' ? 'disable' : 'enable';
    await call('POST', route(['hubs', hub, 'devices', deviceId, action]), {});
    device.reload();
  });
  return (
    <>
      <p>
        <a href={addressOf('devices')}>All devices</a> ·{' '}
        <a href={addressOf('live', deviceId)}>Live messages of {deviceId}</a>
      </p>
      <section class="card" aria-label={deviceId}>
        <h2>
          {deviceId} {device.value && <Connection state={device.value.connectionState} />}
        </h2>
        <ProblemNote problem={device.problem ?? toggle.problem} />
        {device.value && (
          <>
            <Facts
              facts={[
                ['Status', device.value.status],
                ['Kind', device.value.iotEdge ? 'IoT Edge' : 'device'],
                ['Authentication', device.value.authentication],
                ['Last activity', formatTime(device.value.lastActivityTime)],
                ['Waiting messages', device.value.pendingMessages],
              ]}
            />
            <div class="buttons">
              <ChangeButton disabled={toggle.running} onClick={() => void toggle.run()}>
                {device.value.status === 'enabled' ? 'Disable device' : 'Enable device'}
              </ChangeButton>
              <button type="button" onClick={device.reload}>
                Reload
              </button>
            </div>
          </>
        )}
      </section>
      <Twin hub={hub} deviceId={deviceId} />
      <Method hub={hub} deviceId={deviceId} />
      <Message hub={hub} deviceId={deviceId} onSent={device.reload} />
    </>
  );
}

interface TwinDetail {
  readonly etag: string;
  readonly version: number;
  readonly tags?: Readonly<Record<string, unknown>>;
  readonly properties: {
    readonly desired?: Readonly<Record<string, unknown>>;
    readonly reported?: Readonly<Record<string, unknown>>;
  };
}

function Twin({ hub, deviceId }: PartProps) {
  const [desired, setDesired] = useState('{}');
  const [tags, setTags] = useState('{}');
  const [saved, setSaved] = useState(false);
  const twin = useLoaded<TwinDetail>(
    (signal) => call('GET', route(['hubs', hub, 'devices', deviceId, 'twin']), undefined, signal),
    [hub, deviceId],
  );
  const save = useAction(async () => {
    setSaved(false);
    await call('PATCH', route(['hubs', hub, 'devices', deviceId, 'twin']), {
      desired: parseJson(desired, 'Desired properties'),
      tags: parseJson(tags, 'Tags'),
    });
    setDesired('{}');
    setTags('{}');
    setSaved(true);
    twin.reload();
  });
  return (
    <section class="card" aria-label="Device twin">
      <h2>Device twin</h2>
      <ProblemNote problem={twin.problem} />
      {twin.value && (
        <>
          <p class="quiet">Version {twin.value.version}</p>
          <div class="columns">
            <TwinPart title="Desired properties" part={twin.value.properties.desired} />
            <TwinPart title="Reported properties" part={twin.value.properties.reported} />
            <TwinPart title="Tags" part={twin.value.tags} />
          </div>
        </>
      )}
      <form
        onSubmit={(event) => {
          event.preventDefault();
          void save.run();
        }}
      >
        <div class="columns">
          <TextField
            label="Change desired properties"
            value={desired}
            onInput={setDesired}
            rows={4}
            help="A JSON object that is merged; null removes a key."
          />
          <TextField label="Change tags" value={tags} onInput={setTags} rows={4} help="Merged as well." />
        </div>
        <ProblemNote problem={save.problem} />
        {saved && <Note tone="good">The twin is changed.</Note>}
        <div class="buttons">
          <ChangeButton type="submit" class="primary" disabled={save.running}>
            Update twin
          </ChangeButton>
          <button type="button" onClick={twin.reload}>
            Reload
          </button>
        </div>
      </form>
    </section>
  );
}

function TwinPart({ title, part }: { title: string; part: Readonly<Record<string, unknown>> | undefined }) {
  const shown = Object.entries(part ?? {}).filter(([name]) => !name.startsWith('$'));
  return (
    <div>
      <h3>{title}</h3>
      <pre>{prettyJson(Object.fromEntries(shown))}</pre>
    </div>
  );
}

function Method({ hub, deviceId }: PartProps) {
  const [methodName, setMethodName] = useState('');
  const [payload, setPayload] = useState('{}');
  const [moduleId, setModuleId] = useState('');
  const [answer, setAnswer] = useState<{ status: number; payload: unknown }>();
  const invoke = useAction(async () => {
    setAnswer(undefined);
    parseJson(payload, 'Payload');
    setAnswer(
      await call('POST', route(['hubs', hub, 'devices', deviceId, 'methods']), {
        methodName: methodName.trim(),
        payloadText: payload,
        ...(moduleId.trim() === '' ? {} : { moduleId: moduleId.trim() }),
      }),
    );
  });
  return (
    <section class="card" aria-label="Direct method">
      <h2>Direct method</h2>
      <form
        onSubmit={(event) => {
          event.preventDefault();
          void invoke.run();
        }}
      >
        <div class="columns">
          <TextField label="Method name" value={methodName} onInput={setMethodName} required />
          <TextField label="Module" value={moduleId} onInput={setModuleId} placeholder="the device itself" />
        </div>
        <TextField label="Payload" value={payload} onInput={setPayload} rows={4} help="Any JSON value." />
        <ProblemNote problem={invoke.problem} />
        {answer && (
          <Note tone={answer.status >= 200 && answer.status < 300 ? 'good' : 'warning'}>
            The device answered with status {answer.status}.<pre>{prettyJson(answer.payload)}</pre>
          </Note>
        )}
        <div class="buttons">
          <ChangeButton type="submit" class="primary" disabled={invoke.running || methodName.trim() === ''}>
            {invoke.running ? 'Waiting for the device…' : 'Invoke method'}
          </ChangeButton>
        </div>
      </form>
    </section>
  );
}

function Message({ hub, deviceId, onSent }: PartProps & { onSent: () => void }) {
  const [body, setBody] = useState('');
  const [properties, setProperties] = useState('{}');
  const [ack, setAck] = useState('none');
  const [expirySeconds, setExpirySeconds] = useState('');
  const [messageId, setMessageId] = useState('');
  const send = useAction(async () => {
    setMessageId('');
    const answer = await call<{ messageId: string }>(
      'POST',
      route(['hubs', hub, 'devices', deviceId, 'messages']),
      {
        body,
        properties: parseJson(properties, 'Application properties'),
        ack,
        ...(expirySeconds.trim() === '' ? {} : { expirySeconds: Number(expirySeconds) }),
      },
    );
    setMessageId(answer.messageId);
    onSent();
  });
  return (
    <section class="card" aria-label="Cloud-to-device message">
      <h2>Cloud-to-device message</h2>
      <form
        onSubmit={(event) => {
          event.preventDefault();
          void send.run();
        }}
      >
        <TextField label="Body" value={body} onInput={setBody} rows={4} />
        <div class="columns">
          <TextField
            label="Application properties"
            value={properties}
            onInput={setProperties}
            rows={2}
            help="A JSON object, name to text."
          />
          <SelectField
            label="Feedback"
            value={ack}
            options={[
              ['none', 'none'],
              ['positive', 'when the device takes it'],
              ['negative', 'when it is refused or expires'],
              ['full', 'both'],
            ]}
            onChange={setAck}
          />
          <TextField
            label="Expires after (seconds)"
            value={expirySeconds}
            onInput={setExpirySeconds}
            placeholder="as the IoT Hub says"
          />
        </div>
        <ProblemNote problem={send.problem} />
        {messageId && (
          <Note tone="good">
            The message {messageId} waits in the IoT Hub for the device.
            {ack !== 'none' && ' Its feedback appears below.'}
          </Note>
        )}
        <div class="buttons">
          <ChangeButton type="submit" class="primary" disabled={send.running}>
            Send message
          </ChangeButton>
        </div>
      </form>
      <Feedback hub={hub} deviceId={deviceId} />
    </section>
  );
}

interface FeedbackRow {
  readonly messageId: string;
  readonly outcome: string;
  readonly description: string;
  readonly time: string;
}

/** What became of messages whose sender asked for feedback. */
function Feedback({ hub, deviceId }: PartProps) {
  const { value, problem } = useLoaded<{ feedback: FeedbackRow[] }>(
    (signal) => call('GET', route(['hubs', hub, 'devices', deviceId, 'message-feedback']), undefined, signal),
    [hub, deviceId],
    FEEDBACK_MS,
  );
  return (
    <>
      <h3>Feedback</h3>
      <ProblemNote problem={problem} />
      {value && (
        <Table
          label="Message feedback"
          rows={value.feedback}
          keyOf={({ messageId, time }) => `${messageId} ${time}`}
          empty="No feedback has arrived since the sidecar started."
          columns={[
            { name: 'Time', cell: ({ time }) => formatTime(time) },
            { name: 'Outcome', cell: ({ outcome }) => outcome },
            { name: 'Message', cell: ({ messageId }) => <code>{messageId}</code> },
            { name: 'Description', cell: ({ description }) => description },
          ]}
        />
      )}
    </>
  );
}
