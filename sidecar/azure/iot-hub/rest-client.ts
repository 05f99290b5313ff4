import { setTimeout as sleep } from 'node:timers/promises';
import { apiVersion } from 'azure-iothub/dist/version.js';
import type { Dispatcher } from 'undici';
import type { ErrorCode } from '../../errors/catalogue.ts';
import { ConnectorError } from '../../errors/connector-error.ts';
import { parseExact } from '../../lib/exact-json.ts';
import { createAgent } from '../../lib/proxy.ts';
import { inSpan } from '../../observe/spans.ts';
import { type AzureContext, azureError, httpError, parseHubError, retryAfterMs } from '../azure-error.ts';
import type { HubCredentials } from '../credentials.ts';
import { dateOf, type ServiceClock } from '../service-clock.ts';
import { HubAuthorization } from './authorization.ts';
import { type MeteredUse, type OnMetered, useOfCall, useOfFailure } from './metering.ts';
import { type OperationClass, RateLimiter } from './rate-limiter.ts';

/** Deadline and cancellation of a call. Every function of the IoT Hub adapters takes these. */
export interface CallOptions {
  /** Timeout of the whole call, including the wait for the rate limit. Default 30000. */
  readonly timeoutMs?: number;
  readonly signal?: AbortSignal;
  /** Whether the sidecar asks by itself, without a call of somebody. Only for the use of the daily quota. */
  readonly isOwn?: boolean;
}

export interface HubRequest extends CallOptions {
  readonly method: 'GET' | 'PUT' | 'POST' | 'PATCH' | 'DELETE';
  /** Without the query string; build it with `hubPath`. */
  readonly path: string;
  readonly query?: Readonly<Record<string, string | number | undefined>>;
  readonly body?: unknown;
  readonly headers?: Readonly<Record<string, string>>;
  /** An ETag (with or without quotes) or `*`. */
  readonly ifMatch?: string | undefined;
  readonly operation: OperationClass;
  /** Number of operations that the hub counts for this call. Default 1. */
  readonly cost?: number;
  /** First words of the error message: `Reading the twin of dev-1`. */
  readonly action: string;
  /** The right that the call needs, such as `RegistryRead`. The error message names it when access is refused. */
  readonly right: string;
  /** Statuses of 300 and above that are not errors of this call. */
  readonly accept?: readonly number[];
  /** Whether the call may be sent again after a connection loss. Default: GET only. */
  readonly repeatable?: boolean;
  /** Whether the body of the response comes with all digits of its numbers, as parseExact reads it. */
  readonly exactNumbers?: boolean;
}

export interface HubAnswer<T> {
  readonly status: number;
  /** Undefined when the response has no body. */
  readonly body: T;
  /** Token for the next page of a query. */
  readonly continuation: string | undefined;
  /** The size of the body. */
  readonly bytes: number;
}

interface RestClientOptions {
  readonly credentials: HubCredentials;
  /** Shared by all clients of the hub. Default: no limit until the hub answers 429. */
  readonly rateLimiter?: RateLimiter;
  /** Receives what calls use of the daily quota. */
  readonly onMetered?: OnMetered | undefined;
  /** Most connections to the hub. Default 8. */
  readonly connections?: number;
}

const DEFAULT_TIMEOUT_MS = 30_000;
/** Of a call that can be repeated: 0.1, 0.3, 0.9 and 2.7 s lie between them. */
const MAX_ATTEMPTS = 5;
const FIRST_PAUSE_MS = 100;
const REPEATED: ReadonlySet<ErrorCode> = new Set(['AZURE_UNREACHABLE', 'AZURE_FAILED', 'AZURE_TIMEOUT']);

/** Joins path segments and encodes each: ids may contain any of `-:.+%_#*?!(),=@$'`. */
export function hubPath(...segments: readonly string[]): string {
  return `/${segments.map(encodeURIComponent).join('/')}`;
}

/**
 * A client of the service REST API of IoT Hub. It connects to `HostName` with its port, uses the certificates that Node trusts
 * (NODE_EXTRA_CA_CERTS included), keeps connections alive, signs requests, keeps to the rates of the tier, and retries after a 429 as long as
 * the deadline allows.
 */
export class RestClient {
  readonly #agent: Dispatcher;
  readonly #host: string;
  readonly #clock: ServiceClock | undefined;
  readonly #authorization: HubAuthorization;
  readonly #rateLimiter: RateLimiter;
  readonly #onMetered: OnMetered | undefined;
  readonly #stop = new AbortController();

  constructor(options: RestClientOptions) {
    this.#onMetered = options.onMetered;
    const { credentials } = options;
    const hostName = credentials.kind === 'entra' ? credentials.hostName : credentials.connection.hostName;
    this.#host = hostName;
    this.#clock = credentials.clock;
    this.#rateLimiter = options.rateLimiter ?? new RateLimiter();
    this.#authorization = new HubAuthorization(credentials);
    this.#agent = createAgent({
      connections: options.connections ?? 8,
      connect: { timeout: 15_000 },
      keepAliveTimeout: 30_000,
    });
  }

  /** Throws ConnectorError with the codes of azure-error.ts, and REQUEST_INVALID for a path segment `.` or `..`. */
  request<T = unknown>(request: HubRequest): Promise<HubAnswer<T>> {
    return inSpan(
      () => ({
        kind: 'call',
        name: `IoT Hub ${request.operation}`,
        attributes: {
          'server.address': this.#host,
          'http.request.method': request.method,
          'iothub.action': request.action,
        },
      }),
      () => this.#request<T>(request),
    );
  }

  /** Running calls fail with STOPPING. Idempotent. */
  async close(): Promise<void> {
    this.#stop.abort();
    await this.#agent.destroy();
  }

  async #request<T>(request: HubRequest): Promise<HubAnswer<T>> {
    const context = { action: request.action, host: this.#host, right: request.right };
    checkSegments(request);
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
        await this.#rateLimiter.take(request.operation, { deadlineMs, signal, cost: request.cost ?? 1 });
      } catch (thrown) {
        throw this.#stop.signal.aborted ? stopping() : thrown;
      }
      try {
        const answer = await this.#send<T>(request, context, signal);
        this.#rateLimiter.accepted(request.operation);
        this.#meter(useOfCall(request, answer.body, answer.bytes));
        return answer;
      } catch (thrown) {
        const error = this.#judge(thrown, request, context, signal);
        this.#meter(useOfFailure(request, error.code));
        if (!(await this.#mayRetry(request, error, attempt, deadlineMs, signal))) throw error;
      }
    }
  }

  #meter(use: MeteredUse | undefined): void {
    if (use) this.#onMetered?.(use);
  }

  #judge(thrown: unknown, request: HubRequest, context: AzureContext, signal: AbortSignal): ConnectorError {
    if (this.#stop.signal.aborted) return stopping();
    if (signal.aborted) return azureError(abortReason(signal), context);
    const error = azureError(thrown, context);
    if (error.code !== 'AZURE_THROTTLED') return error;
    const restMs = this.#rateLimiter.refused(request.operation, error.retryAfterMs);
    return new ConnectorError(error.code, `${error.message} Retry in ${Math.ceil(restMs / 1000)} s.`, {
      retryAfterMs: restMs,
      ...(error.details ? { details: error.details } : {}),
    });
  }

  /** After a 429, and after a lost connection or a status of 500 and above when the call can be repeated, while the deadline allows. */
  async #mayRetry(
    request: HubRequest,
    error: ConnectorError,
    attempt: number,
    deadlineMs: number,
    signal: AbortSignal,
  ): Promise<boolean> {
    if (signal.aborted) return false;
    if (error.code === 'AZURE_THROTTLED') return Date.now() + (error.retryAfterMs ?? 0) < deadlineMs;
    const repeatable = request.repeatable ?? request.method === 'GET';
    if (!repeatable || attempt >= MAX_ATTEMPTS || !REPEATED.has(error.code)) return false;
    const pauseMs = Math.max(FIRST_PAUSE_MS * 3 ** (attempt - 1), error.retryAfterMs ?? 0);
    if (Date.now() + pauseMs >= deadlineMs) return false;
    await sleep(pauseMs, undefined, { signal }).catch(() => undefined);
    return !signal.aborted;
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
    const sentAtMs = performance.now();
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
    this.#clock?.observe(dateOf(answer.headers), sentAtMs);
    const text = await answer.body.text();
    if (answer.statusCode >= 300 && !request.accept?.includes(answer.statusCode))
      throw this.#refusal(answer, text, context);
    return {
      status: answer.statusCode,
      body: parseBody(text, request, context) as T,
      continuation: headerOf(answer, 'x-ms-continuation') || undefined,
      bytes: Buffer.byteLength(text),
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

/**
 * The body of a response, which must be an object with the named text. What is read and written back must not be taken for empty because
 * its form is unknown. Throws AZURE_FAILED.
 */
export function requireDocument<T>({ body }: HubAnswer<T>, member: keyof T & string, action: string): T {
  const value = (body as Record<string, unknown> | null | undefined)?.[member];
  if (typeof value === 'string' && value !== '') return body;
  throw new ConnectorError(
    'AZURE_FAILED',
    `${action}: the response has an unknown form: it has no ${member}.`,
  );
}

/** A segment `.` or `..` would address another resource, such as the device of a module. */
function checkSegments({ path, action }: HubRequest): void {
  const dots = path.split('/').find((segment) => segment === '.' || segment === '..');
  if (dots !== undefined)
    throw new ConnectorError('REQUEST_INVALID', `${action}: ${dots} is not a valid id.`);
}

function stopping(): ConnectorError {
  return new ConnectorError('STOPPING', 'The connection to the IoT Hub is closing.');
}

/** Callers abort with any reason. Only a timeout is distinguished. */
function abortReason(signal: AbortSignal): unknown {
  const isTimeout = signal.reason instanceof DOMException && signal.reason.name === 'TimeoutError';
  return isTimeout ? signal.reason : new DOMException('cancelled', 'AbortError');
}

function query(parameters: HubRequest['query'] = {}): string {
  const search = new URLSearchParams({ 'api-version': apiVersion });
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

function parseBody(text: string, { exactNumbers }: HubRequest, context: AzureContext): unknown {
  if (text === '') return undefined;
  try {
    return exactNumbers ? parseExact(text) : JSON.parse(text);
  } catch {
    throw new ConnectorError(
      'AZURE_FAILED',
      `${context.action}: the response of ${context.host} is not JSON.`,
    );
  }
}
