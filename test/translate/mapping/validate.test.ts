import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { testMapping } from '../../../sidecar/translate/mapping/test-mapping.ts';
import { validateMappings } from '../../../sidecar/translate/mapping/validate.ts';
import { compileTranslator } from '../../../sidecar/translate/translator.ts';
import { codes, directory, message, rows, thing, translate } from '../support.ts';

async function problems(document: unknown): Promise<Record<string, string>> {
  const list = await validateMappings(document);
  return Object.fromEntries(list.map((problem) => [problem.pointer, problem.message]));
}

const v1 = (rules: unknown, over: object = {}): unknown => ({ version: 1, rules, ...over });

describe('validateMappings', () => {
  test('no mappings are right', async () => {
    for (const none of [undefined, null, {}, '']) assert.deepEqual(await validateMappings(none), []);
  });

  test('says where, what is wrong and what is expected', async () => {
    const cases: [unknown, string, RegExp][] = [
      [5, '', /5 does not fit; expected is a mapping document/],
      [{ rules: [] }, '', /"version" is missing/],
      [{ version: 2, rules: [] }, '/version', /2 does not fit; expected is the number 1/],
      [v1('x'), '/rules', /expected is rules, tried in order/],
      [v1([5]), '/rules/0', /expected is a rule/],
      [v1([{ propertys: {} }]), '/rules/0/propertys', /no such member; expected is one of name, when,/],
      [v1([{ when: { devices: 'x' } }]), '/rules/0/when/devices', /expected is one of device, module/],
      [v1([{ when: { device: {} } }]), '/rules/0/when/device', /expected is a text pattern/],
      [
        v1([{ properties: { a: { path: 'x', scale: '2' } } }]),
        '/rules/0/properties/a/scale',
        /"2" does not fit; expected is a number by which/,
      ],
      [
        v1([{ properties: { a: { path: 'x', baseType: 'DOUBLE' } } }]),
        '/rules/0/properties/a/baseType',
        /expected is a base type of ThingWorx/,
      ],
      [
        v1([{ properties: { a: 5 } }]),
        '/rules/0/properties/a',
        /5 does not fit; expected is a path, or an object/,
      ],
      [v1([{ properties: {} }]), '/rules/0/properties', /expected is property names/],
      [v1([{ time: { path: 't', unit: 'h' } }]), '/rules/0/time/unit', /expected is "ms"/],
      [v1([{ quality: { value: 'FINE' } }]), '/rules/0/quality/value', /expected is "GOOD"/],
      [v1([{ properties: { a: 'x[' } }]), '/rules/0/properties/a', /is not a path: unexpected/],
      [
        v1([{ properties: { 'a/b~': { path: 'x..y' } } }]),
        '/rules/0/properties/a~1b~0/path',
        /is not a path/,
      ],
      [v1([{ properties: { '{a': 'x' } }]), '/rules/0/properties/{a', /without \}/],
      [v1([{ properties: { a: { scale: 2 } } }]), '/rules/0/properties/a', /a path, a location or a value/],
      [v1([{ thing: '{$message.nope}' }]), '/rules/0/thing', /\$message has deviceId/],
      [v1([{ each: '^.list[*]' }]), '/rules/0/each', /begins at the body/],
      [v1([{ encoding: 'klingon' }]), '/rules/0/encoding', /"klingon" is not known; expected is a charset/],
      [v1([{ time: { path: 't', zone: 'Mars/X' } }]), '/rules/0/time', /an IANA name such as Europe/],
      [v1([{ time: { path: 't', base: 'b' } }]), '/rules/0/time', /needs a "unit"/],
      [
        v1([{ properties: { a: { path: 'x', match: '(' } } }]),
        '/rules/0/properties/a/match',
        /cannot be used/,
      ],
      [
        v1([{ properties: { a: { path: 'x', match: '(.)\\1' } } }]),
        '/rules/0/properties/a/match',
        /no back references/,
      ],
      [v1([{ properties: { a: { path: 'x', zone: 'X/Y' } } }]), '/rules/0/properties/a/zone', /IANA/],
      [
        v1([{ properties: { a: { location: { latitude: 'x', longitude: 'y[' } } } }]),
        '/rules/0/properties/a/location/longitude',
        /is not a path/,
      ],
      [v1([{ where: { 'a[': 1 } }]), '/rules/0/where/a[', /is not a path/],
      [v1([{ where: {} }]), '/rules/0/where', /expected is conditions on each element/],
      [v1([{ when: { body: { 'a[*]': 1 } } }]), '/rules/0/when/body/a[*]', /only "each" may use/],
      [v1([{ expression: '{"a": ' }]), '/rules/0/expression', /cannot be read at character/],
      [v1([{ expression: '$match(a, /(x)\\1/)' }]), '/rules/0/expression', /no back references/],
      [v1([{ expression: 'a', each: 'b[*]' }]), '/rules/0/each', /cannot stand beside/],
      [v1([{ others: 'map' }]), '/rules/0/others', /beside "properties"/],
      [v1([], { otherwise: 'drop' }), '/otherwise', /expected is what happens|expected is/],
      [v1([], { tests: [{ message: {}, expect: [] }] }), '/tests/0/message', /"deviceId" is missing/],
    ];
    for (const [document, pointer, expected] of cases) {
      const found = await problems(document);
      assert.match(found[pointer] ?? `nothing at ${pointer} but ${JSON.stringify(found)}`, expected);
      assert.equal(Object.keys(found).length, 1, JSON.stringify(found));
    }
  });

  test('finds all that is wrong at once', async () => {
    const found = await problems(v1([{ thing: '{' }, { each: 'x[', properties: { a: '[', b: '.' } }]));
    assert.deepEqual(Object.keys(found).sort(), [
      '/rules/0/thing',
      '/rules/1/each',
      '/rules/1/properties/a',
      '/rules/1/properties/b',
    ]);
  });

  test('hostile documents are only wrong', async () => {
    let deep: unknown = 1;
    for (let i = 0; i < 5000; i++) deep = { rules: [deep] };
    assert.match((await problems(deep))[''] ?? '', /nested deeper/);
    const polluting = JSON.parse(
      '{"version":1,"rules":[{"__proto__":{"x":1},"properties":{"__proto__":"a"}}]}',
    );
    assert.ok((await validateMappings(polluting)).length > 0);
    const many = v1(Array.from({ length: 500 }, () => ({ wrong: 1 })));
    assert.ok((await validateMappings(many)).length <= 50);
  });
});

describe('own tests', () => {
  const rules = [
    {
      properties: {
        t: { path: 'temp', scale: 0.1, baseType: 'NUMBER' },
        at: { path: 'at', baseType: 'DATETIME' },
      },
    },
  ];
  const input = { deviceId: 'dev-1', body: { temp: 215, at: '2024-01-02T03:04:05Z' } };
  const run = (own: object): Promise<Record<string, string>> => problems(v1(rules, { tests: [own] }));

  test('pass when all comes out as expected', async () => {
    const expected = {
      thing: 'dev-1',
      time: '2024-01-01T00:00:00Z',
      quality: 'GOOD',
      values: { t: 21.5, at: '2024-01-02T03:04:05Z' },
    };
    assert.deepEqual(await run({ message: input, expect: [expected] }), {});
  });

  test('fail with the place, the expected and what came', async () => {
    const cases: [object, string, RegExp][] = [
      [
        { thing: 'dev-1', values: { t: 20, at: 1704164645000 } },
        '/tests/0/expect/0/values/t',
        /Test "t1": expected is 20, but came 21\.5/,
      ],
      [
        { thing: 'dev-1', values: { t: 21.5 } },
        '/tests/0/expect/0/values/at',
        /expected is nothing, but came 1704164645000/,
      ],
      [{ thing: 'x', values: { t: 21.5, at: 1704164645000 } }, '/tests/0/expect/0/thing', /but came "dev-1"/],
      [
        { thing: 'dev-1', time: 5, values: { t: 21.5, at: 1704164645000 } },
        '/tests/0/expect/0/time',
        /2024-01-01T00:00:00/,
      ],
      [
        { thing: 'dev-1', quality: 'BAD', values: { t: 21.5, at: 1704164645000 } },
        '/tests/0/expect/0/quality',
        /GOOD/,
      ],
    ];
    for (const [expected, pointer, text] of cases) {
      const found = await run({ name: 't1', message: input, expect: [expected] });
      assert.match(found[pointer] ?? JSON.stringify(found), text);
    }
    assert.match(
      (await run({ message: input, expect: [] }))['/tests/0/expect'] ?? '',
      /expected are 0 rows, but came 1/,
    );
  });

  test('refusals are expected by code', async () => {
    const bad = { deviceId: 'dev-1', body: { temp: 'hot' } };
    assert.match(
      (await run({ message: bad, expect: [] }))['/tests/0/refused'] ?? '',
      /no refusal.*VALUE_WRONG_TYPE/,
    );
    assert.deepEqual(await run({ message: bad, expect: [], refused: ['VALUE_WRONG_TYPE'] }), {});
  });

  test('given Things are the only ones', async () => {
    const things = { 'dev-1': { t: 'STRING' } };
    const found = await run({ message: input, things, expect: [{ thing: 'dev-1', values: { t: '21.5' } }] });
    assert.match(found['/tests/0/refused'] ?? '', /PROPERTY_UNKNOWN/);
    const own = {
      message: input,
      things,
      expect: [{ thing: 'dev-1', values: { t: '21.5' } }],
      refused: ['PROPERTY_UNKNOWN'],
    };
    assert.deepEqual(await run(own), {});
  });

  test('expressions are tested too', async () => {
    const document = v1([{ expression: '{"properties": {"x": a + 1}}' }], {
      tests: [
        { message: { deviceId: 'd', body: { a: 1 } }, expect: [{ thing: 'd', values: { x: 2 } }] },
        { message: { deviceId: 'd', body: { a: 1 } }, expect: [{ thing: 'd', values: { x: 3 } }] },
      ],
    });
    assert.deepEqual(Object.keys(await problems(document)), ['/tests/1/expect/0/values/x']);
  });
});

test('a translator whose mappings are wrong refuses every message, so that nothing is mapped wrongly', () => {
  const settings = { mappings: v1([{ each: 'x[' }]) };
  assert.equal(compileTranslator(settings).problems.length, 1);
  const translation = translate(settings, message({ t: 1 }), directory(thing('dev-1', { t: 'NUMBER' })));
  assert.deepEqual([rows(translation), codes(translation.refusals)], [[], ['MAPPING_FAILED']]);
  assert.match(translation.refusals[0]?.reason ?? '', /\/rules\/0\/each/);
});

describe('testMapping', () => {
  const mappings = v1([
    {
      name: 'scaled',
      when: { device: 'pump-*' },
      properties: { t: { path: 'temp', scale: 0.1 }, gone: 'gone' },
    },
  ]);

  test('shows value by value what would happen', async () => {
    const sample = { deviceId: 'pump-1', body: { temp: 215 }, enqueuedTime: '2024-05-01T00:00:00Z' };
    assert.deepEqual(await testMapping({ mappings }, sample), {
      problems: [],
      rule: 'scaled',
      values: [
        {
          thing: 'pump-1',
          property: 't',
          baseType: 'NUMBER',
          value: 21.5,
          timeMs: 1714521600000,
          quality: 'GOOD',
        },
      ],
      ignored: [
        { code: 'MAPPING', reason: 'The message has nothing at gone.', thing: 'pump-1', property: 'gone' },
      ],
      refused: [],
      created: [],
      events: [],
    });
  });

  test('with the real Things it shows what the policies would do', async () => {
    const things = directory(thing('pump-1', { t: 'INTEGER' }));
    const sample = { deviceId: 'pump-1', body: { temp: 215 } };
    assert.deepEqual(codes((await testMapping({ mappings }, sample, things)).refused), ['VALUE_WRONG_TYPE']);
    const unknown = { ...sample, deviceId: 'pump-2' };
    assert.deepEqual(codes((await testMapping({ mappings }, unknown, things)).refused), ['THING_UNKNOWN']);
    const creating = {
      mappings,
      unknownThing: 'create',
      unknownProperty: 'create',
      deviceTemplate: 'Pump_TT',
    } as const;
    const trial = await testMapping(creating, unknown, things);
    assert.deepEqual(
      trial.created.map(({ kind }) => kind),
      ['thing', 'property'],
    );
    assert.deepEqual(
      trial.values.map(({ value }) => value),
      [21.5],
    );
  });

  test('the defaults, other sources and bad samples', async () => {
    const defaults = await testMapping({}, { deviceId: 'd', body: { a: 1 } });
    assert.equal(defaults.rule, undefined);
    assert.equal(defaults.values.length, 1);
    const event = await testMapping(
      {},
      {
        deviceId: 'd',
        source: 'twinChangeEvents',
        body: { version: 2, tags: { a: 1 } },
        properties: { opType: 'updateTwin' },
      },
    );
    assert.equal(event.events[0]?.type, 'twinChanged');
    for (const sample of [undefined, null, 5, {}, { deviceId: '' }, { deviceId: 'd', nonsense: 1 }]) {
      assert.ok((await testMapping({}, sample)).problems.length > 0, JSON.stringify(sample));
    }
    assert.ok((await testMapping({ mappings: 5 }, { deviceId: 'd' })).problems.length > 0);
    assert.deepEqual(codes((await testMapping({}, { deviceId: 'd' })).refused), ['BODY_EMPTY']);
  });
});
