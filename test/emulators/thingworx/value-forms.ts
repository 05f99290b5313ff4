import { InfoTable } from './infotable.ts';
import {
  type BaseType,
  type JsonObject,
  type JsonValue,
  Location,
  Password,
  PlatformError,
  type PlatformValue,
  Variant,
  Vector,
} from './values.ts';

/** Members of a vector in JSON, in order. */
export const axes = ['x', 'y', 'z', 'w'] as const;

/** The value that a property or field of this type has when nothing was ever written; a DATETIME is the current time. */
export function defaultValue(baseType: BaseType): PlatformValue {
  switch (baseType) {
    case 'NUMBER':
    case 'INTEGER':
    case 'LONG':
    case 'TIMESPAN':
      return 0;
    case 'BOOLEAN':
      return false;
    case 'DATETIME':
      return new Date();
    case 'JSON':
    case 'QUERY':
      return {};
    case 'INFOTABLE':
      return new InfoTable();
    case 'LOCATION':
      return new Location(0, 0, 0);
    case 'VEC2':
      return new Vector([0, 0]);
    case 'VEC3':
      return new Vector([0, 0, 0]);
    case 'VEC4':
      return new Vector([0, 0, 0, 0]);
    case 'IMAGE':
    case 'BLOB':
      return new Uint8Array(0);
    case 'PASSWORD':
      return new Password('');
    case 'VARIANT':
      return new Variant('STRING', '');
    case 'TAGS':
    case 'NOTHING':
      return null;
    default:
      return '';
  }
}

/** JSON form of any structure: values of the platform in their row encoding, a new structure throughout. */
export function plainJson(value: unknown): JsonValue {
  switch (typeof value) {
    case 'string':
    case 'boolean':
    case 'number':
      return value;
    case 'object':
      break;
    default:
      return null;
  }
  if (value === null) {
    return null;
  }
  if (Array.isArray(value)) {
    return value.map(plainJson);
  }
  if (value instanceof Date) {
    return value.toISOString();
  }
  if (value instanceof InfoTable) {
    return value.toJSON();
  }
  if (value instanceof Location) {
    return locationJson(value);
  }
  if (value instanceof Vector) {
    return vectorJson(value);
  }
  if (value instanceof Variant) {
    return plainJson(value.value);
  }
  if (value instanceof Password) {
    return value.toJSON();
  }
  if (value instanceof Uint8Array) {
    return base64(value);
  }
  const copy: JsonObject = {};
  for (const [key, member] of Object.entries(value)) {
    if (member !== undefined && typeof member !== 'function') {
      setOwn(copy, key, plainJson(member));
    }
  }
  return copy;
}

/** Sets a member also when its name is `__proto__`. */
export function setOwn<T>(target: Record<string, T>, key: string, value: T): void {
  if (key === '__proto__') {
    Object.defineProperty(target, key, { value, enumerable: true, configurable: true, writable: true });
  } else {
    target[key] = value;
  }
}

/** Text form of a value, numbers as JavaScript prints them. */
export function plainText(value: unknown): string {
  switch (typeof value) {
    case 'string':
      return value;
    case 'number':
    case 'boolean':
    case 'bigint':
      return String(value);
    default:
  }
  if (value instanceof Date) {
    return value.toISOString();
  }
  if (value instanceof Uint8Array) {
    return base64(value);
  }
  if (value instanceof Location) {
    return [value.latitude, value.longitude, value.elevation].map(javaDoubleText).join(',');
  }
  if (value instanceof Vector) {
    return value.components.map(javaDoubleText).join(',');
  }
  if (value instanceof Password) {
    return value.toString();
  }
  return JSON.stringify(plainJson(value));
}

/** A double as Java prints it: 3 is `3.0`, 1e7 is `1.0E7`. */
export function javaDoubleText(value: number): string {
  if (!Number.isFinite(value)) {
    return String(value);
  }
  const magnitude = Math.abs(value);
  if (magnitude !== 0 && (magnitude >= 1e7 || magnitude < 1e-3)) {
    const [mantissa = '0', exponent = '0'] = value.toExponential().split('e');
    return `${mantissa.includes('.') ? mantissa : `${mantissa}.0`}E${Number(exponent)}`;
  }
  const text = Object.is(value, -0) ? '-0' : String(value);
  return text.includes('.') ? text : `${text}.0`;
}

/** String form of a value, the column "value" of the test vectors. */
export function valueText(value: PlatformValue, baseType: BaseType): string {
  if (value === null) {
    return '';
  }
  if (value instanceof Variant) {
    return valueText(value.value, value.baseType);
  }
  return baseType === 'NUMBER' && typeof value === 'number' ? javaDoubleText(value) : plainText(value);
}

/** `getSerializedValue()` of a primitive: numbers, booleans, epoch ms, and text for everything else. */
export function serializedValue(value: PlatformValue): string | number | boolean | null {
  if (value instanceof Variant) {
    return serializedValue(value.value);
  }
  if (value instanceof Date) {
    return value.getTime();
  }
  if (value === null || typeof value === 'number' || typeof value === 'boolean') {
    return value;
  }
  return plainText(value);
}

/**
 * Encoding of a cell in the rows of a table; null for an unset cell, which rows leave out.
 *
 * @throws PlatformError `JSON does not allow non-finite numbers`
 */
export function cellJson(value: PlatformValue): JsonValue {
  if (typeof value === 'number') {
    if (!Number.isFinite(value)) {
      throw new PlatformError('JSON does not allow non-finite numbers.', {
        javaClass: 'org.json.JSONException',
      });
    }
    return value;
  }
  if (value === null || typeof value !== 'object') {
    return value;
  }
  if (value instanceof Date) {
    return value.getTime();
  }
  if (value instanceof Variant) {
    return { value: cellJson(value.value), baseType: value.baseType };
  }
  if (value instanceof InfoTable) {
    return value.toJSON();
  }
  if (value instanceof Location) {
    return locationJson(value);
  }
  if (value instanceof Vector) {
    return vectorJson(value);
  }
  if (value instanceof Password) {
    return value.toJSON();
  }
  if (value instanceof Uint8Array) {
    return base64(value);
  }
  return value as JsonValue;
}

function locationJson(location: Location): JsonObject {
  return { elevation: location.elevation, latitude: location.latitude, longitude: location.longitude };
}

function vectorJson(vector: Vector): JsonObject {
  return Object.fromEntries(vector.components.map((component, index) => [axes[index] ?? index, component]));
}

function base64(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('base64');
}
