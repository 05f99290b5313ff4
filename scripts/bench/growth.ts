import { setImmediate as nextTurn } from 'node:timers/promises';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import type { Figure } from './figures.ts';

/** What something cost at one size. */
export interface Cost {
  readonly size: number;
  readonly cost: number;
}

/** The beginning of the names of all figures about growth. */
export const GROWTH = 'growth';

/** What may grow with the size does not grow faster; the rest is noise. */
const AS_ITS_WORK = '<= 1.1';
/** The work is the same at each size. */
const FLAT = '<= 0.2';

/**
 * The power of the size like which a cost grows, between the two neighbouring sizes where it grows fastest: 0 when it stays the same, 1 when it
 * is twice as much at twice the size.
 */
export function powerOf(costs: readonly Cost[]): number {
  const steps = costs.slice(1).map(({ size, cost }, index) => {
    const before = costs[index] as Cost;
    return Math.log(cost / before.cost) / Math.log(size / before.size);
  });
  return Math.max(...steps);
}

/** How a cost grows with the number of something. `isSameWork`: the work is the same at each size, so the cost should be, too. */
export function powerFigure(of: string, what: string, costs: readonly Cost[], isSameWork = false): Figure {
  return {
    name: nameOf(of, what, costs),
    values: [powerOf(costs)],
    unit: 'power',
    budget: isSameWork ? FLAT : AS_ITS_WORK,
  };
}

/** What each one costs that is added between the smallest and the largest size. */
export function addedFigure(of: string, what: string, costs: readonly Cost[], unit: string): Figure {
  const [first, last] = [costs[0], costs.at(-1)];
  const each = first && last ? (last.cost - first.cost) / (last.size - first.size) : Number.NaN;
  return { name: nameOf(of, what, costs), values: [each], unit };
}

/** What this process has in use after a collection of garbage. The resident memory of a process has tens of megabytes of chance in it. */
export async function usedBytes(): Promise<number> {
  setFlagsFromString('--expose-gc');
  const collect = runInNewContext('gc') as () => void;
  collect();
  // Buffers that are free are given back by another thread.
  await nextTurn();
  collect();
  const { heapUsed, arrayBuffers } = process.memoryUsage();
  return heapUsed + arrayBuffers;
}

function nameOf(of: string, what: string, costs: readonly Cost[]): string {
  const [from, to] = [costs[0], costs.at(-1)].map((cost) => cost?.size.toLocaleString('en'));
  return `${GROWTH} from ${from} to ${to} ${of}: ${what}`;
}
