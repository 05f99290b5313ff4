import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { RowResult } from '../../scripts/chaos/row.ts';
import { Command } from '../e2e/command.ts';

/** How long recovery takes depends on the machine, so only what is lost, reordered, put aside or not accounted for fails. */
test('the quick chaos run loses nothing, reorders nothing and puts nothing good aside', async (t) => {
  const { code, out, error } = await new Command(t, 'chaos.ts', ['--quick', '--json', '--seed', '11']).end();
  assert.ok(code === 0 || code === 1, error);
  const { rows } = JSON.parse(out.trim().split('\n').at(-1) ?? '') as { rows: RowResult[] };
  assert.ok(rows.length >= 5, out);
  for (const row of rows) {
    const { name, missing, outOfOrder, deadLetters, accountsAddUp } = row;
    assert.deepEqual(
      { missing, outOfOrder, deadLetters, accountsAddUp },
      { missing: 0, outOfOrder: 0, deadLetters: 0, accountsAddUp: true },
      `${name}: ${JSON.stringify(row)}`,
    );
    assert.ok(row.sent > 0, name);
  }
});
