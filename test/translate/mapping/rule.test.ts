import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { MappingRule } from '../../../sidecar/translate/mapping/schema.ts';
import { compileTranslator } from '../../../sidecar/translate/translator.ts';
import type { ReceivedMessage } from '../../../sidecar/translate/types.ts';
import { codes, directory, message, row, thing, translate } from '../support.ts';
import { apply } from './support.ts';

describe('choice of a rule', () => {
  const rule = (name: string, when: MappingRule['when']): MappingRule => ({
    name,
    when: when ?? {},
    properties: { [name]: { value: 1 } },
  });
  const chosen = async (rules: readonly MappingRule[], input: ReceivedMessage): Promise<string> => {
    const { translation } = await apply(rules, input);
    return translation.updates[0]?.properties[0] ?? '';
  };

  test('the first whose conditions all hold', async () => {
    const rules = [
      rule('pump', { device: 'pump-*', module: null }),
      rule('module', { device: ['pump-*', 'fan-*'], module: { exists: true } }),
      rule('alarm', { properties: { kind: 'alarm' } }),
      rule('body', { body: { '$.type': 'x', 'list[0]': 1 } }),
      rule('cbor', { contentType: 'application/cbor' }),
      rule('component', { component: 'c', interface: 'dtmi:*' }),
      rule('rest', undefined),
    ];
    const cases: [string, Partial<ReceivedMessage>, unknown][] = [
      ['pump', { deviceId: 'pump-1' }, {}],
      ['module', { deviceId: 'pump-1', moduleId: 'm' }, {}],
      ['alarm', { applicationProperties: { kind: 'alarm' } }, {}],
      ['body', {}, { type: 'x', list: [1] }],
      ['rest', {}, { type: 'x', list: [2] }],
      ['cbor', { contentType: 'application/cbor' }, Buffer.from([0xa0])],
      ['component', { componentName: 'c', interfaceId: 'dtmi:com:example:Thermostat;1' }, {}],
      ['rest', { componentName: 'c' }, {}],
    ];
    for (const [name, over, body] of cases) assert.equal(await chosen(rules, message(body, over)), name);
  });

  test('rules are for telemetry unless they name another source', async () => {
    const input = message(
      { a: 1 },
      { source: 'twinChangeEvents', applicationProperties: { opType: 'updateTwin' } },
    );
    const telemetry = await apply([rule('any', undefined)], input);
    assert.equal(telemetry.translation.notifications[0]?.type, 'twinChanged');
    const named = await apply([rule('any', { source: 'twin*' })], input);
    assert.deepEqual(named.rows, [['dev-1', { any: 1 }]]);
  });

  test('what no rule takes: default, ignore, deadLetter', async () => {
    const rules = [rule('x', { device: 'x' })];
    assert.deepEqual((await apply(rules, message({ a: 1 }))).rows, [['dev-1', { a: 1 }]]);
    const ignored = await apply(rules, message({ a: 1 }), { otherwise: 'ignore' });
    assert.deepEqual(codes(ignored.translation.ignored), ['MAPPING']);
    const refused = await apply(rules, message({ a: 1 }), { otherwise: 'deadLetter' });
    assert.deepEqual(codes(refused.translation.refusals), ['MAPPING_FAILED']);
    const event = message(
      {},
      { source: 'twinChangeEvents', applicationProperties: { opType: 'updateTwin' } },
    );
    assert.equal((await apply(rules, event, { otherwise: 'ignore' })).translation.notifications.length, 1);
  });

  test('a rule can ignore', async () => {
    const { translation } = await apply([{ name: 'noise', ignore: true }], message(Buffer.from('not json')));
    assert.deepEqual(codes(translation.ignored), ['MAPPING']);
    assert.match(translation.ignored[0]?.reason ?? '', /noise/);
  });

  test('a body that cannot be read meets no condition on it, and is then refused', async () => {
    const { translation } = await apply([rule('x', { body: { a: 1 } })], message(Buffer.from('{')));
    assert.deepEqual(codes(translation.refusals), ['BODY_NOT_JSON']);
  });
});

describe('properties', () => {
  test('path, constant, default, map, scale, offset and base type', async () => {
    const { rows, translation } = await apply(
      [
        {
          properties: {
            plain: 'a.b',
            fahrenheit: { path: 'celsius', scale: 1.8, offset: 32 },
            tenths: { path: 'raw', scale: 0.1 },
            fromText: { path: 'text', scale: 2 },
            mode: { path: 'm', map: { '0': 'off', '1': 'on' } },
            other: { path: 'celsius', map: { '0': 'off' } },
            constant: { value: 'x' },
            fallback: { path: 'nothing', value: 7 },
            when: { path: 'ts', baseType: 'DATETIME' },
            digits: { path: 'text', baseType: 'NUMBER' },
            absent: 'nothing.at.all',
            empty: 'nil',
          },
        },
      ],
      message({ a: { b: 1 }, celsius: 20, raw: 3, text: '2.5', m: 1, ts: '2024-01-02T03:04:05Z', nil: null }),
    );
    assert.deepEqual(rows, [
      [
        'dev-1',
        {
          plain: 1,
          fahrenheit: 68,
          tenths: 0.3,
          fromText: 5,
          mode: 'on',
          other: 20,
          constant: 'x',
          fallback: 7,
          when: 1704164645000,
          digits: 2.5,
        },
      ],
    ]);
    const types = new Map(
      translation.updates[0]?.properties.map((name, i) => [name, translation.updates[0]?.baseTypes[i]]),
    );
    assert.equal(types.get('when'), 'DATETIME');
    assert.equal(types.get('digits'), 'NUMBER');
    assert.deepEqual(
      translation.ignored.map(({ code, property }) => [code, property]),
      [
        ['MAPPING', 'absent'],
        ['NULL_VALUE', 'empty'],
      ],
    );
  });

  test('a value that cannot be scaled or brought to the base type is refused alone', async () => {
    const { rows, translation } = await apply(
      [{ properties: { a: { path: 'x', scale: 2 }, b: { path: 'x', baseType: 'NUMBER' }, c: 'y' } }],
      message({ x: 'text', y: 1 }),
    );
    assert.deepEqual(rows, [['dev-1', { c: 1 }]]);
    assert.deepEqual(
      translation.refusals.map(({ code, property }) => [code, property]),
      [
        ['VALUE_WRONG_TYPE', 'a'],
        ['VALUE_WRONG_TYPE', 'b'],
      ],
    );
  });

  test("the mapping's base type is converted to the property's own", () => {
    const mappings = { version: 1, rules: [{ properties: { p: { path: 'a', baseType: 'NUMBER' } } }] };
    const things = directory(thing('dev-1', { p: 'STRING' }));
    assert.deepEqual(translate({ mappings }, message({ a: '007' }), things).updates[0]?.values, ['7']);
  });

  test('names from data, names used as they are, others mapped by their own', async () => {
    const { rows } = await apply(
      [{ properties: { '{name}': 'value', fixed: 'list[0]' }, others: 'map' }],
      message({ name: 'speed', value: 5, list: [1], extra: 2 }, { moduleId: 'mod' }),
    );
    // "name" is used in a name only: it is still a key of its own
    assert.deepEqual(rows, [['dev-1', { speed: 5, fixed: 1, mod_name: 'speed', mod_extra: 2 }]]);
  });

  test('a name that data does not give is refused', async () => {
    const { translation } = await apply([{ properties: { '{name}': 'value' } }], message({ value: 5 }));
    assert.deepEqual(codes(translation.refusals), ['MAPPING_FAILED']);
  });

  test('a prefix instead of module and component', async () => {
    const input = message({ a: 1 }, { moduleId: 'mod', componentName: 'c' });
    assert.deepEqual((await apply([{ prefix: '' }], input)).rows, [['dev-1', { a: 1 }]]);
    assert.deepEqual((await apply([{ prefix: 'p_' }], input)).rows, [['dev-1', { p_a: 1 }]]);
    assert.deepEqual((await apply([{}], input)).rows, [['dev-1', { mod_c_a: 1 }]]);
  });

  test('digits beyond a double reach a text property', () => {
    const mappings = {
      version: 1,
      rules: [{ properties: { p: 'a', q: { path: 'a', baseType: 'STRING' } } }],
    };
    const things = directory(thing('dev-1', { p: 'STRING', q: 'STRING' }));
    const input = message(Buffer.from('{"a":12345678901234567890}'));
    assert.deepEqual(translate({ mappings }, input, things).updates[0]?.values, [
      '12345678901234567890',
      '12345678901234567890',
    ]);
  });
});

describe('things, fan-out, time and quality', () => {
  test('each element has its Thing, time and values', async () => {
    const { rows, translation } = await apply(
      [
        {
          each: 'units[*].samples[*]',
          thing: 'pump-{^.id}',
          time: { path: 't', unit: 's' },
          properties: { v: 'v' },
        },
      ],
      message({
        units: [
          {
            id: 1,
            samples: [
              { t: 1, v: 10 },
              { t: 2, v: 20 },
            ],
          },
          { id: 2, samples: [{ t: 3.5, v: 30 }] },
        ],
      }),
    );
    assert.deepEqual(rows, [
      ['pump-1', { v: 10 }],
      ['pump-1', { v: 20 }],
      ['pump-2', { v: 30 }],
    ]);
    assert.deepEqual(
      translation.updates.map(({ timeMs }) => timeMs),
      [1000, 2000, 3500],
    );
  });

  test('prepare names every Thing once', async () => {
    const mappings = { version: 1, rules: [{ each: '$[*]', thing: '{id}', properties: { v: 'v' } }] };
    const input = message([
      { id: 'a', v: 1 },
      { id: 'b', v: 1 },
      { id: 'a', v: 2 },
    ]);
    assert.deepEqual((await compileTranslator({ mappings }).prepare(input)).things, ['a', 'b']);
  });

  test('without properties every element is read by default', async () => {
    const { rows } = await apply(
      [{ each: 'samples[*]', thing: '{^.id}', time: 'ts' }],
      message({ id: 'x', samples: [{ a: 1 }, { b: 2 }] }),
    );
    assert.deepEqual(rows, [
      ['x', { a: 1 }],
      ['x', { b: 2 }],
    ]);
    const array = await apply([{ thing: 'fixed' }], message([{ a: 1 }, 7]));
    assert.deepEqual(
      [array.rows, codes(array.translation.refusals)],
      [[['fixed', { a: 1 }]], ['BODY_NOT_OBJECT']],
    );
  });

  test("times in every unit and form; an absent one is the message's", async () => {
    const at = async (time: MappingRule['time'], value: unknown): Promise<unknown> => {
      const { translation } = await apply(
        [{ ...(time === undefined ? {} : { time }), properties: { v: { value: 1 } } }],
        message({ t: value }),
      );
      return translation.updates[0]?.timeMs ?? codes(translation.refusals)[0];
    };
    const path = 't';
    assert.equal(await at('t', 1_700_000_000_000), 1_700_000_000_000);
    assert.equal(await at('t', '2024-01-02T03:04:05Z'), 1704164645000);
    assert.equal(await at('t', undefined), 1_700_000_000_000);
    assert.equal(await at('t', null), 1_700_000_000_000);
    assert.equal(await at({ path, unit: 's' }, '1700000000.5'), 1_700_000_000_500);
    assert.equal(await at({ path, unit: 'us' }, 1_700_000_000_000_999), 1_700_000_000_000);
    assert.equal(await at({ path, unit: 'ns' }, 1_700_000_000_000_000_000), 1_700_000_000_000);
    assert.equal(await at({ path, unit: 'text' }, '2024-01-02'), 1704153600000);
    assert.equal(await at({ path, unit: 'text' }, '1700000000000'), 'TIME_INVALID');
    assert.equal(await at({ path, unit: 's' }, 'noon'), 'TIME_INVALID');
    assert.equal(await at({ path, unit: 's' }, true), 'TIME_INVALID');
    assert.equal(await at('t', 'yesterday'), 'TIME_INVALID');
    assert.equal(await at('t', 9e15), 'TIME_INVALID');
  });

  test('qualities by name, status code, map and constant', async () => {
    const of = async (quality: NonNullable<MappingRule['quality']>, value: unknown): Promise<unknown> => {
      const { translation } = await apply(
        [{ quality, properties: { v: { value: 1 } } }],
        message({ q: value }),
      );
      return translation.updates[0]?.quality ?? codes(translation.refusals)[0];
    };
    const path = 'q';
    assert.equal(await of('q', 'good'), 'GOOD');
    assert.equal(await of('q', 'Uncertain'), 'UNKNOWN');
    assert.equal(await of('q', 0x80310000), 'BAD');
    assert.equal(await of('q', { Code: 0x40000000, Symbol: 'Uncertain' }), 'UNKNOWN');
    assert.equal(await of('q', false), 'BAD');
    assert.equal(await of('q', undefined), 'GOOD');
    assert.equal(await of('q', 'purple'), 'VALUE_WRONG_TYPE');
    assert.equal(await of({ path, map: { '3': 'BAD' } }, 3), 'BAD');
    assert.equal(await of({ path, map: { '3': 'BAD' } }, 0), 'VALUE_WRONG_TYPE');
    assert.equal(await of({ path, map: { '3': 'BAD' }, otherwise: 'UNKNOWN' }, 0), 'UNKNOWN');
    assert.equal(await of({ path, otherwise: 'BAD' }, null), 'BAD');
    assert.equal(await of({ value: 'UNKNOWN' }, 0), 'UNKNOWN');
  });

  test('a property may have its own time and quality; values that share them share a row', async () => {
    const { translation } = await apply(
      [
        {
          time: 't',
          properties: {
            a: 'a',
            b: { path: 'b', time: 'tb' },
            c: 'c',
            d: { path: 'd', quality: { value: 'BAD' } },
          },
        },
      ],
      message({ t: 1, a: 1, tb: 2, b: 2, c: 3, d: 4 }),
    );
    assert.deepEqual(
      translation.updates.map((update) => [update.timeMs, update.quality, row(update)]),
      [
        [1, 'GOOD', { a: 1, c: 3 }],
        [2, 'GOOD', { b: 2 }],
        [1, 'BAD', { d: 4 }],
      ],
    );
  });

  test('a Thing that data does not name is refused with the rule', async () => {
    const { translation } = await apply(
      [{ name: 'pumps', thing: '{id}', properties: { v: 'v' } }],
      message({ v: 1 }),
    );
    assert.deepEqual(codes(translation.refusals), ['MAPPING_FAILED']);
    assert.match(translation.refusals[0]?.reason ?? '', /pumps/);
  });

  test('a rule that finds nothing says so', async () => {
    const { translation } = await apply([{ each: 'nothing[*]', properties: { v: 'v' } }], message({ v: 1 }));
    assert.deepEqual(codes(translation.ignored), ['NO_VALUES']);
  });

  test('text and binary bodies', async () => {
    assert.deepEqual(
      (await apply([{ body: 'text', properties: { line: '$' } }], message(Buffer.from('a;b')))).rows,
      [['dev-1', { line: 'a;b' }]],
    );
    const picture = await apply(
      [{ body: 'base64', properties: { picture: { path: '$', baseType: 'IMAGE' } } }],
      message(Buffer.from([1, 2, 3])),
    );
    assert.deepEqual(picture.rows, [['dev-1', { picture: 'AQID' }]]);
    assert.deepEqual(picture.translation.updates[0]?.baseTypes, ['IMAGE']);
  });

  test("the rule's template creates its Things", () => {
    const mappings = { version: 1, rules: [{ thing: 'x', template: 'Special_TT', properties: { v: 'v' } }] };
    const { creations } = translate({ mappings, unknownThing: 'create' }, message({ v: 1 }), directory());
    assert.deepEqual(creations, [{ kind: 'thing', thing: 'x', template: 'Special_TT', deviceId: 'dev-1' }]);
  });
});
