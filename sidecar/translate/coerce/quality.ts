import type { Quality } from '../types.ts';
import { isPlainObject, member } from './structure.ts';

/** Names that senders use, in lower case; `uncertain` is PTC's and OPC's word. */
const NAMES: Readonly<Record<string, Quality>> = {
  good: 'GOOD',
  ok: 'GOOD',
  valid: 'GOOD',
  bad: 'BAD',
  invalid: 'BAD',
  uncertain: 'UNKNOWN',
  unknown: 'UNKNOWN',
};

/**
 * The quality that an OPC UA status code says. Its two highest bits are the severity: 00 good, 01 uncertain, 10 bad
 * (OPC 10000-4, 7.39); 11 is reserved and taken as bad.
 */
export function statusCodeQuality(code: number): Quality {
  const severity = (code >>> 30) & 3;
  if (severity === 0) return 'GOOD';
  return severity === 1 ? 'UNKNOWN' : 'BAD';
}

/**
 * The quality that a value of a message says, or undefined when it says none that is known: a name in any case
 * (also OPC's symbols such as BadNoCommunication), a boolean (true is good), an OPC UA status code as number, as
 * numeral, or as `{Code, Symbol}`.
 */
export function toQuality(value: unknown): Quality | undefined {
  switch (typeof value) {
    case 'boolean':
      return value ? 'GOOD' : 'BAD';
    case 'number':
      return Number.isInteger(value) && value >= -2_147_483_648 && value <= 0xffff_ffff
        ? statusCodeQuality(value)
        : undefined;
    case 'string':
      return nameQuality(value);
    default:
      return isPlainObject(value) ? objectQuality(value) : undefined;
  }
}

function nameQuality(text: string): Quality | undefined {
  const name = text.trim().toLowerCase();
  if (Object.hasOwn(NAMES, name)) return NAMES[name];
  if (/^\d{1,10}$/.test(name)) return toQuality(Number(name));
  if (/^0x[0-9a-f]{1,8}$/.test(name)) return statusCodeQuality(Number(name));
  // symbols of OPC UA: GoodClamped, UncertainInitialValue, BadNodeIdUnknown
  const severity = /^(Good|Uncertain|Bad)(?=[A-Z_])/.exec(text.trim())?.[1]?.toLowerCase();
  return severity === undefined ? undefined : NAMES[severity];
}

function objectQuality(value: Readonly<Record<string, unknown>>): Quality | undefined {
  const code = member(value, 'Code') ?? member(value, 'code');
  if (code !== undefined && code !== null) return toQuality(code);
  const symbol = member(value, 'Symbol') ?? member(value, 'symbol');
  if (typeof symbol === 'string') return nameQuality(symbol);
  // OPC UA leaves out the code of Good: an empty object is good
  return Object.keys(value).length === 0 ? 'GOOD' : undefined;
}
