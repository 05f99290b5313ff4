import type { ConsoleSession } from '../contract/session.ts';

/** The header that every request of the console carries: a page of another origin cannot set it. */
const CONSOLE_HEADER = { 'X-Sidecar-Console': '1' };

/** An error of the sidecar after RFC 9457, or a failure to reach it. */
export class Problem extends Error {
  readonly code: string;
  readonly remedy: string;
  readonly status: number;
  readonly requestId: string;

  constructor(fields: { code: string; detail: string; remedy: string; status: number; requestId?: string }) {
    super(fields.detail);
    this.name = 'Problem';
    this.code = fields.code;
    this.remedy = fields.remedy;
    this.status = fields.status;
    this.requestId = fields.requestId ?? '';
  }

  static of(thrown: unknown): Problem {
    if (thrown instanceof Problem) return thrown;
    return new Problem({
      code: 'SIDECAR_UNREACHABLE',
      detail: 'The sidecar does not answer.',
      remedy: 'Check that the sidecar runs on its machine and that this browser reaches it.',
      status: 0,
    });
  }
}

/** Fired on `window` when the session has ended. */
export const SESSION_ENDED = 'session-ended';

export type Query = Readonly<Record<string, string | number | boolean | undefined>>;

/** The path of an API route: each part is encoded, undefined and empty query members are left out. */
export function route(parts: readonly string[], query: Query = {}): string {
  const path = parts.map(encodeURIComponent).join('/');
  const search = new URLSearchParams();
  for (const [name, value] of Object.entries(query)) {
    if (value !== undefined && value !== '') search.set(name, String(value));
  }
  const text = search.toString();
  return `/v1/${path}${text === '' ? '' : `?${text}`}`;
}

/** Sends a request and gives the response. @throws Problem for every answer that is not 2xx. */
export async function request(
  method: string,
  path: string,
  options: { body?: unknown; signal?: AbortSignal; token?: string } = {},
): Promise<Response> {
  const { body, signal, token } = options;
  let response: Response;
  try {
    response = await fetch(path, {
      method,
      credentials: 'same-origin',
      cache: 'no-store',
      headers: {
        ...CONSOLE_HEADER,
        ...(token === undefined ? {} : { Authorization: `Bearer ${token}` }),
        ...(body === undefined ? {} : { 'Content-Type': 'application/json' }),
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      ...(signal ? { signal } : {}),
    });
  } catch (thrown) {
    if (signal?.aborted) throw thrown;
    throw Problem.of(thrown);
  }
  if (response.ok) return response;
  const problem = problemFrom(response.status, await response.text());
  if (response.status === 401 && token === undefined) window.dispatchEvent(new CustomEvent(SESSION_ENDED));
  throw problem;
}

/** Calls an operation and gives its answer. @throws Problem */
export async function call<T>(
  method: string,
  path: string,
  body?: unknown,
  signal?: AbortSignal,
): Promise<T> {
  const response = await request(method, path, {
    ...(body === undefined ? {} : { body }),
    ...(signal ? { signal } : {}),
  });
  return (await response.json()) as T;
}

function problemFrom(status: number, text: string): Problem {
  try {
    const { code, detail, remedy, instance } = JSON.parse(text) as Record<string, string>;
    if (code) {
      return new Problem({
        code,
        detail: detail ?? '',
        remedy: remedy ?? '',
        status,
        requestId: (instance ?? '').split(':').at(-1) ?? '',
      });
    }
  } catch {
    // No JSON: something between the browser and the sidecar has answered.
  }
  return new Problem({
    code: `HTTP_${status}`,
    detail: `The answer has status ${status} and does not come from the sidecar.`,
    remedy: 'Check the proxy between this browser and the sidecar.',
    status,
  });
}

/** Sends a file with progress, which `fetch` does not report. @throws Problem */
export function upload(
  path: string,
  file: Blob,
  headers: Readonly<Record<string, string>>,
  onProgress: (sentBytes: number) => void,
  signal: AbortSignal,
): Promise<void> {
  return new Promise((resolve, reject) => {
    const sender = new XMLHttpRequest();
    sender.open('PUT', path);
    for (const [name, value] of Object.entries({ ...CONSOLE_HEADER, ...headers })) {
      sender.setRequestHeader(name, value);
    }
    sender.setRequestHeader('Content-Type', file.type || 'application/octet-stream');
    sender.upload.onprogress = (event) => onProgress(event.loaded);
    sender.onload = () => {
      if (sender.status >= 200 && sender.status < 300) resolve();
      else reject(problemFrom(sender.status, sender.responseText));
    };
    sender.onerror = () => reject(Problem.of(undefined));
    sender.onabort = () => reject(new DOMException('The upload was cancelled.', 'AbortError'));
    signal.addEventListener('abort', () => sender.abort(), { once: true });
    sender.send(file);
  });
}

/** The session of this browser; undefined when nobody is logged in. */
export async function currentSession(): Promise<ConsoleSession | undefined> {
  const { session } = await call<{ session?: ConsoleSession }>('GET', '/console/session');
  return session;
}

export async function logIn(token: string): Promise<ConsoleSession> {
  if (/[^\x21-\x7e]/.test(token)) {
    throw new Problem({
      code: 'UNAUTHORIZED',
      detail: 'The token is wrong: it contains characters that no token has.',
      remedy: 'Copy the token again.',
      status: 401,
    });
  }
  const response = await request('POST', '/console/session', { token });
  return ((await response.json()) as { session: ConsoleSession }).session;
}

export async function logOut(): Promise<void> {
  await call('DELETE', '/console/session');
}
