import type { BaseType } from '../types.ts';
import { isPlainObject, member } from './structure.ts';

/** A complete ISO 8601 date and time with an offset: nothing else in telemetry looks like it by chance. */
const TIMESTAMP = /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}(?::\d{2}(?:[.,]\d{1,9})?)?(?:Z|[+-]\d{2}:?\d{2})$/;

/**
 * The base type for a property that is to be created for a value, or undefined for null. Numbers are always NUMBER:
 * that a device's first sample is whole does not say that the next one is.
 */
export function inferBaseType(value: unknown): BaseType | undefined {
  switch (typeof value) {
    case 'number':
    case 'bigint':
      return 'NUMBER';
    case 'boolean':
      return 'BOOLEAN';
    case 'string':
      return value.length <= 40 && TIMESTAMP.test(value) ? 'DATETIME' : 'STRING';
    case 'object':
      if (value === null) return undefined;
      if (value instanceof Date) return 'DATETIME';
      if (value instanceof Uint8Array) return 'BLOB';
      return isPlainObject(value) && isGeoPoint(value) ? 'LOCATION' : 'JSON';
    default:
      return undefined;
  }
}

function isGeoPoint(value: Readonly<Record<string, unknown>>): boolean {
  const names = Object.keys(value);
  return (
    names.length <= 3 &&
    typeof member(value, 'latitude') === 'number' &&
    typeof member(value, 'longitude') === 'number' &&
    names.every((name) => name === 'latitude' || name === 'longitude' || name === 'elevation')
  );
}
