import { setTimeout as sleep } from 'node:timers/promises';
import type { Dispatcher } from 'undici';
import { ConnectorError } from '../../errors/connector-error.ts';
import { createAgent } from '../../lib/proxy.ts';
import { type AzureContext, azureError, httpError, parseHubError, retryAfterMs } from '../azure-error.ts';
import type { HubCredentials } from '../credentials.ts';
import { HubAuthorization } from './authorization.ts';
import { type OperationClass, RateLimiter } from './rate-limiter.ts';

/** How long a caller waits, and how it gives up. Every function of the hub adapters takes these. */
export interface CallOptions {
  /** Bound of the whole, waiting for the tier's rate included. Default 30000. */
  readonly timeoutMs?: number;
  readonly signal?: AbortSignal;
}

export interface HubRequest extends CallOptions {
  readonly method: 'GET' | 'PUT' | 'POST' | 'PATCH' | 'DELETE';
  /** Without api-version; build it with `hubPath`. */
  readonly path: string;
  readonly query?: Readonly<Record<string, string | number | undefined>>;
  readonly body?: unknown;
  readonly headers?: Readonly<Record<string, string>>;
  /** An ETag (with or without quotes) or `*`. */
  readonly ifMatch?: string | undefined;
  readonly operation: OperationClass;
  /** Operations that one call stands for. Default 1. */
  readonly cost?: number;
  /** Opens the error message: `Reading the twin of dev-1`. */
  readonly action: string;
  /** Named when access is refused: `RegistryRead`. */
  readonly right: string;
  /** Statuses of 300 and above that are no failure here. */
  readonly accept?: readonly number[];
  /** Whether the call may be sent again when the connection broke under it. Default: GET only. */
  readonly repeatable?: boolean;
}

export interface HubAnswer<T> {
  readonly status: number;
  /** Undefined when the answer has no body. */
  readonly body: T;
  /** Token for the next page of a query. */
  readonly continuation: string | undefined;
}

export interface RestClientOptions {
  readonly credentials: HubCredentials;
  /** Shared by everything that calls the same hub. Without one nothing is held back. */
  readonly quota?: RateLimiter;
  /** Most connections to the hub. Default 8. */
  readonly connections?: number;
}

const API_VERSION = '2021-04-12';
const DEFAULT_TIMEOUT_MS = 30_000;

/**
 * Joins path segments, each encoded: ids may hold any of `-:.+%_#*?!(),=@$'`. One of dots alone would lead to another resource, such as the
 * device of a module. @throws ConnectorError REQUEST_INVALID
 */
export function hubPath(...segments: readonly string[]): string {
  const direction = segments.find((segment) => segment === '.' || segment === '..');
  if (direction !== undefined)
    throw new ConnectorError('REQUEST_INVALID', `${direction} is no id: it would lead somewhere else.`);
  return `/${segments.map(encodeURIComponent).join('/')}`;
}

/**
 * The service side of IoT Hub's REST API. Speaks to `HostName` with its port, trusts what Node trusts (NODE_EXTRA_CA_CERTS included), keeps
 * connections, signs, keeps to the tier's rates and waits out a 429 as long as the caller's time allows.
 */
export class RestClient {
  readonly #agent: Dispatcher;
  readonly #host: string;
  readonly #authorization: HubAuthorization;
  readonly #quota: RateLimiter;
  readonly #stop = new AbortController();

  constructor(options: RestClientOptions) {
    const { credentials } = options;
    const hostName = credentials.kind === 'entra' ? credentials.hostName : credentials.connection.hostName;
    this.#host = hostName;
    this.#quota = options.quota ?? new RateLimiter();
    this.#authorization = new HubAuthorization(credentials);
    this.#agent = createAgent({
      connections: options.connections ?? 8,
      connect: { timeout: 15_000 },
      keepAliveTimeout: 30_000,
    });
  }

  /** Throws ConnectorError; the codes are those of azure-error.ts. */
  async request<T = unknown>(request: HubRequest): Promise<HubAnswer<T>> {
    const context = { action: request.action, host: this.#host, right: request.right };
    const timeoutMs = request.timeoutMs ?? DEFAULT_TIMEOUT_MS;
    const deadlineMs = Date.now() + timeoutMs;
    const signals = [
      AbortSignal.timeout(timeoutMs),
      this.#stop.signal,
      ...(request.signal ? [request.signal] : []),
    ];
    const signal = AbortSignal.any(signals);
    for (let attempt = 1; ; attempt++) {
      try {
        await this.#quota.take(request.operation, { deadlineMs, signal, cost: request.cost ?? 1 });
      } catch (thrown) {
        throw this.#stop.signal.aborted ? stopping() : thrown;
      }
      try {
        const answer = await this.#send<T>(request, context, signal);
        this.#quota.accepted(request.operation);
        return answer;
      } catch (thrown) {
        const error = this.#judge(thrown, request, context, signal);
        if (!(await this.#mayRepeat(request, error, attempt, deadlineMs, signal))) throw error;
      }
    }
  }

  /** Ends calls that are under way (they fail with STOPPING). Idempotent. */
  async close(): Promise<void> {
    this.#stop.abort();
    await this.#agent.destroy();
  }

  #judge(thrown: unknown, request: HubRequest, context: AzureContext, signal: AbortSignal): ConnectorError {
    if (this.#stop.signal.aborted)
      return new ConnectorError('STOPPING', 'The connection to the hub is being closed.');
    if (signal.aborted) return azureError(abortReason(signal), context);
    const error = azureError(thrown, context);
    if (error.code !== 'AZURE_THROTTLED') return error;
    const restMs = this.#quota.refused(request.operation, error.retryAfterMs);
    return new ConnectorError(error.code, `${error.message} Try again in ${Math.ceil(restMs / 1000)} s.`, {
      retryAfterMs: restMs,
      ...(error.details ? { details: error.details } : {}),
    });
  }

  /** After a 429 when there is time left, and once after a broken connection when the call can be repeated. */
  async #mayRepeat(
    request: HubRequest,
    error: ConnectorError,
    attempt: number,
    deadlineMs: number,
    signal: AbortSignal,
  ): Promise<boolean> {
    if (signal.aborted) return false;
    if (error.code === 'AZURE_THROTTLED') return Date.now() + (error.retryAfterMs ?? 0) < deadlineMs;
    const repeatable = request.repeatable ?? request.method === 'GET';
    if (error.code !== 'AZURE_UNREACHABLE' || !repeatable || attempt > 1) return false;
    await sleep(100);
    return true;
  }

  async #send<T>(request: HubRequest, context: AzureContext, signal: AbortSignal): Promise<HubAnswer<T>> {
    const headers: Record<string, string> = {
      accept: 'application/json',
      'user-agent': 'thingworx-azure-iot-connector',
      authorization: await this.#authorization.header(),
      ...request.headers,
    };
    if (request.ifMatch !== undefined) headers['if-match'] = quoted(request.ifMatch);
    let body: string | undefined;
    if (request.body !== undefined) {
      body = JSON.stringify(request.body);
      headers['content-type'] = 'application/json; charset=utf-8';
    }
    const answer = await this.#agent.request({
      origin: `https://${this.#host}`,
      method: request.method,
      path: `${request.path}?${query(request.query)}`,
      headers,
      signal,
      headersTimeout: 0,
      bodyTimeout: 0,
      ...(body === undefined ? {} : { body }),
    });
    const text = await answer.body.text();
    if (answer.statusCode >= 300 && !request.accept?.includes(answer.statusCode))
      throw this.#refusal(answer, text, context);
    return {
      status: answer.statusCode,
      body: parseBody(text, context) as T,
      continuation: headerOf(answer, 'x-ms-continuation') || undefined,
    };
  }

  #refusal(answer: Dispatcher.ResponseData, text: string, context: AzureContext): ConnectorError {
    if (answer.statusCode === 401) this.#authorization.forget();
    const { code, message, requestId } = parseHubError(text);
    return httpError(
      {
        status: answer.statusCode,
        code: code ?? headerOf(answer, 'iothub-errorcode'),
        message,
        requestId: requestId ?? headerOf(answer, 'x-ms-request-id'),
        retryAfterMs: retryAfterMs(headerOf(answer, 'retry-after')),
      },
      context,
    );
  }
}

function stopping(): ConnectorError {
  return new ConnectorError('STOPPING', 'The connection to the hub is being closed.');
}

/** A caller may abort with any reason; what counts is whether time was up. */
function abortReason(signal: AbortSignal): unknown {
  const isTimeout = signal.reason instanceof DOMException && signal.reason.name === 'TimeoutError';
  return isTimeout ? signal.reason : new DOMException('cancelled', 'AbortError');
}

function query(parameters: HubRequest['query'] = {}): string {
  const search = new URLSearchParams({ 'api-version': API_VERSION });
  for (const [name, value] of Object.entries(parameters))
    if (value !== undefined) search.set(name, String(value));
  return search.toString();
}

function quoted(etag: string): string {
  return etag === '*' || etag.startsWith('"') ? etag : `"${etag}"`;
}

function headerOf(answer: Dispatcher.ResponseData, name: string): string | undefined {
  const value = answer.headers[name];
  return Array.isArray(value) ? value[0] : value;
}

function parseBody(text: string, context: AzureContext): unknown {
  if (text === '') return undefined;
  try {
    return JSON.parse(text);
  } catch {
    throw new ConnectorError('AZURE_FAILED', `${context.action}: the answer of ${context.host} is not JSON.`);
  }
}
