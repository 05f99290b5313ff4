import { type ConvertOptions, convert } from './base-types.ts';
import { cellJson, setOwn } from './value-forms.ts';
import { type BaseType, isBaseType, type JsonObject, PlatformError, type PlatformValue } from './values.ts';

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

  /**
   * Reads the REST form `{dataShape: {fieldDefinitions}, rows}`. Columns that the shape does not have are dropped, null and
   * absent cells stay unset.
   *
   * @throws PlatformError `JSONObject["dataShape"] not found.` (unless options.fields are given), or for a cell that does
   *   not convert
   */
  static fromJSON(json: unknown, options: ConvertOptions = {}): InfoTable {
    const table = json as { dataShape?: unknown; rows?: unknown };
    let fields: Iterable<FieldDefinition>;
    if (table.dataShape === undefined && options.fields !== undefined) {
      fields = options.fields;
    } else {
      const dataShape = member(table, 'dataShape') as object;
      fields = fieldsFromJson(member(dataShape, 'fieldDefinitions'));
    }
    const result = new InfoTable(fields);
    const rows = member(table, 'rows');
    if (!Array.isArray(rows)) {
      throw new PlatformError('JSONObject["rows"] is not a JSONArray.', {
        javaClass: 'org.json.JSONException',
      });
    }
    for (const row of rows) {
      result.addRow(row, options);
    }
    return result;
  }

  /** Appends a row. The cells are converted; unknown columns are dropped. */
  addRow(values: unknown, options: ConvertOptions = {}): InfoTableRow {
    const row = this.convertRow(values, options);
    this.rows.push(row);
    return row;
  }

  /**
   * Converts an object to a row of this table.
   *
   * @throws PlatformError `Unable To Convert To Value Collection: Unable To Convert From <java class> to <base type>`
   */
  convertRow(values: unknown, options: ConvertOptions = {}): InfoTableRow {
    const row: InfoTableRow = {};
    if (typeof values !== 'object' || values === null) {
      throw new PlatformError('Unable To Convert To Value Collection: a row must be an object');
    }
    const given = values as Record<string, unknown>;
    for (const field of this.fields.values()) {
      if (!Object.hasOwn(given, field.name)) {
        continue;
      }
      try {
        const value = convert(given[field.name], field.baseType, options);
        if (value !== null) {
          setOwn<PlatformValue>(row, field.name, value);
        }
      } catch (error) {
        if (error instanceof PlatformError) {
          throw new PlatformError(`Unable To Convert To Value Collection: ${error.message}`, {
            cause: error,
          });
        }
        throw error;
      }
    }
    return row;
  }

  addField(field: FieldDefinition): void {
    this.fields.set(field.name, field);
  }

  removeField(name: string): void {
    if (this.fields.delete(name)) {
      for (const row of this.rows) {
        delete row[name];
      }
    }
  }

  /** A new table with copies of the rows (cells are shared: they are never changed in place). */
  clone(): InfoTable {
    return new InfoTable(
      copyFields(this.fields.values()),
      this.rows.map((row) => ({ ...row })),
    );
  }

  toJSON(): JsonObject {
    return { ...this.toJSONLite(), dataShape: { fieldDefinitions: fieldsToJson(this.fields.values()) } };
  }

  /** The rows alone. */
  toJSONLite(): JsonObject {
    return { rows: this.rows.map((row) => this.rowToJSON(row)) };
  }

  rowToJSON(row: InfoTableRow): JsonObject {
    const json: JsonObject = {};
    for (const name of this.fields.keys()) {
      const value = Object.hasOwn(row, name) ? row[name] : undefined;
      if (value !== undefined && value !== null) {
        setOwn(json, name, cellJson(value));
      }
    }
    return json;
  }
}

/** A field definition with everything that is not given at its default. */
export function field(
  name: string,
  baseType: BaseType,
  more: Partial<FieldDefinition> = {},
): FieldDefinition {
  return { name, description: '', baseType, ordinal: 0, aspects: {}, ...more };
}

export function copyFields(fields: Iterable<FieldDefinition>): FieldDefinition[] {
  return Array.from(fields, (one) => ({ ...one, aspects: { ...one.aspects } }));
}

/** `fieldDefinitions` of a Data Shape as JSON. A field without a description gets its name as description. */
export function fieldsToJson(fields: Iterable<FieldDefinition>): JsonObject {
  const json: JsonObject = {};
  for (const { name, description, baseType, ordinal, aspects } of fields) {
    setOwn(json, name, {
      name,
      aspects: { ...aspects },
      description: description || name,
      baseType,
      ordinal,
    });
  }
  return json;
}

/**
 * Reads `fieldDefinitions`, in the order of `ordinal`.
 *
 * @throws PlatformError `Invalid Base Type for field x [y]`
 */
export function fieldsFromJson(json: unknown): FieldDefinition[] {
  const fields = Object.entries((json ?? {}) as Record<string, unknown>).map(([key, value], index) => {
    const given = (value ?? {}) as Partial<Record<keyof FieldDefinition, unknown>>;
    const name = typeof given.name === 'string' && given.name !== '' ? given.name : key;
    return field(name, baseTypeOf(name, given.baseType), {
      description: typeof given.description === 'string' ? given.description : '',
      ordinal: typeof given.ordinal === 'number' ? given.ordinal : index,
      aspects: { ...((given.aspects ?? {}) as FieldDefinition['aspects']) },
    });
  });
  return fields.sort((a, b) => a.ordinal - b.ordinal);
}

/** Checks the base type that somebody gives for a field. */
export function baseTypeOf(fieldName: string, baseType: unknown): BaseType {
  if (typeof baseType === 'string' && isBaseType(baseType)) {
    return baseType;
  }
  const shown = typeof baseType === 'string' ? baseType : 'null';
  throw new PlatformError(`Invalid Base Type for field ${fieldName} [${shown}]`);
}

function member(json: object, name: string): unknown {
  const value = (json as Record<string, unknown> | null)?.[name];
  if (value === undefined || value === null) {
    throw new PlatformError(`JSONObject["${name}"] not found.`, { javaClass: 'org.json.JSONException' });
  }
  return value;
}
