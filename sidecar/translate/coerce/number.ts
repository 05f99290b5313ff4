import { outOfRange, type Wrong, wrongType } from './wrong.ts';

const DECIMAL = /^[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?$/;
/** Longer numerals than any double or LONG needs are refused unread. */
const MAX_NUMERAL_LENGTH = 400;

/** The number that a numeral says, or undefined. "NaN", "Infinity", hexadecimal and empty text are no numerals. */
export function parseNumeral(text: string): number | undefined {
  if (text.length > MAX_NUMERAL_LENGTH) return undefined;
  const trimmed = text.trim();
  return DECIMAL.test(trimmed) ? Number(trimmed) : undefined;
}

/** NUMBER is a Java Double. Text must be a decimal numeral; booleans become 1 and 0, as on the platform. */
export function toNumber(value: unknown): number | Wrong {
  switch (typeof value) {
    case 'number':
      return Number.isFinite(value) ? value : beyondDouble(value);
    case 'string': {
      const number = parseNumeral(value);
      if (number === undefined) return wrongType(value, `a number${cureOf(value)}`);
      return Number.isFinite(number) ? number : beyondDouble(value);
    }
    case 'boolean':
      return value ? 1 : 0;
    case 'bigint': {
      const number = Number(value);
      return Number.isFinite(number) ? number : beyondDouble(value);
    }
    default:
      return value instanceof Date ? value.getTime() : wrongType(value, 'a number');
  }
}

/** What a mapping rule can do about a text that is no numeral. */
function cureOf(text: string): string {
  const start = text.slice(0, 40).trim();
  if (/^[-+]?\d/.test(start))
    return '; a mapping rule with "number": "," or "number": "." reads decimal commas, thousands and units';
  return /^[-+]?(?:nan|inf)/i.test(start) ? '; a mapping rule can "map" it to null' : '';
}

function beyondDouble(value: unknown): Wrong {
  if (typeof value === 'number' && Number.isNaN(value)) return wrongType(value, 'a number');
  return outOfRange(
    typeof value === 'number' ? 'a number beyond double' : value,
    'within the range of a double (±1.8e308)',
  );
}

/** INTEGER is a Java Integer: 32 bits. The platform would cut a fraction and wrap silently; both are refused here. */
export function toInteger(value: unknown): number | Wrong {
  return toWhole(value, -2_147_483_648, 2_147_483_647, 'an INTEGER (-2147483648 to 2147483647)');
}

/** LONG is a Java Long, but the platform's scripts hold it in a double: beyond ±(2^53 - 1) digits would change. */
export function toLong(value: unknown): number | Wrong {
  return toWhole(
    value,
    Number.MIN_SAFE_INTEGER,
    Number.MAX_SAFE_INTEGER,
    'a LONG that a script can hold exactly (-9007199254740991 to 9007199254740991)',
  );
}

function toWhole(value: unknown, min: number, max: number, expected: string): number | Wrong {
  if (typeof value === 'bigint') {
    return value >= min && value <= max ? Number(value) : outOfRange(value, expected);
  }
  const number = toNumber(value);
  if (typeof number !== 'number') return number;
  if (number < min || number > max) return outOfRange(value, expected);
  if (!Number.isInteger(number)) {
    return wrongType(value, 'a whole number; scale it in a mapping or make the property a NUMBER');
  }
  // -0 becomes 0
  return number + 0;
}

/**
 * BOOLEAN as PTC's connector reads it: true and false in any case, any number but 0 is true, quoted or not. Other text,
 * which the platform silently takes as false, is refused.
 */
export function toBoolean(value: unknown): boolean | Wrong {
  switch (typeof value) {
    case 'boolean':
      return value;
    case 'number':
      return Number.isNaN(value) ? wrongType(value, 'true or false') : value !== 0;
    case 'bigint':
      return value !== 0n;
    case 'string': {
      const text = value.length > MAX_NUMERAL_LENGTH ? '' : value.trim().toLowerCase();
      if (text === 'true') return true;
      if (text === 'false') return false;
      const number = parseNumeral(text);
      if (number !== undefined) return number !== 0;
      return wrongType(value, 'true, false or a number');
    }
    default:
      return wrongType(value, 'true or false');
  }
}
