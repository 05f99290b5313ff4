import type { ReceivedMessage } from '../types.ts';
import { type Scope, step } from './scope.ts';

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

/** A key, an index (negative from the end), every element, or the key of the element at hand. */
export type Step = string | number | typeof EVERY | typeof KEY;
export const EVERY: unique symbol = Symbol('every element');
const KEY: unique symbol = Symbol('the key of the element');

/** A number: that many elements outwards, and `keyOf` the key of the element that stands there. */
type Start = 'item' | 'root' | 'message' | number | { readonly keyOf: number };

interface ParsedPath {
  readonly start: Start;
  readonly steps: readonly Step[];
}

const BARE_KEY = /[^.[\]{}"'\s*][^.[\]{}"']*/y;
const BRACKET = /\[\s*(?:(-?\d{1,9})|(\*)|(\$(?:key|index))|"((?:[^"\\]|\\.)*)"|'((?:[^'\\]|\\.)*)')\s*\]/y;
const MAX_STEPS = 64;

/**
 * Parses `a.b[0]`, `a[$key]`, `@.a`, `$.a`, `^.a`, `$message.deviceId`, `$key`, `^$key`, `["any key"]`. `[*]` and `.*` are read too;
 * only `each` may use them.
 */
export function parsePath(text: string): ParsedPath | Flaw {
  const trimmed = text.trim();
  let position = 0;
  let start: Start = 'item';
  const named = /^(\^*)\.?\$(message|key|index)(?![\w$-])/.exec(trimmed);
  const carets = /^\^+/.exec(trimmed);
  if (named !== null && (named[2] !== 'message' || named[0] === '$message') && !named[0].startsWith('.')) {
    start = named[2] === 'message' ? 'message' : { keyOf: named[1]?.length ?? 0 };
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
  if (match[3] !== undefined) return { step: KEY, end };
  const key = match[4] ?? match[5] ?? '';
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
  return getterOf(parsed.start, parsed.steps as readonly SingleStep[], text);
}

type SingleStep = Exclude<Step, typeof EVERY>;

function getterOf(start: Start, steps: readonly SingleStep[], text: string): Getter | Flaw {
  if (start === 'message') return messageGetter(steps, text);
  if (typeof start === 'object') {
    const { keyOf } = start;
    if (steps.length > 0) return new Flaw('$key and $index have no members');
    return keyOf === 0 ? (scope) => scope.key : (scope) => scope.keysAround[keyOf - 1];
  }
  const [first] = steps;
  if (start === 'item' && steps.length === 1 && first !== undefined && first !== KEY) {
    return (scope) => step(scope.item, first, scope);
  }
  if (start === 'item') return (scope) => walk(scope.item, steps, scope);
  if (start === 'root') return (scope) => walk(scope.root, steps, scope);
  return (scope) => walk(scope.around[start - 1], steps, scope);
}

function walk(from: unknown, steps: readonly SingleStep[], scope: Scope): unknown {
  let value = from;
  for (const next of steps) {
    const key = next === KEY ? scope.key : next;
    if (value === undefined || key === undefined) return undefined;
    value = step(value, key, scope);
  }
  return value;
}

const MESSAGE_FIELDS: Readonly<Record<string, (message: ReceivedMessage) => unknown>> = {
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

function messageGetter(steps: readonly SingleStep[], text: string): Getter | Flaw {
  const [field, ...rest] = steps;
  const read =
    typeof field === 'string' && Object.hasOwn(MESSAGE_FIELDS, field) ? MESSAGE_FIELDS[field] : undefined;
  if (read === undefined) {
    return new Flaw(`${quoted(text)}: $message has ${Object.keys(MESSAGE_FIELDS).join(', ')}`);
  }
  return (scope) => walk(read(scope.message), rest, scope);
}

/** The getter of the first of several paths that has a value; null where one has null and none has a value. */
export function compilePaths(paths: string | readonly string[]): Getter | Flaw {
  if (typeof paths === 'string') return compilePath(paths);
  const getters: Getter[] = [];
  for (const path of paths) {
    const getter = compilePath(path);
    if (getter instanceof Flaw) return getter;
    getters.push(getter);
  }
  return (scope) => {
    let found: unknown;
    for (const getter of getters) {
      const value = getter(scope);
      if (value !== undefined && value !== null) return value;
      if (value === null) found = null;
    }
    return found;
  };
}

/** What `$message` is in a JSONata expression. */
export function messageFields(message: ReceivedMessage): Readonly<Record<string, unknown>> {
  return Object.fromEntries(Object.entries(MESSAGE_FIELDS).map(([name, read]) => [name, read(message)]));
}
