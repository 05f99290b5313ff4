import { ERRORS } from '../errors/catalogue.ts';
import type { ConnectorError } from '../errors/connector-error.ts';

/** An error response according to RFC 9457. `type` is stable and derived from the code. */
export interface Problem {
  readonly type: string;
  readonly title: string;
  readonly status: number;
  readonly code: string;
  readonly detail: string;
  readonly remedy: string;
  readonly retryable: boolean;
  readonly retryAfterMs?: number;
  /** The request id, as in the log lines of the sidecar. */
  readonly instance: string;
  /** Further members, such as `errors` with one entry for each invalid field. */
  readonly [fact: string]: unknown;
}

const RESERVED = new Set([
  'type',
  'title',
  'status',
  'code',
  'detail',
  'remedy',
  'retryable',
  'retryAfterMs',
  'instance',
]);

export function toProblem(error: ConnectorError, requestId: string): Problem {
  const { status, title, remedy, retryable } = ERRORS[error.code];
  const facts = Object.entries(error.details ?? {}).filter(
    ([name]) => !RESERVED.has(name) && !FORBIDDEN_KEYS.has(name),
  );
  return {
    type: `urn:azure-iot-sidecar:problem:${error.code}`,
    title,
    status,
    code: error.code,
    detail: error.message,
    remedy,
    retryable,
    ...(error.retryAfterMs === undefined ? {} : { retryAfterMs: error.retryAfterMs }),
    instance: `urn:uuid:${requestId}`,
    ...Object.fromEntries(facts),
  };
}

/** Keys that the HTTP functions of ThingWorx add to a response or interpret. */
export const FORBIDDEN_KEYS: ReadonlySet<string> = new Set([
  'headers',
  'responseHeaders',
  'responseStatus',
  'array',
]);

/** The first top-level key of a response that ThingWorx would overwrite or misinterpret. */
export function forbiddenKey(answer: object): string | undefined {
  return Object.keys(answer).find((key) => FORBIDDEN_KEYS.has(key));
}
