import {
  baseTypeOf,
  copyFields,
  type FieldDefinition,
  field,
  InfoTable,
  type InfoTableRow,
} from '../infotable.ts';
import { cellOf } from '../script/table-rows.ts';
import { setOwn, valueText } from '../value-forms.ts';
import type { PlatformValue } from '../values.ts';
import { type Arguments, nameList, textArgument } from './service.ts';
import { fieldOf, groupKey, tableArgument } from './table-arguments.ts';

/** Rows of both; fields of the first, then those that only the second has. */
export function union(args: Arguments): InfoTable {
  const first = tableArgument(args, 't1');
  const second = tableArgument(args, 't2');
  const more = copyFields(second.fields.values()).filter(({ name }) => !first.fields.has(name));
  const result = new InfoTable([...copyFields(first.fields.values()), ...more]);
  for (const row of [...first.rows, ...second.rows]) {
    result.addRow(row);
  }
  return result;
}

/** Joins two tables on equal join columns; joinType INNER, LEFT, RIGHT or FULL. */
export function intersect(args: Arguments): InfoTable {
  const left = tableArgument(args, 't1');
  const right = tableArgument(args, 't2');
  const keys1 = nameList(textArgument(args, 'joinColumns1')).map((name) => fieldOf(left, name));
  const keys2 = nameList(textArgument(args, 'joinColumns2')).map((name) => fieldOf(right, name));
  const columns1 = nameList(textArgument(args, 'columns1')).map((name) => fieldOf(left, name));
  const columns2 = nameList(textArgument(args, 'columns2')).map((name) => fieldOf(right, name));
  const joinType = (textArgument(args, 'joinType') ?? 'INNER').toUpperCase();
  const result = new InfoTable(copyFields([...columns1, ...columns2]));
  const pick = (row: InfoTableRow | undefined, columns: FieldDefinition[]): InfoTableRow =>
    Object.fromEntries(columns.map(({ name }) => [name, row === undefined ? null : cellOf(row, name)]));
  const add = (row1: InfoTableRow | undefined, row2: InfoTableRow | undefined) =>
    result.addRow({ ...pick(row2, columns2), ...pick(row1, columns1) });
  const byKey = new Map<string, InfoTableRow[]>();
  for (const row of right.rows) {
    const key = groupKey(row, keys2);
    byKey.set(key, [...(byKey.get(key) ?? []), row]);
  }
  const joined = new Set<InfoTableRow>();
  for (const row of left.rows) {
    const partners = byKey.get(groupKey(row, keys1)) ?? [];
    for (const partner of partners) {
      joined.add(partner);
      add(row, partner);
    }
    if (partners.length === 0 && (joinType === 'LEFT' || joinType === 'FULL')) {
      add(row, undefined);
    }
  }
  if (joinType === 'RIGHT' || joinType === 'FULL') {
    for (const row of right.rows) {
      if (!joined.has(row)) {
        add(undefined, row);
      }
    }
  }
  return result;
}

/** One row per time stamp, one column per distinct name. */
export function pivot(args: Arguments): InfoTable {
  const table = tableArgument(args, 't');
  const nameColumn = fieldOf(table, textArgument(args, 'nameColumn') ?? 'name');
  const valueColumn = fieldOf(table, textArgument(args, 'valueColumn') ?? 'value');
  const timeColumn = fieldOf(table, textArgument(args, 'timestampColumn') ?? 'timestamp');
  const result = new InfoTable([{ ...timeColumn, ordinal: 0 }]);
  const rows = new Map<string, InfoTableRow>();
  for (const row of table.rows) {
    const name = valueText(cellOf(row, nameColumn.name), nameColumn.baseType);
    if (!result.fields.has(name)) {
      result.addField(field(name, baseTypeOf(name, valueColumn.baseType), { ordinal: result.fields.size }));
    }
    const key = groupKey(row, [timeColumn]);
    let target = rows.get(key);
    if (target === undefined) {
      target = {};
      setOwn<PlatformValue>(target, timeColumn.name, cellOf(row, timeColumn.name));
      rows.set(key, target);
    }
    setOwn<PlatformValue>(target, name, cellOf(row, valueColumn.name));
  }
  for (const row of rows.values()) {
    result.addRow(row);
  }
  return result;
}
