import { type FieldDefinition, InfoTable, type InfoTableRow } from '../infotable.ts';
import { ScriptStructure } from '../script-platform.ts';
import { setOwn } from '../value-forms.ts';
import {
  type BaseType,
  type JsonObject,
  Location,
  Password,
  type PlatformValue,
  type Tag,
  Variant,
  Vector,
} from '../values.ts';

/**
 * A PlatformValue as it travels between threads inside JSON text: primitives as they are, everything else as
 * `[tag, content]`. A JSON value is never looked into, so that no key in it can be taken for a tag.
 */
export type Wire = null | boolean | number | string | [tag: string, content: unknown];

type TableContent = [fields: FieldDefinition[], rows: Wire[][]];

export function encodeValue(value: PlatformValue): Wire {
  if (typeof value === 'number') {
    return Number.isFinite(value) && !Object.is(value, -0)
      ? value
      : ['number', Object.is(value, -0) ? '-0' : String(value)];
  }
  if (value === null || typeof value !== 'object') {
    return value;
  }
  if (value instanceof Date) {
    return ['date', value.getTime()];
  }
  if (value instanceof InfoTable) {
    const fields = [...value.fields.values()];
    return ['table', [fields, value.rows.map((row) => encodeRow(fields, row))] satisfies TableContent];
  }
  if (value instanceof Variant) {
    return ['variant', [value.baseType, encodeValue(value.value)]];
  }
  if (value instanceof Location) {
    return ['location', [value.latitude, value.longitude, value.elevation]];
  }
  if (value instanceof Vector) {
    return ['vector', value.components];
  }
  if (value instanceof Password) {
    return ['password', value.text === undefined ? [value.clear] : [value.clear, value.text]];
  }
  if (value instanceof Uint8Array) {
    return ['bytes', Buffer.from(value.buffer, value.byteOffset, value.byteLength).toString('base64')];
  }
  return Array.isArray(value) ? ['tags', value] : ['json', value];
}

function encodeRow(fields: FieldDefinition[], row: InfoTableRow): Wire[] {
  return fields.map(({ name }) => (Object.hasOwn(row, name) ? encodeValue(row[name] ?? null) : null));
}

export function decodeValue(wire: Wire): PlatformValue {
  if (!Array.isArray(wire)) {
    return wire;
  }
  const [tag, content] = wire;
  switch (tag) {
    case 'number':
      return Number(content);
    case 'date':
      return new Date(content as number);
    case 'table':
      return decodeTable(content as TableContent);
    case 'variant': {
      const [baseType, value] = content as [BaseType, Wire];
      return new Variant(baseType, decodeValue(value));
    }
    case 'location': {
      const [latitude, longitude, elevation] = content as [number, number, number];
      return new Location(latitude, longitude, elevation);
    }
    case 'vector':
      return new Vector(content as number[]);
    case 'password':
      return new Password(...(content as [string, string?]));
    case 'bytes':
      return Uint8Array.from(Buffer.from(content as string, 'base64'));
    case 'tags':
      return content as Tag[];
    default:
      return content as JsonObject;
  }
}

function decodeTable([fields, rows]: TableContent): InfoTable {
  const table = new InfoTable(fields);
  for (const cells of rows) {
    const row: InfoTableRow = {};
    for (const [index, cell] of cells.entries()) {
      const name = fields[index]?.name;
      if (cell !== null && name !== undefined) {
        setOwn(row, name, decodeValue(cell));
      }
    }
    table.rows.push(row);
  }
  return table;
}

/** The JSON text of a message between threads. Of 1e400 a JSON value holds Infinity, which must not become null on the way. */
export function messageText(message: unknown): string {
  const text = JSON.stringify(message);
  // Asking for each member takes ten times as long, and hardly any message holds what has become null.
  if (!text.includes('null') || !holdsInfinity(message)) return text;
  const { rawJSON } = JSON as unknown as { rawJSON(text: string): unknown };
  return JSON.stringify(message, (_, member: unknown) => {
    if (member === Number.POSITIVE_INFINITY) return rawJSON('1e400');
    return member === Number.NEGATIVE_INFINITY ? rawJSON('-1e400') : member;
  });
}

function holdsInfinity(value: unknown): boolean {
  if (typeof value === 'number') return Math.abs(value) === Number.POSITIVE_INFINITY;
  if (typeof value !== 'object' || value === null) return false;
  return Array.isArray(value) ? value.some(holdsInfinity) : Object.values(value).some(holdsInfinity);
}

export type WireValues = Record<string, Wire>;

export function encodeValues(values: Record<string, PlatformValue>): WireValues {
  const wire: WireValues = {};
  for (const [name, value] of Object.entries(values)) {
    setOwn(wire, name, encodeValue(value));
  }
  return wire;
}

export function decodeValues(wire: WireValues): Record<string, PlatformValue> {
  const values: Record<string, PlatformValue> = {};
  for (const [name, value] of Object.entries(wire)) {
    setOwn(values, name, decodeValue(value));
  }
  return values;
}

/** Variables of a script: values, or structures of values (`eventData`). */
export type WireVariables = { [name: string]: { value: Wire } | { structure: WireVariables } };

export function encodeVariables(variables: Record<string, PlatformValue | ScriptStructure>): WireVariables {
  const wire: WireVariables = {};
  for (const [name, value] of Object.entries(variables)) {
    setOwn(
      wire,
      name,
      value instanceof ScriptStructure
        ? { structure: encodeVariables(value.members) }
        : { value: encodeValue(value) },
    );
  }
  return wire;
}
