import { convert } from '../base-types.ts';
import type { InfoTable, InfoTableRow } from '../infotable.ts';
import { serializedValue } from '../value-forms.ts';
import type { PlatformValue } from '../values.ts';

/** A test for rows whose cells equal all given values (converted to the fields' types); null and undefined ask for unset. */
export function matches(table: InfoTable, values: Record<string, unknown>): (row: InfoTableRow) => boolean {
  const wanted: [string, PlatformValue][] = [];
  for (const [name, value] of Object.entries(values)) {
    const definition = table.fields.get(name);
    if (definition !== undefined) {
      wanted.push([name, convert(value, definition.baseType)]);
    }
  }
  return (row) => wanted.every(([name, value]) => compareValues(cellOf(row, name), value) === 0);
}

/** Sorts in place and stably; unset cells come first in ascending order. */
export function sortRows(table: InfoTable, name: string, ascending: boolean, caseSensitive = true): void {
  const sign = ascending ? 1 : -1;
  table.rows.sort((a, b) => sign * compareValues(cellOf(a, name), cellOf(b, name), caseSensitive));
}

export function cellOf(row: InfoTableRow, name: string): PlatformValue {
  return Object.hasOwn(row, name) ? (row[name] ?? null) : null;
}

/** Order of two cells: numbers, dates and booleans by value, everything else by its text (UTF-16 units, as in Java). */
export function compareValues(a: PlatformValue, b: PlatformValue, caseSensitive = true): number {
  const x = serializedValue(a);
  const y = serializedValue(b);
  if (x === null || y === null) {
    return x === y ? 0 : x === null ? -1 : 1;
  }
  if (typeof x === 'string' || typeof y === 'string') {
    const left = caseSensitive ? String(x) : String(x).toLowerCase();
    const right = caseSensitive ? String(y) : String(y).toLowerCase();
    return left < right ? -1 : left > right ? 1 : 0;
  }
  return Number(x) - Number(y);
}
