import { ERRORS, type ErrorCode } from './catalogue.ts';

interface ConnectorErrorOptions {
  /** What caused it. Logged through the redacting serialiser, never sent to a caller. */
  cause?: unknown;
  /** How long a caller should wait before it tries again, in milliseconds. */
  retryAfterMs?: number;
  /** Named facts for the caller (field errors, Azure's own code): no secrets. */
  details?: Readonly<Record<string, unknown>>;
}

/**
 * The one error class of the sidecar. The code is stable and stands in the catalogue; `message` is the detail: what is
 * wrong here and what is expected, fit to be shown to a user and free of secrets.
 */
export class ConnectorError extends Error {
  override readonly name = 'ConnectorError';
  readonly code: ErrorCode;
  readonly retryAfterMs: number | undefined;
  readonly details: Readonly<Record<string, unknown>> | undefined;

  constructor(code: ErrorCode, detail: string, options: ConnectorErrorOptions = {}) {
    super(detail, options.cause === undefined ? undefined : { cause: options.cause });
    this.code = code;
    this.retryAfterMs = options.retryAfterMs;
    this.details = options.details;
  }

  get status(): number {
    return ERRORS[this.code].status;
  }

  get retryable(): boolean {
    return ERRORS[this.code].retryable;
  }
}

/** Whatever was thrown, as a ConnectorError; an unknown error becomes INTERNAL and keeps itself as cause. */
export function toConnectorError(thrown: unknown): ConnectorError {
  if (thrown instanceof ConnectorError) return thrown;
  return new ConnectorError('INTERNAL', 'An unexpected error occurred.', { cause: thrown });
}
