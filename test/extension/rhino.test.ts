import assert from 'node:assert/strict';
import { test } from 'node:test';
import { compileInRhino } from '../../scripts/rhino-check.ts';
import { builtScripts } from './fixture.ts';

const engine = await compileInRhino([]);

/** A script that does not compile imports without a word and leaves its service without a handler. */
test('every script of the extension compiles in a real Rhino', {
  skip: engine.available ? false : engine.reason,
}, async () => {
  const sources = builtScripts().map(({ place, code }) => ({ name: place, source: code }));
  assert.ok(sources.length > 10);
  const result = await compileInRhino(sources);
  assert.ok(result.available);
  assert.deepEqual(result.errors, []);
});
