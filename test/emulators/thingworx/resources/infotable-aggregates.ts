import { copyFields, type FieldDefinition, field, InfoTable, type InfoTableRow } from '../infotable.ts';
import { cellOf, compareValues } from '../script/table-rows.ts';
import { serializedValue } from '../value-forms.ts';
import { type BaseType, PlatformError, type PlatformValue } from '../values.ts';
import { fieldOf, groupKey } from './table-arguments.ts';

/**
 * Aggregates columns, one result row per group. Each result column is named `<AGGREGATE>_<column>`; unset cells do not
 * count. Known are COUNT, SUM, AVERAGE, MIN, MAX (and the spellings AVG, MEAN, MINIMUM, MAXIMUM), FIRST and LAST.
 */
export function aggregate(
  table: InfoTable,
  columns: string[],
  aggregates: string[],
  groupByColumns: string[],
): InfoTable {
  if (columns.length !== aggregates.length) {
    throw new PlatformError('Aggregate needs as many aggregates as columns');
  }
  const groupFields = groupByColumns.map((name) => fieldOf(table, name));
  const outputs = columns.map((column, index) => output(fieldOf(table, column), String(aggregates[index])));
  const result = new InfoTable([...copyFields(groupFields), ...outputs.map(({ definition }) => definition)]);
  for (const rows of groupsOf(table, groupFields)) {
    const row: InfoTableRow = {};
    for (const { name } of groupFields) {
      row[name] = cellOf(rows[0] ?? {}, name);
    }
    for (const { definition, source, compute } of outputs) {
      const values = rows.map((one) => cellOf(one, source.name)).filter((value) => value !== null);
      row[definition.name] = compute(values);
    }
    result.addRow(row);
  }
  return result;
}

function groupsOf(table: InfoTable, columns: FieldDefinition[]): InfoTableRow[][] {
  if (columns.length === 0) {
    return [table.rows];
  }
  const groups = new Map<string, InfoTableRow[]>();
  for (const row of table.rows) {
    const key = groupKey(row, columns);
    const group = groups.get(key);
    if (group === undefined) {
      groups.set(key, [row]);
    } else {
      group.push(row);
    }
  }
  return [...groups.values()];
}

interface Output {
  definition: FieldDefinition;
  source: FieldDefinition;
  compute(values: PlatformValue[]): PlatformValue;
}

function output(source: FieldDefinition, name: string): Output {
  const upper = name.toUpperCase();
  const make = (baseType: BaseType, compute: Output['compute']): Output => ({
    definition: field(`${upper}_${source.name}`, baseType, { ordinal: source.ordinal }),
    source,
    compute,
  });
  const sum = (values: PlatformValue[]) =>
    values.reduce<number>((total, value) => total + Number(serializedValue(value)), 0);
  const extreme = (sign: 1 | -1) => (values: PlatformValue[]) =>
    values.reduce<PlatformValue>(
      (best, value) => (best === null || sign * compareValues(value, best) > 0 ? value : best),
      null,
    );
  switch (upper) {
    case 'COUNT':
      return make('NUMBER', (values) => values.length);
    case 'SUM':
      return make('NUMBER', sum);
    case 'AVERAGE':
    case 'AVG':
    case 'MEAN':
      return make('NUMBER', (values) => (values.length === 0 ? null : sum(values) / values.length));
    case 'MIN':
    case 'MINIMUM':
      return make(source.baseType, extreme(-1));
    case 'MAX':
    case 'MAXIMUM':
      return make(source.baseType, extreme(1));
    case 'FIRST':
      return make(source.baseType, (values) => values[0] ?? null);
    case 'LAST':
      return make(source.baseType, (values) => values.at(-1) ?? null);
    default:
      throw new PlatformError(`Unknown aggregate [${name}]`);
  }
}
