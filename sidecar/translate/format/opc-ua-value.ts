import { parseDateTime } from '../coerce/date-time.ts';
import { toQuality } from '../coerce/quality.ts';
import { isPlainObject, member } from '../coerce/structure.ts';
import type { Quality } from '../types.ts';
import type { SampleRow } from './sample.ts';

/** A value of OPC UA with its time and quality. */
export interface DataValue {
  readonly value: unknown;
  readonly timeMs: number | undefined;
  readonly quality: Quality;
}

/**
 * All names that the members of a DataValue have: in OPC 10000-6 of the editions 1.04 and 1.05 (5.4.2.18, table 42), in the compact encoding,
 * and in the schemas that OPC Publisher publishes of its messages. Those that tell a DataValue from another object are true.
 */
const DATA_VALUE_MEMBERS: ReadonlyMap<string, boolean> = new Map([
  ['Value', true],
  ['UaType', false],
  ['Dimensions', false],
  ['StatusCode', true],
  ['Status', false],
  ['SourceTimestamp', true],
  ['SourcePicoseconds', false],
  ['SourcePicoSeconds', false],
  ['ServerTimestamp', true],
  ['ServerPicoseconds', false],
  ['ServerPicoSeconds', false],
]);

/** Whether a JSON value is a DataValue: nothing but its members, and one that tells. */
export function isDataValue(value: unknown): value is Readonly<Record<string, unknown>> {
  if (!isPlainObject(value)) return false;
  let telling = false;
  for (const name in value) {
    const tells = DATA_VALUE_MEMBERS.get(name);
    if (tells === undefined) return false;
    // of a bad value nothing but its status may be left; ordinary objects have a status, too
    if (tells || (name === 'Status' && isStatusCode(value[name]))) telling = true;
  }
  return telling;
}

/** Whether a value is a status code as OPC UA writes it: a number, {Code, Symbol} or {} for Good, or the name of one. */
function isStatusCode(value: unknown): boolean {
  if (typeof value === 'string') return /^(?:Good|Uncertain|Bad)(?:[A-Z]\w*)?$/.test(value);
  if (isPlainObject(value)) return Object.keys(value).every((name) => name === 'Code' || name === 'Symbol');
  return typeof value === 'number' && Number.isInteger(value) && value >= 0 && value <= 0xffff_ffff;
}

/** Whether a DataValue has more than its value: an ordinary object may have a member Value, too. */
export function isQualified(value: Readonly<Record<string, unknown>>): boolean {
  const { StatusCode, Status } = value;
  return (
    Object.hasOwn(value, 'SourceTimestamp') ||
    Object.hasOwn(value, 'ServerTimestamp') ||
    (StatusCode !== undefined && isStatusCode(StatusCode)) ||
    (Status !== undefined && isStatusCode(Status))
  );
}

/**
 * Reads a field of a data set: a DataValue, a Variant (reversible encoding) or a raw value. A status that is none that
 * is known makes the quality UNKNOWN; a missing one is Good.
 */
export function toDataValue(field: unknown, fallbackTimeMs?: number): DataValue {
  if (!isDataValue(field)) return { value: unwrap(field), timeMs: fallbackTimeMs, quality: 'GOOD' };
  const status = member(field, 'StatusCode') ?? member(field, 'Status');
  return {
    value: Object.hasOwn(field, 'UaType')
      ? unwrapTyped(member(field, 'UaType'), unwrap(member(field, 'Value') ?? null))
      : unwrap(member(field, 'Value') ?? null),
    timeMs:
      timeOf(member(field, 'SourceTimestamp')) ?? timeOf(member(field, 'ServerTimestamp')) ?? fallbackTimeMs,
    quality: status === undefined || status === null ? 'GOOD' : (toQuality(unwrap(status)) ?? 'UNKNOWN'),
  };
}

/** OPC UA's null time, 0001-01-01 (in some encoders 1601-01-01), says no time. */
const FIRST_TIME_MS = Date.UTC(1601, 0, 1);

/** Epoch milliseconds of a UtcTime; undefined when it is absent, null or no time. */
export function timeOf(value: unknown): number | undefined {
  const timeMs = typeof value === 'string' && value !== '' ? parseDateTime(value) : undefined;
  return timeMs !== undefined && timeMs > FIRST_TIME_MS ? timeMs : undefined;
}

/** The content of a Variant of the reversible encoding, of an ExtensionObject and of a LocalizedText. */
function unwrap(value: unknown): unknown {
  if (!isPlainObject(value)) return value;
  const names = Object.keys(value);
  if (Object.hasOwn(value, 'Body') && names.every((name) => VARIANT_MEMBERS.has(name))) {
    return unwrapTyped(member(value, 'Type') ?? member(value, 'UaType'), member(value, 'Body'));
  }
  if (Object.hasOwn(value, 'UaType') && Object.hasOwn(value, 'Value') && names.length <= 3) {
    return unwrapTyped(member(value, 'UaType'), member(value, 'Value'));
  }
  return value;
}

const VARIANT_MEMBERS: ReadonlySet<string> = new Set([
  'Type',
  'UaType',
  'Body',
  'Dimensions',
  'TypeId',
  'Encoding',
]);

/** Int64 and UInt64, which JSON of OPC UA writes as text. */
const LONG_TYPES: ReadonlySet<unknown> = new Set([8, 9, 'Int64', 'UInt64']);

function unwrapTyped(type: unknown, body: unknown): unknown {
  if (LONG_TYPES.has(type) && typeof body === 'string' && /^-?\d{1,20}$/.test(body)) {
    const number = Number(body);
    return Number.isSafeInteger(number) ? number : BigInt(body);
  }
  if (!isPlainObject(body)) return body ?? null;
  if (type === 'LocalizedText' || type === 21) return member(body, 'Text') ?? null;
  // an ExtensionObject wraps its structure once more
  return Object.hasOwn(body, 'TypeId') && Object.hasOwn(body, 'Body') ? member(body, 'Body') : body;
}

/** Groups neighbouring fields that share time and quality. */
export function rowsOf(fields: readonly (readonly [name: string, value: DataValue])[]): readonly SampleRow[] {
  const rows: (SampleRow & { names: string[]; values: unknown[] })[] = [];
  for (const [name, { value, timeMs, quality }] of fields) {
    const last = rows.at(-1);
    if (last !== undefined && last.timeMs === timeMs && last.quality === quality) {
      last.names.push(name);
      last.values.push(value);
    } else rows.push({ timeMs, quality, names: [name], values: [value] });
  }
  return rows;
}
