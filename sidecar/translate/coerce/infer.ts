import type { BaseType } from '../types.ts';
import { isGeoPoint, isPlainObject } from './structure.ts';

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

/** Empty text, and how OPC UA (OPC 10000-6, 5.4.2.4), C and Python write numbers that are none. */
const NO_VALUE = /^(?:[-+]?(?:nan|inf|infinity))?$/i;

/**
 * The base type of a property that is created for a value, or undefined for one that does not say it: a first sample of "NaN" or "" must
 * not make a STRING of a number for good.
 */
export function creatableBaseType(value: unknown): BaseType | undefined {
  if (typeof value === 'number' && !Number.isFinite(value)) return undefined;
  if (typeof value === 'string' && value.length <= 20 && NO_VALUE.test(value.trim())) return undefined;
  return inferBaseType(value);
}
