import type { ErrorCode } from '../errors/catalogue.ts';
import { ConnectorError } from '../errors/connector-error.ts';
import { CERTIFICATE_CODES, proxyRefusal } from '../lib/proxy.ts';
import { redact } from '../observe/log.ts';
import {
  AMQP_CODES,
  HUB_CODES,
  HUB_NUMBERS,
  SDK_NAMES,
  STATUS_CODES,
  STORAGE_CODES,
  SYSTEM_CODES,
} from './error-codes.ts';

/** The operation that failed, for the error message. */
export interface AzureContext {
  /** First words of the message, such as `Reading the twin of dev-1`. */
  readonly action: string;
  /** The host that was called. The message names it when it cannot be reached or refuses access. */
  readonly host?: string | undefined;
  /** The right that the call needs, such as `ServiceConnect`. The message names it when Azure refuses access. */
  readonly right?: string | undefined;
  /** Meanings of AMQP conditions in this operation; they take precedence over the general ones. */
  readonly conditions?: Readonly<Record<string, ErrorCode>> | undefined;
}

/** An error response of a REST service. */
interface HttpFailure {
  readonly status: number;
  /** The service's own code: `DeviceNotFound`, `404103`, `BlobNotFound`. */
  readonly code?: string | undefined;
  readonly message?: string | undefined;
  readonly retryAfterMs?: number | undefined;
  /** The service's tracking or request id, for a support request. */
  readonly requestId?: string | undefined;
}

/**
 * Maps an error of an Azure SDK or of a call to Azure to a ConnectorError. The original error is not kept as the cause: the SDKs attach
 * whole requests to their errors, with the SAS token in the header.
 */
export function azureError(thrown: unknown, context: AzureContext): ConnectorError {
  if (thrown instanceof ConnectorError) return thrown;
  const illegal = illegalInput(thrown);
  if (illegal) return illegal;
  const found = findKnown(thrown, context.conditions) ?? {
    // A WebSocket that fails emits an event, whose error has little or no text.
    code: thrown instanceof Event ? ('AZURE_UNREACHABLE' as const) : ('AZURE_FAILED' as const),
    text: messageOf(thrown),
  };
  return problem(found, context);
}

/** Codes of Node.js for what no header or path can hold. */
const ILLEGAL_CODES = new Set([
  'ERR_INVALID_CHAR',
  'ERR_INVALID_HTTP_TOKEN',
  'ERR_INVALID_URL',
  'ERR_UNESCAPED_CHARACTERS',
]);

/** A value of the caller's that cannot travel in a header or path: the request never left. */
function illegalInput(thrown: unknown): ConnectorError | undefined {
  for (const error of chain(thrown)) {
    // encodeURIComponent throws a URIError for half of a surrogate pair.
    const isIllegal =
      error instanceof URIError ||
      (typeof error.code === 'string' && ILLEGAL_CODES.has(error.code)) ||
      /invalid character in header|invalid header value/i.test(messageOf(error));
    if (isIllegal)
      return new ConnectorError(
        'REQUEST_INVALID',
        'A value has characters that an HTTP header or path cannot hold, such as line breaks; expected printable text.',
        { cause: thrown },
      );
  }
  return undefined;
}

/** The ConnectorError of an error response. */
export function httpError(failure: HttpFailure, context: AzureContext): ConnectorError {
  return problem(fromHttp(failure), context);
}

/** Reads a Retry-After header (seconds or a date), in ms; undefined when it is absent or invalid. */
export function retryAfterMs(
  header: string | null | undefined,
  nowMs: number = Date.now(),
): number | undefined {
  if (!header) return undefined;
  const seconds = Number(header);
  if (Number.isFinite(seconds)) return seconds >= 0 ? Math.min(seconds * 1000, 3_600_000) : undefined;
  const time = Date.parse(header);
  return Number.isNaN(time) ? undefined : Math.min(Math.max(time - nowMs, 0), 3_600_000);
}

/**
 * Reads IoT Hub's error body: `{"Message":"ErrorCode:DeviceNotFound;text"}`, or a Message that is JSON itself with `errorCode` (a
 * number such as 404103), `message` and `trackingId`.
 */
export function parseHubError(body: string): { code?: string; message?: string; requestId?: string } {
  const outer = parseObject(body);
  if (!outer) return { message: body.slice(0, 500) };
  const text = stringOf(outer.Message) ?? stringOf(outer.message) ?? '';
  const tracking = /Tracking ID:\s*([\w-]+)/.exec(`${stringOf(outer.ExceptionMessage) ?? ''} ${text}`)?.[1];
  const inner = parseObject(text);
  if (inner) {
    const id = stringOf(inner.trackingId)?.split('-TimeStamp')[0] ?? tracking;
    return {
      ...(inner.errorCode === undefined ? {} : { code: String(inner.errorCode) }),
      ...(stringOf(inner.message) ? { message: String(inner.message) } : {}),
      ...(id ? { requestId: id } : {}),
    };
  }
  const coded = /^ErrorCode:\s*(\w+);?\s*([\s\S]*)$/.exec(text);
  return {
    ...(coded?.[1] ? { code: coded[1] } : {}),
    message: (coded?.[2] || (coded ? '' : text)).slice(0, 1000),
    ...(tracking ? { requestId: tracking } : {}),
  };
}

interface Known {
  readonly code: ErrorCode;
  readonly text: string;
  readonly retryAfterMs?: number | undefined;
  readonly azureCode?: string | undefined;
  readonly requestId?: string | undefined;
}

/** What Azure has not said itself. */
const OUR_OWN: ReadonlySet<ErrorCode> = new Set(['CERTIFICATE_UNTRUSTED', 'PROXY_REFUSED']);

function problem(known: Known, context: AzureContext): ConnectorError {
  const reason = reasonFor(known.code, context);
  const said = tidy(known.text);
  const details: Record<string, unknown> = {};
  if (known.azureCode) details.azureCode = known.azureCode;
  if (known.requestId) details.requestId = known.requestId;
  const options = {
    ...(known.retryAfterMs === undefined ? {} : { retryAfterMs: known.retryAfterMs }),
    ...(Object.keys(details).length === 0 ? {} : { details }),
  };
  const source = OUR_OWN.has(known.code) ? '' : 'Azure: ';
  const saidPart = said === '' ? '' : ` (${source}${said})`;
  return new ConnectorError(known.code, `${context.action}: ${reason}${saidPart}`, options);
}

function reasonFor(code: ErrorCode, context: AzureContext): string {
  const host = context.host ? ` ${context.host}` : ' the host';
  switch (code) {
    case 'AZURE_UNAUTHORIZED':
      return `access was refused${context.right ? `; the right ${context.right} is needed` : ''}.`;
    case 'AZURE_UNREACHABLE':
      return `${host.trim()} cannot be reached.`;
    case 'CERTIFICATE_UNTRUSTED':
      return `the certificate of ${host.trim()} is not trusted.`;
    case 'PROXY_REFUSED':
      return `the proxy refused the connection to ${host.trim()}.`;
    case 'AZURE_TIMEOUT':
      return `no answer${context.host ? ` from ${context.host}` : ''} in time.`;
    case 'AZURE_CANCELLED':
      return 'cancelled.';
    case 'AZURE_THROTTLED':
      return 'IoT Hub or the storage account throttles calls of this kind.';
    case 'AZURE_NOT_FOUND':
      return 'it does not exist.';
    case 'AZURE_CONFLICT':
      return 'it exists already, or another operation is changing it.';
    case 'DEVICE_NOT_FOUND':
      return 'IoT Hub has no such device or module.';
    case 'DEVICE_EXISTS':
      return 'the device or module exists already.';
    case 'DEVICE_OFFLINE':
      // IoT Hub has one code for both (404103).
      return 'the device or module is not connected, or has no handler for direct methods.';
    case 'DEVICE_TIMEOUT':
      return 'the device did not answer in time.';
    case 'DEVICE_RESPONSE_INVALID':
      return 'the device sent an invalid response.';
    case 'DEVICE_QUEUE_FULL':
      return 'the queue of the device is full.';
    case 'PRECONDITION_FAILED':
      return 'it was changed since it was read (the ETag does not match).';
    case 'QUOTA_EXCEEDED':
      return 'a quota of the IoT Hub is exhausted.';
    case 'PARTITION_TAKEN':
      return 'another reader owns the partition.';
    case 'AZURE_REJECTED':
      return 'Azure rejected the request.';
    default:
      return 'Azure returned an error.';
  }
}

function findKnown(thrown: unknown, conditions: AzureContext['conditions'] = {}): Known | undefined {
  for (const error of chain(thrown)) {
    const here = error.condition === undefined ? undefined : conditions[error.condition];
    if (here) return { code: here, text: error.description ?? '', azureCode: error.condition };
    const known = classify(error);
    if (known) return known;
  }
  return undefined;
}

function classify(error: ErrorLike): Known | undefined {
  const text = messageOf(error);
  const refusal = proxyRefusal(text);
  if (refusal) return { code: 'PROXY_REFUSED', text: refusal };
  if (error.name === 'AbortError' || error.code === 'ABORT_ERR') return { code: 'AZURE_CANCELLED', text: '' };
  // Before the status: timeouts of undici and DOMException have no status.
  if (error.name === 'TimeoutError' && error.response === undefined)
    return { code: 'AZURE_TIMEOUT', text: '' };
  const status = error.statusCode ?? error.response?.statusCode ?? error.response?.status;
  if (typeof status === 'number' && status >= 300) return fromHttp(failureOf(error, status));
  const code = typeof error.code === 'string' ? error.code : undefined;
  if (code && CERTIFICATE_CODES.has(code)) {
    return { code: 'CERTIFICATE_UNTRUSTED', text, azureCode: code };
  }
  if (code && SYSTEM_CODES[code]) return { code: SYSTEM_CODES[code], text: `${code}`, azureCode: code };
  if (code && AMQP_CODES[code]) return { code: AMQP_CODES[code], text, azureCode: code };
  const condition = error.condition;
  if (condition && AMQP_CODES[condition])
    return { code: AMQP_CODES[condition], text: error.description ?? text, azureCode: condition };
  const named = error.name ? SDK_NAMES[error.name] : undefined;
  if (named) return { code: named, text, azureCode: error.name };
  if (/failed to authenticate/i.test(text)) return { code: 'AZURE_UNAUTHORIZED', text };
  return undefined;
}

function fromHttp(failure: HttpFailure): Known {
  const code =
    (failure.code && (HUB_NUMBERS[failure.code] ?? HUB_CODES[failure.code] ?? STORAGE_CODES[failure.code])) ||
    STATUS_CODES[failure.status] ||
    (failure.status >= 500 ? 'AZURE_FAILED' : 'AZURE_REJECTED');
  return {
    code,
    text: failure.message ?? `status ${failure.status}`,
    retryAfterMs: failure.retryAfterMs,
    azureCode: failure.code ?? String(failure.status),
    requestId: failure.requestId,
  };
}

function failureOf(error: ErrorLike, status: number): HttpFailure {
  const headers = error.response?.headers;
  const header = (name: string): string | undefined => {
    if (!headers) return undefined;
    const value =
      typeof headers.get === 'function' ? headers.get(name) : (headers as Record<string, unknown>)[name];
    return typeof value === 'string' ? value : undefined;
  };
  const parsed = typeof error.responseBody === 'string' ? parseHubError(error.responseBody) : undefined;
  const storageCode =
    stringOf(error.details?.errorCode) ?? (typeof error.code === 'string' ? error.code : undefined);
  return {
    status,
    code: parsed?.code ?? storageCode ?? header('x-ms-error-code'),
    message: parsed?.message ?? firstLine(stringOf(error.details?.message) ?? messageOf(error)),
    retryAfterMs: retryAfterMs(header('retry-after')),
    requestId: parsed?.requestId ?? header('x-ms-request-id'),
  };
}

interface ErrorLike {
  readonly name?: string;
  readonly message?: unknown;
  readonly code?: unknown;
  readonly condition?: string;
  readonly description?: string;
  readonly statusCode?: number;
  readonly responseBody?: unknown;
  readonly details?: Readonly<Record<string, unknown>>;
  readonly response?: {
    readonly statusCode?: number;
    readonly status?: number;
    readonly headers?: { get?: (name: string) => unknown } & Readonly<Record<string, unknown>>;
  };
}

/** The error, its inner errors (AggregateError, azure-iothub's amqpError, an event's) and its causes, outermost first. */
function* chain(thrown: unknown, depth = 0): Generator<ErrorLike> {
  if (typeof thrown !== 'object' || thrown === null || depth > 5) return;
  yield thrown as ErrorLike;
  const { cause, errors, amqpError, innerError, error } = thrown as Record<string, unknown>;
  if (Array.isArray(errors)) for (const inner of errors) yield* chain(inner, depth + 1);
  // `error` belongs to the event of a WebSocket.
  for (const inner of [amqpError, innerError, cause, error]) yield* chain(inner, depth + 1);
}

function messageOf(thrown: unknown): string {
  if (typeof thrown === 'string') return thrown;
  if (typeof thrown !== 'object' || thrown === null) return '';
  const { message, description } = thrown as ErrorLike;
  return stringOf(message) ?? description ?? '';
}

/** One line of limited length, without secrets and without the stack traces that some SDKs put into messages. */
function tidy(text: string): string {
  const line = redact(firstLine(text)).replaceAll(/\s+/g, ' ').trim().replace(/\.$/, '');
  return line.length > 400 ? `${line.slice(0, 400)}...` : line;
}

function firstLine(text: string): string {
  return text.split(/\r?\n/).find((line) => line.trim() !== '') ?? '';
}

function stringOf(value: unknown): string | undefined {
  return typeof value === 'string' && value !== '' ? value : undefined;
}

function parseObject(text: string): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null && !Array.isArray(value)
      ? (value as Record<string, unknown>)
      : undefined;
  } catch {
    return undefined;
  }
}
