import { type FieldDefinition, InfoTable } from './infotable.ts';
import { parseIsoTime } from './iso-time.ts';
import { axes, plainJson, plainText } from './value-forms.ts';
import {
  type BaseType,
  isBaseType,
  type JsonObject,
  type JsonValue,
  Location,
  Password,
  PlatformError,
  type PlatformValue,
  type Tag,
  Variant,
  Vector,
} from './values.ts';

export interface ConvertOptions {
  /**
   * Reads text that is given for a PASSWORD: the secret in clear, which the platform is believed to take, or encrypted. Without it text is
   * refused, as by PTC's SDK.
   */
  readPassword?: (text: string) => string;
  /** Fields for an INFOTABLE that comes as `{rows}` without a dataShape; without them such a table is refused. */
  fields?: Iterable<FieldDefinition>;
}

/**
 * Converts a value (parsed JSON, a script value in plain form, or another PlatformValue) to a base type, by the rules that
 * PTC's SDK 7.0 was measured to follow. null and undefined stay unset (null). What was not measured: numbers other than 0
 * and 1 as BOOLEAN (taken as true), dates as numbers (epoch ms), vectors, and malformed base64 (Node's lenient reading).
 *
 * @throws PlatformError `Unable To Convert From <java class> to <base type>`
 */
export function convert(value: unknown, baseType: BaseType, options: ConvertOptions = {}): PlatformValue {
  if (value === null || value === undefined || baseType === 'NOTHING') {
    return null;
  }
  if (baseType === 'VARIANT') {
    return toVariant(value, options);
  }
  const plain = value instanceof Variant ? value.value : value;
  if (plain === null) {
    return null;
  }
  switch (baseType) {
    case 'NUMBER':
      return toNumber(plain, baseType);
    case 'INTEGER':
      return toInteger(plain, baseType, -2147483648, 2147483647);
    case 'LONG':
    case 'TIMESPAN':
      return toInteger(plain, baseType, -(2 ** 63), 2 ** 63);
    case 'BOOLEAN':
      return toBoolean(plain);
    case 'DATETIME':
      return toDate(plain);
    case 'JSON':
    case 'QUERY':
      return toJsonObject(plain, baseType);
    case 'INFOTABLE':
      return toInfoTable(plain, options);
    case 'LOCATION':
      return toLocation(plain);
    case 'VEC2':
      return toVector(plain, baseType, 2);
    case 'VEC3':
      return toVector(plain, baseType, 3);
    case 'VEC4':
      return toVector(plain, baseType, 4);
    case 'TAGS':
      return toTags(plain);
    case 'IMAGE':
    case 'BLOB':
      return toBytes(plain, baseType);
    case 'PASSWORD':
      return toPassword(plain, options);
    default:
      return plainText(plain);
  }
}

/** Name of the Java class that the platform has for a value, as its error texts show it. */
export function javaClassOf(value: unknown): string {
  switch (typeof value) {
    case 'string':
      return 'java.lang.String';
    case 'boolean':
      return 'java.lang.Boolean';
    case 'number':
      return Number.isInteger(value) && Math.abs(value) < 2 ** 31 ? 'java.lang.Integer' : 'java.lang.Double';
    case 'bigint':
      return 'java.lang.Long';
    default:
  }
  if (Array.isArray(value)) {
    return 'org.json.JSONArray';
  }
  if (value instanceof Date) {
    return 'org.joda.time.DateTime';
  }
  if (value instanceof InfoTable) {
    return 'com.thingworx.types.InfoTable';
  }
  if (value instanceof Uint8Array) {
    return '[B';
  }
  if (value instanceof Location) {
    return 'com.thingworx.types.primitives.structs.Location';
  }
  if (value instanceof Vector) {
    return `com.thingworx.types.primitives.structs.Vec${value.components.length}`;
  }
  if (value instanceof Password) {
    return 'com.thingworx.types.primitives.PasswordPrimitive';
  }
  return 'org.json.JSONObject';
}

function refuse(value: unknown, baseType: BaseType): never {
  throw new PlatformError(`Unable To Convert From ${javaClassOf(value)} to ${baseType}`);
}

// What java.lang.Double.parseDouble accepts, without hexadecimal floats.
const javaDouble = /^[+-]?(?:NaN|Infinity|(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?[dDfF]?)$/;

function toNumber(value: unknown, baseType: BaseType): number {
  switch (typeof value) {
    case 'number':
      return value;
    case 'bigint':
      return Number(value);
    case 'boolean':
      return value ? 1 : 0;
    case 'string': {
      const text = value.trim();
      if (!javaDouble.test(text)) {
        refuse(value, baseType);
      }
      return Number(/[dDfF]$/.test(text) && !/[Ny]$/.test(text) ? text.slice(0, -1) : text);
    }
    default:
      return value instanceof Date ? value.getTime() : refuse(value, baseType);
  }
}

/** As Java casts a double: the fraction is dropped, NaN becomes 0, too large values stop at the limits. */
function toInteger(value: unknown, baseType: BaseType, minimum: number, maximum: number): number {
  const number = Math.trunc(toNumber(value, baseType));
  if (Number.isNaN(number)) {
    return 0;
  }
  return Math.min(Math.max(number, minimum), maximum) + 0;
}

function toBoolean(value: unknown): boolean {
  switch (typeof value) {
    case 'boolean':
      return value;
    case 'number':
      return value !== 0 && !Number.isNaN(value);
    case 'string':
      return value.toLowerCase() === 'true' || value === '1';
    default:
      return refuse(value, 'BOOLEAN');
  }
}

function toDate(value: unknown): Date | null {
  if (value instanceof Date) {
    return Number.isNaN(value.getTime()) ? refuse(value, 'DATETIME') : new Date(value.getTime());
  }
  if (typeof value === 'number') {
    const date = new Date(Math.trunc(value));
    return Number.isNaN(date.getTime()) ? refuse(value, 'DATETIME') : date;
  }
  if (typeof value === 'string') {
    if (value === '') {
      return null;
    }
    const date = /^-?\d+$/.test(value) ? new Date(Number(value)) : parseIsoTime(value);
    return date === undefined || Number.isNaN(date.getTime()) ? refuse(value, 'DATETIME') : date;
  }
  return refuse(value, 'DATETIME');
}

function toJsonObject(value: unknown, baseType: BaseType): JsonObject {
  if (typeof value === 'string') {
    // Text that is no JSON becomes an empty object; the platform prints the parse error and goes on.
    try {
      const parsed: unknown = JSON.parse(value);
      return typeof parsed === 'object' && parsed !== null ? boxJson(parsed as JsonValue) : {};
    } catch {
      return {};
    }
  }
  if (
    typeof value === 'object' &&
    value !== null &&
    !(value instanceof Uint8Array) &&
    !(value instanceof Date)
  ) {
    return boxJson(plainJson(value));
  }
  return refuse(value, baseType);
}

/** The platform stores JSON as an object: an array at the top is boxed. */
export function boxJson(value: JsonValue): JsonObject {
  if (Array.isArray(value)) {
    return { array: value };
  }
  return typeof value === 'object' && value !== null ? value : {};
}

function toInfoTable(value: unknown, options: ConvertOptions): InfoTable {
  if (value instanceof InfoTable) {
    return value;
  }
  let json = value;
  if (typeof value === 'string') {
    try {
      json = JSON.parse(value);
    } catch {
      refuse(value, 'INFOTABLE');
    }
  }
  if (typeof json !== 'object' || json === null || Array.isArray(json)) {
    refuse(value, 'INFOTABLE');
  }
  return InfoTable.fromJSON(json, options);
}

function toLocation(value: unknown): Location {
  if (value instanceof Location) {
    return value;
  }
  if (typeof value === 'string') {
    const parts = value.split(',').map((part) => part.trim());
    if (parts.length >= 2 && parts.length <= 3 && parts.every((part) => javaDouble.test(part))) {
      return new Location(Number(parts[0]), Number(parts[1]), Number(parts[2] ?? 0));
    }
    refuse(value, 'LOCATION');
  }
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) {
    const { latitude, longitude, elevation } = value as Record<string, unknown>;
    if (latitude !== undefined && longitude !== undefined) {
      return new Location(
        toNumber(latitude, 'LOCATION'),
        toNumber(longitude, 'LOCATION'),
        elevation === undefined || elevation === null ? 0 : toNumber(elevation, 'LOCATION'),
      );
    }
  }
  return refuse(value, 'LOCATION');
}

function toVector(value: unknown, baseType: BaseType, size: number): Vector {
  if (value instanceof Vector && value.components.length === size) {
    return value;
  }
  let parts: unknown[] = [];
  if (typeof value === 'string') {
    parts = value.split(',');
  } else if (typeof value === 'object' && value !== null && !Array.isArray(value)) {
    const members = value as Record<string, unknown>;
    parts = axes.slice(0, size).map((axis) => members[axis]);
  }
  if (parts.length !== size || parts.includes(undefined)) {
    refuse(value, baseType);
  }
  return new Vector(parts.map((part) => toNumber(part, baseType)));
}

function toTags(value: unknown): Tag[] {
  if (typeof value === 'string') {
    return value
      .split(';')
      .filter((term) => term.trim() !== '')
      .map((term) => {
        const colon = term.indexOf(':');
        if (colon <= 0) {
          refuse(value, 'TAGS');
        }
        return { vocabulary: term.slice(0, colon).trim(), vocabularyTerm: term.slice(colon + 1).trim() };
      });
  }
  if (Array.isArray(value)) {
    return value.map((term: unknown) => {
      const { vocabulary, vocabularyTerm } = (term ?? {}) as Partial<Tag>;
      if (typeof vocabulary !== 'string' || typeof vocabularyTerm !== 'string') {
        refuse(value, 'TAGS');
      }
      return { vocabulary, vocabularyTerm };
    });
  }
  return refuse(value, 'TAGS');
}

function toBytes(value: unknown, baseType: BaseType): Uint8Array {
  if (value instanceof Uint8Array) {
    return value;
  }
  if (typeof value === 'string') {
    return Uint8Array.from(Buffer.from(value, 'base64'));
  }
  if (Array.isArray(value) && value.every((byte) => typeof byte === 'number')) {
    return Uint8Array.from(value as number[]);
  }
  return refuse(value, baseType);
}

function toPassword(value: unknown, options: ConvertOptions): Password {
  if (value instanceof Password) {
    return value;
  }
  if (typeof value === 'string' && options.readPassword !== undefined) {
    return new Password(options.readPassword(value), value);
  }
  return refuse(value, 'PASSWORD');
}

/** A bare value is typed by its kind; `{value, baseType}` is taken apart. */
function toVariant(value: unknown, options: ConvertOptions): Variant | null {
  if (value instanceof Variant) {
    return value;
  }
  switch (typeof value) {
    case 'number':
      return new Variant('NUMBER', value);
    case 'boolean':
      return new Variant('BOOLEAN', value);
    case 'string':
      return new Variant('STRING', value);
    default:
  }
  if (value instanceof Date) {
    return new Variant('DATETIME', toDate(value));
  }
  if (value instanceof InfoTable) {
    return new Variant('INFOTABLE', value);
  }
  if (value instanceof Location) {
    return new Variant('LOCATION', value);
  }
  if (value instanceof Vector) {
    return new Variant(`VEC${value.components.length}` as BaseType, value);
  }
  if (value instanceof Password) {
    return new Variant('PASSWORD', value);
  }
  if (value instanceof Uint8Array) {
    return new Variant('BLOB', value);
  }
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) {
    const wrapped = value as { value?: unknown; baseType?: unknown };
    if (typeof wrapped.baseType === 'string' && 'value' in wrapped && isBaseType(wrapped.baseType)) {
      const inner = convert(wrapped.value, wrapped.baseType, options);
      return inner instanceof Variant ? inner : inner === null ? null : new Variant(wrapped.baseType, inner);
    }
  }
  return new Variant('JSON', toJsonObject(value, 'VARIANT'));
}
