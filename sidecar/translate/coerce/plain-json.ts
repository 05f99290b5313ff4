import type { CoerceContext } from './context.ts';
import { INEXACT, outOfRange, Wrong, wrongType } from './wrong.ts';

/** Deeper than any message may nest; text that holds JSON is not bounded by the message's own depth. */
const MAX_DEPTH = 200;

/**
 * The value as JSON can carry it without changing it: a date becomes ISO text, bytes become base64; a number that JSON
 * cannot write or that has lost digits is refused with its place. Returns the same object when nothing had to change.
 */
export function plainJson(value: unknown, context: CoerceContext, depth = 0): unknown {
  switch (typeof value) {
    case 'string':
    case 'boolean':
      return value;
    case 'number':
      if (!Number.isFinite(value)) return outOfRange('a number beyond double', 'representable in JSON');
      return context.exact || Number.isSafeInteger(value) || !Number.isInteger(value) ? value : INEXACT;
    case 'bigint':
      return value >= Number.MIN_SAFE_INTEGER && value <= Number.MAX_SAFE_INTEGER
        ? Number(value)
        : new Wrong('VALUE_INEXACT', `${value} has more digits than a double keeps; send it as text`);
    case 'object':
      if (value === null) return null;
      if (value instanceof Date) return isoText(value);
      if (value instanceof Uint8Array) return base64(value);
      if (depth >= MAX_DEPTH)
        return new Wrong('VALUE_WRONG_TYPE', `is nested deeper than ${MAX_DEPTH} levels`);
      return Array.isArray(value) ? plainArray(value, context, depth) : plainObject(value, context, depth);
    default:
      return wrongType(value, 'a JSON value');
  }
}

export function base64(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('base64');
}

export function isoText(date: Date): string | Wrong {
  return Number.isNaN(date.getTime()) ? wrongType(date, 'a valid date') : date.toISOString();
}

/** Puts the place before the reason while the walk returns; INEXACT keeps its identity's code. */
function within(key: string | number, wrong: Wrong): Wrong {
  const place = typeof key === 'string' && key.length > 60 ? `${key.slice(0, 60)}...` : key;
  return new Wrong(wrong.code, `in ${JSON.stringify(place)}: ${wrong.reason}`);
}

function plainArray(list: readonly unknown[], context: CoerceContext, depth: number): unknown {
  let copy: unknown[] | undefined;
  for (let i = 0; i < list.length; i++) {
    const item = list[i];
    const plain = plainJson(item, context, depth + 1);
    if (plain instanceof Wrong) return within(i, plain);
    if (plain !== item) {
      copy ??= list.slice();
      copy[i] = plain;
    }
  }
  return copy ?? list;
}

function plainObject(object: object, context: CoerceContext, depth: number): unknown {
  const members = object as Record<string, unknown>;
  let changed: Map<string, unknown> | undefined;
  for (const key in members) {
    const item = members[key];
    const plain = plainJson(item, context, depth + 1);
    if (plain instanceof Wrong) return within(key, plain);
    if (plain !== item) {
      changed ??= new Map();
      changed.set(key, plain);
    }
  }
  if (changed === undefined) return object;
  const replaced = changed;
  // fromEntries defines own members, so that a key named __proto__ stays data
  return Object.fromEntries(
    Object.keys(members).map((key) => [key, replaced.has(key) ? replaced.get(key) : members[key]]),
  );
}
