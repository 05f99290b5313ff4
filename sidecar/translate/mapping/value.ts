import { coerceValue } from '../coerce/base-types.ts';
import { NO_CONTEXT } from '../coerce/context.ts';
import { parseNumeral } from '../coerce/number.ts';
import { toQuality } from '../coerce/quality.ts';
import { show, Wrong } from '../coerce/wrong.ts';
import type { BaseType, Quality } from '../types.ts';
import { bytesReader, matcher, numberReader } from './extract.ts';
import { compilePath, compilePaths, Flaw, type Getter } from './path.ts';
import type { PropertyMapping, QualityMapping } from './schema.ts';
import type { Scope } from './scope.ts';
import { compileTime, compileTimeValue, type TimeReader } from './time.ts';

/** Compiled parts of a rule that read one thing from a scope. None ever throws. */
export type QualityReader = (scope: Scope) => Quality | undefined | Wrong;
/** undefined: the message has no such value. */
type ValueReader = (scope: Scope) => unknown;

/** Where in a rule a flaw is, as a relative JSON pointer. */
export interface LocatedFlaw {
  readonly at: string;
  readonly flaw: Flaw;
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

type PropertyObject = Exclude<PropertyMapping, string>;

/** Compiles one entry of `properties`: a path, a location or a constant, then the steps of the object in a fixed order. */
export function compileValue(mapping: PropertyMapping): CompiledValue | LocatedFlaw {
  if (typeof mapping === 'string') {
    const read = compilePath(mapping);
    return read instanceof Flaw
      ? { at: '', flaw: read }
      : { read, time: undefined, quality: undefined, path: mapping, baseType: undefined };
  }
  const source = compileSource(mapping);
  if ('flaw' in source) return source;
  const { get, path } = source;
  const time = mapping.time === undefined ? undefined : compileTime(mapping.time);
  if (time instanceof Flaw) return { at: '/time', flaw: time };
  const quality = mapping.quality === undefined ? undefined : compileQuality(mapping.quality);
  if (quality instanceof Flaw) return { at: '/quality', flaw: quality };
  const steps = compileSteps(mapping);
  if (!Array.isArray(steps)) return steps as LocatedFlaw;
  const isTime = mapping.unit !== undefined || mapping.zone !== undefined;
  const given = mapping.baseType as BaseType | undefined;
  const baseType = given ?? (mapping.location !== undefined ? 'LOCATION' : isTime ? 'DATETIME' : undefined);
  return { read: reader(get, mapping.value, steps as Step[]), time, quality, path, baseType };
}

/** Where the value is, before anything is done with it. */
function compileSource({
  path,
  location,
  value,
}: PropertyObject): { readonly get: Getter; readonly path: string | undefined } | LocatedFlaw {
  if (location !== undefined) {
    if (path !== undefined) return { at: '/location', flaw: new Flaw('a location stands instead of a path') };
    return compileLocation(location);
  }
  if (path === undefined) {
    return value === undefined
      ? { at: '', flaw: new Flaw('expected is a path, a location or a value') }
      : { get: () => value, path: undefined };
  }
  const get = compilePaths(path);
  if (get instanceof Flaw) return { at: '/path', flaw: get };
  return { get, path: typeof path === 'string' ? path : path.join(' or ') };
}

function compileLocation(
  location: NonNullable<PropertyObject['location']>,
): { readonly get: Getter; readonly path: string } | LocatedFlaw {
  const { latitude, longitude, elevation } = location;
  const getters: Getter[] = [];
  for (const [name, path] of Object.entries({ latitude, longitude, elevation })) {
    if (path === undefined) continue;
    const getter = compilePath(path);
    if (getter instanceof Flaw) return { at: `/location/${name}`, flaw: getter };
    getters.push(getter);
  }
  const [getLatitude, getLongitude, getElevation] = getters as [Getter, Getter, Getter?];
  const get: Getter = (scope) => {
    const at = { latitude: getLatitude(scope), longitude: getLongitude(scope) };
    if (at.latitude === undefined && at.longitude === undefined) return undefined;
    const height = getElevation?.(scope);
    return height === undefined || height === null ? at : { ...at, elevation: height };
  };
  return { get, path: `${latitude} and ${longitude}` };
}

function compileSteps(mapping: PropertyObject): readonly Step[] | LocatedFlaw {
  const { bytes, match, number, unit, zone, scale, offset } = mapping;
  const baseType = mapping.baseType as BaseType | undefined;
  const steps: Step[] = [];
  if (bytes !== undefined) steps.push(bytesReader(bytes));
  if (match !== undefined) {
    const step = matcher(match);
    if (step instanceof Flaw) return { at: '/match', flaw: step };
    steps.push(step);
  }
  if (number !== undefined) steps.push(numberReader(number));
  if (mapping.map !== undefined) steps.push(lookUp(mapping.map));
  if (unit !== undefined || zone !== undefined) {
    const step = compileTimeValue(unit, zone);
    if (step instanceof Flaw) return { at: zone === undefined ? '/unit' : '/zone', flaw: step };
    steps.push(step);
  }
  if (scale !== undefined || offset !== undefined)
    steps.push((value) => scaleValue(value, scale ?? 1, offset ?? 0));
  if (baseType !== undefined) {
    steps.push((value, exact) => coerceValue(value, { baseType }, { ...NO_CONTEXT, exact }));
  }
  return steps;
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
