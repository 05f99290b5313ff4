import Type, { type TSchema } from 'typebox';

/** The ThingWorx base types that a property, parameter, field or result of this extension may have. */
export type BaseType =
  | 'STRING'
  | 'PASSWORD'
  | 'NUMBER'
  | 'INTEGER'
  | 'LONG'
  | 'BOOLEAN'
  | 'DATETIME'
  | 'INFOTABLE'
  | 'LOCATION'
  | 'JSON'
  | 'THINGNAME'
  | 'THINGTEMPLATENAME'
  | 'TEXT'
  | 'BLOB'
  | 'IMAGE'
  | 'IMAGELINK'
  | 'XML'
  | 'HYPERLINK';

/** What a schema says to ThingWorx beyond JSON Schema; kept under the keyword `x-thingworx`. */
interface ThingWorxAnnotation {
  /** The base type where the default of `baseTypeOf` does not fit. */
  readonly baseType?: BaseType;
  /** The Data Shape of an INFOTABLE: its rows are the items of an array of objects, or it has one row, which is an object. */
  readonly dataShape?: string;
  /** The name that Composer shows. */
  readonly friendlyName?: string;
  /** For THINGNAME: Composer offers only Things of this template or shape. */
  readonly thingTemplate?: string;
  readonly thingShape?: string;
  /** The unit, as Composer shows it. */
  readonly units?: string;
}

const THINGWORX_KEYWORD = 'x-thingworx';
/** In words what a value must look like, for error messages where a pattern would say nothing to a user. */
export const EXPECTED_KEYWORD = 'x-expected';
/** The keywords that ajv must accept beside JSON Schema's own. */
export const ANNOTATION_KEYWORDS = [THINGWORX_KEYWORD, EXPECTED_KEYWORD, 'x-setting'];

/** The schema with an annotation for ThingWorx; the schema itself is not changed. */
export function forThingWorx<T extends TSchema>(schema: T, annotation: ThingWorxAnnotation): T {
  return { ...schema, [THINGWORX_KEYWORD]: { ...annotationOf(schema), ...annotation } };
}

export function annotationOf(schema: TSchema): ThingWorxAnnotation {
  return (schema as Record<string, unknown>)[THINGWORX_KEYWORD] ?? {};
}

/** In JSON Schema's words: the parts of a schema that the generator reads. */
interface SchemaFacts {
  readonly type?: string;
  readonly format?: string;
  readonly description?: string;
  readonly default?: unknown;
  readonly enum?: readonly unknown[];
  readonly items?: TSchema;
  readonly properties?: Readonly<Record<string, TSchema>>;
  readonly required?: readonly string[];
  readonly minimum?: number;
  readonly maximum?: number;
  readonly minLength?: number;
}

export function factsOf(schema: TSchema): SchemaFacts {
  return schema as SchemaFacts;
}

/** The ThingWorx base type of a member: what the annotation says, else what its JSON type becomes in ThingWorx. */
export function baseTypeOf(schema: TSchema): BaseType {
  const annotation = annotationOf(schema);
  if (annotation.baseType) return annotation.baseType;
  if (annotation.dataShape) return 'INFOTABLE';
  const facts = factsOf(schema);
  if (facts.format === 'date-time') return 'DATETIME';
  switch (facts.type) {
    case 'string':
      return 'STRING';
    case 'integer':
      return 'INTEGER';
    case 'number':
      return 'NUMBER';
    case 'boolean':
      return 'BOOLEAN';
    default:
      return facts.enum?.every((value) => typeof value === 'string') ? 'STRING' : 'JSON';
  }
}

/**
 * Whether an empty text is a value that somebody may mean, such as the content of an empty file. The schema says so with `minLength: 0`; every
 * other member that is empty counts as not given.
 */
export function mayBeEmpty(schema: TSchema): boolean {
  return factsOf(schema).minLength === 0;
}

interface Described {
  readonly description: string;
  readonly [keyword: string]: unknown;
}

/** A time in ISO 8601 (RFC 3339) form; DATETIME in ThingWorx. */
export function DateTime(options: Described) {
  return Type.String({ format: 'date-time', ...options });
}

/** Any JSON object; JSON in ThingWorx. */
export function JsonObject(options: Described) {
  return Type.Unsafe<Record<string, unknown>>({ type: 'object', ...options });
}

/**
 * Any JSON value; JSON in ThingWorx, where an array is boxed as {"array": [...]}. A JSON field of an INFOTABLE holds nothing else than objects
 * and arrays: beside a value that may be a text or a number stands its JSON text.
 */
export function JsonValue(options: Described) {
  return Type.Unsafe<unknown>({ ...options });
}

/** Rows that a service takes or gives as an INFOTABLE of the named Data Shape. */
export function Table<T extends TSchema>(row: T, dataShape: string, options: { description: string }) {
  return forThingWorx(Type.Array(row, options), { baseType: 'INFOTABLE', dataShape });
}

/** A text that travels in a header: no line breaks, no control characters, no letters beyond ASCII. */
export function HeaderText(options: Described) {
  return Type.String({
    pattern: '^[\\x20-\\x7e]*$',
    [EXPECTED_KEYWORD]: 'printable ASCII characters',
    ...options,
  });
}

/** One object that a service gives as an INFOTABLE of the named Data Shape with one row: what grids and forms can bind. */
export function OneRow<T extends TSchema>(row: T, dataShape: string): T {
  return forThingWorx(row, { baseType: 'INFOTABLE', dataShape });
}

/** Whether a service gives it as an INFOTABLE with one row. */
export function isOneRow(schema: TSchema): boolean {
  return baseTypeOf(schema) === 'INFOTABLE' && factsOf(schema).type === 'object';
}

/** The schema of the rows of an INFOTABLE. */
export function rowOf(table: TSchema): TSchema {
  return factsOf(table).items ?? table;
}

/** One of a few words. */
export function OneOf<const T extends readonly [string, ...string[]]>(words: T, options: Described) {
  return Type.Unsafe<T[number]>({ type: 'string', enum: [...words], ...options });
}

/** The name of a Thing: anything ThingWorx allows, within a length that no name reaches. */
export function ThingName(options: Described) {
  return forThingWorx(Type.String({ minLength: 1, maxLength: 256, ...options }), { baseType: 'THINGNAME' });
}
