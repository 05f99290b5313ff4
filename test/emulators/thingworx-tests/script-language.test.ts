import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { parse } from 'acorn';
import { field, InfoTable } from '../thingworx/infotable.ts';
import { checkScript, compileError } from '../thingworx/language.ts';
import { defaultLanguageRules } from '../thingworx/script/language-levels.ts';
import { defaultScriptSwitches } from '../thingworx/script-switches.ts';
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

describe('for each, which only Rhino has', () => {
  let fixture: ScriptFixture;
  before(() => {
    fixture = new ScriptFixture();
  });
  after(() => fixture.stop());
  for (const [script, value] of [
    ['var s=0; for each (var x in [1,2,3]) s+=x; result = String(s);', '6'],
    ['var s="", x; for each (x in {a:1,b:2}) { s+=x } result = s + x;', '122'],
    [
      'var s=0; for\n each\n(var x\nin // the values in it\n[1,[2]]) s+=Number(x);\nresult = s + "|" + line();\nfunction line() { try { null.x } catch (e) { return e.lineNumber } }',
      '3|7',
    ],
    [
      'var s=0; for each (var {a} in [{a:1},{a:2}]) { for each (var n in [10]) { s+=a+n } } result = s;',
      '23',
    ],
    [
      'var fs=[]; for each (let x in [1,2]) { fs.push(function () { return x }) } result = String(fs[0]());',
      '2',
    ],
    ['result = "for each (x in y)" /* for each (x in y) */ + `for each (`;', 'for each (x in y)for each ('],
  ] as const) {
    test(script, async () => {
      assert.equal(compileError(script, 'S'), undefined);
      assert.equal(await fixture.run(script, { result: 'STRING', service: 'svc' }), value);
    });
  }

  test('over the rows of a table', async () => {
    const table = new InfoTable([field('n', 'NUMBER')], [{ n: 1 }, { n: 2 }]);
    const source = 'var s=0; for each (var row in table.rows) { s += row.n; } result = s;';
    assert.equal(await fixture.run(source, { result: 'NUMBER', variables: { table } }), 3);
  });

  test('what is wrong around it is still found', () => {
    assert.deepEqual(kinds('for each (const x in [1]) x'), ['rejected']);
    assert.deepEqual(kinds('for each (var x of [1]) x'), ['rejected']);
    assert.deepEqual(kinds('for each x'), ['rejected']);
  });
});

describe('what is not known of the platform’s engine', () => {
  const levels = ['default', '1.7', '1.8', 'es6'] as const;
  for (const [script, ...verdicts] of [
    ['let q=1; {let q=2;} q', 'rejected', '', '', ''],
    ["var s='';for(let i=0;i<3;i++){s+=i} s", 'rejected', '', '', ''],
    ['var s=0;for (var x of [1,2,3]) s+=x; s', 'rejected', 'rejected', 'rejected', ''],
    ['var {a,b}={a:1,b:2}; a+b', 'rejected', 'rejected', '', ''],
    ['(function({a}){return a})({a:5})', 'rejected', 'rejected', '', ''],
    ['new Map([[1,2]]).get(1)', 'missing', 'missing', 'missing', ''],
    ['new Set([1,1]).size', 'missing', 'missing', 'missing', ''],
    ['typeof WeakMap', 'missing', 'missing', 'missing', ''],
    ['typeof Symbol()', 'missing', 'missing', 'missing', ''],
    ['typeof Uint8Array', 'missing', 'missing', '', ''],
    ['0b11', 'rejected', 'rejected', 'rejected', ''],
    ['0o7', 'rejected', 'rejected', 'rejected', ''],
    ['var a = [1].map(x => x + 1); for each (var y in a) y', '', '', '', ''],
  ] as const) {
    test(`the language level: ${script}`, () => {
      assert.deepEqual(
        levels.map((languageLevel) =>
          [
            ...new Set(
              checkScript(script, { ...defaultLanguageRules, languageLevel }).map(({ kind }) => kind),
            ),
          ].join(),
        ),
        verdicts,
      );
    });
  }

  test('what a lower level lacks is not there', async () => {
    const fixture = new ScriptFixture({ switches: { ...defaultScriptSwitches, languageLevel: '1.7' } });
    try {
      const source = 'result = [typeof Map, typeof Symbol, typeof Uint8Array, typeof Object].join();';
      assert.equal(await fixture.run(source, { result: 'STRING' }), 'undefined,undefined,undefined,function');
    } finally {
      await fixture.stop();
    }
  });

  test('a return at the end', async () => {
    const accept = { ...defaultLanguageRules, returnAtTheEnd: 'accept' } as const;
    assert.deepEqual(kinds('var a = 1; return a;'), ['rejected']);
    assert.deepEqual(checkScript('var a = 1; return a;', accept), []);
    assert.equal(checkScript('if (true) { return 1; }', accept)[0]?.kind, 'rejected');
    assert.equal(checkScript('return 1; var a;', accept)[0]?.kind, 'rejected');
    const fixture = new ScriptFixture();
    try {
      assert.equal(await fixture.run('result = 1; return 2;', { result: 'NUMBER' }), 2);
    } finally {
      await fixture.stop();
    }
  });
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
    for (const script of ['let (x=1) x', 'var x = <a><b/></a>;', 'try {} catch (e if e) {}']) {
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
