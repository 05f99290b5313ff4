import { READING_PROPERTIES } from './device.ts';
import type { Row } from './platform.ts';

/** What one look at the running system shows. */
export interface View {
  readonly sent: number;
  readonly status: Row;
  readonly things: ReadonlyMap<string, Row>;
  readonly addresses: ReadonlyArray<readonly [label: string, address: string]>;
}

const COLUMNS = Object.keys(READING_PROPERTIES);
const MAX_THINGS = 12;
/** The width of a small terminal. */
const WIDTH = 80;

/** The live table of machines of one kind: a column per property. */
export function render(view: View): string[] {
  const rows = [...view.things]
    .slice(0, MAX_THINGS)
    .map(([thing, values]) => [thing, ...COLUMNS.map((column) => text(values[column]))]);
  return [
    ...table(['Thing', ...COLUMNS], rows),
    ...(view.things.size > MAX_THINGS ? [`… and ${view.things.size - MAX_THINGS} more Things`] : []),
    ...summary(view),
  ];
}

/** The live table of machines that differ: each line names its own properties. */
export function renderPlant(view: View): string[] {
  const rows = [...view.things].map(([thing, values]) => [
    thing,
    Object.entries(values)
      .map(([name, value]) => `${name} ${text(value)}`)
      .join('   '),
  ]);
  return [...table(['Thing', 'Values'], rows).map((line) => line.slice(0, WIDTH)), ...summary(view)];
}

function summary({ status, sent, addresses }: View): string[] {
  const counters = (status.counters ?? {}) as Record<string, number>;
  return [
    '',
    `sent ${sent}   received ${counters.received ?? 0}   delivered ${counters.delivered ?? 0}   ignored ${counters.ignored ?? 0}`,
    `dead letters ${counters.deadLettered ?? 0}   in flight ${counters.inFlight ?? 0}   lag ${text(status.lag)}`,
    `state ${text(status.state)}${status.reason ? ` (${text(status.reason)})` : ''}`,
    '',
    ...addresses.map(([label, address]) => `${label.padEnd(11)}${address}`),
  ];
}

function table(head: readonly string[], rows: readonly (readonly string[])[]): string[] {
  const widths = head.map((title, column) =>
    Math.max(title.length, ...rows.map((row) => row[column]?.length ?? 0)),
  );
  const line = (cells: readonly string[]) =>
    cells
      .map((cell, column) => cell.padEnd(widths[column] ?? 0))
      .join('   ')
      .trimEnd();
  return [line(head), line(widths.map((width) => '─'.repeat(width))), ...rows.map(line)];
}

function text(value: unknown): string {
  return value === undefined || value === null ? '' : String(value);
}

/** Redraws in place on a terminal, prints anew now and then elsewhere. */
export class Screen {
  readonly #out: Pick<NodeJS.WriteStream, 'isTTY' | 'columns' | 'write'>;
  #height = 0;
  #printedAtMs = 0;

  constructor(out: Pick<NodeJS.WriteStream, 'isTTY' | 'columns' | 'write'>) {
    this.#out = out;
  }

  show(lines: readonly string[], options: { last?: boolean } = {}): void {
    if (this.#out.isTTY) {
      const up = this.#height > 0 ? `\x1b[${this.#height}A` : '';
      this.#out.write(`${up}\x1b[J${lines.join('\n')}\n`);
      // A line that is wider than the terminal takes several rows.
      const { columns } = this.#out;
      this.#height = lines.reduce((rows, { length }) => rows + Math.max(1, Math.ceil(length / columns)), 0);
      return;
    }
    if (!options.last && Date.now() - this.#printedAtMs < 5_000) return;
    this.#printedAtMs = Date.now();
    this.#out.write(`${lines.join('\n')}\n\n`);
  }
}
