import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { compileCondition, matchesPattern } from '../../../sidecar/translate/mapping/condition.ts';
import { compileFanOut } from '../../../sidecar/translate/mapping/fan-out.ts';
import { compilePath, Flaw } from '../../../sidecar/translate/mapping/path.ts';
import { rootScope, type Scope } from '../../../sidecar/translate/mapping/scope.ts';
import { compileTemplate } from '../../../sidecar/translate/mapping/template.ts';
import { message } from '../support.ts';

const BODY = {
  a: { b: [10, { c: 'deep' }], 'key with.dots': 1, '*': 'star' },
  list: [1, 2, 3],
  units: [
    { id: 'u1', samples: [{ v: 1 }, { v: 2 }] },
    { id: 'u2', samples: [{ v: 3 }] },
  ],
  byName: { left: { v: 1 }, right: { v: 2 } },
  $x: 5,
  'two words': 7,
  odd: 'a:b/c ',
};

const MESSAGE = message(BODY, {
  moduleId: 'mod',
  applicationProperties: { kind: 'alarm' },
  systemProperties: { 'dt-subject': 'c' },
  creationTimeMs: 5,
});

const SCOPE = rootScope(MESSAGE, BODY, false);

function get(path: string, scope: Scope = SCOPE): unknown {
  const getter = compilePath(path);
  assert.ok(!(getter instanceof Flaw), getter instanceof Flaw ? getter.reason : '');
  return getter(scope);
}

function flaw(result: unknown): string {
  assert.ok(result instanceof Flaw);
  return result.reason;
}

describe('paths', () => {
  test('keys, indexes and quoted keys', () => {
    const found: [string, unknown][] = [
      ['a.b[0]', 10],
      ['@.a.b[1].c', 'deep'],
      ['$.a.b[-1].c', 'deep'],
      ['$', BODY],
      ['@', BODY],
      ['a["key with.dots"]', 1],
      ["a['key with.dots']", 1],
      ['["a"].b[ 0 ]', 10],
      ['two words', 7],
      ['$.list[2]', 3],
      ['$x', 5],
      ['a["*"]', 'star'],
      ['$message.deviceId', 'dev-1'],
      ['$message.moduleId', 'mod'],
      ['$message.properties.kind', 'alarm'],
      ['$message.systemProperties["dt-subject"]', 'c'],
      ['$message.creationTime', 5],
    ];
    for (const [path, value] of found) assert.deepEqual(get(path), value, path);
  });

  test('nothing is found where there is nothing, and nothing inherited ever', () => {
    for (const path of [
      'b',
      'a.b.c',
      'a.b[9]',
      'list.length',
      'a.constructor',
      '__proto__',
      'a["__proto__"]',
      '^.a',
      '$key',
      '$message.properties.x',
    ]) {
      assert.equal(get(path), undefined, path);
    }
    assert.equal(get('length', rootScope(MESSAGE, 'text', false)), undefined);
    assert.equal(get('getTime', rootScope(MESSAGE, new Date(0), false)), undefined);
  });

  test('what is no path is a flaw', () => {
    for (const path of [
      '',
      ' ',
      'a..b',
      'a.',
      'a[',
      'a[x]',
      'a]',
      '.a',
      'a{b}',
      '$.',
      '^^.',
      'a[*]',
      '$.*',
      '$message',
      '$message.nothing',
      '$key.a',
    ]) {
      assert.ok(compilePath(path) instanceof Flaw, path);
    }
    assert.match(flaw(compilePath('a[x].b')), /"a\[x\]\.b" is not a path: unexpected "\[x\]\.b" at 1/);
    assert.match(flaw(compilePath('.a'.repeat(100).slice(1))), /64/);
  });
});

describe('each', () => {
  const fan = (path: string): readonly Scope[] => {
    const each = compileFanOut(path);
    assert.ok(!(each instanceof Flaw));
    return each(SCOPE);
  };

  test('elements of arrays and members of objects, with their keys', () => {
    assert.deepEqual(
      fan('list[*]').map((scope) => [scope.item, get('$index', scope)]),
      [
        [1, 0],
        [2, 1],
        [3, 2],
      ],
    );
    assert.deepEqual(
      fan('$.byName.*').map((scope) => [get('$key', scope), get('v', scope)]),
      [
        ['left', 1],
        ['right', 2],
      ],
    );
    assert.deepEqual(fan('nothing[*]'), []);
    assert.deepEqual(fan('list[*].x[*]'), []);
  });

  test('the elements around', () => {
    const scopes = fan('units[*].samples[*]');
    assert.deepEqual(
      scopes.map((scope) => [get('^.id', scope), get('v', scope)]),
      [
        ['u1', 1],
        ['u1', 2],
        ['u2', 3],
      ],
    );
    assert.deepEqual(get('^^.list[0]', scopes[0]), 1);
    assert.deepEqual(get('$.list[0]', scopes[0]), 1);
    const inner = fan('units[*].samples[0]');
    assert.deepEqual(
      inner.map((scope) => [get('^.id', scope), get('v', scope)]),
      [
        ['u1', 1],
        ['u2', 3],
      ],
    );
  });

  test('keys further out, and elements at the same place of another array', () => {
    const scopes = fan('units[*].samples[*]');
    assert.deepEqual(
      scopes.map((scope) => ['$index', '^$index', '^.$index', '^^$key'].map((path) => get(path, scope))),
      [
        [0, 0, 0, undefined],
        [1, 0, 0, undefined],
        [0, 1, 1, undefined],
      ],
    );
    assert.deepEqual(
      fan('list[*]').map((scope) => get('$.units[$index].id', scope)),
      ['u1', 'u2', undefined],
    );
    const inner = fan('byName.*.v');
    assert.deepEqual(
      inner.map((scope) => [get('@', scope), get('^$key', scope)]),
      [
        [1, 'left'],
        [2, 'right'],
      ],
    );
  });

  test('a path goes on into text that holds JSON, once parsed', () => {
    const body = { p: ' {"a":[1,{"b":"[7]"}]}', q: '{broken', r: 'text' };
    const scope = rootScope(message(body), body, false);
    assert.equal(get('p.a[1].b[0]', scope), 7);
    assert.equal(get('p', scope), body.p);
    assert.equal(get('q.a', scope), undefined);
    assert.equal(get('r.length', scope), undefined);
    assert.equal(scope.parsed.map?.size, 4);
    const each = compileFanOut('p.a[*]');
    assert.ok(!(each instanceof Flaw));
    assert.deepEqual(
      each(scope).map(({ item }) => item),
      [1, { b: '[7]' }],
    );
  });

  test('without a wildcard it is one element; it begins at the body', () => {
    assert.deepEqual(
      fan('a').map(({ item, around }) => [item, around]),
      [[BODY.a, [BODY]]],
    );
    assert.match(flaw(compileFanOut('list[$key]')), /no element yet/);
    assert.match(flaw(compileFanOut('^.list[*]')), /begins at the body/);
    assert.ok(compileFanOut('list[') instanceof Flaw);
  });
});

describe('templates', () => {
  const fill = (text: string): string | undefined => {
    const template = compileTemplate(text);
    assert.ok(!(template instanceof Flaw));
    return template.fill(SCOPE);
  };

  test('paths in braces, braces doubled', () => {
    assert.equal(fill('pump-{$message.deviceId}-{list[0]}'), 'pump-dev-1-1');
    assert.equal(fill('{{a}}'), '{a}');
    assert.equal(fill('plain'), 'plain');
    assert.equal(fill('{a}'), undefined);
    assert.equal(fill('x{nothing}'), undefined);
    assert.equal(fill('{odd|safe}'), 'a_b_c_');
    assert.equal(fill('{a|safe}'), undefined);
  });

  test('flaws', () => {
    for (const text of ['{a', 'a}', '{}', '{a..b}']) assert.ok(compileTemplate(text) instanceof Flaw, text);
  });
});

describe('conditions', () => {
  test('patterns, scalars, lists, existence', () => {
    const holds: [unknown, unknown, boolean][] = [
      ['pump-*', 'pump-1', true],
      ['pump-*', 'fan-1', false],
      ['pump-?', 'pump-12', false],
      ['*', '', true],
      ['*', undefined, false],
      ['a', 'a', true],
      [5, 5, true],
      [5, '5', false],
      [true, true, true],
      [null, undefined, true],
      [null, 0, false],
      [['a', 5, null], undefined, true],
      [['a', 5], 'b', false],
      [{ exists: true }, 0, true],
      [{ exists: true }, null, false],
      [{ exists: false }, undefined, true],
    ];
    for (const [condition, value, expected] of holds) {
      assert.equal(
        compileCondition(condition as string)(value),
        expected,
        JSON.stringify([condition, value]),
      );
    }
  });

  test('patterns do not take exponential time', () => {
    assert.equal(matchesPattern('*a*a*a*a*a*a*a*a*b', 'a'.repeat(5000)), false);
    assert.equal(matchesPattern('a*b?c*', 'aXXbYcZZ'), true);
  });
});
