import type { BaseType, PropertyDefinition } from '../types.ts';
import type { CoerceContext } from './context.ts';
import { toDateTime } from './date-time.ts';
import { inferBaseType } from './infer.ts';
import { toInfoTable } from './info-table.ts';
import { toBoolean, toInteger, toLong, toNumber } from './number.ts';
import { toJson, toLocation, toTags, toVector } from './structure.ts';
import { toBase64, toName, toPassword, toText, toXml } from './text.ts';
import { Wrong, wrongType } from './wrong.ts';

/**
 * Brings a decoded value to a base type, in the form that ReceiveUpdates takes: null for no value, a Wrong for a value
 * that the base type cannot take. Never throws. null and undefined are handled by the caller.
 */
export type Coercer = (value: unknown, context: CoerceContext) => unknown;

/**
 * One coercion per base type. They accept what PTC's connector documents and what the platform converts rightly; what
 * the platform would turn into a wrong value without a word is refused (docs/decisions/021).
 */
const COERCERS: Readonly<Record<Exclude<BaseType, 'INFOTABLE'>, Coercer>> = {
  STRING: toText,
  TEXT: toText,
  HTML: toText,
  GUID: toName,
  HYPERLINK: toName,
  IMAGELINK: toName,
  THINGNAME: toName,
  USERNAME: toName,
  GROUPNAME: toName,
  MASHUPNAME: toName,
  MENUNAME: toName,
  DASHBOARDNAME: toName,
  NOTIFICATIONCONTENTNAME: toName,
  NOTIFICATIONDEFINITIONNAME: toName,
  THINGSHAPENAME: toName,
  DATASHAPENAME: toName,
  THINGTEMPLATENAME: toName,
  BASETYPENAME: toName,
  SCHEDULE: toName,
  THINGCODE: toName,
  XML: toXml,
  IMAGE: toBase64,
  BLOB: toBase64,
  PASSWORD: toPassword,
  NUMBER: toNumber,
  INTEGER: toInteger,
  LONG: toLong,
  TIMESPAN: toLong,
  BOOLEAN: toBoolean,
  DATETIME: (value) => toDateTime(value),
  LOCATION: toLocation,
  VEC2: toVector(2),
  VEC3: toVector(3),
  VEC4: toVector(4),
  JSON: toJson,
  QUERY: toJson,
  TAGS: toTags,
  VARIANT: toVariant,
};

/** The coercion for a property; INFOTABLE ones know their Data Shape. */
export function coercerFor(definition: PropertyDefinition): Coercer {
  const { baseType, dataShape } = definition;
  if (baseType === 'INFOTABLE') {
    return (value, context) => toInfoTable(value, dataShape, context, coerceValue);
  }
  return Object.hasOwn(COERCERS, baseType) ? COERCERS[baseType] : unknownBaseType(baseType);
}

/** Coerces one value; null and undefined are no value. */
export function coerceValue(value: unknown, definition: PropertyDefinition, context: CoerceContext): unknown {
  if (value === null || value === undefined) return null;
  return coercerFor(definition)(value, context);
}

/** A platform newer than this table may name types it does not have: refuse, never guess. */
function unknownBaseType(baseType: string): Coercer {
  return () => new Wrong('VALUE_WRONG_TYPE', `cannot be delivered: base type ${baseType} is not supported`);
}

/** VARIANT as the platform writes it in rows: `{value, baseType}`, with the base type inferred. */
function toVariant(value: unknown, context: CoerceContext): unknown {
  const baseType = inferBaseType(value);
  if (baseType === undefined) return wrongType(value, 'a value');
  const coerced = coerceValue(value, { baseType }, context);
  return coerced instanceof Wrong ? coerced : { value: coerced, baseType };
}
