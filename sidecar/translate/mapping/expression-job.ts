/** What goes to the thread of expressions and comes back. All of it is copied on the way. */
export interface ExpressionJob {
  readonly source: string;
  readonly body: unknown;
  /** What `$message` is; undefined when the expression does not use it. */
  readonly message: Readonly<Record<string, unknown>> | undefined;
  /** What `$now()` and `$millis()` give, epoch milliseconds: a value must not depend on when it was processed. */
  readonly nowMs: number;
  readonly limits: ExpressionLimits;
}

export interface ExpressionLimits {
  readonly maxMs: number;
  /** Of sequences, and of what the result holds. */
  readonly maxLength: number;
  /** Of the texts in the result, together. */
  readonly maxCharacters: number;
}

export type ExpressionOutcome = { readonly result: unknown } | { readonly failure: string };

/** What was thrown, in a few words without a full stop; JSONata throws objects with a message. */
export function textOf(thrown: unknown): string {
  const text = (thrown as { message?: unknown } | null)?.message;
  return (typeof text === 'string' ? text : String(thrown)).slice(0, 300).replace(/\.$/, '');
}
