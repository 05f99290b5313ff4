import type { BaseType, PlatformValue } from './values.ts';

/** Definition of a field of a Data Shape or of a service parameter, with its JSON member names. */
export interface FieldDefinition {
  name: string;
  description: string;
  baseType: BaseType;
  ordinal: number;
  /** isPrimaryKey, dataShape, defaultValue, friendlyName, isRequired, ... */
  aspects: Record<string, string | number | boolean>;
}

/** One row: field name to value; an unset cell is absent. */
export type InfoTableRow = Record<string, PlatformValue>;

/** An INFOTABLE: fields in order, and rows whose cells have the fields' base types. */
export class InfoTable {
  readonly fields: Map<string, FieldDefinition>;
  readonly rows: InfoTableRow[];

  constructor(fields: Iterable<FieldDefinition> = [], rows: InfoTableRow[] = []) {
    this.fields = new Map();
    for (const field of fields) {
      this.fields.set(field.name, field);
    }
    this.rows = rows;
  }
}
