import { useEffect, useRef, useState } from 'preact/hooks';
import { Problem, type Query, request, route } from './api.ts';

/** One server-sent event. */
interface StreamEvent {
  readonly name: string;
  readonly data: unknown;
}

/** How long to wait before a stream that has ended is opened again, in milliseconds. */
const REOPEN_MS = 2_000;

type StreamState = 'connecting' | 'open' | { readonly problem: Problem };

/**
 * Opens the live stream and tells of its events, again and again until the component goes. It uses fetch and not EventSource, which cannot
 * send the header of the console. A query of undefined opens none.
 */
export function useStream(
  query: Query | undefined,
  onEvent: (name: string, data: unknown) => void,
): StreamState {
  const [state, setState] = useState<StreamState>('connecting');
  const listener = useRef(onEvent);
  listener.current = onEvent;
  const path = query && route(['stream'], query);
  useEffect(() => {
    if (path === undefined) return;
    const abort = new AbortController();
    void follow(path, abort.signal, setState, (event) => listener.current(event.name, event.data));
    return () => abort.abort();
  }, [path]);
  return state;
}

async function follow(
  path: string,
  signal: AbortSignal,
  onState: (state: StreamState) => void,
  onEvent: (event: StreamEvent) => void,
): Promise<void> {
  while (!signal.aborted) {
    onState('connecting');
    try {
      const response = await request('GET', path, { signal });
      onState('open');
      if (response.body) await readEvents(response.body, onEvent);
    } catch (thrown) {
      if (signal.aborted) return;
      onState({ problem: Problem.of(thrown) });
    }
    await new Promise((resolve) => setTimeout(resolve, REOPEN_MS));
  }
}

async function readEvents(
  body: ReadableStream<Uint8Array>,
  onEvent: (event: StreamEvent) => void,
): Promise<void> {
  const reader = body.getReader();
  const decoder = new TextDecoder();
  let rest = '';
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return;
    const blocks = (rest + decoder.decode(value, { stream: true })).split('\n\n');
    rest = blocks.pop() ?? '';
    for (const block of blocks) {
      const event = parseEvent(block);
      if (event) onEvent(event);
    }
  }
}

/** Undefined for a comment, which only keeps the connection open. */
function parseEvent(block: string): StreamEvent | undefined {
  let name = 'message';
  let data = '';
  for (const line of block.split('\n')) {
    if (line.startsWith('event: ')) name = line.slice(7);
    else if (line.startsWith('data: ')) data += line.slice(6);
  }
  return data === '' ? undefined : { name, data: JSON.parse(data) };
}
