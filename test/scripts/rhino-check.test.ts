import assert from 'node:assert/strict';
import { test } from 'node:test';
import { compileInRhino, type RhinoResult } from '../../scripts/rhino-check.ts';
import { misread, missing, rejected, works } from '../emulators/thingworx-tests/script-language-cases.ts';

/** Features that 1.7.11 does not compile and 1.7.14, which Debian has, does. */
const newer = [
  'shorthand prop',
  'generator fn*',
  'exponent **',
  'numeric separator',
  'BigInt literal',
  'arrow with shorthand pattern',
  'shorthand destructuring assignment',
  'multi-line template',
  'nested template',
  'tagged template',
  'exponent assignment',
  'const named arguments',
];

/** They fail when the expression is reached, not when the script is compiled. */
const late = /^regex (named group|lookbehind|sticky)/;

const compiled = (cases: readonly (readonly [string, string, string])[]): Promise<RhinoResult> =>
  compileInRhino(cases.map(([name, source]) => ({ name, source })));

/** Without Java or the jar of Rhino there is nothing to compare: the tests skip and say why. */
const engine = await compileInRhino([]);
const skip = engine.available ? false : engine.reason;

/** Without an engine there is nothing to compare; then the reason must be told. */
function namesOf(result: RhinoResult): string[] | undefined {
  if (!result.available) {
    assert.notEqual(result.reason, '');
    return undefined;
  }
  assert.match(result.version, /Rhino/);
  return result.errors.map(({ name }) => name);
}

test('a real Rhino compiles what the language check lets through', { skip }, async () => {
  assert.deepEqual(namesOf(await compiled([...works, ...misread, ...missing])) ?? [], []);
});

test('a real Rhino rejects what the language check rejects', { skip }, async () => {
  const names = namesOf(await compiled(rejected));
  if (names !== undefined) {
    const accepted = rejected
      .map(([name]) => name)
      .filter((name) => !names.includes(name) && !late.test(name));
    assert.deepEqual(
      accepted.filter((name) => !newer.includes(name)),
      [],
    );
  }
});

test('errors carry the name and the line', { skip }, async () => {
  const result = await compileInRhino([
    { name: 'good', source: 'result = "\u00e9";' },
    { name: 'bad', source: 'var a = 1;\nreturn a;' },
  ]);
  if (namesOf(result) !== undefined && result.available) {
    assert.deepEqual(result.errors, [{ name: 'bad', line: 2, message: 'invalid return' }]);
  }
});
