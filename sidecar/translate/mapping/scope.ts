import { isPlainObject } from '../coerce/structure.ts';
import { readJson } from '../exact-json.ts';
import type { ReceivedMessage } from '../types.ts';

/** What paths of a rule see: the body, the element at hand, those around it, and the message. */
export interface Scope {
  readonly root: unknown;
  readonly item: unknown;
  /** Elements around `item`, the nearest first; the body is the last. */
  readonly around: readonly unknown[];
  /** Key or index of the element in its container. */
  readonly key: string | number | undefined;
  /** Keys or indexes of the elements around it. */
  readonly keysAround: readonly (string | number | undefined)[];
  readonly message: ReceivedMessage;
  /** The body was decoded with exact integers. */
  readonly exact: boolean;
  /** Texts of the message that hold JSON, parsed once. */
  readonly parsed: Map<string, unknown>;
}

export function rootScope(message: ReceivedMessage, root: unknown, exact: boolean): Scope {
  return { root, item: root, around: [], key: undefined, keysAround: [], message, exact, parsed: new Map() };
}

/** The value in which a path goes on: a text that holds a JSON object or array is that object or array. */
export function opened(value: unknown, { parsed, exact }: Scope): unknown {
  if (typeof value !== 'string') return value;
  if (parsed.has(value)) return parsed.get(value);
  const result = parseContainer(value, exact);
  parsed.set(value, result);
  return result;
}

function parseContainer(text: string, exact: boolean): unknown {
  const first = /^\s*([[{])/.exec(text.slice(0, 1000));
  if (first === null) return undefined;
  try {
    return readJson(text, exact);
  } catch {
    return undefined;
  }
}

/** An own member of an object or an element of an array; nothing inherited is ever reached. */
export function step(container: unknown, key: string | number, scope: Scope): unknown {
  const value = typeof container === 'string' ? opened(container, scope) : container;
  if (Array.isArray(value)) return typeof key === 'number' ? value.at(key) : undefined;
  if (!isPlainObject(value)) return undefined;
  return Object.hasOwn(value, key) ? value[key] : undefined;
}
