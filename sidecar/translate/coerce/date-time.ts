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
 * Beyond it, an offset may leave out its colon (+0200), which many devices send.
 */
const DATE_TIME =
  /^(?:([+-]?\d{4,9})(?:-(?:W(\d{2})(?:-(\d))?|(\d{3})|(\d{2})(?:-(\d{2}))?))?)?(T(?:(\d{2})(?:([.,]\d+)|:(\d{2})(?:([.,]\d+)|:(\d{2})([.,]\d+)?)?)?)?(?:(Z)|([+-])(\d{2})(?::?(\d{2})(?::(\d{2})(?:[.,](\d{3}))?)?)?)?)?$/;

/**
 * DATETIME as epoch milliseconds. A number, or text of digits alone, is epoch milliseconds (never seconds, never a
 * year); other text follows the grammar above. Without an offset the time is UTC; a time alone is on 1970-01-01.
 * Fractions beyond milliseconds are cut. Empty text is no value (null).
 */
export function toDateTime(value: unknown): number | null | Wrong {
  switch (typeof value) {
    case 'number':
      return inRange(Math.floor(value), value);
    case 'bigint':
      return inRange(Number(value), value);
    case 'string':
      if (value === '') return null;
      if (value.length > MAX_LENGTH) return wrongType(value, EXPECTED);
      return parseText(value.trim());
    default:
      return value instanceof Date ? inRange(value.getTime(), value) : wrongType(value, EXPECTED);
  }
}

/** Epoch milliseconds of a text in one of the forms above, or undefined. */
export function parseDateTime(text: string): number | undefined {
  const time = toDateTime(text);
  return typeof time === 'number' ? time : undefined;
}

const HAS_ZONE = /(?:[zZ]|GMT|UTC|[+-]\d{2}:?\d{2})$/;

/**
 * Epoch milliseconds of a text that is a time in UTC by the name of what holds it, in any form that JavaScript reads. Only a text that names
 * another zone is of that zone: many devices leave the Z out, and the zone of the host must not count. Digits alone are no time.
 */
export function utcTimeMs(text: string): number | undefined {
  const trimmed = text.trim();
  if (trimmed.length > MAX_LENGTH || /^[+-]?\d+$/.test(trimmed)) return undefined;
  const iso = parseDateTime(trimmed);
  if (iso !== undefined) return iso;
  const timeMs = Date.parse(HAS_ZONE.test(trimmed) ? trimmed : `${trimmed} UTC`);
  return Number.isNaN(timeMs) ? undefined : timeMs;
}

function inRange(timeMs: number, value: unknown): number | Wrong {
  return Math.abs(timeMs) <= MAX_TIME_MS ? timeMs + 0 : outOfRange(value, EXPECTED);
}

function parseText(text: string): number | Wrong {
  if (/^-?\d+$/.test(text)) return inRange(Number(text), text);
  const match = DATE_TIME.exec(text);
  if (match === null || text === '') return wrongType(text, EXPECTED);
  const year = match[1];
  // 'T' alone, and a lone offset without date or hour, say no time
  if (year === undefined && match[8] === undefined) return wrongType(text, EXPECTED);
  const dayMs = year === undefined ? 0 : dateMs(Number(year), match);
  const timeMs = timeOfDayMs(match);
  const offsetMs = zoneOffsetMs(match);
  if (dayMs === undefined || timeMs === undefined || offsetMs === undefined) return wrongType(text, EXPECTED);
  return inRange(dayMs + timeMs - offsetMs, text);
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
