import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { type TestContext, test } from 'node:test';
import { sharedResult } from '../thingworx/script/shared-results.ts';

/** The directory of the results, for one test. */
function useDirectory(t: TestContext, directory: string | undefined): void {
  const { EMULATOR_CACHE: before } = process.env;
  const set = (value: string | undefined) => {
    if (value === undefined) delete process.env['EMULATOR_CACHE'];
    else process.env['EMULATOR_CACHE'] = value;
  };
  t.after(() => set(before));
  set(directory);
}

/** Asks for a result with a lone surrogate, and says how often it was computed so far. */
function counting() {
  let times = 0;
  return (...parts: unknown[]) => {
    const { text } = sharedResult(parts, () => {
      times += 1;
      return { text: `\ud800 ${parts}` };
    });
    assert.equal(text, `\ud800 ${parts}`);
    return times;
  };
}

test('a result is computed once in a directory, and again for other parts', async (t) => {
  const directory = await mkdtemp(path.join(tmpdir(), 'results-'));
  t.after(() => rm(directory, { recursive: true, force: true }));
  useDirectory(t, path.join(directory, 'made'));
  const times = counting();
  assert.equal(times('a', 1), 1);
  assert.equal(times('a', 1), 1);
  assert.equal(times('a', 2), 2);
});

test('without a directory, each call computes its result', (t) => {
  useDirectory(t, undefined);
  const times = counting();
  assert.equal(times('a'), 1);
  assert.equal(times('a'), 2);
});
