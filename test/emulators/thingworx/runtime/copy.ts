import { InfoTable, type InfoTableRow } from '../infotable.ts';
import { Location, Password, type PlatformValue, Variant, Vector } from '../values.ts';

/** A value that shares nothing with the original that anybody could change. */
export function copyValue(value: PlatformValue): PlatformValue {
  if (
    value === null ||
    typeof value !== 'object' ||
    value instanceof Location ||
    value instanceof Vector ||
    value instanceof Password
  ) {
    return value;
  }
  if (value instanceof Variant) {
    return new Variant(value.baseType, copyValue(value.value));
  }
  if (value instanceof InfoTable) {
    return copyTable(value);
  }
  return structuredClone(value);
}

export function copyTable(table: InfoTable): InfoTable {
  const rows = table.rows.map((row) => {
    const copy: InfoTableRow = {};
    for (const [name, cell] of Object.entries(row)) {
      copy[name] = copyValue(cell);
    }
    return copy;
  });
  const fields = [...table.fields.values()].map((field) => ({ ...field, aspects: { ...field.aspects } }));
  return new InfoTable(fields, rows);
}
