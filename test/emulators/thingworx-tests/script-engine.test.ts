import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { field, InfoTable } from '../thingworx/infotable.ts';
import { ScriptError } from '../thingworx/script-engine.ts';
import { ScriptStructure } from '../thingworx/script-platform.ts';
import { defaultScriptSwitches } from '../thingworx/script-switches.ts';
import { PlatformError } from '../thingworx/values.ts';
import { ScriptFixture, scriptService } from './script-fixture.ts';

describe('running scripts', () => {
  let fixture: ScriptFixture;
  before(() => {
    fixture = new ScriptFixture({}, { count: 'INTEGER', label: 'STRING', data: 'JSON', when: 'DATETIME' });
  });
  after(() => fixture.stop());

  for (const [name, source] of [
    ['assigned', 'result = {a: 1};'],
    ['var', 'var result = {a: 1};'],
    ['let', 'let result = {a: 1};'],
    ['const', 'const result = {a: 1};'],
    ['in a block', 'if (true) { result = {a: 1}; }'],
    ['by a function', 'function run() { return {a: 1}; }\nresult = run();'],
    ['comment at the end', 'result = {a: 1}; // done'],
  ] as const) {
    test(`the result is the variable result: ${name}`, async () => {
      assert.deepEqual(await fixture.run(source), { a: 1 });
    });
  }

  test('without a result', async () => {
    assert.equal(await fixture.run('var x = 1;'), null);
    assert.equal(await fixture.run('result = 5;', { result: 'NOTHING' }), null);
  });

  test('parameters are bare variables and may be declared again', async () => {
    const variables = { a: 2, b: 'x' };
    assert.equal(
      await fixture.run('var a = a || 7; let b = "y"; result = a + b;', { variables, result: 'STRING' }),
      '2y',
    );
    assert.equal(await fixture.run('result = typeof missing;', { result: 'STRING' }), 'undefined');
  });

  test('undeclared variables do not leak into the next execution', async () => {
    await fixture.run('leaked = 1; result = {};');
    assert.equal(await fixture.run('result = typeof leaked;', { result: 'STRING' }), 'undefined');
  });

  test('properties are read and written at once', async () => {
    fixture.platform.set('T', 'count', 4);
    const source = 'me.count = me.count + 1.7; me.label = 12; me.when = new Date(5); result = me.count;';
    assert.equal(await fixture.run(source, { result: 'INTEGER' }), 5);
    assert.equal(fixture.platform.get('T', 'count'), 5);
    assert.equal(fixture.platform.get('T', 'label'), '12');
    assert.deepEqual(fixture.platform.get('T', 'when'), new Date(5));
    await assert.rejects(fixture.run('me.count = "abc";'), {
      message: 'Execution error in service script [S] : Unable To Convert From java.lang.String to INTEGER',
    });
  });

  test('entities', async () => {
    fixture.platform.addThing('Other', { label: 'STRING' });
    const source = `
      result = { name: me.name, missing: !Things["Missing"], other: Things["Other"].name, "in": "Other" in Things,
                 text: String(Things.Other), has: "label" in Things.Other };`;
    assert.deepEqual(await fixture.run(source), {
      name: 'T',
      missing: true,
      other: 'Other',
      in: true,
      text: 'Other',
      has: true,
    });
  });

  test('an entity that appears or goes is noticed', async () => {
    assert.equal(await fixture.run('result = !!Things.Later;', { result: 'BOOLEAN' }), false);
    fixture.platform.addThing('Later');
    assert.equal(await fixture.run('result = !!Things.Later;', { result: 'BOOLEAN' }), true);
  });

  test('subscription variables', async () => {
    const eventData = new ScriptStructure({
      newValue: new ScriptStructure({ value: 5, time: new Date(7), quality: 'GOOD' }),
    });
    const source = 'result = {v: eventData.newValue.value, t: eventData.newValue.time.getTime(), s: source};';
    assert.deepEqual(await fixture.run(source, { variables: { eventData, source: 'T' } }), {
      v: 5,
      t: 7,
      s: 'T',
    });
  });

  test('logger', async () => {
    await fixture.run(
      'logger.info("a {} b {} c {}", 1, {toString: function () { return "two"; }}); logger.warn("x");',
    );
    const [first, second] = fixture.platform.logs.slice(-2);
    assert.equal(first?.message, 'a 1 b two c {}');
    assert.deepEqual(
      [first?.level, first?.entity, first?.service, first?.principal],
      ['INFO', 'T', 'S', 'Administrator'],
    );
    assert.equal(second?.level, 'WARN');
  });

  test('events', async () => {
    fixture.platform.shapes.set('E_DS', [field('n', 'INTEGER'), field('at', 'DATETIME')]);
    fixture.thing.events.Happened = { dataShape: 'E_DS' };
    fixture.platform.revision++;
    await fixture.run('me.Happened({n: "7", at: new Date(9), other: 1});');
    assert.deepEqual(fixture.platform.events.at(-1), {
      entity: 'T',
      event: 'Happened',
      data: { n: 7, at: new Date(9) },
    });
  });
});

describe('calling services', () => {
  let fixture: ScriptFixture;
  before(() => {
    fixture = new ScriptFixture();
    const { services } = fixture.thing;
    services.Add = scriptService('Add', 'result = a + (b === undefined ? 100 : b);', 'NUMBER', {
      a: 'NUMBER',
      b: 'NUMBER',
    });
    services.Ping = scriptService('Ping', 'result = "pong";', 'STRING');
    services.Fail = scriptService('Fail', '\nthrow new Error("CODE: detail");', 'STRING');
    services.Forever = scriptService('Forever', 'me.Forever();');
    services.Broken = { ...scriptService('Broken', ''), implementation: { kind: 'missing' } };
    services.Later = { ...scriptService('Later', ''), isAsync: true };
    fixture.platform.addNative(
      'Things',
      'Native',
      scriptService('Slow', '', 'JSON', { p: 'JSON' }),
      async (_call, args) => {
        await new Promise((resolve) => setTimeout(resolve, 5));
        return { got: args.p ?? null } as never;
      },
    );
    fixture.platform.addNative('Things', 'Native', scriptService('Refuse', ''), () => {
      throw new PlatformError('no', { javaClass: 'java.net.ConnectException' });
    });
    fixture.platform.addNative(
      'Things',
      'Native',
      scriptService('Table', '', 'NUMBER', { t: 'INFOTABLE' }),
      (_call, { t }) => (t instanceof InfoTable ? t.rows.length : -1),
    );
  });
  after(() => fixture.stop());

  test('script services of the same and of other entities', async () => {
    const source = 'result = {full: me.Add({a: "1", b: 2}), part: Things.T.Add({a: 1}), ping: me.Ping()};';
    assert.deepEqual(await fixture.run(source), { full: 3, part: 101, ping: 'pong' });
    assert.deepEqual(
      fixture.platform.calls.slice(-1).map(({ depth, source: from }) => [depth, from.name, from.service]),
      [[0, 'T', 'S']],
    );
  });

  test('arguments that are no object, or for no parameters', async () => {
    await assert.rejects(fixture.run('me.Add(1);'), { message: /Invalid parameter type/ });
    await assert.rejects(fixture.run('me.Ping({});'), { message: /Invalid parameter type/ });
  });

  test('native services, also slow ones', async () => {
    const source =
      'var r = Things.Native.Slow({p: {a: [1, {b: 2}]}}); result = JSON.parse(JSON.stringify(r));';
    assert.deepEqual(await fixture.run(source), { got: { a: [1, { b: 2 }] } });
  });

  test('asynchronous services are started', async () => {
    await fixture.run('me.Later();');
    assert.deepEqual(fixture.platform.started, ['T.Later']);
  });

  test('a refused native call is a JavaException', async () => {
    const source = `
      try { Things.Native.Refuse(); } catch (e) {
        result = { name: e.name, message: e.message, java: typeof e.javaException, line: e.lineNumber, error: e instanceof Error };
      }`;
    assert.deepEqual(await fixture.run(source), {
      name: 'JavaException',
      message: 'java.net.ConnectException: no',
      java: 'object',
      line: 2,
      error: true,
    });
  });

  test('a failed script service is a JavaException that holds its message', async () => {
    const source = 'try { me.Fail(); } catch (e) { result = e.name + "|" + e.message; }';
    assert.equal(
      await fixture.run(source, { result: 'STRING' }),
      'JavaException|java.lang.Exception: Unable to Invoke Service Fail on T : CODE: detail',
    );
    assert.ok(
      fixture.platform.logs.some(
        ({ message }) => message === 'Execution error in service script [Fail] :: CODE: detail (Fail#2)',
      ),
    );
  });

  test('errors that reach the caller', async () => {
    await assert.rejects(fixture.run('\n\nthrow new Error("boom");'), (error) => {
      assert.ok(error instanceof ScriptError);
      assert.equal(error.message, 'Execution error in service script [S] : boom');
      assert.deepEqual([error.service, error.scriptMessage, error.lineNumber], ['S', 'boom', 3]);
      return true;
    });
    await assert.rejects(fixture.run('throw "text";'), {
      message: 'Execution error in service script [S] : text',
    });
    await assert.rejects(fixture.run('throw null;'), {
      message: 'Execution error in service script [S] : null',
    });
    await assert.rejects(fixture.run('missing();'), { message: /ReferenceError/ });
  });

  test('a service called from outside has all its parameters', async () => {
    assert.equal(
      await fixture.run('result = typeof a + a + b;', {
        service: 'Add',
        variables: { a: 1 },
        result: 'STRING',
      }),
      'number1undefined',
    );
  });

  test('a result that is not what its Data Shape says', async () => {
    fixture.platform.shapes.set('Wanted_DS', [field('a', 'NUMBER'), field('b', 'STRING')]);
    const entity = fixture.platform.findEntity('Things', 'T');
    assert.ok(entity);
    const run = (table: InfoTable) =>
      fixture.engine.run({
        entity,
        service: 'S',
        source: 'result = table;',
        variables: { table },
        result: { baseType: 'INFOTABLE', dataShape: 'Wanted_DS' },
        principal: 'Administrator',
        depth: 0,
      });
    fixture.platform.logs.length = 0;
    await run(new InfoTable([field('a', 'NUMBER'), field('b', 'STRING')]));
    assert.equal(fixture.platform.logs.length, 0);
    await run(new InfoTable([field('a', 'STRING')]));
    assert.match(
      fixture.platform.logs[0]?.message ?? '',
      /not a Wanted_DS: it lacks a \(NUMBER\), b \(STRING\)/,
    );
  });

  test('a script sees changes that it makes to its own entity', async () => {
    fixture.platform.addNative('Things', 'N', scriptService('Extend', ''), () => {
      fixture.thing.properties.added = { baseType: 'STRING' };
      fixture.platform.revision++;
      return null;
    });
    assert.equal(
      await fixture.run('Things.N.Extend(); me.added = "x"; result = me.added;', { result: 'STRING' }),
      'x',
    );
  });

  test('rights are asked for at each call', async () => {
    await assert.rejects(fixture.run('me.Ping();', { principal: 'Guest' }), {
      message: /Not authorized for ServiceInvoke on Ping in T/,
    });
  });

  test('a service that never compiled', async () => {
    await assert.rejects(fixture.run('me.Broken();'), {
      message:
        /Unable to Invoke Service Broken on T : No service handler defined for service Broken on thing \[T\]/,
    });
  });

  test('endless recursion ends', async () => {
    await assert.rejects(fixture.run('me.Forever();'), ScriptError);
    assert.equal(await fixture.run('result = me.Ping();', { result: 'STRING' }), 'pong');
  });

  test('a script that runs out of stack while it reads leaves no answer behind', async () => {
    fixture.thing.properties.label = { baseType: 'STRING' };
    fixture.thing.properties.secret = { baseType: 'STRING' };
    fixture.platform.revision++;
    fixture.platform.set('T', 'label', 'label');
    fixture.platform.set('T', 'secret', 'secret');
    // Large frames nearly fill the stack; then small ones, each with a request, so that it ends at another place each time.
    const source = `
      var filler = [], deepest = 0, wrong = 0;
      function ask() { me.secret; ask(); }
      function burn(left) {
        deepest++;
        if (left === 0) { ask(); } else { filler[0] = left - 1; burn.apply(null, filler); }
      }
      filler.length = 3000;
      try { burn(-1); } catch (e) { }
      for (var turn = 0, frames = deepest - 2; turn < 20; turn++) {
        filler.length = 3000 - turn;
        try { burn(frames); } catch (e) { }
        if (me.label !== 'label') { wrong++; }
      }
      result = wrong;`;
    assert.equal(await fixture.run(source, { result: 'INTEGER' }), 0);
    assert.equal(await fixture.run('result = me.label;', { result: 'STRING' }), 'label');
  });

  test('large tables travel whole', async () => {
    const rows = 20_000;
    const table = new InfoTable([field('text', 'STRING')]);
    for (let index = 0; index < rows; index++) {
      table.addRow({ text: `row ${index} ${'x'.repeat(50)}` });
    }
    const variables = { table };
    assert.equal(
      await fixture.run('result = Things.Native.Table({t: table});', { variables, result: 'NUMBER' }),
      rows,
    );
  });
});

test('versions differ in what they do with absent and with needless arguments', async () => {
  const fixture = new ScriptFixture({
    switches: {
      ...defaultScriptSwitches,
      argumentsOfParameterlessServices: 'accept',
      parameterDefaults: 'apply',
    },
  });
  try {
    fixture.thing.services.Ping = scriptService('Ping', 'result = "pong";', 'STRING');
    fixture.thing.services.Twice = {
      ...scriptService('Twice', 'result = n * 2;', 'NUMBER'),
      parameters: [field('n', 'NUMBER', { aspects: { defaultValue: 21 } })],
    };
    fixture.platform.revision++;
    assert.equal(await fixture.run('result = me.Ping({});', { result: 'STRING' }), 'pong');
    assert.equal(await fixture.run('result = me.Twice({});', { result: 'NUMBER' }), 42);
    assert.equal(await fixture.run('result = me.Twice({n: 1});', { result: 'NUMBER' }), 2);
  } finally {
    await fixture.stop();
  }
});
