/**
 * One entry of the error catalogue. `status` is the HTTP status of the problem answer (RFC 9457). `retryable` says whether the
 * same request may succeed later without anyone changing anything.
 */
export interface ErrorDefinition {
  readonly status: number;
  readonly retryable: boolean;
  /** One sentence in plain words: what is wrong. */
  readonly title: string;
  /** What the administrator or operator does about it. */
  readonly remedy: string;
}

/** Keeps the codes of a table as literal types. */
export function defineErrors<const T extends Record<string, ErrorDefinition>>(table: T): T {
  return table;
}
