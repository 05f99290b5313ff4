import type { BaseType } from '../contract/schema.ts';
import { type DataShape, type FieldDefinition, permit, SIDECAR_GROUP } from '../entities/model.ts';
import { oneLine, unitDescription } from './descriptions.ts';
import type { Field, Schema } from './model.ts';

/**
 * What the scripts of the extension (extension/scripts/shared/model.js) know of a value: a word, or for an INFOTABLE its Data Shape and the types
 * of its fields. list: an array. plain: its elements are no objects and stand in the column `value`.
 */
export type ValueType =
  | 'boolean'
  | 'integer'
  | 'long'
  | 'number'
  | 'string'
  | 'dateTime'
  | 'date'
  | 'geoJson'
  | 'latLon'
  | 'json'
  | {
      readonly dataShape: string;
      readonly fields: Readonly<Record<string, ValueType>>;
      readonly list?: true;
      readonly plain?: true;
    };

const BASE_TYPES: Readonly<Record<Extract<ValueType, string>, BaseType>> = {
  boolean: 'BOOLEAN',
  integer: 'INTEGER',
  long: 'LONG',
  number: 'NUMBER',
  string: 'STRING',
  dateTime: 'DATETIME',
  date: 'DATETIME',
  geoJson: 'LOCATION',
  latLon: 'LOCATION',
  json: 'JSON',
};

export function baseTypeOf(type: ValueType): BaseType {
  return typeof type === 'string' ? BASE_TYPES[type] : 'INFOTABLE';
}

/** Makes types of schemas, and Data Shapes for objects and arrays. */
export class ValueTypes {
  readonly #project: string;
  readonly #shapes = new Map<string, DataShape>();

  constructor(project: string) {
    this.#project = project;
  }

  get dataShapes(): readonly DataShape[] {
    return [...this.#shapes.values()];
  }

  /** `name`: of the Data Shape, without its ending. */
  typeOf(schema: Schema, name: string, description: string): ValueType {
    switch (schema.kind) {
      case 'primitive':
      case 'enum':
        return schema.type;
      case 'location':
        return schema.form;
      case 'json':
        return 'json';
      case 'object':
        return schema.fields.length === 0 ? 'json' : this.#table(schema.fields, name, description);
      case 'array':
        return this.#list(schema.element, name, description);
    }
  }

  /** A field of a Data Shape, a parameter or the base of a property. */
  definition(field: Field, type: ValueType): FieldDefinition {
    const { name, unit } = field;
    const title = oneLine(field.title);
    return {
      name,
      baseType: baseTypeOf(type),
      description: unitDescription(field),
      ...(title === '' ? {} : { friendlyName: title }),
      ...(unit === undefined ? {} : { units: oneLine(unit) }),
      ...(typeof type === 'string' ? {} : { dataShape: type.dataShape }),
    };
  }

  /** A Data Shape with the fields of a type and what else is given. Other fields of the same name, as of request and response, get a name of their own. */
  keep(name: string, description: string, fields: readonly FieldDefinition[]): string {
    let base = name;
    while (this.#isOther(`${base}_DS`, fields)) base = `${base}_`;
    const shape = `${base}_DS`;
    // The sidecar converts values by the fields.
    const permissions = permit('ServiceInvoke', SIDECAR_GROUP, ['GetFieldDefinitions']);
    this.#shapes.set(shape, {
      kind: 'DataShape',
      project: this.#project,
      name: shape,
      description,
      fields,
      permissions,
    });
    return shape;
  }

  #isOther(shape: string, fields: readonly FieldDefinition[]): boolean {
    const known = this.#shapes.get(shape);
    return known !== undefined && JSON.stringify(known.fields) !== JSON.stringify(fields);
  }

  #table(fields: readonly Field[], name: string, description: string): ValueType {
    const types = fields.map((field) =>
      this.typeOf(field.schema, `${name}.${field.name}`, unitDescription(field)),
    );
    const definitions = fields.map((field, i) => this.definition(field, types[i] as ValueType));
    return {
      dataShape: this.keep(name, description, definitions),
      fields: Object.fromEntries(fields.map((field, i) => [field.name, types[i] as ValueType])),
    };
  }

  #list(element: Schema, name: string, description: string): ValueType {
    if (element.kind === 'array' || element.kind === 'json') return 'json';
    if (element.kind === 'object') {
      const row = this.typeOf(element, name, description);
      return typeof row === 'string' ? row : { ...row, list: true };
    }
    const field: Field = {
      name: 'value',
      title: '',
      description: 'An element of the array.',
      schema: element,
    };
    const row = this.#table([field], name, description);
    return typeof row === 'string' ? row : { ...row, list: true, plain: true };
  }
}
