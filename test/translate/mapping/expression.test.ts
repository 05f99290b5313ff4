import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { DEFAULT_LIMITS } from '../../../sidecar/translate/decode/limits.ts';
import { compileExpression } from '../../../sidecar/translate/mapping/expression.ts';
import { compileTranslator } from '../../../sidecar/translate/translator.ts';
import type { ReceivedMessage, TranslationSettings } from '../../../sidecar/translate/types.ts';
import { codes, directory, message, thing } from '../support.ts';
import { apply, type Trial } from './support.ts';

describe('expressions', () => {
  const expr = (
    expression: string,
    body: unknown,
    over: Partial<ReceivedMessage> = {},
    settings?: TranslationSettings,
  ): Promise<Trial> =>
    apply([{ name: 'expr', expression }], message(body, over), settings === undefined ? {} : { settings });

  test('do the whole: thing, time, quality, properties', async () => {
    const { rows, translation } = await expr(
      `units.{ "thing": "pump-" & id, "time": ts, "quality": ok ? "GOOD" : "BAD", "properties": { "avg": $average(v), "from": $message.deviceId } }`,
      {
        units: [
          { id: 1, ts: 5, ok: true, v: [1, 2] },
          { id: 2, ts: '2024-01-02', ok: false, v: [3] },
        ],
      },
    );
    assert.deepEqual(rows, [
      ['pump-1', { avg: 1.5, from: 'dev-1' }],
      ['pump-2', { avg: 3, from: 'dev-1' }],
    ]);
    assert.deepEqual(
      translation.updates.map(({ timeMs, quality }) => [timeMs, quality]),
      [
        [5, 'GOOD'],
        [1704153600000, 'BAD'],
      ],
    );
  });

  test("defaults: Thing is the device, time the message's, nothing is ignored", async () => {
    assert.deepEqual((await expr('{"properties": {"x": a + 1}}', { a: 1 })).rows, [['dev-1', { x: 2 }]]);
    assert.deepEqual(codes((await expr('nothing', {})).translation.ignored), ['MAPPING']);
    assert.deepEqual(codes((await expr('[]', {})).translation.ignored), ['NO_VALUES']);
  });

  test('know no time of processing and run no code from data', async () => {
    const { rows } = await expr('{"properties": {"t": $millis(), "n": $now()}}', {});
    assert.deepEqual(rows, [['dev-1', { t: 1_700_000_000_000, n: 1_700_000_000_000 }]]);
    const evaluated = await expr('{"properties": {"x": $eval(code)}}', { code: '1+1' });
    assert.deepEqual(codes(evaluated.translation.refusals), ['MAPPING_FAILED']);
    assert.match(evaluated.translation.refusals[0]?.reason ?? '', /\$eval is not available/);
  });

  test('are evaluated one at a time: a whole batch must not use up the time limit of each', async () => {
    const compiled = compileExpression('($a := first; {"properties": {"a": $a, "b": last}})');
    assert.ok('evaluate' in compiled);
    const seen: number[] = [];
    const bodies = [1, 2, 3, 4, 5].map((number) => ({
      get first() {
        seen.push(number);
        return number;
      },
      get last() {
        seen.push(number);
        return number;
      },
    }));
    const rule = { name: 'r', template: undefined };
    const contents = await Promise.all(
      bodies.map((body) => compiled.evaluate(message({}), body, DEFAULT_LIMITS, rule)),
    );
    assert.deepEqual(
      contents.map(({ readings }) => ({ ...readings[0]?.members })),
      [1, 2, 3, 4, 5].map((number) => ({ a: number, b: number })),
    );
    assert.deepEqual(
      seen,
      seen.toSorted((a, b) => a - b),
      'no evaluation begins before the one before has ended',
    );
  });

  test('wrong results are refused with what came', async () => {
    const wrong: [string, string][] = [
      ['5', 'MAPPING_FAILED'],
      ['{"thing": "x"}', 'MAPPING_FAILED'],
      ['{"thing": 5, "properties": {}}', 'MAPPING_FAILED'],
      ['{"time": "noon", "properties": {"a": 1}}', 'TIME_INVALID'],
      ['{"quality": "purple", "properties": {"a": 1}}', 'MAPPING_FAILED'],
      ['$error("own words")', 'MAPPING_FAILED'],
      ['a.$uppercase()', 'MAPPING_FAILED'],
    ];
    for (const [expression, code] of wrong) {
      assert.deepEqual(codes((await expr(expression, { a: 5 })).translation.refusals), [code], expression);
    }
    const { translation } = await expr('$error("own words")', {});
    assert.match(translation.refusals[0]?.reason ?? '', /own words/);
  });

  test('are bounded in time, depth and size', async () => {
    const limits = { maxExpressionMs: 100 };
    const runaways = [
      '($f := function($x) { $f($x) }; $f(1))',
      '($f := function($x) { 1 + $f($x) }; $f(1))',
      '$count([1..10000000])',
      '$map([1..15000], function($x) { $map([1..15000], function($y) { $x * $y }) })',
      '$match($reduce([1..25], function($a) { $a & $a }, "a"), /a*b/)',
    ];
    for (const expression of runaways) {
      const { translation } = await expr(expression, {}, {}, { limits });
      const outcome = [...codes(translation.refusals), ...codes(translation.ignored)];
      assert.equal(outcome.length, 1, expression);
    }
    const padded = await expr('{"properties": {"x": $length($pad("x", 1000000000))}}', {});
    assert.deepEqual(padded.rows, [['dev-1', { x: 10_000 }]]);
  });

  test('never pollute a prototype', async () => {
    const body = Buffer.from('{"__proto__":{"polluted":1},"a":{"constructor":{"prototype":{"polluted":1}}}}');
    const sources = [
      '$merge([$, {"x":1}]).{"properties": $}',
      '$ ~> |$|{"__proto__": {"polluted": 1}}|',
      '{"properties": {"__proto__": {"polluted": 1}, "y": 1}}',
      'a ~> |constructor.prototype|{"polluted": 1}|',
      '($x := {}; $x.constructor.prototype)',
    ];
    for (const expression of sources) {
      await expr(expression, body);
      assert.equal(({} as Record<string, unknown>).polluted, undefined, expression);
    }
  });

  test('prepare gives a promise only when the rule that applies holds an expression', async () => {
    const mappings = {
      version: 1,
      rules: [{ when: { device: 'x' }, expression: '{"properties": $}' }, { properties: { a: 'a' } }],
    };
    const translator = compileTranslator({ mappings });
    assert.ok(!(translator.prepare(message({ a: 1 })) instanceof Promise));
    assert.ok(translator.prepare(message({ a: 1 }, { deviceId: 'x' })) instanceof Promise);
  });

  test('many at once do not disturb each other', async () => {
    const mappings = {
      version: 1,
      rules: [{ expression: '($v := a; {"properties": {"x": $sum([1..$v])}})' }],
    };
    const translator = compileTranslator({ mappings });
    const things = directory(thing('dev-1', { x: 'NUMBER' }));
    const results = await Promise.all(
      Array.from(
        { length: 50 },
        async (_, i) =>
          translator.translate(await translator.prepare(message({ a: i + 1 })), things).updates[0]?.values[0],
      ),
    );
    assert.deepEqual(
      results,
      Array.from({ length: 50 }, (_, i) => ((i + 1) * (i + 2)) / 2),
    );
  });
});
