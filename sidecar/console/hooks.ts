import { createContext } from 'preact';
import { useContext, useEffect, useState } from 'preact/hooks';
import type { Access } from '../contract/session.ts';
import type { HistoryEvent, StatusEvent, StatusSample } from '../contract/stream.ts';
import { Problem } from './api.ts';

/** What every page knows. */
interface Scene {
  readonly access: Access;
  /** The hub Thing that the page works on; empty when none is connected. */
  readonly hub: string;
  readonly status: StatusEvent | undefined;
  readonly history: readonly StatusSample[];
}

export const SceneContext = createContext<Scene>({
  access: 'viewer',
  hub: '',
  status: undefined,
  history: [],
});

export function useScene(): Scene {
  return useContext(SceneContext);
}

/** An hour of samples. */
export function appendSample(
  history: readonly StatusSample[],
  sample: StatusSample,
  intervalMs: number,
): StatusSample[] {
  const from = sample.timeMs - 3_600_000;
  const last = history.at(-1);
  if (last && sample.timeMs - last.timeMs < intervalMs) return [...history];
  return [...history.filter(({ timeMs }) => timeMs >= from), sample];
}

export type { HistoryEvent };

interface Loaded<T> {
  readonly value: T | undefined;
  readonly problem: Problem | undefined;
  readonly loading: boolean;
  readonly reload: () => void;
}

/** Loads something when the component appears, when a dependency changes, when asked again and, with `everyMs`, again and again. */
export function useLoaded<T>(
  load: ((signal: AbortSignal) => Promise<T>) | undefined,
  dependencies: readonly unknown[],
  everyMs?: number,
): Loaded<T> {
  const [value, setValue] = useState<T>();
  const [problem, setProblem] = useState<Problem>();
  const [loading, setLoading] = useState(false);
  const [reloads, setReloads] = useState(0);
  useEffect(() => {
    setValue(undefined);
    setProblem(undefined);
    // The hook keeps the value while the same thing is loaded again.
  }, dependencies);
  useEffect(() => {
    if (!load) return;
    const abort = new AbortController();
    let timer: ReturnType<typeof setTimeout> | undefined;
    const run = async () => {
      setLoading(true);
      try {
        const loaded = await load(abort.signal);
        if (abort.signal.aborted) return;
        setValue(() => loaded);
        setProblem(undefined);
      } catch (thrown) {
        if (abort.signal.aborted) return;
        setProblem(Problem.of(thrown));
      }
      setLoading(false);
      if (everyMs !== undefined) timer = setTimeout(run, everyMs);
    };
    void run();
    return () => {
      abort.abort();
      clearTimeout(timer);
    };
  }, [...dependencies, reloads]);
  return { value, problem, loading, reload: () => setReloads((current) => current + 1) };
}

interface Action<A extends readonly unknown[]> {
  readonly run: (...given: A) => Promise<boolean>;
  readonly running: boolean;
  readonly problem: Problem | undefined;
  readonly clear: () => void;
}

/** Something that a person starts: it runs once at a time, and its problem stays to be shown. */
export function useAction<A extends readonly unknown[]>(act: (...given: A) => Promise<void>): Action<A> {
  const [running, setRunning] = useState(false);
  const [problem, setProblem] = useState<Problem>();
  const run = async (...given: A): Promise<boolean> => {
    if (running) return false;
    setRunning(true);
    setProblem(undefined);
    try {
      await act(...given);
      return true;
    } catch (thrown) {
      setProblem(Problem.of(thrown));
      return false;
    } finally {
      setRunning(false);
    }
  };
  return { run, running, problem, clear: () => setProblem(undefined) };
}

/** The page and what follows it in the address: `#/devices/machine-01` is ['devices', 'machine-01']. */
export function useAddress(): readonly string[] {
  const [parts, setParts] = useState(addressParts);
  useEffect(() => {
    const update = () => setParts(addressParts());
    window.addEventListener('hashchange', update);
    return () => window.removeEventListener('hashchange', update);
  }, []);
  return parts;
}

function addressParts(): string[] {
  const text = window.location.hash.replace(/^#\/?/, '');
  return text.split('/').map((part) => {
    try {
      return decodeURIComponent(part);
    } catch {
      return part;
    }
  });
}

export function addressOf(...parts: readonly string[]): string {
  return `#/${parts.map(encodeURIComponent).join('/')}`;
}
