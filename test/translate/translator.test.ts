import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { compileTranslator } from '../../sidecar/translate/translator.ts';
import type { Creation, DecodedMessage, TranslationSettings } from '../../sidecar/translate/types.ts';
import { codes, directory, message, row, rows, thing, translate } from './support.ts';

const DEVICE = thing('dev-1', {
  temperature: 'NUMBER',
  count: 'INTEGER',
  running: 'BOOLEAN',
  mode: 'STRING',
  details: 'JSON',
});
const THINGS = directory(DEVICE);

describe('plain telemetry', () => {
  test('the Thing is the device, the properties are the keys', () => {
    const body = { temperature: 21.5, count: 4, running: true, mode: 'auto', details: { a: 1 } };
    assert.deepEqual(translate({}, message(body), THINGS), {
      updates: [
        {
          thing: 'dev-1',
          timeMs: 1_700_000_000_000,
          quality: 'GOOD',
          properties: ['temperature', 'count', 'running', 'mode', 'details'],
          baseTypes: ['NUMBER', 'INTEGER', 'BOOLEAN', 'STRING', 'JSON'],
          values: [21.5, 4, true, 'auto', { a: 1 }],
        },
      ],
      ignored: [],
      refusals: [],
      creations: [],
      notifications: [],
    });
  });

  test('prepare names the Things', () => {
    const prepared = compileTranslator({}).prepare(message({ a: 1 })) as DecodedMessage;
    assert.deepEqual(prepared.things, ['dev-1']);
    assert.deepEqual((compileTranslator({}).prepare(message(5)) as DecodedMessage).things, []);
  });

  test("the time is the device's creation time, else the enqueued time", () => {
    const [update] = translate({}, message({ temperature: 1 }, { creationTimeMs: 5 }), THINGS).updates;
    assert.equal(update?.timeMs, 5);
    const odd = translate({}, message({ temperature: 1 }, { creationTimeMs: Number.NaN }), THINGS);
    assert.equal(odd.updates[0]?.timeMs, 1_700_000_000_000);
  });

  test('one wrong value refuses only itself', () => {
    const translation = translate({}, message({ temperature: 'hot', count: 3 }), THINGS);
    assert.deepEqual(rows(translation), [{ count: 3 }]);
    assert.deepEqual(translation.refusals, [
      {
        code: 'VALUE_WRONG_TYPE',
        reason: 'The value for temperature is wrong: "hot" is not a number.',
        thing: 'dev-1',
        property: 'temperature',
      },
    ]);
  });

  test('null is no value', () => {
    const translation = translate({}, message({ temperature: null, count: 3 }), THINGS);
    assert.deepEqual(rows(translation), [{ count: 3 }]);
    assert.deepEqual(codes(translation.ignored), ['NULL_VALUE']);
    const nothing = translate({}, message({ temperature: null }), THINGS);
    assert.deepEqual(nothing.updates, []);
  });

  test('an empty object holds no values', () => {
    assert.deepEqual(codes(translate({}, message({}), THINGS).ignored), ['NO_VALUES']);
    assert.deepEqual(codes(translate({}, message([]), THINGS).ignored), ['NO_VALUES']);
  });

  test('an array holds several messages, in order; an element that is none is refused alone', () => {
    const translation = translate({}, message([{ count: 1 }, 5, { count: 2 }]), THINGS);
    assert.deepEqual(rows(translation), [{ count: 1 }, { count: 2 }]);
    assert.deepEqual(codes(translation.refusals), ['BODY_NOT_OBJECT']);
    assert.match(translation.refusals[0]?.reason ?? '', /Element 1/);
    const single = translate({}, message([{ count: 1 }, 5]), THINGS);
    assert.deepEqual([rows(single), codes(single.refusals)], [[{ count: 1 }], ['BODY_NOT_OBJECT']]);
  });

  test('a scalar body is refused', () => {
    for (const body of [5, 'text', null, true]) {
      assert.deepEqual(codes(translate({}, message(body), THINGS).refusals), ['BODY_NOT_OBJECT']);
    }
  });

  test('integers keep their digits where the property is text, and are refused where they cannot', () => {
    const body = Buffer.from(
      '{"mode":12345678901234567890,"details":{"id":12345678901234567890},"temperature":12345678901234567890}',
    );
    const translation = translate({}, message(body), THINGS);
    assert.deepEqual(rows(translation), [
      { mode: '12345678901234567890', temperature: Number('12345678901234567890') },
    ]);
    assert.deepEqual(codes(translation.refusals), ['VALUE_INEXACT']);
    assert.match(translation.refusals[0]?.reason ?? '', /"id".*12345678901234567890/);
    const inText = translate({}, message({ details: '{"id":12345678901234567890}' }), THINGS);
    assert.deepEqual([rows(inText), codes(inText.refusals)], [[], ['VALUE_INEXACT']]);
    // digits that a double spells alike are no loss
    const round = translate({}, message(Buffer.from('{"mode":100000000000000000000}')), THINGS);
    assert.deepEqual(rows(round), [{ mode: '100000000000000000000' }]);
  });
});

describe('addresses', () => {
  const settings: TranslationSettings = { unknownProperty: 'deadLetter' };

  test('keys of an Edge module have its prefix', () => {
    const exact = directory(thing('dev-1', { 'mod::t': 'NUMBER', t: 'NUMBER' }));
    assert.deepEqual(rows(translate(settings, message({ t: 1 }, { moduleId: 'mod' }), exact)), [
      { 'mod::t': 1 },
    ]);
    const safe = directory(thing('dev-1', { mod_t: 'NUMBER', t: 'NUMBER' }));
    assert.deepEqual(rows(translate(settings, message({ t: 1 }, { moduleId: 'mod' }), safe)), [{ mod_t: 1 }]);
    const without = translate(
      settings,
      message({ t: 1 }, { moduleId: 'mod' }),
      directory(thing('dev-1', { t: 'NUMBER' })),
    );
    assert.equal(without.refusals[0]?.property, 'mod::t');
  });

  test('keys of a Plug and Play component have its prefix', () => {
    const things = directory(thing('dev-1', { thermostat1_t: 'NUMBER', edge_thermostat1_t: 'NUMBER' }));
    const component = message({ t: 1 }, { componentName: 'thermostat1' });
    assert.deepEqual(rows(translate(settings, component, things)), [{ thermostat1_t: 1 }]);
    assert.deepEqual(rows(translate(settings, { ...component, moduleId: 'edge' }, things)), [
      { edge_thermostat1_t: 1 },
    ]);
  });

  test('the exact name goes before the safe spelling', () => {
    const things = directory(
      thing('dev-1', { 'engine temp': 'NUMBER', engine_temp: 'STRING', _1: 'NUMBER' }),
    );
    assert.deepEqual(rows(translate(settings, message({ 'engine temp': 1 }), things)), [
      { 'engine temp': 1 },
    ]);
    assert.deepEqual(rows(translate(settings, message({ 'engine.temp': 1, 1: 2 }), things)), [
      { _1: 2, engine_temp: '1' },
    ]);
  });

  test('of two keys that mean one property the second is refused', () => {
    const things = directory(thing('dev-1', { a_b: 'NUMBER' }));
    const translation = translate(settings, message({ 'a b': 1, 'a.b': 2 }), things);
    assert.deepEqual(rows(translation), [{ a_b: 1 }]);
    assert.deepEqual(codes(translation.refusals), ['PROPERTY_TWICE']);
  });

  test('hostile keys are data', () => {
    const names = ['__proto__', 'constructor', 'toString', 'hasOwnProperty', 'x'.repeat(250)];
    const things = directory(
      thing('dev-1', Object.fromEntries(names.map((name) => [name, 'NUMBER'] as const))),
    );
    const body = Buffer.from(`{${names.map((name, i) => `"${name}":${i}`).join(',')}}`);
    const translation = translate(settings, message(body), things);
    assert.deepEqual(translation.updates[0]?.properties, names);
    assert.deepEqual(translation.updates[0]?.values, [0, 1, 2, 3, 4]);
    assert.equal(({} as Record<string, unknown>)['0'], undefined);
    const unknown = translate(
      {},
      message(Buffer.from('{"__proto__":{"polluted":1},"":2}')),
      directory(thing('dev-1', {})),
    );
    assert.deepEqual(codes(unknown.ignored), ['PROPERTY_UNKNOWN', 'PROPERTY_UNKNOWN']);
    assert.equal(({} as Record<string, unknown>).polluted, undefined);
  });
});

describe('policies', () => {
  const nowhere = directory();

  test('an unknown Thing is dead-lettered, ignored or created', () => {
    const input = message({ t: 1 });
    assert.deepEqual(codes(translate({}, input, nowhere).refusals), ['THING_UNKNOWN']);
    const ignored = translate({ unknownThing: 'ignore' }, input, nowhere);
    assert.deepEqual(ignored.ignored, [
      { code: 'THING_UNKNOWN', reason: 'ThingWorx has no such Thing.', thing: 'dev-1' },
    ]);
    const create: TranslationSettings = { unknownThing: 'create', deviceTemplate: 'Pump_TT' };
    assert.deepEqual(translate(create, input, nowhere).creations, [
      { kind: 'thing', thing: 'dev-1', template: 'Pump_TT', deviceId: 'dev-1' },
    ]);
    const twice = translate(create, message([{ t: 1 }, { t: 2 }]), nowhere);
    assert.equal(twice.creations.length, 1);
  });

  test('a Thing that was tried in vain is refused, so that passes come to an end', () => {
    const create: TranslationSettings = { unknownThing: 'create', deviceTemplate: 'Pump_TT' };
    const translation = translate(create, message({ t: 1 }), nowhere, { tried: () => true });
    assert.deepEqual([translation.creations, codes(translation.refusals)], [[], ['THING_UNKNOWN']]);
  });

  test('without a template nothing can be created', () => {
    const translation = translate({ unknownThing: 'create' }, message({ t: 1 }), nowhere);
    assert.match(translation.refusals[0]?.reason ?? '', /deviceTemplate/);
  });

  test('a device id with every character that Azure allows is never created under a name that ThingWorx cannot have', () => {
    const deviceId = "aZ09-.%_*?!(),:=@$'";
    const create: TranslationSettings = { unknownThing: 'create', deviceTemplate: 'Pump_TT' };
    const refused = translate(create, message({ t: 1 }, { deviceId }), nowhere);
    assert.deepEqual(codes(refused.refusals), ['THING_NAME_INVALID']);
    const known = translate(
      create,
      message({ t: 1 }, { deviceId }),
      directory(thing(deviceId, { t: 'NUMBER' })),
    );
    assert.deepEqual(rows(known), [{ t: 1 }]);
  });

  test('an unknown property is ignored, dead-lettered or created', () => {
    const input = message({ count: 1, extra: 2 });
    const ignored = translate({}, input, THINGS);
    assert.deepEqual([rows(ignored), codes(ignored.ignored)], [[{ count: 1 }], ['PROPERTY_UNKNOWN']]);
    const refused = translate({ unknownProperty: 'deadLetter' }, input, THINGS);
    assert.deepEqual([rows(refused), codes(refused.refusals)], [[{ count: 1 }], ['PROPERTY_UNKNOWN']]);
    const created = translate({ unknownProperty: 'create' }, input, THINGS);
    assert.deepEqual(created.creations, [
      { kind: 'property', thing: 'dev-1', property: 'extra', baseType: 'NUMBER' },
    ]);
    const vain = translate({ unknownProperty: 'create' }, input, THINGS, { tried: () => true });
    assert.deepEqual([vain.creations, codes(vain.refusals)], [[], ['PROPERTY_UNKNOWN']]);
  });

  test('properties are created with inferred base types and safe names', () => {
    const body = {
      whole: 1,
      text: 'x',
      flag: true,
      when: '2024-01-02T03:04:05Z',
      place: { latitude: 1, longitude: 2 },
      object: { a: 1 },
      list: [1],
      'with space': 1,
      nothing: null,
    };
    const { creations, ignored } = translate({ unknownProperty: 'create' }, message(body), THINGS);
    const types = creations.map((creation: Creation) =>
      creation.kind === 'property' ? `${creation.property} ${creation.baseType}` : '',
    );
    assert.deepEqual(types, [
      'whole NUMBER',
      'text STRING',
      'flag BOOLEAN',
      'when DATETIME',
      'place LOCATION',
      'object JSON',
      'list JSON',
      'with_space NUMBER',
    ]);
    assert.deepEqual(codes(ignored), ['NULL_VALUE']);
  });

  test('a message whose keys are data does not make a Thing grow without end', () => {
    const body = Object.fromEntries(Array.from({ length: 5000 }, (_, i) => [`k${i}`, i]));
    const { creations, refusals, updates } = translate(
      { unknownProperty: 'create' },
      message({ count: 1, ...body }),
      THINGS,
    );
    assert.deepEqual([creations.length, refusals.length, updates[0]?.values], [0, 5000, [1]]);
    const things = { version: 1, rules: [{ each: '$.*', thing: '{$key}', properties: { v: '@' } }] };
    const settings: TranslationSettings = { unknownThing: 'create', deviceTemplate: 'T', mappings: things };
    const many = translate(settings, message(body), THINGS);
    assert.deepEqual([many.creations.length, many.refusals.length], [0, 5000]);
  });

  test('a property whose name cannot be is refused', () => {
    const body = { ['x'.repeat(300)]: 1, '': 2 };
    const { refusals } = translate({ unknownProperty: 'create' }, message(body), THINGS);
    assert.deepEqual(codes(refusals), ['PROPERTY_NAME_INVALID', 'PROPERTY_NAME_INVALID']);
  });
});

describe('plans', () => {
  test('messages of one signature share properties and baseTypes by identity, also between Things of one template', () => {
    const translator = compileTranslator({});
    const other = thing(
      'dev-2',
      Object.fromEntries([...DEVICE.properties].map(([k, d]) => [k, d.baseType] as const)),
    );
    const things = directory(DEVICE, other);
    const updates = ['dev-1', 'dev-1', 'dev-2'].map((deviceId, i) => {
      const prepared = translator.prepare(
        message({ temperature: i, mode: 'x' }, { deviceId }),
      ) as DecodedMessage;
      return translator.translate(prepared, things).updates[0];
    });
    assert.equal(updates[0]?.properties, updates[1]?.properties);
    assert.equal(updates[0]?.properties, updates[2]?.properties);
    assert.equal(updates[0]?.baseTypes, updates[2]?.baseTypes);
    assert.deepEqual(
      updates.map((update) => update && row(update).temperature),
      [0, 1, 2],
    );
  });

  test('alternating signatures, prefixes of each other and other orders do not mix', () => {
    const translator = compileTranslator({ unknownProperty: 'ignore' });
    const bodies = [
      { temperature: 1, count: 2 },
      { temperature: 3 },
      { count: 4, temperature: 5 },
      { temperature: 6, count: 7, other: 1 },
      { temperature: 8, count: null },
      { temperature: 'bad', count: 9 },
    ];
    for (let round = 0; round < 3; round++) {
      for (const body of bodies) {
        const translation = translator.translate(translator.prepare(message(body)) as DecodedMessage, THINGS);
        const fresh = translate({ unknownProperty: 'ignore' }, message(body), THINGS);
        assert.deepEqual(translation, fresh);
      }
    }
  });

  test('a new definition is used at once', () => {
    const translator = compileTranslator({});
    const prepared = translator.prepare(message({ t: 5 })) as DecodedMessage;
    assert.deepEqual(rows(translator.translate(prepared, directory(thing('dev-1', { t: 'NUMBER' })))), [
      { t: 5 },
    ]);
    assert.deepEqual(rows(translator.translate(prepared, directory(thing('dev-1', { t: 'STRING' })))), [
      { t: '5' },
    ]);
  });

  test('keys that never repeat leave results right', () => {
    const translator = compileTranslator({});
    for (let i = 0; i < 12_000; i++) {
      const body = { temperature: i, [`k${i}`]: 1 };
      const { updates, ignored } = translator.translate(
        translator.prepare(message(body)) as DecodedMessage,
        THINGS,
      );
      assert.equal(updates[0]?.values[0], i);
      assert.equal(ignored.length, 1);
    }
  });
});

test('a fault while translating is a refusal, not an exception', () => {
  const broken = { get: () => assert.fail('the directory is broken') };
  assert.deepEqual(codes(translate({}, message({ t: 1 }), broken).refusals), ['TRANSLATION_FAILED']);
});
