import type { RefusalCode } from '../types.ts';

/** A value that a base type cannot take, with the reason in plain words. Returned, never thrown. */
export class Wrong {
  readonly code: RefusalCode;
  readonly reason: string;

  constructor(code: RefusalCode, reason: string) {
    this.code = code;
    this.reason = reason;
  }
}

/**
 * Returned for a number that lost digits when the JSON text was parsed, or may have. The translator decodes the body
 * once more with exact integers and tries again (see decode/exact.ts).
 */
export const INEXACT = new Wrong(
  'VALUE_INEXACT',
  'is an integer beyond ±9007199254740991, whose digits a double does not keep; send it as text',
);

const SHOWN_LENGTH = 60;

/** A value as a reason shows it: JSON, cut, never throwing, without walking large structures. */
export function show(value: unknown): string {
  switch (typeof value) {
    case 'string':
      return value.length > SHOWN_LENGTH
        ? `${JSON.stringify(value.slice(0, SHOWN_LENGTH))}... (${value.length} characters)`
        : JSON.stringify(value);
    case 'bigint':
    case 'number':
    case 'boolean':
    case 'undefined':
      return String(value);
    default:
      if (value === null) return 'null';
      if (value instanceof Date) return 'a date';
      if (value instanceof Uint8Array) return `${value.length} bytes`;
      if (Array.isArray(value)) return value.length === 0 ? 'an empty array' : `an array of ${value.length}`;
      return 'an object';
  }
}

export function wrongType(value: unknown, expected: string): Wrong {
  return new Wrong('VALUE_WRONG_TYPE', `${show(value)} is not ${expected}`);
}

export function outOfRange(value: unknown, expected: string): Wrong {
  return new Wrong('VALUE_OUT_OF_RANGE', `${show(value)} is not ${expected}`);
}
