import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { parse } from 'acorn';
import { checkScript, compileError } from '../thingworx/language.ts';
import { ScriptFixture } from './script-fixture.ts';
import { misread, missing, rejected, works } from './script-language-cases.ts';

/** Makes the value of a script's last statement its result. */
function withResult(script: string): string {
  const last = parse(script, { ecmaVersion: 'latest' }).body.at(-1);
  assert.ok(last);
  if (last.type === 'WithStatement') {
    return script.replace(/\{a\}$/, '{result = String(a)}');
  }
  if (last.type === 'TryStatement') {
    return script
      .replace(/\}catch\(e\)\{|\} catch\(e\) \{/, '} catch(e) { result = ')
      .replace(/^try\{(.*)\}$/, 'try {$1}');
  }
  const end = script.slice(last.start, last.end).endsWith(';') ? last.end - 1 : last.end;
  return `${script.slice(0, last.start)}result = String(${script.slice(last.start, end)});${script.slice(last.end)}`;
}

const kinds = (script: string) => checkScript(script).map(({ kind }) => kind);

describe('what Rhino does not compile is rejected', () => {
  for (const [feature, script] of rejected) {
    test(feature, () => {
      assert.ok(kinds(script).includes('rejected'), JSON.stringify(checkScript(script)));
      assert.match(compileError(script, 'S') ?? '', /\(S#\d+\)$/);
    });
  }
});

describe('what Rhino misreads is reported, and run as Rhino runs it', () => {
  let fixture: ScriptFixture;
  before(() => {
    fixture = new ScriptFixture();
  });
  after(() => fixture.stop());
  for (const [feature, script, value] of misread) {
    test(feature, async () => {
      assert.equal(compileError(script, 'S'), undefined);
      assert.ok(kinds(script).includes('misread'), JSON.stringify(checkScript(script)));
      assert.equal(await fixture.run(withResult(script), { result: 'STRING', service: 'svc' }), value);
    });
  }
});

describe('what Rhino lacks is reported, and is not there', () => {
  let fixture: ScriptFixture;
  before(() => {
    fixture = new ScriptFixture();
  });
  after(() => fixture.stop());
  for (const [feature, script, value] of missing) {
    test(feature, async () => {
      assert.deepEqual(kinds(script), ['missing']);
      const run = fixture.run(withResult(script), { result: 'STRING' });
      if (value === 'undefined') {
        assert.equal(await run, value);
      } else {
        await assert.rejects(run, /TypeError/);
      }
    });
  }
});

describe('what works is not reported, and works', () => {
  let fixture: ScriptFixture;
  before(() => {
    fixture = new ScriptFixture();
  });
  after(() => fixture.stop());
  for (const [feature, script, value] of works) {
    test(feature, async () => {
      const findings = checkScript(script).filter(({ kind }) => kind !== 'misread' || !/Date/.test(script));
      assert.deepEqual(findings, []);
      assert.equal(await fixture.run(withResult(script), { result: 'STRING', service: 'svc' }), value);
    });
  }
});

describe('findings', () => {
  test('positions count from one', () => {
    const source = 'var a = 1;\n  class A {}\nreturn a;\n';
    assert.deepEqual(
      checkScript(source).map(({ line, column, message }) => [line, column, message]),
      [
        [2, 3, 'identifier is a reserved word: class'],
        [3, 1, 'invalid return'],
      ],
    );
    assert.equal(compileError(source, 'My'), 'identifier is a reserved word: class (My#2)');
  });

  test('a parse error', () => {
    assert.deepEqual(kinds('var = 5;'), ['rejected']);
    assert.equal(compileError('a\n(', 'S'), 'syntax error (S#2)');
  });

  test("Mozilla's extensions are named", () => {
    for (const script of [
      'for each (var x in [1]) x',
      'let (x=1) x',
      'var x = <a><b/></a>;',
      'try {} catch (e if e) {}',
    ]) {
      assert.deepEqual(kinds(script), ['unsupported'], script);
    }
  });

  test('missing methods and locked prototypes', () => {
    assert.deepEqual(
      kinds('[1].flat(); "a".replaceAll("a", "b"); Object.entries({}); JSON.foo'),
      Array(4).fill('missing'),
    );
    assert.deepEqual(kinds('Array.prototype.first = function () { return this[0]; };'), ['missing']);
    assert.deepEqual(kinds('me.at({a: 1}); Things["x"].flat(); var Promise = 1; Promise;'), []);
    assert.deepEqual(
      kinds('Object.prototype.hasOwnProperty.call({}, "a"); Array.prototype.slice.call([1]);'),
      [],
    );
  });

  test('an ordinary service has none', () => {
    const script = `
      function run() {
        var table = Resources["InfoTableFunctions"].CreateInfoTableFromDataShape({ infoTableName: "t", dataShapeName: "X" });
        for (var i = 0; i < rows.length; i++) { if (rows[i].ok) { table.AddRow({ a: rows[i].a }); } }
        try { me.Other({ t: table }); } catch (e) { logger.error("failed: {}", String(e.message || e)); return null; }
        return table;
      }
      result = run();`;
    assert.deepEqual(checkScript(script), []);
  });
});
