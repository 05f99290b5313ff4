import { PlatformError } from '../values.ts';

/**
 * Formats and parses dates by Joda-Time patterns (`yyyy-MM-dd HH:mm:ss.SSS Z`), in the zone of the process and in English.
 * Letters: y Y (year), M (month, from three letters on its name), d, D (day of year), E (day name), e (day of week), H, h,
 * k, K, m, s, S, a, Z (offset; `ZZ` with colon), z (offset as name); text in single quotes.
 */
export function formatDate(date: Date, pattern: string): string {
  return tokens(pattern)
    .map((token) => (token.literal ? token.text : formatToken(date, token.text)))
    .join('');
}

/** @throws PlatformError `Invalid format: "..."` */
export function parseDateText(text: string, pattern: string): Date {
  const found: Record<string, string> = {};
  const source = tokens(pattern)
    .map((token, index) => (token.literal ? quoted(token.text) : `(?<_${index}>${tokenPattern(token.text)})`))
    .join('');
  const match = new RegExp(`^${source}$`, 'i').exec(text);
  if (match === null) {
    throw new PlatformError(`Invalid format: "${text}"`, { javaClass: 'java.lang.IllegalArgumentException' });
  }
  for (const [index, token] of tokens(pattern).entries()) {
    const value = match.groups?.[`_${index}`];
    if (value !== undefined) {
      found[fieldOf(token.text)] = value;
    }
  }
  return assemble(found, text);
}

interface Token {
  text: string;
  literal: boolean;
}

function tokens(pattern: string): Token[] {
  const parts = pattern.match(/'(?:[^']|'')*'|([A-Za-z])\1*|[^A-Za-z']+/g) ?? [];
  return parts.map((part) => {
    if (part.startsWith("'")) {
      return { text: part === "''" ? "'" : part.slice(1, -1).replaceAll("''", "'"), literal: true };
    }
    return { text: part, literal: !/^[A-Za-z]/.test(part) };
  });
}

const months = [
  'January',
  'February',
  'March',
  'April',
  'May',
  'June',
  'July',
  'August',
  'September',
  'October',
  'November',
  'December',
];
const days = ['Sunday', 'Monday', 'Tuesday', 'Wednesday', 'Thursday', 'Friday', 'Saturday'];

export function dayOfYear(date: Date): number {
  return Math.round(
    (Date.UTC(date.getFullYear(), date.getMonth(), date.getDate()) - Date.UTC(date.getFullYear(), 0, 1)) /
      86_400_000 +
      1,
  );
}

function formatToken(date: Date, token: string): string {
  const width = token.length;
  const pad = (value: number) => String(value).padStart(width, '0');
  const hour = date.getHours();
  switch (token[0]) {
    case 'y':
    case 'Y':
      return width === 2 ? String(date.getFullYear() % 100).padStart(2, '0') : pad(date.getFullYear());
    case 'M': {
      const name = months[date.getMonth()] as string;
      return width >= 4 ? name : width === 3 ? name.slice(0, 3) : pad(date.getMonth() + 1);
    }
    case 'd':
      return pad(date.getDate());
    case 'D':
      return pad(dayOfYear(date));
    case 'E': {
      const name = days[date.getDay()] as string;
      return width >= 4 ? name : name.slice(0, 3);
    }
    case 'e':
      return pad(date.getDay() || 7);
    case 'H':
      return pad(hour);
    case 'k':
      return pad(hour || 24);
    case 'K':
      return pad(hour % 12);
    case 'h':
      return pad(hour % 12 || 12);
    case 'm':
      return pad(date.getMinutes());
    case 's':
      return pad(date.getSeconds());
    case 'S':
      return String(date.getMilliseconds()).padStart(3, '0').padEnd(width, '0').slice(0, width);
    case 'a':
      return hour < 12 ? 'AM' : 'PM';
    case 'Z':
    case 'z': {
      const offset = -date.getTimezoneOffset();
      const digits = [Math.floor(Math.abs(offset) / 60), Math.abs(offset) % 60].map((n) =>
        String(n).padStart(2, '0'),
      );
      return `${offset < 0 ? '-' : '+'}${digits.join(width > 1 || token[0] === 'z' ? ':' : '')}`;
    }
    default:
      throw new PlatformError(`Illegal pattern component: ${token}`, {
        javaClass: 'java.lang.IllegalArgumentException',
      });
  }
}

function quoted(text: string): string {
  return text.replace(/[\\^$.*+?()[\]{}|/]/g, '\\$&');
}

function fieldOf(token: string): string {
  const letter = token.charAt(0);
  return letter === 'Y' ? 'y' : letter === 'M' && token.length >= 3 ? 'month' : letter;
}

function tokenPattern(token: string): string {
  switch (token.charAt(0)) {
    case 'M':
      return token.length >= 3 ? '[A-Za-z]+' : '\\d{1,2}';
    case 'E':
      return '[A-Za-z]+';
    case 'a':
      return 'am|pm';
    case 'Z':
    case 'z':
      return 'Z|[+-]\\d{2}:?\\d{2}';
    case 'y':
    case 'Y':
      return token.length === 2 ? '\\d{2}' : '\\d{1,9}';
    case 'S':
      return `\\d{1,${token.length}}`;
    case 'D':
      return '\\d{1,3}';
    default:
      return '\\d{1,2}';
  }
}

function assemble(found: Record<string, string>, text: string): Date {
  const number = (name: string, fallback: number) =>
    found[name] === undefined ? fallback : Number(found[name]);
  const monthName = found.month?.slice(0, 3).toLowerCase();
  const month =
    monthName === undefined
      ? number('M', 1) - 1
      : months.findIndex((name) => name.slice(0, 3).toLowerCase() === monthName);
  const half = found.h ?? found.K;
  const afternoon = found.a?.toLowerCase() === 'pm' ? 12 : 0;
  const hour = half === undefined ? number('H', number('k', 0)) % 24 : (Number(half) % 12) + afternoon;
  const year = number('y', 1970);
  const fullYear = found.y?.length === 2 ? year + (year < 70 ? 2000 : 1900) : year;
  const ms = Number((found.S ?? '0').padEnd(3, '0').slice(0, 3));
  const day = found.D === undefined ? number('d', 1) : Number(found.D);
  const date = new Date(0);
  date.setFullYear(fullYear, found.D === undefined ? month : 0, day);
  date.setHours(hour, number('m', 0), number('s', 0), ms);
  const misfit = found.D === undefined && (date.getDate() !== day || date.getMonth() !== month);
  if (month < 0 || misfit || number('m', 0) > 59 || number('s', 0) > 59) {
    throw new PlatformError(`Cannot parse "${text}"`, {
      javaClass: 'org.joda.time.IllegalFieldValueException',
    });
  }
  const zone = found.Z ?? found.z;
  if (zone === undefined) {
    return date;
  }
  const digits = zone.replace(/[^\d]/g, '').padEnd(4, '0');
  const offsetMinutes =
    (Number(digits.slice(0, 2)) * 60 + Number(digits.slice(2))) * (zone.startsWith('-') ? -1 : 1);
  return new Date(
    Date.UTC(fullYear, date.getMonth(), date.getDate(), hour, number('m', 0), number('s', 0), ms) -
      offsetMinutes * 60_000,
  );
}
