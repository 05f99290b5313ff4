import { InfoTable, type InfoTableRow } from '../infotable.ts';
import type { ConfigurationTable } from '../model/entity.ts';
import { copyTable } from '../runtime/copy.ts';
import { plainText } from '../value-forms.ts';
import { PlatformError, type PlatformValue } from '../values.ts';
import { requireDesign } from './model-changes.ts';
import {
  bool,
  missingParameter,
  native,
  number,
  type PlatformService,
  type ServiceArguments,
  type ServiceContext,
  text,
} from './native.ts';

/** The entity's own table, to be changed. Its old form is kept when the change is not to outlive a restart. */
function own(context: ServiceContext, args: ServiceArguments): ConfigurationTable {
  const { platform, entity } = context;
  const name = text(args, 'tableName');
  const before = entity.tables.get(name);
  const table = platform.tables.own(entity, name);
  if (table === undefined) {
    throw new PlatformError(`Configuration table [${name}] does not exist on [${entity.name}]`);
  }
  if (entity.collection === 'Things') {
    const originals = platform.volatileTables.get(entity.name) ?? new Map();
    if (bool(args, 'persistent')) {
      originals.delete(name);
    } else if (!originals.has(name)) {
      originals.set(name, before === undefined ? undefined : { ...before, table: copyTable(before.table) });
    }
    platform.volatileTables.set(entity.name, originals);
  }
  return table;
}

function changed(context: ServiceContext): void {
  const { platform, entity } = context;
  platform.store.put(entity);
  // Timers read their settings when they start.
  if (entity.collection === 'Things' && platform.lifecycle.isRunning(entity.name)) {
    platform.timers.halt(entity.name);
    platform.timers.start(entity);
  }
}

/** SaveConfigurationTables: everything so far outlives a restart. */
function saved(context: ServiceContext): void {
  context.platform.volatileTables.delete(context.entity.name);
  changed(context);
}

function keys(table: InfoTable): string[] {
  return [...table.fields.values()]
    .filter((field) => field.aspects.isPrimaryKey === true)
    .map((field) => field.name);
}

function sameKey(names: readonly string[], a: InfoTableRow, b: InfoTableRow): boolean {
  const shown = (value: PlatformValue | undefined) =>
    value === undefined || value === null ? '' : plainText(value);
  return names.length > 0 && names.every((name) => shown(a[name]) === shown(b[name]));
}

/** Rows with the table's own columns; others are dropped. */
function fit(context: ServiceContext, table: InfoTable, rows: readonly InfoTableRow[]): InfoTableRow[] {
  const { read: readPassword } = context.platform.cipher;
  return rows.map((row) => table.convertRow(row, { readPassword }));
}

function given(context: ServiceContext, args: Record<string, PlatformValue>, name: string, service: string) {
  const value = args[name];
  if (!(value instanceof InfoTable)) {
    throw missingParameter(service, context.entity.name);
  }
  return value;
}

/** Whole rows are replaced, by primary key: a column that is not given becomes empty. New keys are added. */
function setRows(context: ServiceContext, table: ConfigurationTable, values: InfoTable): void {
  const names = keys(table.table);
  for (const row of fit(context, table.table, values.rows)) {
    const at = table.isMultiRow
      ? table.table.rows.findIndex((candidate) => sameKey(names, candidate, row))
      : table.table.rows.length - 1;
    if (at >= 0) {
      table.table.rows[at] = row;
    } else {
      table.table.rows.push(row);
    }
  }
}

function replace(context: ServiceContext, args: Record<string, PlatformValue>, service: string): null {
  const values = given(context, args, 'configurationTable', service);
  const table = own(context, args);
  const rows = fit(context, table.table, values.rows);
  table.table.rows.splice(0, table.table.rows.length, ...(table.isMultiRow ? rows : rows.slice(0, 1)));
  changed(context);
  return null;
}

const setParameters = 'tableName:STRING! configurationTable:INFOTABLE! persistent:BOOLEAN';

/** Configuration table services of every entity. */
export const configurationServices: PlatformService[] = [
  native('GetConfigurationTable', 'tableName:STRING!', 'INFOTABLE', (args, { platform, entity }) => {
    const table = platform.tables.effective(entity, text(args, 'tableName'));
    if (table === undefined) {
      throw new PlatformError(
        `Configuration table [${text(args, 'tableName')}] does not exist on [${entity.name}]`,
      );
    }
    return copyTable(table.table);
  }),
  native('GetConfigurationTables', '', 'INFOTABLE:EntityList', (_args, { platform, entity }) => {
    const list = platform.table('EntityList');
    for (const name of platform.tables.names(entity)) {
      list.rows.push({ name, description: platform.tables.effective(entity, name)?.description ?? '' });
    }
    return list;
  }),
  native('GetConfigurationTableRow', 'tableName:STRING! key:STRING!', 'INFOTABLE', (args, context) => {
    const table = context.platform.tables.effective(context.entity, text(args, 'tableName'))?.table;
    const names = table === undefined ? [] : keys(table);
    const rows = (table?.rows ?? []).filter((row) =>
      names.some((name) => {
        const cell = row[name];
        return cell !== undefined && cell !== null && plainText(cell) === text(args, 'key');
      }),
    );
    return copyTable(new InfoTable(table?.fields.values() ?? [], rows));
  }),
  native(
    'IsMultiRowTable',
    'tableName:STRING!',
    'BOOLEAN',
    (args, { platform, entity }) =>
      platform.tables.effective(entity, text(args, 'tableName'))?.isMultiRow === true,
  ),
  native('SetConfigurationTable', setParameters, 'NOTHING', (args, context) =>
    replace(context, args, 'SetConfigurationTable'),
  ),
  native('SetMultiRowConfigurationTable', setParameters, 'NOTHING', (args, context) =>
    replace(context, args, 'SetMultiRowConfigurationTable'),
  ),
  native(
    'SetConfigurationTableRows',
    'tableName:STRING! values:INFOTABLE! persistent:BOOLEAN',
    'NOTHING',
    (args, context) => {
      const values = given(context, args, 'values', 'SetConfigurationTableRows');
      setRows(context, own(context, args), values);
      changed(context);
      return null;
    },
  ),
  native(
    'DeleteConfigurationTableRows',
    'tableName:STRING! values:INFOTABLE! persistent:BOOLEAN',
    'NOTHING',
    (args, context) => {
      const values = given(context, args, 'values', 'DeleteConfigurationTableRows');
      const { table } = own(context, args);
      const names = keys(table);
      const kept = table.rows.filter((row) => !values.rows.some((gone) => sameKey(names, row, gone)));
      table.rows.splice(0, table.rows.length, ...kept);
      changed(context);
      return null;
    },
  ),
  native(
    'DeleteAllConfigurationTableRows',
    'tableName:STRING! persistent:BOOLEAN',
    'NOTHING',
    (args, context) => {
      own(context, args).table.rows.length = 0;
      changed(context);
      return null;
    },
  ),
  native('SaveConfigurationTables', '', 'NOTHING', (_args, context) => {
    saved(context);
    return null;
  }),
  native(
    'AddConfigurationTableDefinition',
    'name:STRING! description:STRING category:STRING dataShapeName:DATASHAPENAME! isMultiRow:BOOLEAN isHidden:BOOLEAN ordinal:INTEGER',
    'NOTHING',
    (args, context) => {
      requireDesign(context, context.entity, 'Update');
      const dataShapeName = text(args, 'dataShapeName');
      const fields = context.platform.shapeFields(dataShapeName);
      if (fields === undefined) {
        throw new PlatformError(`DataShape [${dataShapeName}] does not exist`);
      }
      const head = {
        name: text(args, 'name'),
        description: text(args, 'description'),
        isMultiRow: bool(args, 'isMultiRow'),
        isHidden: bool(args, 'isHidden'),
        ordinal: number(args, 'ordinal', 0),
        dataShapeName,
      };
      context.entity.tableDefinitions.set(head.name, {
        ...head,
        category: text(args, 'category'),
        source: 'REST',
      });
      context.entity.tables.set(head.name, { ...head, table: new InfoTable(fields) });
      changed(context);
      return null;
    },
  ),
  native('DeleteConfigurationTable', 'tableName:STRING! persistent:BOOLEAN', 'NOTHING', (args, context) => {
    requireDesign(context, context.entity, 'Update');
    context.entity.tables.delete(text(args, 'tableName'));
    context.entity.tableDefinitions.delete(text(args, 'tableName'));
    changed(context);
    return null;
  }),
];
