import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { Flaw } from '../../../sidecar/translate/mapping/path.ts';
import { compileRegex, LinearRegExp } from '../../../sidecar/translate/mapping/regex.ts';

describe('compileRegex', () => {
  test('finds what RegExp finds', () => {
    const cases: [string, string, string][] = [
      ['(\\d+)-(\\d+)?', '', 'x 12-34 5-'],
      ['^T(\\d+)$', 'm', 'a\nT5\nb'],
      ['[a-z]+', 'i', '12 ABC'],
      ['(?<name>x)|y', '', 'ay'],
      ['ä.ö', 's', 'ä\nö'],
    ];
    for (const [pattern, flags, text] of cases) {
      const regex = compileRegex(pattern, flags);
      assert.ok(!(regex instanceof Flaw), pattern);
      const found = regex.find(text, 0);
      const expected = new RegExp(pattern, flags).exec(text);
      assert.deepEqual(found?.groups, [...(expected ?? [])], pattern);
      assert.equal(found?.start, expected?.index, pattern);
    }
  });

  test('refuses what a linear engine cannot do, with the reason', () => {
    for (const pattern of ['(a)\\1', '(?=a)b', '(?<!a)b', '(', 'a{2,1}']) {
      const flaw = compileRegex(pattern, '');
      assert.ok(flaw instanceof Flaw, pattern);
      assert.match(flaw.reason, /^the regular expression ".*" cannot be used: /);
    }
  });

  test('stands in for the RegExp of JSONata: the next match begins where the last ended', () => {
    const simple = fc.constantFrom('a', 'b', 'ab', 'a+', '[ab]c', '(a)(b)?', 'c|ab', 'a{2}');
    fc.assert(
      fc.property(simple, fc.stringMatching(/^[abc ]{0,30}$/), (pattern, text) => {
        const linear = new LinearRegExp(new RegExp(pattern, 'g'));
        const native = new RegExp(pattern, 'g');
        for (let i = 0; i < 40; i++) {
          const expected = native.exec(text);
          const actual = linear.exec(text);
          assert.deepEqual(
            actual === null ? null : [...actual, actual.index],
            expected === null ? null : [...expected, expected.index],
          );
          if (expected === null) return;
        }
      }),
    );
  });
});
