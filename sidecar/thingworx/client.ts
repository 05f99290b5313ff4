import { type Dispatcher, FormData } from 'undici';
import { ConnectorError } from '../errors/connector-error.ts';
import { CERTIFICATE_CODES, createLocalAgent, proxyRefusal } from '../lib/proxy.ts';
import { inSpan } from '../observe/spans.ts';

/** Who calls: the user of an application key, or a user with a password. */
export type ThingworxLogin =
  | { readonly appKey: string }
  | { readonly user: string; readonly password: string };

type ThingworxClientOptions = ThingworxLogin & {
  /** Base address that ends in /Thingworx. */
  url: string;
  /** Parallel connections; more than ThingWorx has threads to spare only queues. */
  connections?: number;
};

/** The properties of a Thing by name, as the platform writes them in JSON. */
export type PropertyValues = Readonly<Record<string, unknown>>;

export interface CallOptions {
  timeoutMs?: number | undefined;
  signal?: AbortSignal;
}

/** Longer than the platform's ScriptTimeout of 30 s: past it the platform itself has ended the script. */
const DEFAULT_TIMEOUT_MS = 40_000;
const MAX_MESSAGE_CHARACTERS = 500;

/** The ThingWorx REST API as the sidecar uses it: services and properties of entities. */
export class ThingworxClient {
  readonly #url: URL;
  readonly #headers: Record<string, string>;
  readonly #connections: number;
  #agent: Dispatcher;
  /** Those that only finish what is under way. */
  readonly #closing = new Set<Dispatcher>();
  #isReachable: boolean | undefined;
  /** What the platform refuses when it answers 401, for messages. */
  readonly #credential: string;

  constructor(options: ThingworxClientOptions) {
    this.#url = new URL(options.url);
    this.#credential = 'appKey' in options ? 'application key' : `login of ${options.user}`;
    this.#headers = {
      ...loginHeader(options),
      accept: 'application/json',
      // Presence is what the platform checks (thingworx.md 4.1).
      'x-xsrf-token': 'TWX-XSRF-TOKEN-VALUE',
      'x-thingworx-session': 'false',
    };
    this.#connections = options.connections ?? 16;
    this.#agent = this.#connect();
  }

  /** The address without anything secret, for messages. */
  get address(): string {
    return this.#url.href;
  }

  get origin(): string {
    return this.#url.origin;
  }

  /** Whether the last call was answered, whatever the answer; undefined before the first. */
  get isReachable(): boolean | undefined {
    return this.#isReachable;
  }

  /** Calls a service of a Thing. Gives the decoded answer: an object, an InfoTable, or undefined for NOTHING. */
  invoke(thing: string, service: string, parameters: unknown, options?: CallOptions): Promise<unknown> {
    return this.invokeText('Things', thing, service, JSON.stringify(parameters ?? {}), options);
  }

  /** The same for an entity of any collection. */
  invokeOn(
    collection: string,
    name: string,
    service: string,
    parameters: unknown,
    options?: CallOptions,
  ): Promise<unknown> {
    return this.invokeText(collection, name, service, JSON.stringify(parameters ?? {}), options);
  }

  /** The same with parameters already in JSON text, for the bulk path. */
  async invokeText(
    collection: string,
    name: string,
    service: string,
    body: string | Uint8Array,
    options: CallOptions = {},
  ): Promise<unknown> {
    const target = `${collection}/${encodeURIComponent(name)}/Services/${encodeURIComponent(service)}`;
    return inSpan(
      () => ({
        kind: 'call',
        name: `ThingWorx ${service}`,
        attributes: { 'server.address': this.#url.host, 'thingworx.entity': `${collection}/${name}` },
      }),
      async () =>
        decode(
          await this.#request({ method: 'POST', target, body }, `${service} on ${name}`, options),
          `${name}.${service}`,
        ),
    );
  }

  /** All properties of a Thing. A property without a value is absent. */
  async properties(thing: string, options: CallOptions = {}): Promise<PropertyValues> {
    const target = `Things/${encodeURIComponent(thing)}/Properties/`;
    const text = await this.#request({ method: 'GET', target }, `the properties of ${thing}`, options);
    const table = decode(text, `the properties of ${thing}`) as { rows?: PropertyValues[] } | undefined;
    return table?.rows?.[0] ?? {};
  }

  /** Writes several properties of a Thing in one call. */
  async setProperties(thing: string, values: PropertyValues, options: CallOptions = {}): Promise<void> {
    const target = `Things/${encodeURIComponent(thing)}/Properties/*`;
    const body = JSON.stringify(values);
    await this.#request({ method: 'PUT', target, body }, `the properties of ${thing}`, options);
  }

  /** Posts a file as the part `file` of a form, as the two importers of the platform take it. Gives the text of the answer. */
  async postFile(target: string, file: Blob, name: string, options: CallOptions = {}): Promise<string> {
    const body = new FormData();
    body.append('file', file, name);
    return await this.#request({ method: 'POST', target, body }, `the import of ${name}`, options);
  }

  async #request(request: PlatformRequest, what: string, options: CallOptions): Promise<string> {
    const answer = await this.#send(request, options);
    if (answer.status >= 200 && answer.status < 300) return answer.text;
    throw refusal(answer, what, this.#credential);
  }

  /**
   * Later calls use new connections: after a call without an answer, each of the present ones may be half-open. Calls under way go on.
   */
  renewConnections(): void {
    const before = this.#agent;
    this.#agent = this.#connect();
    this.#closing.add(before);
    void before
      .close()
      .catch(() => undefined)
      .finally(() => this.#closing.delete(before));
  }

  async close(): Promise<void> {
    await Promise.all([this.#agent, ...this.#closing].map((agent) => agent.destroy()));
  }

  #connect(): Dispatcher {
    return createLocalAgent({ connections: this.#connections, connect: { timeout: 10_000 } });
  }

  async #send(request: PlatformRequest, options: CallOptions): Promise<PlatformAnswer> {
    const timeout = AbortSignal.timeout(options.timeoutMs ?? DEFAULT_TIMEOUT_MS);
    const signal = options.signal ? AbortSignal.any([options.signal, timeout]) : timeout;
    const dispatch: Dispatcher.RequestOptions = {
      origin: this.#url.origin,
      method: request.method,
      path: `${this.#url.pathname}/${request.target}`,
      headers:
        request.body instanceof FormData
          ? this.#headers
          : { ...this.#headers, 'content-type': 'application/json' },
      body: request.body ?? null,
      // The signal bounds the whole call; the client's own two limits would end slow answers earlier.
      headersTimeout: 0,
      bodyTimeout: 0,
      signal,
    };
    const agent = this.#agent;
    try {
      const response = await agent.request(dispatch);
      const text = await response.body.text();
      this.#isReachable = true;
      return {
        status: response.statusCode,
        text,
        retryAfterMs: retryAfterMs(response.headers['retry-after']),
      };
    } catch (cause) {
      if (options.signal?.aborted)
        throw new ConnectorError('STOPPING', 'The call to ThingWorx was given up.', { cause });
      this.#isReachable = false;
      if (timeout.aborted) {
        if (agent === this.#agent) this.renewConnections();
        const seconds = Math.round((options.timeoutMs ?? DEFAULT_TIMEOUT_MS) / 1000);
        throw new ConnectorError(
          'THINGWORX_UNAVAILABLE',
          `ThingWorx at ${this.#url.href} did not answer within ${seconds} s.`,
          {
            cause,
            details: { timedOut: true },
          },
        );
      }
      const { message, code = '', name } = cause as NodeJS.ErrnoException;
      const refusal = proxyRefusal(message);
      const what = `ThingWorx at ${this.#url.href} cannot be reached`;
      if (refusal) throw new ConnectorError('PROXY_REFUSED', `${what}: ${refusal}.`, { cause });
      if (CERTIFICATE_CODES.has(code))
        throw new ConnectorError(
          'CERTIFICATE_UNTRUSTED',
          `${what}: its certificate is not trusted (${code}: ${message}).`,
          { cause },
        );
      throw new ConnectorError('THINGWORX_UNREACHABLE', `${what} (${code || name}).`, { cause });
    }
  }
}

interface PlatformRequest {
  readonly method: 'GET' | 'POST' | 'PUT';
  /** Below the base address. */
  readonly target: string;
  readonly body?: string | Uint8Array | FormData;
}

interface PlatformAnswer {
  readonly status: number;
  readonly text: string;
  readonly retryAfterMs: number | undefined;
}

function loginHeader(login: ThingworxLogin): Record<string, string> {
  if ('appKey' in login) return { appKey: login.appKey };
  return { authorization: `Basic ${Buffer.from(`${login.user}:${login.password}`).toString('base64')}` };
}

function decode(text: string, what: string): unknown {
  if (text === '') return undefined;
  try {
    return JSON.parse(text) as unknown;
  } catch (cause) {
    // A proxy's or a login page's HTML with status 200: as good as no answer.
    throw new ConnectorError(
      'THINGWORX_UNAVAILABLE',
      `The answer to ${what} is not JSON; is THINGWORX_URL the platform's own address?`,
      {
        cause,
      },
    );
  }
}

/** Status and text of an answer other than 2xx as a catalogue error (thingworx.md 4.7). */
function refusal(
  { status, text, retryAfterMs }: PlatformAnswer,
  what: string,
  credential: string,
): ConnectorError {
  const message = plainText(text);
  if (/not authorized for/i.test(message)) {
    return new ConnectorError('THINGWORX_FORBIDDEN', `${what}: ${message}`);
  }
  if (status === 401 || status === 403 || status === 501) {
    return new ConnectorError(
      'THINGWORX_UNAUTHORIZED',
      `ThingWorx refused the ${credential} (status ${status}) for ${what}.`,
    );
  }
  if (status === 404) return new ConnectorError('THINGWORX_NOT_FOUND', `${what}: ${message || 'not found'}`);
  if (status === 429 || status === 502 || status === 503 || status === 504) {
    const options = retryAfterMs === undefined ? {} : { retryAfterMs };
    return new ConnectorError('THINGWORX_UNAVAILABLE', `ThingWorx answered ${status} to ${what}.`, options);
  }
  if (status === 413)
    return new ConnectorError('THINGWORX_REJECTED', `${what}: the request is too large for ThingWorx.`, {
      details: { tooLarge: true },
    });
  return new ConnectorError('THINGWORX_REJECTED', `${what}: ${message || `status ${status}`}`);
}

/** The platform answers text/plain or a servlet page; people read one short line. */
function plainText(body: string): string {
  const text = /^\s*</.test(body)
    ? body.replace(/<(style|script)[\s\S]*?<\/\1>/gi, ' ').replace(/<[^>]*>/g, ' ')
    : body;
  const line = text.replace(/\s+/g, ' ').trim();
  return line.length > MAX_MESSAGE_CHARACTERS ? `${line.slice(0, MAX_MESSAGE_CHARACTERS)}…` : line;
}

function retryAfterMs(header: string | string[] | undefined): number | undefined {
  const seconds = Number(Array.isArray(header) ? header[0] : header);
  return Number.isFinite(seconds) && seconds > 0 ? seconds * 1000 : undefined;
}

/**
 * Whether a failed call to ThingWorx says nothing about the data that it carried: ThingWorx is down or slow, refuses the application key, or
 * has no hub Thing. Such a call is repeated until it succeeds; no message becomes a dead letter because of it.
 */
export function isOutage(error: unknown): boolean {
  if (!(error instanceof ConnectorError)) return false;
  switch (error.code) {
    case 'THINGWORX_UNREACHABLE':
    case 'PROXY_REFUSED':
    case 'CERTIFICATE_UNTRUSTED':
    case 'THINGWORX_UNAVAILABLE':
    case 'THINGWORX_UNAUTHORIZED':
    case 'THINGWORX_FORBIDDEN':
    case 'THINGWORX_NOT_FOUND':
      return true;
    default:
      return false;
  }
}
