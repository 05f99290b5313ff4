import { type BaseType, FIELD_BASE_TYPES, type PropertyDefinition } from '../types.ts';
import type { CoerceContext } from './context.ts';
import { inferBaseType } from './infer.ts';
import { isPlainObject, member } from './structure.ts';
import { Wrong, wrongType } from './wrong.ts';

/** Coerces one cell; given by base-types.ts, which has a coercion for each base type. */
type CellCoercer = (value: unknown, definition: PropertyDefinition, context: CoerceContext) => unknown;

type Fields = ReadonlyMap<string, PropertyDefinition>;

const EXPECTED = 'an INFOTABLE: {"rows":[..]} with or without "dataShape", or an array of objects';

/** The one field of a Data Shape whose rows may be given as an array of values that are no objects. */
const PLAIN_FIELD = 'value';

/**
 * INFOTABLE as `{dataShape: {fieldDefinitions}, rows}`; the platform needs the definitions. They come from the
 * property's Data Shape, else from the value's own `dataShape`, else from the rows. A column that the Data Shape does
 * not have is refused, since the platform would drop it without a word; null cells are left out. With a Data Shape one object is one row, and an
 * array of other values fills its one field `value`.
 */
export function toInfoTable(
  value: unknown,
  dataShape: string | undefined,
  context: CoerceContext,
  coerceCell: CellCoercer,
): object | Wrong {
  const known = dataShape === undefined || dataShape === '' ? undefined : context.dataShape(dataShape);
  const rows = rowsOf(value, known);
  if (rows === undefined) return wrongType(value, EXPECTED);
  const fields = known ?? (isPlainObject(value) ? ownFields(value) : undefined) ?? inferFields(rows);
  if (fields instanceof Wrong) return fields;
  const coerced: object[] = [];
  for (let i = 0; i < rows.length; i++) {
    const row = coerceRow(rows[i] as object, i, fields, context, coerceCell);
    if (row instanceof Wrong) return row;
    coerced.push(row);
  }
  return { dataShape: { fieldDefinitions: fieldDefinitions(fields) }, rows: coerced };
}

function rowsOf(value: unknown, fields: Fields | undefined): readonly unknown[] | undefined {
  const given = isPlainObject(value) ? (member(value, 'rows') ?? (fields && [value])) : value;
  if (!Array.isArray(given)) return undefined;
  if (given.every(isPlainObject)) return given;
  const isPlain = fields?.size === 1 && fields.has(PLAIN_FIELD) && !given.some(isPlainObject);
  return isPlain ? given.map((item: unknown) => ({ [PLAIN_FIELD]: item })) : undefined;
}

function coerceRow(
  row: object,
  index: number,
  fields: Fields,
  context: CoerceContext,
  coerceCell: CellCoercer,
): object | Wrong {
  const cells: [string, unknown][] = [];
  for (const [name, value] of Object.entries(row)) {
    if (value === null) continue;
    const field = fields.get(name);
    if (field === undefined) {
      return new Wrong(
        'VALUE_WRONG_TYPE',
        `row ${index}: the Data Shape has no field ${JSON.stringify(name)}`,
      );
    }
    const cell = coerceCell(value, field, context);
    if (cell instanceof Wrong) {
      return new Wrong(cell.code, `row ${index}, field ${JSON.stringify(name)}: ${cell.reason}`);
    }
    if (cell !== null) cells.push([name, cell]);
  }
  return Object.fromEntries(cells);
}

function ownFields(value: object): Fields | Wrong | undefined {
  const shape = member(value, 'dataShape');
  const definitions = isPlainObject(shape) ? member(shape, 'fieldDefinitions') : undefined;
  if (!isPlainObject(definitions)) return undefined;
  const fields = new Map<string, PropertyDefinition>();
  for (const [name, definition] of Object.entries(definitions)) {
    const baseType = isPlainObject(definition) ? member(definition, 'baseType') : undefined;
    if (!FIELD_BASE_TYPES.includes(baseType as BaseType)) {
      return new Wrong(
        'VALUE_WRONG_TYPE',
        `field ${JSON.stringify(name)} of its dataShape has no known baseType`,
      );
    }
    fields.set(name, { baseType: baseType as BaseType });
  }
  return fields;
}

function inferFields(rows: readonly unknown[]): Fields {
  const fields = new Map<string, PropertyDefinition>();
  for (const row of rows) {
    for (const [name, value] of Object.entries(row as object)) {
      if (fields.has(name)) continue;
      const baseType = inferBaseType(value);
      if (baseType !== undefined) fields.set(name, { baseType });
    }
  }
  return fields;
}

function fieldDefinitions(fields: Fields): object {
  let ordinal = 0;
  const definitions: [string, object][] = [];
  for (const [name, { baseType, dataShape }] of fields) {
    const aspects = dataShape === undefined || dataShape === '' ? {} : { dataShape };
    definitions.push([name, { name, baseType, description: '', ordinal: ordinal++, aspects }]);
  }
  return Object.fromEntries(definitions);
}
