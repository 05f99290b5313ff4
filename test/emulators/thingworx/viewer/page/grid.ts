import { element, text } from './element.ts';
import type { Table } from './rest.ts';
import type { Host } from './runtime.ts';
import type { Made } from './widgets.ts';

type Row = Readonly<Record<string, unknown>>;

interface Column {
  readonly FieldName: string;
  readonly Title: string;
  readonly Width: string;
  readonly hidden: boolean;
  readonly cellHorizontalAlignment: string;
  readonly FormatOptions: { readonly renderer: string };
}

/** The grid. Rows are told apart by IDFieldName, so that a selection outlives new data. */
export function grid(id: string, properties: Record<string, unknown>, host: Host): Made {
  const { formatInfo } = properties['ColumnFormat'] as { formatInfo: readonly Column[] };
  const columns = formatInfo.filter(({ hidden }) => !hidden);
  const mode = properties['RowSelection'];
  const key = (row: Row) => text(row[String(properties['IDFieldName'])]);
  const table = element('table');
  const title = text(properties['Label']);
  table.setAttribute('aria-label', title || text(properties['DisplayName']));
  const head = element('tr');
  for (const column of columns) {
    const cell = element('th', column.cellHorizontalAlignment === 'right' ? 'right' : '', column.Title);
    if (column.Width === 'auto') cell.classList.add('auto');
    else cell.style.width = column.Width;
    head.append(cell);
  }
  const body = element('tbody');
  table.append(element('thead', '', head), body);
  const empty = element('div', 'empty', 'No data to display');
  let rows: readonly Row[] = [];
  let selected: readonly string[] = [];

  const chosen = () => rows.filter((row) => selected.includes(key(row)));
  const mark = () => {
    for (const [index, line] of [...body.rows].entries())
      if (mode !== 'none') line.ariaSelected = String(selected.includes(key(rows[index] ?? {})));
  };
  const toggle = (row: Row) => {
    const name = key(row);
    const isSelected = selected.includes(name);
    if (mode === 'multiple')
      selected = isSelected ? selected.filter((one) => one !== name) : [...selected, name];
    else selected = [name];
    mark();
    host.select(id, chosen(), true);
    host.fire(id, 'RowClicked');
  };
  const fill = (data: Table | undefined) => {
    rows = data?.rows ?? [];
    body.replaceChildren(
      ...rows.map((row) => {
        const line = element('tr', mode === 'none' ? '' : 'selectable');
        for (const column of columns)
          line.append(
            element(
              'td',
              column.cellHorizontalAlignment === 'right' ? 'right' : '',
              shown(row[column.FieldName], column.FormatOptions.renderer),
            ),
          );
        if (mode !== 'none') line.addEventListener('click', () => toggle(row));
        return line;
      }),
    );
    empty.hidden = rows.length > 0;
    if (mode === 'none') return;
    const before = selected.length;
    selected = chosen().map(key);
    mark();
    host.select(id, chosen(), selected.length < before);
  };
  return {
    element: element(
      'div',
      'widget filling',
      ...(title === '' ? [] : [element('div', 'grid-title', title)]),
      element('div', 'grid', table, empty),
    ),
    show(property, value) {
      if (property === 'Data') fill(value as Table | undefined);
    },
  };
}

function shown(value: unknown, renderer: string): string {
  if (value === undefined || value === null || value === '') return '';
  if (renderer === 'NUMBER') return Number(value).toLocaleString('en', { maximumFractionDigits: 2 });
  if (renderer !== 'DATETIME') return text(value);
  const date = new Date(value as string | number);
  const two = (number: number) => String(number).padStart(2, '0');
  return (
    `${two(date.getDate())}-${two(date.getMonth() + 1)}-${date.getFullYear()} ` +
    `${two(date.getHours())}:${two(date.getMinutes())}:${two(date.getSeconds())}`
  );
}
