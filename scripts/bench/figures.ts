/** Something that was measured, once or in several rounds. */
export interface Figure {
  readonly name: string;
  readonly values: readonly number[];
  readonly unit: string;
  /** What the design asks for. */
  readonly budget?: string;
}

export function median(numbers: readonly number[]): number {
  return quantile(numbers, 0.5);
}

export function quantile(numbers: readonly number[], fraction: number): number {
  const sorted = numbers.toSorted((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * fraction))] ?? Number.NaN;
}

/** Figures as lines of a table: the median, the spread of several rounds, the budget. */
export function table(figures: readonly Figure[]): string[] {
  const width = Math.max(...figures.map(({ name }) => name.length));
  const show = (value: number) => (Math.abs(value) >= 100 ? value.toFixed(0) : value.toFixed(2));
  return figures.map(({ name, values, unit, budget }) => {
    const spread =
      values.length > 1 ? `  (${show(Math.min(...values))} to ${show(Math.max(...values))})` : '';
    return `${name.padEnd(width)}  ${show(median(values))} ${unit}${spread}${budget ? `  budget ${budget}` : ''}`;
  });
}
