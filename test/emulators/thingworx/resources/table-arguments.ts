import { copyFields, type FieldDefinition, InfoTable, type InfoTableRow } from '../infotable.ts';
import { cellOf } from '../script/table-rows.ts';
import { valueText } from '../value-forms.ts';
import { PlatformError } from '../values.ts';
import type { Arguments } from './service.ts';

export function tableArgument(args: Arguments, name: string): InfoTable {
  const table = args[name];
  if (!(table instanceof InfoTable)) {
    throw new PlatformError(`Missing required parameter [${name}]`);
  }
  return table;
}

/** A new table with the fields of another and copies of the given rows. */
export function withRows(table: InfoTable, rows: InfoTableRow[]): InfoTable {
  return new InfoTable(
    copyFields(table.fields.values()),
    rows.map((row) => ({ ...row })),
  );
}

export function fieldOf(table: InfoTable, name: string): FieldDefinition {
  const found = table.fields.get(name);
  if (found === undefined) {
    throw new PlatformError(`Field [${name}] does not exist in the InfoTable`);
  }
  return found;
}

/** Text that is the same for rows with the same cells in the given columns. */
export function groupKey(row: InfoTableRow, columns: FieldDefinition[]): string {
  return JSON.stringify(
    columns.map(({ name, baseType }) => {
      const value = cellOf(row, name);
      return value === null ? null : valueText(value, baseType);
    }),
  );
}
