import { outOfRange, type Wrong, wrongType } from './wrong.ts';

const MAX_LENGTH = 64;
/** ECMAScript's and so JSON clients' limit, ±100,000,000 days. */
const MAX_TIME_MS = 8.64e15;
const DAY_MS = 86_400_000;

const EXPECTED = 'a date: epoch milliseconds or ISO 8601 text such as 2024-01-02T03:04:05.678Z';

/**
 * The grammar of Joda-Time's ISODateTimeFormat.dateTimeParser(), which PTC's connector documents:
 *
 *     datetime      = time | date-opt-time
 *     time          = 'T' time-element [offset]
 *     date-opt-time = date-element ['T' [time-element] [offset]]
 *     date-element  = yyyy ['-' MM ['-' dd]] | yyyy '-' DDD | xxxx '-W' ww ['-' e]
 *     time-element  = HH [fraction | ':' mm [fraction | ':' ss [fraction]]]
 *     fraction      = ('.' | ',') digit+
 *     offset        = 'Z' | ('+' | '-') HH [':' mm [':' ss [('.' | ',') SSS]]]
 *
 * Beyond it: a space instead of T (SQL, Python, Microsoft's Modbus module), an offset without a colon (+0200) or behind a space, and UTC
 * or GMT instead of Z. None of these can mean another time.
 */
const DATE_TIME =
  /^(?:([+-]?\d{4,9})(?:-(?:W(\d{2})(?:-(\d))?|(\d{3})|(\d{2})(?:-(\d{2}))?))?)?([Tt ](?:(\d{2})(?:([.,]\d+)|:(\d{2})(?:([.,]\d+)|:(\d{2})([.,]\d+)?)?)?)?(?: ?(?:([Zz]|UTC|GMT)|([+-])(\d{2})(?::?(\d{2})(?::(\d{2})(?:[.,](\d{3}))?)?)?))?)?$/;

/** The year first, with slashes: 2024/01/02 03:04:05. */
const SLASHED = /^(\d{4})\/(\d{2})\/(\d{2})(?=$|[Tt ])/;

/** RFC 1123, as HTTP writes times: Fri, 02 Jan 2026 03:04:05 GMT. */
const RFC_1123 =
  /^(?:[A-Za-z]{3}, ?)?(\d{1,2}) (Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec) (\d{4}) (\d{2}:\d{2}:\d{2} ?(?:GMT|UTC|Z|[+-]\d{4}))$/;
const MONTHS = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'];

/** JavaScriptSerializer of .NET: milliseconds since 1970 in UTC; the offset says where the time was read, and changes nothing. */
const DOT_NET = /^\/Date\((-?\d{1,16})(?:[+-]\d{4})?\)\/$/;

/** Epoch milliseconds of a local time that is given as the milliseconds that it would be in UTC. */
export type ZoneReader = (localMs: number) => number;

/**
 * DATETIME as epoch milliseconds. A number, or text of digits alone, is epoch milliseconds (never seconds, never a
 * year); other text has one of the forms above. Without an offset the time is UTC; a time alone is on 1970-01-01.
 * Fractions beyond milliseconds are cut. Empty text is no value (null).
 *
 * @param zone the zone of text without an offset, instead of UTC
 */
export function toDateTime(value: unknown, zone?: ZoneReader): number | null | Wrong {
  switch (typeof value) {
    case 'number':
      return inRange(Math.floor(value), value);
    case 'bigint':
      return inRange(Number(value), value);
    case 'string':
      if (value === '') return null;
      if (value.length > MAX_LENGTH) return wrongType(value, EXPECTED);
      return parseText(value.trim(), zone);
    default:
      return value instanceof Date ? inRange(value.getTime(), value) : wrongType(value, EXPECTED);
  }
}

/** Epoch milliseconds of a text in one of the forms above, or undefined. */
export function parseDateTime(text: string): number | undefined {
  const time = toDateTime(text);
  return typeof time === 'number' ? time : undefined;
}

/**
 * Epoch milliseconds of a text whose time is in UTC by the name of the field that holds it, such as iothub-creation-time-utc; undefined for
 * what is no time or could be several (01/02/2026). Digits alone are no time: they could be seconds or milliseconds.
 */
export function utcTimeMs(text: string): number | undefined {
  const trimmed = text.trim();
  return /^[+-]?\d+$/.test(trimmed) ? undefined : parseDateTime(trimmed);
}

function inRange(timeMs: number, value: unknown): number | Wrong {
  return Math.abs(timeMs) <= MAX_TIME_MS
    ? timeMs + 0
    : outOfRange(value, `${EXPECTED}; a mapping rule with "unit" reads microseconds, nanoseconds and ticks`);
}

function parseText(text: string, zone: ZoneReader | undefined): number | Wrong {
  if (/^-?\d+$/.test(text)) return inRange(Number(text), text);
  const dotNet = DOT_NET.exec(text);
  if (dotNet !== null) return inRange(Number(dotNet[1]), text);
  const match = DATE_TIME.exec(isoForm(text));
  if (match === null || text === '') return wrongType(text, EXPECTED);
  const year = match[1];
  // 'T' alone, and a lone offset without date or hour, say no time
  if (year === undefined && match[8] === undefined) return wrongType(text, EXPECTED);
  const dayMs = year === undefined ? 0 : dateMs(Number(year), match);
  const timeMs = timeOfDayMs(match);
  const offsetMs = zoneOffsetMs(match);
  if (dayMs === undefined || timeMs === undefined || offsetMs === undefined) return wrongType(text, EXPECTED);
  const isLocal = match[14] === undefined && match[15] === undefined;
  return inRange(isLocal && zone !== undefined ? zone(dayMs + timeMs) : dayMs + timeMs - offsetMs, text);
}

function isoForm(text: string): string {
  if (text[4] === '/') return text.replace(SLASHED, '$1-$2-$3');
  const match = RFC_1123.exec(text);
  if (match === null) return text;
  const [, day = '', month = '', year, time] = match;
  return `${year}-${String(MONTHS.indexOf(month) + 1).padStart(2, '0')}-${day.padStart(2, '0')}T${time}`;
}

function dateMs(year: number, match: RegExpExecArray): number | undefined {
  if (match[2] !== undefined) return weekDateMs(year, Number(match[2]), Number(match[3] ?? 1));
  if (match[4] !== undefined) {
    const day = Number(match[4]);
    if (day < 1 || day > (isLeap(year) ? 366 : 365)) return undefined;
    return utc(year, 0, day);
  }
  const month = Number(match[5] ?? 1);
  const day = Number(match[6] ?? 1);
  if (month < 1 || month > 12 || day < 1 || day > daysOf(year, month)) return undefined;
  return utc(year, month - 1, day);
}

/** Week 1 is the week, Monday to Sunday, that holds January 4th (ISO 8601). */
function weekDateMs(year: number, week: number, day: number): number | undefined {
  if (week < 1 || week > 53 || day < 1 || day > 7) return undefined;
  const january4 = utc(year, 0, 4);
  const monday = january4 - ((new Date(january4).getUTCDay() + 6) % 7) * DAY_MS;
  const start = monday + (week - 1) * 7 * DAY_MS;
  // week 53 only where the year has one: its Thursday still lies in the year
  if (new Date(start + 3 * DAY_MS).getUTCFullYear() !== year) return undefined;
  return start + (day - 1) * DAY_MS;
}

function timeOfDayMs(match: RegExpExecArray): number | undefined {
  const hour = Number(match[8] ?? 0);
  const minute = Number(match[10] ?? 0);
  const second = Number(match[12] ?? 0);
  if (hour > 23 || minute > 59 || second > 59) return undefined;
  const fractionMs =
    fraction(match[9], 3_600_000) ?? fraction(match[11], 60_000) ?? fraction(match[13], 1000) ?? 0;
  return hour * 3_600_000 + minute * 60_000 + second * 1000 + fractionMs;
}

function fraction(text: string | undefined, unitMs: number): number | undefined {
  if (text === undefined) return undefined;
  // whole nanoseconds, so that .678 of a second is 678 ms and not 677.999
  const nanos = Number(text.slice(1, 10).padEnd(9, '0'));
  return Math.floor((nanos * unitMs) / 1e9);
}

function zoneOffsetMs(match: RegExpExecArray): number | undefined {
  if (match[15] === undefined) return 0;
  const hour = Number(match[16]);
  const minute = Number(match[17] ?? 0);
  const second = Number(match[18] ?? 0);
  if (hour > 23 || minute > 59 || second > 59) return undefined;
  const ms = hour * 3_600_000 + minute * 60_000 + second * 1000 + Number(match[19] ?? 0);
  return match[15] === '-' ? -ms : ms;
}

function isLeap(year: number): boolean {
  return year % 4 === 0 && (year % 100 !== 0 || year % 400 === 0);
}

function daysOf(year: number, month: number): number {
  if (month === 2) return isLeap(year) ? 29 : 28;
  return month === 4 || month === 6 || month === 9 || month === 11 ? 30 : 31;
}

/** Date.UTC without its reading of years 0 to 99 as 1900 to 1999. */
function utc(year: number, month: number, day: number): number {
  const date = new Date(0);
  date.setUTCFullYear(year, month, day);
  return date.getTime();
}
