import { toDateTime, type ZoneReader } from '../coerce/date-time.ts';
import { parseNumeral } from '../coerce/number.ts';
import { show, Wrong } from '../coerce/wrong.ts';
import { zoneReader } from '../coerce/zone.ts';
import { compilePath, compilePaths, Flaw } from './path.ts';
import type { TimeMapping } from './schema.ts';
import type { Scope } from './scope.ts';

/** undefined where the message has no such time, so that its own time counts. Never throws. */
export type TimeReader = (scope: Scope) => number | undefined | Wrong;

type Unit = NonNullable<Exclude<TimeMapping, string>['unit']>;

/** How many of a unit a millisecond has. */
const PER_MS = { ms: 1, s: 1e-3, us: 1e3, ns: 1e6, ticks: 1e4 } as const;
/** Milliseconds from the year 1, where ticks of .NET begin, to 1970. */
const TICKS_START_MS = 62_135_596_800_000;

/**
 * The unit of a number of today's size. Seconds have 10 digits until 2286, milliseconds 13, microseconds 16, nanoseconds 19; ticks of .NET
 * have 18 and begin with 6.
 */
function unitBySize(number: number): keyof typeof PER_MS {
  const size = Math.abs(number);
  if (size < 1e11) return 's';
  if (size < 1e14) return 'ms';
  if (size < 1e17) return 'us';
  return size >= 5e17 && size < 8e17 ? 'ticks' : 'ns';
}

/** Compiles the reading of a value as a time: in a unit, and in a zone where text has no offset. null: there is no time. */
export function compileTimeValue(
  unit: Unit | undefined,
  zone: string | undefined,
): ((value: unknown) => number | null | Wrong) | Flaw {
  let local: ZoneReader | undefined;
  if (zone !== undefined) {
    local = zoneReader(zone);
    if (local === undefined) {
      return new Flaw(
        `the zone ${JSON.stringify(zone)} is not known; expected is an IANA name such as Europe/Berlin, or an offset such as +02:00`,
      );
    }
  }
  if (unit === undefined) return (value) => toDateTime(value, local);
  return (value) => inUnit(value, unit, local);
}

function inUnit(value: unknown, unit: Unit, local: ZoneReader | undefined): number | null | Wrong {
  const isText = typeof value === 'string' && parseNumeral(value) === undefined;
  if (unit === 'text' || (unit === 'auto' && isText)) {
    return isText
      ? toDateTime(value, local)
      : new Wrong('TIME_INVALID', `${show(value)} is not ISO 8601 text`);
  }
  const ms = milliseconds(value, unit);
  return ms === undefined
    ? new Wrong('TIME_INVALID', `${show(value)} is not a number${unit === 'auto' ? '' : ` of ${unit}`}`)
    : toDateTime(ms);
}

/** Milliseconds since 1970 of a number in a unit, or undefined for what is no number. */
function milliseconds(value: unknown, unit: Exclude<Unit, 'text'>): number | undefined {
  const number = numberOf(value);
  if (number === undefined) return undefined;
  const actual = unit === 'auto' ? unitBySize(number) : unit;
  if (actual === 's') return Math.round(number * 1000);
  const ms = number / PER_MS[actual];
  return actual === 'ticks' ? ms - TICKS_START_MS : ms;
}

function numberOf(value: unknown): number | undefined {
  if (typeof value === 'string') return parseNumeral(value);
  if (typeof value === 'bigint') return Number(value);
  return typeof value === 'number' ? value : undefined;
}

/** Compiles the time of a rule or a property. */
export function compileTime(mapping: TimeMapping): TimeReader | Flaw {
  const { path, unit, zone, base } = typeof mapping === 'string' ? { path: mapping } : mapping;
  const get = compilePaths(path);
  if (get instanceof Flaw) return get;
  const toTime = compileTimeValue(unit, zone);
  if (toTime instanceof Flaw) return toTime;
  const shown = typeof path === 'string' ? path : path.join(' or ');
  const read: TimeReader = (scope) => {
    const value = get(scope);
    if (value === undefined || value === null || value === '') return undefined;
    return asTime(toTime(value), shown);
  };
  return base === undefined ? read : withBase(base, get, toTime, unit, shown);
}

function withBase(
  base: string,
  get: (scope: Scope) => unknown,
  toTime: (value: unknown) => number | null | Wrong,
  unit: Unit | undefined,
  shown: string,
): TimeReader | Flaw {
  if (unit === undefined || unit === 'text' || unit === 'auto') {
    return new Flaw('a time with "base" needs a "unit": "ms", "s", "us", "ns" or "ticks"');
  }
  const getBase = compilePath(base);
  if (getBase instanceof Flaw) return getBase;
  return (scope) => {
    const start = getBase(scope);
    if (start === undefined || start === null) return undefined;
    const startMs = asTime(toTime(start), base);
    const value = get(scope);
    if (startMs === undefined || startMs instanceof Wrong || value === undefined || value === null)
      return startMs;
    const number = numberOf(value);
    if (number === undefined)
      return asTime(new Wrong('TIME_INVALID', `${show(value)} is not a number of ${unit}`), shown);
    return asTime(toDateTime(startMs + number / PER_MS[unit]), shown);
  };
}

function asTime(time: number | null | Wrong, path: string): number | undefined | Wrong {
  if (typeof time === 'number') return time;
  return new Wrong('TIME_INVALID', `The time at ${path} cannot be used: ${time?.reason ?? 'it is empty'}.`);
}
