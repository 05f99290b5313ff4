import type { InfoTable } from './infotable.ts';

/**
 * The values that the emulated platform keeps, one JavaScript form per base type (its "primitives"):
 *
 * | base type | form |
 * |---|---|
 * | NUMBER, INTEGER, LONG, TIMESPAN | number |
 * | BOOLEAN | boolean |
 * | DATETIME | Date (valid) |
 * | JSON, QUERY | JsonObject; a top-level array is boxed as `{array: [...]}` |
 * | INFOTABLE | InfoTable |
 * | LOCATION | Location |
 * | VEC2, VEC3, VEC4 | Vector |
 * | TAGS | Tag[] |
 * | IMAGE, BLOB | Uint8Array |
 * | PASSWORD | Password |
 * | VARIANT | Variant |
 * | every other | string |
 * | NOTHING, or an unset cell of any type | null |
 */
export type PlatformValue =
  | null
  | boolean
  | number
  | string
  | Date
  | Uint8Array
  | InfoTable
  | Location
  | Vector
  | Variant
  | Password
  | Tag[]
  | JsonObject;

export type JsonValue = null | boolean | number | string | JsonValue[] | JsonObject;

export interface JsonObject {
  [key: string]: JsonValue;
}

/** One term of a TAGS value. */
export interface Tag {
  vocabulary: string;
  vocabularyTerm: string;
}

/** LOCATION. `units` is not kept, as in PTC's SDK 7.0. */
export class Location {
  readonly latitude: number;
  readonly longitude: number;
  readonly elevation: number;

  constructor(latitude: number, longitude: number, elevation = 0) {
    this.latitude = latitude;
    this.longitude = longitude;
    this.elevation = elevation;
  }
}

/** VEC2, VEC3 or VEC4: two to four numbers. */
export class Vector {
  readonly components: readonly number[];

  constructor(components: readonly number[]) {
    this.components = components;
  }
}

/** A secret in clear. It leaves the platform only encrypted or masked, see PasswordCipher. */
export class Password {
  readonly clear: string;
  /** The text that it was read from, in clear or encrypted; undefined when it came as a value. Not part of the value. */
  readonly #text: string | undefined;

  constructor(clear: string, text?: string) {
    this.clear = clear;
    this.#text = text;
  }

  get text(): string | undefined {
    return this.#text;
  }

  /** Keeps a secret out of logs and of JSON made by accident. */
  toJSON(): string {
    return '********';
  }

  toString(): string {
    return '********';
  }
}

/** VARIANT: a value that brings its own base type. `value` is never a Variant itself. */
export class Variant {
  readonly baseType: BaseType;
  readonly value: PlatformValue;

  constructor(baseType: BaseType, value: PlatformValue) {
    this.baseType = baseType;
    this.value = value;
  }
}

/** Base types that a property may have (PTC's SDK 7.0). */
export const propertyBaseTypes = [
  'STRING',
  'PASSWORD',
  'NUMBER',
  'INTEGER',
  'LONG',
  'BOOLEAN',
  'DATETIME',
  'INFOTABLE',
  'LOCATION',
  'IMAGE',
  'XML',
  'JSON',
  'QUERY',
  'THINGNAME',
  'USERNAME',
  'GROUPNAME',
  'HYPERLINK',
  'IMAGELINK',
  'MASHUPNAME',
  'MENUNAME',
  'DASHBOARDNAME',
  'HTML',
  'TEXT',
  'GUID',
  'BLOB',
  'VEC2',
  'VEC3',
  'VEC4',
  'THINGCODE',
  'NOTIFICATIONCONTENTNAME',
  'NOTIFICATIONDEFINITIONNAME',
] as const;

/** Base types that a field of a Data Shape may have (PTC's SDK 7.0). */
export const fieldBaseTypes = [
  ...propertyBaseTypes,
  'THINGSHAPENAME',
  'DATASHAPENAME',
  'THINGTEMPLATENAME',
  'BASETYPENAME',
  'SCHEDULE',
  'TAGS',
] as const;

/** Further types that occur in platform shapes, parameters and results, but that nobody can choose for a property. */
export const otherBaseTypes = [
  'NOTHING',
  'VARIANT',
  'TIMESPAN',
  'PROPERTYNAME',
  'SERVICENAME',
  'EVENTNAME',
  'CATEGORYNAME',
  'STATEDEFINITIONNAME',
  'STYLEDEFINITIONNAME',
  'MODELTAGVOCABULARYNAME',
  'DATATAGVOCABULARYNAME',
  'NETWORKNAME',
  'MEDIAENTITYNAME',
  'APPLICATIONKEYNAME',
  'LOCALIZATIONTABLENAME',
  'ORGANIZATIONNAME',
  'PERSISTENCEPROVIDERPACKAGENAME',
  'PERSISTENCEPROVIDERNAME',
  'PROJECTNAME',
  'THINGGROUPNAME',
] as const;

export type BaseType = (typeof fieldBaseTypes)[number] | (typeof otherBaseTypes)[number];

const allBaseTypes: ReadonlySet<string> = new Set([...fieldBaseTypes, ...otherBaseTypes]);

export function isBaseType(name: string): name is BaseType {
  return allBaseTypes.has(name);
}

/**
 * An error that the platform itself raises (a Java exception there). A script sees it as a JavaException whose message is
 * `<javaClass>: <message>`; a REST client sees `message` with `status`.
 */
export class PlatformError extends Error {
  /** HTTP status of the answer when the error reaches a REST client. */
  readonly status: number;
  /** Class of the Java exception, the prefix of the message that a script sees. */
  readonly javaClass: string;

  constructor(message: string, options: { status?: number; javaClass?: string; cause?: unknown } = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = 'PlatformError';
    this.status = options.status ?? 500;
    this.javaClass = options.javaClass ?? 'java.lang.Exception';
  }
}
