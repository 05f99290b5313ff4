import { copyFields, InfoTable, type InfoTableRow } from '../infotable.ts';
import { queryTable, rowFilter } from '../infotable-query.ts';
import { cellOf, sortRows } from '../script/table-rows.ts';
import type { NativeContext, NativeResource } from '../script-platform.ts';
import { setOwn } from '../value-forms.ts';
import { type JsonObject, PlatformError, type PlatformValue } from '../values.ts';
import { aggregate } from './infotable-aggregates.ts';
import { infoTableFilters } from './infotable-filters.ts';
import { intersect, pivot, union } from './infotable-joins.ts';
import {
  type Arguments,
  nameList,
  nativeResource,
  nativeService,
  requiredText,
  textArgument,
} from './service.ts';
import { fieldOf, groupKey, tableArgument, withRows } from './table-arguments.ts';

/**
 * Resources["InfoTableFunctions"]. Left out, and so unknown to scripts: DeriveFields, Interpolate, Combine, FromXML,
 * TagFilter. No service changes the table that it is given.
 */
export function infoTableFunctions(): NativeResource {
  return nativeResource('InfoTableFunctions', 'Functions on InfoTables', [
    nativeService('CreateInfoTable', { infoTableName: 'STRING' }, 'INFOTABLE', () => new InfoTable()),
    nativeService(
      'CreateInfoTableFromDataShape',
      { infoTableName: 'STRING', dataShapeName: 'DATASHAPENAME' },
      'INFOTABLE',
      fromDataShape,
    ),
    nativeService('FromJSON', { json: 'JSON' }, 'INFOTABLE', ({ json }) => InfoTable.fromJSON(json ?? {})),
    nativeService('ToJSON', { table: 'INFOTABLE' }, 'JSON', (args) => tableArgument(args, 'table').toJSON()),
    nativeService('Clone', { t1: 'INFOTABLE' }, 'INFOTABLE', (args) => tableArgument(args, 't1').clone()),
    nativeService('Query', { t: 'INFOTABLE', query: 'QUERY' }, 'INFOTABLE', (args) =>
      queryTable(tableArgument(args, 't'), args.query),
    ),
    nativeService('DeleteQuery', { t: 'INFOTABLE', query: 'QUERY' }, 'INFOTABLE', deleteQuery),
    nativeService(
      'UpdateQuery',
      { t: 'INFOTABLE', query: 'QUERY', values: 'INFOTABLE' },
      'INFOTABLE',
      updateQuery,
    ),
    nativeService('Sort', { t: 'INFOTABLE', sortColumn: 'STRING', ascending: 'BOOLEAN' }, 'INFOTABLE', sort),
    nativeService('TopN', { t: 'INFOTABLE', maxItems: 'NUMBER' }, 'INFOTABLE', topN),
    nativeService('Union', { t1: 'INFOTABLE', t2: 'INFOTABLE' }, 'INFOTABLE', union),
    nativeService('Distinct', { t: 'INFOTABLE', columns: 'STRING' }, 'INFOTABLE', distinct),
    nativeService('RenameField', { t: 'INFOTABLE', from: 'STRING', to: 'STRING' }, 'INFOTABLE', renameField),
    nativeService(
      'TimeShift',
      { t: 'INFOTABLE', shift: 'NUMBER', timestampField: 'STRING' },
      'INFOTABLE',
      timeShift,
    ),
    nativeService(
      'Aggregate',
      { t: 'INFOTABLE', columns: 'STRING', aggregates: 'STRING', groupByColumns: 'STRING' },
      'INFOTABLE',
      (args) =>
        aggregate(
          tableArgument(args, 't'),
          nameList(textArgument(args, 'columns')),
          nameList(textArgument(args, 'aggregates')),
          nameList(textArgument(args, 'groupByColumns')),
        ),
    ),
    nativeService(
      'Intersect',
      {
        t1: 'INFOTABLE',
        t2: 'INFOTABLE',
        columns1: 'STRING',
        columns2: 'STRING',
        joinColumns1: 'STRING',
        joinColumns2: 'STRING',
        joinType: 'STRING',
      },
      'INFOTABLE',
      intersect,
    ),
    nativeService(
      'Pivot',
      { t: 'INFOTABLE', nameColumn: 'STRING', valueColumn: 'STRING', timestampColumn: 'STRING' },
      'INFOTABLE',
      pivot,
    ),
    ...infoTableFilters(),
  ]);
}

function fromDataShape(args: Arguments, context: NativeContext): InfoTable {
  const name = requiredText(args, 'dataShapeName');
  const fields = context.dataShapeFields(name);
  if (fields === undefined) {
    throw new PlatformError(`DataShape [${name}] Not Found`);
  }
  return new InfoTable(copyFields(fields));
}

function deleteQuery(args: Arguments): InfoTable {
  const table = tableArgument(args, 't');
  const matching = rowFilter(table, (args.query as JsonObject | undefined)?.filters);
  return withRows(
    table,
    table.rows.filter((row) => !matching(row)),
  );
}

function updateQuery(args: Arguments): InfoTable {
  const table = tableArgument(args, 't').clone();
  const matching = rowFilter(table, (args.query as JsonObject | undefined)?.filters);
  const values = table.convertRow(tableArgument(args, 'values').rows[0] ?? {});
  for (const row of table.rows.filter(matching)) {
    Object.assign(row, values);
  }
  return table;
}

function sort(args: Arguments): InfoTable {
  const table = tableArgument(args, 't').clone();
  sortRows(table, fieldOf(table, requiredText(args, 'sortColumn')).name, args.ascending !== false);
  return table;
}

function topN(args: Arguments): InfoTable {
  const table = tableArgument(args, 't');
  return withRows(table, table.rows.slice(0, Math.max(0, Math.trunc(Number(args.maxItems ?? 0)))));
}

/** The columns alone, without repeated rows. */
function distinct(args: Arguments): InfoTable {
  const table = tableArgument(args, 't');
  const names = nameList(textArgument(args, 'columns'));
  const columns = (names.length === 0 ? [...table.fields.keys()] : names).map((name) => fieldOf(table, name));
  const result = new InfoTable(copyFields(columns));
  const seen = new Set<string>();
  for (const row of table.rows) {
    const key = groupKey(row, columns);
    if (!seen.has(key)) {
      seen.add(key);
      result.addRow(row);
    }
  }
  return result;
}

function renameField(args: Arguments): InfoTable {
  const table = tableArgument(args, 't');
  const from = fieldOf(table, requiredText(args, 'from')).name;
  const to = requiredText(args, 'to');
  const rename = (name: string) => (name === from ? to : name);
  const fields = copyFields(table.fields.values()).map((one) => ({ ...one, name: rename(one.name) }));
  const rows = table.rows.map((row) => {
    const renamed: InfoTableRow = {};
    for (const [name, value] of Object.entries(row)) {
      setOwn<PlatformValue>(renamed, rename(name), value);
    }
    return renamed;
  });
  return new InfoTable(fields, rows);
}

/** Adds `shift` milliseconds to a DATETIME column. */
function timeShift(args: Arguments): InfoTable {
  const table = tableArgument(args, 't').clone();
  const { name } = fieldOf(table, textArgument(args, 'timestampField') ?? 'timestamp');
  const shift = Number(args.shift ?? 0);
  for (const row of table.rows) {
    const value = cellOf(row, name);
    if (value instanceof Date) {
      setOwn<PlatformValue>(row, name, new Date(value.getTime() + shift));
    }
  }
  return table;
}
