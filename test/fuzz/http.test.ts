import assert from 'node:assert/strict';
import { after, before, describe, type TestContext, test } from 'node:test';
import type { FuzzReport } from './fuzz-run.ts';
import { FuzzSystem } from './fuzz-system.ts';

/** `npm run fuzz` gives many more inputs. */
const INPUTS = 600;

function judge(t: TestContext, { part, inputs, seed, outcomes, failures }: FuzzReport): void {
  t.diagnostic(`${part}: ${inputs} inputs of seed ${seed}: ${JSON.stringify(outcomes)}`);
  assert.deepEqual(failures, [], `seed ${seed}`);
  assert.ok(Object.keys(outcomes).length > 3, 'The inputs hardly differ.');
}

describe('the HTTP interface', () => {
  const target = new FuzzSystem();
  before(() => target.start());
  after(() => target.stop());

  test('answers every generated request with a result or a problem of the catalogue', async (t) => {
    judge(t, await target.routes(INPUTS));
  });

  test('outlives bytes that are no proper request', async (t) => {
    judge(t, await target.sockets(INPUTS / 4));
  });
});
