import { readFileSync } from 'node:fs';
import { cpus, loadavg } from 'node:os';
import Type, { type Static } from 'typebox';
import Value from 'typebox/value';
import { UsageError } from '../command-line.ts';
import { type Figure, median } from './figures.ts';

const STORED = Type.Object({
  date: Type.String(),
  version: Type.String(),
  node: Type.String(),
  processor: Type.String(),
  cores: Type.Number(),
  /** Of the minute before the run: more than the cores means that other work ran beside it. */
  load: Type.Number(),
  messages: Type.Number(),
  rounds: Type.Number(),
  figures: Type.Array(
    Type.Object({
      name: Type.String(),
      values: Type.Array(Type.Number()),
      unit: Type.String(),
      budget: Type.Optional(Type.String()),
    }),
  ),
});

/** A run of the benchmark as it is stored: where it ran, and what was measured. */
export interface BenchRun extends Omit<Static<typeof STORED>, 'figures'> {
  readonly figures: readonly Figure[];
}

/** What a run says of this machine. */
export function machineFacts(): Pick<BenchRun, 'node' | 'processor' | 'cores' | 'load'> {
  const processors = cpus();
  return {
    node: process.version,
    processor: processors[0]?.model ?? 'unknown',
    cores: processors.length,
    load: Math.round((loadavg()[0] ?? 0) * 10) / 10,
  };
}

/** @throws UsageError when the file is missing or holds something else */
export function readRun(file: string): BenchRun {
  let content: unknown;
  try {
    content = JSON.parse(readFileSync(file, 'utf8'));
  } catch (error) {
    throw new UsageError(`${file} cannot be read as the JSON of a run: ${(error as Error).message}`);
  }
  const [problem] = Value.Errors(STORED, content);
  if (problem)
    throw new UsageError(`${file} is no run of the benchmark: ${problem.instancePath} ${problem.message}`);
  return content as BenchRun;
}

/** Figures in these units say as much on another machine; times and rates say nothing. */
const PORTABLE_UNITS: ReadonlySet<string> = new Set(['', 'x', 'MB', 'bytes', 'power']);

/** A line for each figure that both runs have: the median before, the median now, their ratio. */
export function comparison(now: BenchRun, before: BenchRun): string[] {
  const known = new Map(before.figures.map(({ name, values }) => [name, median(values)]));
  const width = Math.max(...now.figures.map(({ name }) => name.length));
  const isSameMachine = now.processor === before.processor && now.cores === before.cores;
  const show = (value: number) => (Math.abs(value) >= 100 ? value.toFixed(0) : value.toFixed(2)).padStart(9);
  return now.figures.map(({ name, values, unit }) => {
    const old = known.get(name);
    const value = median(values);
    if (old === undefined) return `${name.padEnd(width)}  ${' '.repeat(9)}  ${show(value)} ${unit}  new`;
    const note = isSameMachine || PORTABLE_UNITS.has(unit) ? '' : '  (another machine)';
    const ratio = old === 0 ? '' : `  ${(value / old).toFixed(2)} x`;
    return `${name.padEnd(width)}  ${show(old)}  ${show(value)} ${unit}${ratio}${note}`;
  });
}
