import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { ConnectorError } from '../../sidecar/errors/connector-error.ts';
import { tagList, Wave, type WaveRules } from '../../sidecar/migration/rules.ts';

function taken(rules: WaveRules, names: readonly string[], tags: readonly string[] = []): string[] {
  const wave = new Wave(rules);
  return names.filter((thing) => wave.takes({ thing, tags }));
}

describe('the rules of a wave', () => {
  test('without rules everything is taken', () => assert.deepEqual(taken({}, ['a', 'b']), ['a', 'b']));

  test('a pattern is the whole name; only * is special', () => {
    const names = ['pump-1', 'pump-2', 'my-pump-1', 'pump.1', 'pumpX1', 'pump[1'];
    assert.deepEqual(taken({ namePattern: 'pump-*' }, names), ['pump-1', 'pump-2']);
    assert.deepEqual(taken({ namePattern: '*1' }, names), [
      'pump-1',
      'my-pump-1',
      'pump.1',
      'pumpX1',
      'pump[1',
    ]);
    assert.deepEqual(taken({ namePattern: 'pump.1' }, names), ['pump.1']);
    assert.deepEqual(taken({ namePattern: 'pump[1' }, names), ['pump[1']);
    assert.deepEqual(taken({ namePattern: 'a*b*c' }, ['abc', 'a-b-c', 'ab', 'a\nb\nc']), [
      'abc',
      'a-b-c',
      'a\nb\nc',
    ]);
  });

  test('a list and tags: a Thing meets all that is given', () => {
    assert.deepEqual(taken({ names: ['b', 'x'] }, ['a', 'b']), ['b']);
    assert.deepEqual(taken({ tags: ['P:A', 'P:B'] }, ['a'], ['P:A']), []);
    assert.deepEqual(taken({ tags: ['P:A'], names: ['a'] }, ['a', 'b'], ['P:A', 'P:B']), ['a']);
  });

  test('a larger percentage has the Things of each smaller one, and about as many as it says', () => {
    const names = Array.from({ length: 10_000 }, (_, index) => `device-${index}`);
    let before = new Set<string>();
    for (const percentage of [0, 1, 10, 50, 99.5, 100]) {
      const now = new Set(taken({ percentage }, names));
      assert.ok([...before].every((name) => now.has(name)));
      assert.ok(Math.abs(now.size - percentage * 100) < 200, `${percentage} %: ${now.size}`);
      before = now;
    }
    assert.equal(before.size, names.length);
  });

  test('tags are read as ThingWorx writes them; anything else is refused', () => {
    assert.deepEqual(tagList('Plant:A; Plant:B;'), ['Plant:A', 'Plant:B']);
    for (const text of ['Plant', 'a:b:c', ':a', 'a:'])
      assert.throws(
        () => tagList(text),
        (error) => error instanceof ConnectorError && error.code === 'REQUEST_INVALID',
        text,
      );
  });
});
