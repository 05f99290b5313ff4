import { coerceValue } from '../coerce/base-types.ts';
import { NO_CONTEXT } from '../coerce/context.ts';
import { toDateTime } from '../coerce/date-time.ts';
import { parseNumeral } from '../coerce/number.ts';
import { toQuality } from '../coerce/quality.ts';
import { show, Wrong } from '../coerce/wrong.ts';
import type { BaseType, Quality } from '../types.ts';
import { compilePath, Flaw, type Getter } from './path.ts';
import type { PropertyMapping, QualityMapping, TimeMapping } from './schema.ts';
import type { Scope } from './scope.ts';

/** Compiled parts of a rule that read one thing from a scope. None ever throws. */
export type TimeReader = (scope: Scope) => number | undefined | Wrong;
export type QualityReader = (scope: Scope) => Quality | undefined | Wrong;
/** undefined: the message has no such value. */
type ValueReader = (scope: Scope) => unknown;

/** Where in a rule a flaw is, as a relative JSON pointer. */
export interface LocatedFlaw {
  readonly at: string;
  readonly flaw: Flaw;
}

const UNIT_MS = { ms: 1, s: 1000, us: 1e-3, ns: 1e-6 } as const;

/** Epoch milliseconds; undefined where the path has nothing, so that the message's own time counts. */
export function compileTime(mapping: TimeMapping): TimeReader | Flaw {
  const path = typeof mapping === 'string' ? mapping : mapping.path;
  const unit = typeof mapping === 'string' ? undefined : mapping.unit;
  const get = compilePath(path);
  if (get instanceof Flaw) return get;
  return (scope) => {
    const value = get(scope);
    if (value === undefined || value === null || value === '') return undefined;
    const time = unit === undefined ? toDateTime(value) : inUnit(value, unit);
    if (typeof time === 'number') return time;
    return new Wrong('TIME_INVALID', `The time at ${path} cannot be used: ${time?.reason ?? 'it is empty'}.`);
  };
}

function inUnit(value: unknown, unit: keyof typeof UNIT_MS | 'text'): number | null | Wrong {
  if (unit === 'text') {
    const isText = typeof value === 'string' && !/^-?\d+$/.test(value.trim());
    return isText ? toDateTime(value) : new Wrong('TIME_INVALID', `${show(value)} is not ISO 8601 text`);
  }
  const number =
    typeof value === 'string'
      ? parseNumeral(value)
      : Number(typeof value === 'bigint' ? value : (value as number));
  if (typeof number !== 'number' || typeof value === 'object' || typeof value === 'boolean') {
    return new Wrong('TIME_INVALID', `${show(value)} is not a number of ${unit}`);
  }
  return toDateTime(unit === 's' ? Math.round(number * 1000) : number * UNIT_MS[unit]);
}

export function compileQuality(mapping: QualityMapping): QualityReader | Flaw {
  if (typeof mapping !== 'string' && 'value' in mapping) {
    const { value } = mapping;
    return () => value;
  }
  const { path, map, otherwise } =
    typeof mapping === 'string'
      ? { path: mapping }
      : (mapping as Exclude<QualityMapping, string | { value: Quality }>);
  const get = compilePath(path);
  if (get instanceof Flaw) return get;
  const named = new Map(Object.entries(map ?? {}));
  return (scope) => {
    const value = get(scope);
    if (value === undefined || value === null) return otherwise;
    const mapped = typeof value === 'object' ? undefined : named.get(String(value));
    const quality = mapped ?? (map === undefined ? toQuality(value) : undefined) ?? otherwise;
    return (
      quality ??
      new Wrong('VALUE_WRONG_TYPE', `The quality at ${path} is ${show(value)}, which is none that is known.`)
    );
  };
}

export interface CompiledValue {
  readonly read: ValueReader;
  readonly time: TimeReader | undefined;
  readonly quality: QualityReader | undefined;
  /** The key of the element at hand that the value is taken from, when the path is that simple; for `others`. */
  readonly path: string | undefined;
  readonly baseType: BaseType | undefined;
}

/** Compiles one entry of `properties`: path or constant, then map, then scale and offset, then base type. */
export function compileValue(mapping: PropertyMapping): CompiledValue | LocatedFlaw {
  if (typeof mapping === 'string') {
    const read = compilePath(mapping);
    return read instanceof Flaw
      ? { at: '', flaw: read }
      : { read, time: undefined, quality: undefined, path: mapping, baseType: undefined };
  }
  const { path, scale, offset } = mapping;
  const baseType = mapping.baseType as BaseType | undefined;
  const constant = mapping.value;
  if (path === undefined && constant === undefined) {
    return { at: '', flaw: new Flaw('expected is a path or a value') };
  }
  const get = path === undefined ? () => constant : compilePath(path);
  if (get instanceof Flaw) return { at: '/path', flaw: get };
  const time = mapping.time === undefined ? undefined : compileTime(mapping.time);
  if (time instanceof Flaw) return { at: '/time', flaw: time };
  const quality = mapping.quality === undefined ? undefined : compileQuality(mapping.quality);
  if (quality instanceof Flaw) return { at: '/quality', flaw: quality };
  const steps: Step[] = [];
  if (mapping.map !== undefined) steps.push(lookUp(mapping.map));
  if (scale !== undefined || offset !== undefined)
    steps.push((value) => scaleValue(value, scale ?? 1, offset ?? 0));
  if (baseType !== undefined) {
    steps.push((value, exact) => coerceValue(value, { baseType }, { ...NO_CONTEXT, exact }));
  }
  return { read: reader(get, constant, steps), time, quality, path, baseType };
}

/** `exact`: the body was decoded with exact integers. */
type Step = (value: unknown, exact: boolean) => unknown;

function reader(get: Getter, constant: unknown, steps: readonly Step[]): ValueReader {
  return (scope) => {
    let value = get(scope);
    // a constant beside a path is in the form that the property takes; it is not scaled
    if (value === undefined) return constant;
    for (const step of steps) {
      if (value === null || value instanceof Wrong) return value;
      value = step(value, scope.exact);
    }
    return value;
  };
}

function lookUp(map: Readonly<Record<string, unknown>>): (value: unknown) => unknown {
  const entries = new Map(Object.entries(map));
  return (value) => {
    const key = typeof value === 'object' ? undefined : String(value);
    return key !== undefined && entries.has(key) ? entries.get(key) : value;
  };
}

/** Scaled and rounded to 15 significant digits, so that 3 x 0.1 is 0.3. */
function scaleValue(value: unknown, scale: number, offset: number): unknown {
  const number =
    typeof value === 'string' ? parseNumeral(value) : typeof value === 'bigint' ? Number(value) : value;
  if (typeof number !== 'number') {
    return new Wrong('VALUE_WRONG_TYPE', `${show(value)} is not a number that can be scaled`);
  }
  return Number((number * scale + offset).toPrecision(15));
}
