import type { ComponentType } from 'preact';
import { useEffect, useRef, useState } from 'preact/hooks';
import type { ConsoleSession } from '../contract/session.ts';
import type { StatusEvent, StatusSample } from '../contract/stream.ts';
import { logOut } from './api.ts';
import { addressOf, appendSample, type HistoryEvent, SceneContext, useAddress } from './hooks.ts';
import { DeadLettersPage } from './pages/dead-letters.tsx';
import { DevicesPage } from './pages/devices.tsx';
import { FilesPage } from './pages/files.tsx';
import { LivePage } from './pages/live.tsx';
import { LogPage } from './pages/log.tsx';
import { MappingsPage } from './pages/mappings.tsx';
import { OverviewPage } from './pages/overview.tsx';
import { TasksPage } from './pages/tasks.tsx';
import { Badge, Note, ProblemNote } from './parts/elements.tsx';
import { useStream } from './stream.ts';
import { chooseTheme, chosenTheme, THEMES, type Theme } from './theme.ts';

interface PageEntry {
  readonly id: string;
  readonly title: string;
  readonly Page: ComponentType<{ rest: readonly string[] }>;
}

const PAGES: readonly [PageEntry, ...PageEntry[]] = [
  { id: 'overview', title: 'Overview', Page: OverviewPage },
  { id: 'dead-letters', title: 'Dead letters', Page: DeadLettersPage },
  { id: 'live', title: 'Live', Page: LivePage },
  { id: 'mappings', title: 'Mappings', Page: MappingsPage },
  { id: 'devices', title: 'Devices', Page: DevicesPage },
  { id: 'tasks', title: 'Tasks', Page: TasksPage },
  { id: 'files', title: 'Files', Page: FilesPage },
  { id: 'log', title: 'Log', Page: LogPage },
];

/** The frame around every page: navigation, the choice of the hub, and the live status. */
export function Shell({ session, onLogout }: { session: ConsoleSession; onLogout: () => void }) {
  const [page = '', ...rest] = useAddress();
  const [status, setStatus] = useState<StatusEvent>();
  const [history, setHistory] = useState<readonly StatusSample[]>([]);
  const [chosenHub, setChosenHub] = useState('');
  const intervalMs = useRef(10_000);
  const streamState = useStream({ topics: 'status' }, (name, data) => {
    if (name === 'history') {
      const { intervalMs: every, samples } = data as HistoryEvent;
      intervalMs.current = every;
      setHistory(samples);
    } else if (name === 'status') {
      const event = data as StatusEvent;
      setStatus(event);
      setHistory((current) => appendSample(current, event.now, intervalMs.current));
    }
  });
  const hubs = status?.hubs.map(({ thing }) => thing) ?? [];
  const hub = hubs.includes(chosenHub) ? chosenHub : (hubs[0] ?? '');
  const entry = PAGES.find(({ id }) => id === page) ?? PAGES[0];
  useEffect(() => {
    document.title = `${entry.title} – Azure IoT sidecar`;
  }, [entry]);
  const scene = { access: session.access, hub, status, history };
  return (
    <SceneContext.Provider value={scene}>
      <button type="button" class="skip" onClick={skipToContent}>
        Skip to the page
      </button>
      <header class="top">
        <span class="brand">Azure IoT sidecar</span>
        {hubs.length > 1 && (
          <label>
            Hub{' '}
            <select value={hub} onChange={(event) => setChosenHub(event.currentTarget.value)}>
              {hubs.map((name) => (
                <option key={name}>{name}</option>
              ))}
            </select>
          </label>
        )}
        {hubs.length === 1 && <span class="quiet">{hub}</span>}
        <span class="spacer" />
        {session.access === 'viewer' && <Badge tone="plain">read-only</Badge>}
        <ThemeChoice />
        <button type="button" class="quiet-button" onClick={() => void logOut().then(onLogout, onLogout)}>
          Log out
        </button>
      </header>
      <nav aria-label="Pages">
        <ul>
          {PAGES.map(({ id, title }) => (
            <li key={id}>
              <a href={addressOf(id)} aria-current={id === entry.id ? 'page' : undefined}>
                {title}
              </a>
            </li>
          ))}
        </ul>
      </nav>
      <main id="content" tabIndex={-1}>
        <h1>{entry.title}</h1>
        {typeof streamState === 'object' && <ProblemNote problem={streamState.problem} />}
        {session.access === 'viewer' && (
          <Note>
            This session is read-only: what changes something is disabled. Log in with the sidecar token to
            use it.
          </Note>
        )}
        {status ? <entry.Page key={hub} rest={rest} /> : <p class="quiet">Loading…</p>}
      </main>
    </SceneContext.Provider>
  );
}

/** The address names the page, so that a link to an anchor would leave it. */
function skipToContent(): void {
  document.getElementById('content')?.focus();
}

function ThemeChoice() {
  const [theme, setTheme] = useState<Theme>(chosenTheme);
  return (
    <label>
      <span class="hidden">Colours</span>
      <select
        value={theme}
        onChange={(event) => {
          const chosen = event.currentTarget.value as Theme;
          chooseTheme(chosen);
          setTheme(chosen);
        }}
      >
        {THEMES.map((name) => (
          <option key={name} value={name}>
            {name === 'system' ? 'System colours' : name === 'light' ? 'Light' : 'Dark'}
          </option>
        ))}
      </select>
    </label>
  );
}
