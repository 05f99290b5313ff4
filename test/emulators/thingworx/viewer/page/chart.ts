import { element, text } from './element.ts';
import type { Table } from './rest.ts';
import type { Made } from './widgets.ts';

const WIDTH = 600;
const HEIGHT = 200;
const SVG = 'http://www.w3.org/2000/svg';

/** A line chart over labels, one line for each series. */
export function chart(_id: string, properties: Record<string, unknown>): Made {
  const svg = document.createElementNS(SVG, 'svg');
  svg.setAttribute('viewBox', `0 -4 ${WIDTH} ${HEIGHT + 8}`);
  svg.setAttribute('preserveAspectRatio', 'none');
  svg.setAttribute('role', 'img');
  svg.setAttribute('aria-label', text(properties['Label']));
  const high = element('div', 'high');
  const low = element('div', 'low');
  const first = element('span');
  const last = element('span');
  const plot = element('div', 'plot', svg as unknown as HTMLElement, high, low);
  const draw = (table: Table | undefined) => {
    const rows = table?.rows ?? [];
    const fields = Array.from({ length: Number(properties['NumberOfSeries']) }, (_, index) =>
      text(properties[`DataField${index + 1}`]),
    );
    const numbers = rows.flatMap((row) => fields.map((field) => Number(row[field])));
    const most = numbers.reduce((one, other) => Math.max(one, other), Number.NEGATIVE_INFINITY);
    const least = numbers.reduce((one, other) => Math.min(one, other), Number.POSITIVE_INFINITY);
    const x = (index: number) => (index / Math.max(1, rows.length - 1)) * WIDTH;
    const y = (number: number) => (most === least ? 0.5 : (most - number) / (most - least)) * HEIGHT;
    svg.replaceChildren();
    svg.dataset['points'] = String(rows.length);
    for (const field of rows.length === 0 ? [] : fields) {
      const line = document.createElementNS(SVG, 'polyline');
      const points = rows.map((row, index) => `${x(index).toFixed(1)},${y(Number(row[field])).toFixed(1)}`);
      line.setAttribute(
        'points',
        (points.length === 1 ? [...points, `${WIDTH},${y(most)}`] : points).join(' '),
      );
      svg.append(line);
    }
    const axis = text(properties['XAxisField']);
    high.textContent = rows.length === 0 ? 'No data to display' : short(most);
    low.textContent = rows.length === 0 || most === least ? '' : short(least);
    first.textContent = text(rows[0]?.[axis]);
    last.textContent = rows.length > 1 ? text(rows.at(-1)?.[axis]) : '';
  };
  draw(undefined);
  return {
    element: element(
      'div',
      'widget filling',
      element('div', 'chart-title', text(properties['Label'])),
      plot,
      element('div', 'axis', first, last),
    ),
    show(property, value) {
      if (property === 'Data') draw(value as Table | undefined);
    },
  };
}

function short(value: number): string {
  return value.toLocaleString('en', { maximumFractionDigits: 2 });
}
