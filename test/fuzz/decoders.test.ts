import assert from 'node:assert/strict';
import { randomInt } from 'node:crypto';
import { test } from 'node:test';
import { fuzzDecoders } from './decoders.ts';

test('the decoders turn every generated input into values or a refusal', async (t) => {
  const seed = randomInt(2 ** 31);
  for (const { part, inputs, outcomes, failures } of await fuzzDecoders({ inputs: 5_000, seed })) {
    t.diagnostic(`${part}: ${inputs} inputs of seed ${seed}: ${JSON.stringify(outcomes)}`);
    assert.deepEqual(failures, [], `${part}, seed ${seed}`);
    assert.ok(Object.keys(outcomes).length > 1, `${part}: the inputs hardly differ.`);
  }
});
