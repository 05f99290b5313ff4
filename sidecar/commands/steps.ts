import { renderTable } from '../lib/text-table.ts';
import type { CheckStep } from '../operations/check/check-steps.ts';

/** The steps of a check as a table, and below it what to do. */
export function renderSteps(steps: readonly CheckStep[]): string {
  const table = renderTable(
    ['Step', 'Outcome', 'Message'],
    steps.map(({ step, outcome, message }) => [step, outcome, message]),
  );
  const remedies = steps
    .filter(({ remedy }) => remedy !== '')
    .map(({ step, remedy }) => `${step}: ${remedy}\n`);
  return remedies.length === 0 ? table : `${table}\nWhat to do\n${remedies.join('')}`;
}
