import { isPlainObject } from '../coerce/structure.ts';
import type { HubMessage } from '../types.ts';
import type { Scope } from './scope.ts';

/** A value in a scope, or undefined where there is none. Never throws. */
export type Getter = (scope: Scope) => unknown;

export interface Compiled<T> {
  readonly value: T;
}

/** What is wrong with a path, a template or an expression. Returned, never thrown. */
export class Flaw {
  readonly reason: string;

  constructor(reason: string) {
    this.reason = reason;
  }
}

/** A key, an index (negative from the end), or every element. */
export type Step = string | number | typeof EVERY;
export const EVERY: unique symbol = Symbol('every element');

type Start = 'item' | 'root' | 'message' | 'key' | number;

interface ParsedPath {
  /** A number: that many elements outwards. */
  readonly start: Start;
  readonly steps: readonly Step[];
}

const BARE_KEY = /[^.[\]{}"'\s*][^.[\]{}"']*/y;
const BRACKET = /\[\s*(?:(-?\d{1,9})|(\*)|"((?:[^"\\]|\\.)*)"|'((?:[^'\\]|\\.)*)')\s*\]/y;
const MAX_STEPS = 64;

/**
 * Parses `a.b[0]`, `@.a`, `$.a`, `^.a`, `$message.deviceId`, `$key`, `["any key"]`. `[*]` and `.*` are read too; only
 * `each` may use them.
 */
export function parsePath(text: string): ParsedPath | Flaw {
  const trimmed = text.trim();
  let position = 0;
  let start: Start = 'item';
  const named = /^\$(message|key|index)(?![\w$-])/.exec(trimmed);
  const carets = /^\^+/.exec(trimmed);
  if (named !== null) {
    start = named[1] === 'message' ? 'message' : 'key';
    position = named[0].length;
  } else if (carets !== null) {
    start = carets[0].length;
    position = start;
  } else if (/^[$@](?=[.[]|$)/.test(trimmed)) {
    start = trimmed[0] === '$' ? 'root' : 'item';
    position = 1;
  }
  const steps: Step[] = [];
  // a path that begins with a key may leave out @.
  let wantsKey = position === 0 && trimmed[0] !== '[';
  while (position < trimmed.length || wantsKey) {
    const step =
      wantsKey || trimmed[position] === '.'
        ? keyStep(trimmed, wantsKey ? position : position + 1)
        : bracketStep(trimmed, position);
    if (step === undefined) {
      return new Flaw(`${quoted(text)} is not a path: unexpected ${unexpected(trimmed, position)}`);
    }
    steps.push(step.step);
    position = step.end;
    wantsKey = false;
    if (steps.length > MAX_STEPS) return new Flaw(`a path may have at most ${MAX_STEPS} steps`);
  }
  return { start, steps };
}

interface Parsed {
  readonly step: Step;
  readonly end: number;
}

function keyStep(text: string, position: number): Parsed | undefined {
  if (text[position] === '*') return { step: EVERY, end: position + 1 };
  BARE_KEY.lastIndex = position;
  const match = BARE_KEY.exec(text);
  return match === null ? undefined : { step: match[0].trimEnd(), end: position + match[0].length };
}

function bracketStep(text: string, position: number): Parsed | undefined {
  BRACKET.lastIndex = position;
  const match = BRACKET.exec(text);
  if (match === null) return undefined;
  const end = position + match[0].length;
  if (match[1] !== undefined) return { step: Number(match[1]), end };
  if (match[2] !== undefined) return { step: EVERY, end };
  const key = match[3] ?? match[4] ?? '';
  return { step: key.replace(/\\(.)/g, '$1'), end };
}

function unexpected(text: string, position: number): string {
  return position >= text.length ? 'end' : `${quoted(text.slice(position, position + 20))} at ${position}`;
}

function quoted(text: string): string {
  return JSON.stringify(text.length > 100 ? `${text.slice(0, 100)}...` : text);
}

/** The getter of a path that names one value. */
export function compilePath(text: string): Getter | Flaw {
  const parsed = parsePath(text);
  if (parsed instanceof Flaw) return parsed;
  if (parsed.steps.includes(EVERY)) {
    return new Flaw(`${quoted(text)}: only "each" may use * for every element`);
  }
  return getterOf(parsed.start, parsed.steps as readonly (string | number)[], text);
}

function getterOf(start: Start, steps: readonly (string | number)[], text: string): Getter | Flaw {
  if (start === 'message') return messageGetter(steps, text);
  if (start === 'key') {
    return steps.length === 0 ? (scope) => scope.key : new Flaw('$key and $index have no members');
  }
  const [first] = steps;
  if (start === 'item' && steps.length === 1 && first !== undefined) {
    return (scope) => step(scope.item, first);
  }
  if (start === 'item') return (scope) => walk(scope.item, steps);
  if (start === 'root') return (scope) => walk(scope.root, steps);
  return (scope) => walk(scope.around[start - 1], steps);
}

function walk(from: unknown, steps: readonly (string | number)[]): unknown {
  let value = from;
  for (const key of steps) value = step(value, key);
  return value;
}

/** An own member of an object or an element of an array; nothing inherited is ever reached. */
function step(value: unknown, key: string | number): unknown {
  if (Array.isArray(value)) return typeof key === 'number' ? value.at(key) : undefined;
  if (!isPlainObject(value)) return undefined;
  return Object.hasOwn(value, key) ? value[key] : undefined;
}

const MESSAGE_FIELDS: Readonly<Record<string, (message: HubMessage) => unknown>> = {
  deviceId: (message) => message.deviceId,
  moduleId: (message) => message.moduleId,
  componentName: (message) => message.componentName,
  interfaceId: (message) => message.interfaceId,
  source: (message) => message.source,
  contentType: (message) => message.contentType,
  contentEncoding: (message) => message.contentEncoding,
  messageId: (message) => message.messageId,
  correlationId: (message) => message.correlationId,
  enqueuedTime: (message) => message.enqueuedTimeMs,
  creationTime: (message) => message.creationTimeMs,
  sequenceNumber: (message) => message.sequenceNumber,
  partitionId: (message) => message.partitionId,
  offset: (message) => message.offset,
  properties: (message) => message.applicationProperties,
  systemProperties: (message) => message.systemProperties,
};

function messageGetter(steps: readonly (string | number)[], text: string): Getter | Flaw {
  const [field, ...rest] = steps;
  const read =
    typeof field === 'string' && Object.hasOwn(MESSAGE_FIELDS, field) ? MESSAGE_FIELDS[field] : undefined;
  if (read === undefined) {
    return new Flaw(`${quoted(text)}: $message has ${Object.keys(MESSAGE_FIELDS).join(', ')}`);
  }
  return (scope) => walk(read(scope.message), rest);
}

/** What `$message` is in a JSONata expression. */
export function messageFields(message: HubMessage): Readonly<Record<string, unknown>> {
  return Object.fromEntries(Object.entries(MESSAGE_FIELDS).map(([name, read]) => [name, read(message)]));
}
