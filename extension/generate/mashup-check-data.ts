import type { FieldDefinition } from '../../sidecar/entities/model.ts';

/** A widget or function in the content. */
export interface CheckedWidget {
  readonly id: string;
  readonly type: string;
  readonly properties: Readonly<Record<string, unknown>>;
  readonly depth: number;
  readonly parent: string;
  readonly children: number;
}

type TableOf = (property: string) => readonly FieldDefinition[] | undefined;

const NUMERIC = ['NUMBER', 'INTEGER', 'LONG'];
/** The base types that each renderer of a grid shows. */
const RENDERED: Readonly<Record<string, readonly string[]>> = {
  NUMBER: NUMERIC,
  DATETIME: ['DATETIME'],
  STRING: ['STRING', 'THINGNAME', 'HYPERLINK'],
  DEFAULT: ['BOOLEAN', 'STRING'],
};

interface Column {
  readonly FieldName: string;
  readonly FormatOptions: { readonly renderer: string };
}

/** What is wrong between a widget that shows rows and the rows that are bound to it. */
export function checkWidgetData(widget: CheckedWidget, tableOf: TableOf, isSelectionUsed: boolean): string[] {
  switch (widget.type) {
    case 'ptcsgrid':
      return checkGrid(widget, tableOf, isSelectionUsed);
    case 'ptcsdropdown':
      return checkFields(widget, tableOf, ['DisplayField', 'ValueField']);
    case 'ptcschartline':
      return checkChart(widget, tableOf);
    case 'ptcstabset':
      return checkTabs(widget);
    default:
      return [];
  }
}

/** Properties that name a field of the rows. */
function checkFields(
  { id, properties }: CheckedWidget,
  tableOf: TableOf,
  names: readonly string[],
): string[] {
  const fields = tableOf('Data');
  if (!fields) return [`Data of ${id} is not bound`];
  return names
    .filter((name) => !fields.some((field) => field.name === properties[name]))
    .map((name) => `${name} of ${id} is ${properties[name]}, which its rows do not have`);
}

function checkGrid(widget: CheckedWidget, tableOf: TableOf, isSelectionUsed: boolean): string[] {
  const { id, properties } = widget;
  const problems = checkFields(widget, tableOf, ['IDFieldName']);
  const fields = tableOf('Data') ?? [];
  const { formatInfo = [] } = (properties['ColumnFormat'] ?? {}) as { formatInfo?: readonly Column[] };
  if (formatInfo.length === 0) problems.push(`ColumnFormat of ${id} has no columns`);
  for (const { FieldName, FormatOptions } of formatInfo) {
    const field = fields.find(({ name }) => name === FieldName);
    if (!field) problems.push(`${id} has the column ${FieldName}, which its rows do not have`);
    else if (!RENDERED[FormatOptions.renderer]?.includes(field.baseType))
      problems.push(
        `${id} shows ${FieldName}, which is ${field.baseType}, by the renderer ${FormatOptions.renderer}`,
      );
  }
  const selection = properties['RowSelection'];
  if (!['none', 'single', 'multiple'].includes(String(selection)))
    problems.push(`RowSelection of ${id} is ${selection}; expected none, single or multiple`);
  if (selection !== 'none' && !isSelectionUsed)
    problems.push(`${id} lets rows be selected, and nothing reads them: RowSelection should be none`);
  return problems;
}

/** Such a chart draws every number of its rows, named or not. */
function checkChart(widget: CheckedWidget, tableOf: TableOf): string[] {
  const { id, properties } = widget;
  const count = Number(properties['NumberOfSeries']);
  const series = Array.from({ length: count }, (_, index) => `DataField${index + 1}`);
  const problems = checkFields(widget, tableOf, ['XAxisField', ...series]);
  const drawn = (tableOf('Data') ?? []).filter(({ baseType }) => NUMERIC.includes(baseType));
  const named = series.map((property) => properties[property]);
  for (const { name } of drawn)
    if (!named.includes(name)) problems.push(`${id} would also draw ${name}, which is none of its series`);
  return problems;
}

function checkTabs({ id, properties, children }: CheckedWidget): string[] {
  const items = properties['Items'] as readonly unknown[];
  const count = properties['NumberOfTabs'];
  return count === children && items.length === children
    ? []
    : [
        `${id} has ${children} children, ${items.length} Items and NumberOfTabs ${count}; expected as many of each`,
      ];
}
