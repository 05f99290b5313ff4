import { convert } from '../base-types.ts';
import { ImportProblem } from '../import/report.ts';
import { type FieldDefinition, InfoTable, type InfoTableRow } from '../infotable.ts';
import type { ConfigurationTable, TableDefinition } from '../model/entity.ts';
import { type BaseType, Password, PlatformError, type PlatformValue } from '../values.ts';
import { type DefinitionContext, flag, readField } from './definitions.ts';
import type { XmlElement } from './document.ts';

export function readTableDefinitions(element: XmlElement): Map<string, TableDefinition> {
  const definitions = new Map<string, TableDefinition>();
  for (const one of element.path('ConfigurationTableDefinitions', 'ConfigurationTableDefinition')) {
    const name = one.attribute('name') ?? '';
    definitions.set(name, {
      name,
      description: one.attribute('description') ?? '',
      category: one.attribute('category') ?? '',
      dataShapeName: one.attribute('dataShapeName') ?? '',
      isHidden: flag(one, 'isHidden'),
      isMultiRow: flag(one, 'isMultiRow'),
      ordinal: Number(one.attribute('ordinal') ?? 0) || 0,
      source: one.attribute('source') ?? 'IMPORT',
    });
  }
  return definitions;
}

export function readTables(element: XmlElement, context: DefinitionContext): Map<string, ConfigurationTable> {
  const tables = new Map<string, ConfigurationTable>();
  for (const one of element.path('ConfigurationTables', 'ConfigurationTable')) {
    const name = one.attribute('name') ?? '';
    tables.set(name, {
      name,
      description: one.attribute('description') ?? '',
      isHidden: flag(one, 'isHidden'),
      isMultiRow: flag(one, 'isMultiRow'),
      ordinal: Number(one.attribute('ordinal') ?? 0) || 0,
      dataShapeName: one.attribute('dataShapeName') ?? '',
      table: readInfoTable(one, context, `configuration table ${name}`),
    });
  }
  return tables;
}

/** Reads `<DataShape>` and `<Rows>` below `element`. */
export function readInfoTable(element: XmlElement, context: DefinitionContext, where: string): InfoTable {
  const fields: FieldDefinition[] = element
    .path('DataShape', 'FieldDefinitions', 'FieldDefinition')
    .map((one) => readField(one, context));
  const table = new InfoTable(fields);
  for (const row of element.path('Rows', 'Row')) {
    const cells: InfoTableRow = {};
    for (const field of table.fields.values()) {
      const cell = row.first(field.name);
      if (cell === undefined) {
        continue;
      }
      const value = readCell(cell, field.baseType, context, `${where}, column ${field.name}`);
      if (value !== null) {
        cells[field.name] = value;
      }
    }
    table.rows.push(cells);
  }
  return table;
}

/** Reads the value of a table cell or of a property. White space around the text is ignored. */
export function readCell(
  cell: XmlElement,
  baseType: BaseType,
  context: DefinitionContext,
  where: string,
): PlatformValue {
  switch (baseType) {
    case 'JSON':
    case 'QUERY': {
      const json = cell.first('json');
      if (json === undefined) {
        if (cell.text !== '') {
          context.report.loss('JSON_CELL_EMPTY', context.entity, `${where}: no <json> wrapper, read as {}`);
        }
        return {};
      }
      return convert(json.text === '' ? '{}' : json.text, baseType);
    }
    case 'INFOTABLE': {
      const inner = cell.first('infoTable');
      return inner === undefined ? new InfoTable() : readInfoTable(inner, context, where);
    }
    case 'PASSWORD':
      if (cell.text === '') {
        context.report.loss('PASSWORD_WIPED', context.entity, `${where}: empty cell removes the password`);
      }
      return new Password(cell.text);
    default:
  }
  if (cell.text === '' && baseType !== 'STRING' && baseType !== 'TEXT' && baseType !== 'HTML') {
    return null;
  }
  try {
    return convert(cell.text, baseType);
  } catch (error) {
    if (error instanceof PlatformError) {
      throw new ImportProblem(`${context.entity}, ${where}: ${error.message}`);
    }
    throw error;
  }
}
