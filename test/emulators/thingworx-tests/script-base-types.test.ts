import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { convert } from '../thingworx/base-types.ts';
import { defaultValue, javaDoubleText, serializedValue, valueText } from '../thingworx/value-forms.ts';
import {
  type BaseType,
  fieldBaseTypes,
  Password,
  PlatformError,
  propertyBaseTypes,
} from '../thingworx/values.ts';

/** input, base type, text form, serialised form; or input, base type and an error. Measured with PTC's SDK 7.0 classes. */
type Vector = [unknown, BaseType, string, unknown] | [unknown, BaseType, 'ERROR'];

const localMidnight = new Date(2024, 0, 2);

const vectors: Vector[] = [
  ['2024-01-02T03:04:05.678Z', 'DATETIME', '2024-01-02T03:04:05.678Z', 1704164645678],
  ['2024-01-02T03:04:05Z', 'DATETIME', '2024-01-02T03:04:05.000Z', 1704164645000],
  ['2024-01-02T03:04:05+02:00', 'DATETIME', '2024-01-02T01:04:05.000Z', 1704157445000],
  ['2024-01-02T03:04:05.6789012Z', 'DATETIME', '2024-01-02T03:04:05.678Z', 1704164645678],
  ['2024-01-02 03:04:05', 'DATETIME', 'ERROR'],
  ['2024-01-02', 'DATETIME', localMidnight.toISOString(), localMidnight.getTime()],
  ['1700000000000', 'DATETIME', '2023-11-14T22:13:20.000Z', 1700000000000],
  ['1700000000', 'DATETIME', '1970-01-20T16:13:20.000Z', 1700000000],
  [1700000000000, 'DATETIME', '2023-11-14T22:13:20.000Z', 1700000000000],
  [1.7e12, 'DATETIME', '2023-11-14T22:13:20.000Z', 1700000000000],
  ['12', 'NUMBER', '12.0', 12],
  ['12.5', 'NUMBER', '12.5', 12.5],
  ['abc', 'NUMBER', 'ERROR'],
  ['', 'NUMBER', 'ERROR'],
  [true, 'NUMBER', '1.0', 1],
  [12.7, 'NUMBER', '12.7', 12.7],
  ['NaN', 'NUMBER', 'NaN', Number.NaN],
  ['12', 'INTEGER', '12', 12],
  ['12.5', 'INTEGER', '12', 12],
  ['abc', 'INTEGER', 'ERROR'],
  ['', 'INTEGER', 'ERROR'],
  [true, 'INTEGER', '1', 1],
  [12.7, 'INTEGER', '12', 12],
  ['NaN', 'INTEGER', '0', 0],
  ['12', 'LONG', '12', 12],
  ['12.5', 'LONG', '12', 12],
  ['abc', 'LONG', 'ERROR'],
  ['', 'LONG', 'ERROR'],
  [true, 'LONG', '1', 1],
  [12.7, 'LONG', '12', 12],
  ['NaN', 'LONG', '0', 0],
  ['true', 'BOOLEAN', 'true', true],
  ['false', 'BOOLEAN', 'false', false],
  ['TRUE', 'BOOLEAN', 'true', true],
  ['yes', 'BOOLEAN', 'false', false],
  ['1', 'BOOLEAN', 'true', true],
  ['0', 'BOOLEAN', 'false', false],
  [1, 'BOOLEAN', 'true', true],
  [0, 'BOOLEAN', 'false', false],
  ['', 'BOOLEAN', 'false', false],
  [12, 'STRING', '12', '12'],
  [12.5, 'STRING', '12.5', '12.5'],
  [true, 'STRING', 'true', 'true'],
  [{ a: 1 }, 'STRING', '{"a":1}', '{"a":1}'],
  ['{"a":1}', 'JSON', '{"a":1}', '{"a":1}'],
  ['[1,2]', 'JSON', '{"array":[1,2]}', '{"array":[1,2]}'],
  ['x', 'JSON', '{}', '{}'],
  [[1, 2], 'JSON', '{"array":[1,2]}', '{"array":[1,2]}'],
  ['1234', 'VARIANT', '1234', '1234'],
  [12.5, 'VARIANT', '12.5', 12.5],
  [true, 'VARIANT', 'true', true],
  [{ value: 5, baseType: 'NUMBER' }, 'VARIANT', '5.0', 5],
  [{ a: 5 }, 'VARIANT', '{"a":5}', '{"a":5}'],
  ['10,20', 'LOCATION', '10.0,20.0,0.0', '10.0,20.0,0.0'],
  ['10,20,30', 'LOCATION', '10.0,20.0,30.0', '10.0,20.0,30.0'],
  [{ latitude: 1, longitude: 2 }, 'LOCATION', '1.0,2.0,0.0', '1.0,2.0,0.0'],
  ['secret', 'PASSWORD', 'ERROR'],
];

describe('conversions to base types', () => {
  for (const [input, baseType, text, ...serialised] of vectors) {
    test(`${JSON.stringify(input)} to ${baseType}`, () => {
      if (serialised.length === 0) {
        assert.throws(() => convert(input, baseType), {
          name: 'PlatformError',
          message: `Unable To Convert From java.lang.String to ${baseType}`,
        });
        return;
      }
      const value = convert(input, baseType);
      assert.equal(valueText(value, baseType), text);
      assert.deepEqual(serializedValue(value), serialised[0]);
    });
  }

  test('null and undefined stay unset for every type', () => {
    for (const baseType of fieldBaseTypes) {
      assert.equal(convert(null, baseType), null);
      assert.equal(convert(undefined, baseType), null);
    }
  });

  test('integers stop at the limits of their type', () => {
    assert.equal(convert(1e12, 'INTEGER'), 2147483647);
    assert.equal(convert(-1e12, 'INTEGER'), -2147483648);
    assert.equal(convert(-12.7, 'INTEGER'), -12);
  });

  test('names of the other Java classes appear in errors', () => {
    assert.throws(() => convert({}, 'NUMBER'), {
      message: 'Unable To Convert From org.json.JSONObject to NUMBER',
    });
    assert.throws(() => convert([], 'NUMBER'), {
      message: 'Unable To Convert From org.json.JSONArray to NUMBER',
    });
    assert.throws(() => convert(5, 'LOCATION'), PlatformError);
  });

  test('impossible dates are refused', () => {
    for (const text of ['2024-13-01', '2024-02-30T00:00:00Z', '2024-01-02T25:00:00Z', 'T', 'today']) {
      assert.throws(() => convert(text, 'DATETIME'), PlatformError, text);
    }
    assert.equal(serializedValue(convert('2024-01-02T03:04:05-0530', 'DATETIME')), 1704184445000);
  });

  test('a password is taken in clear only where that is asked for', () => {
    const value = convert('secret', 'PASSWORD', { readPassword: (text) => text });
    assert.ok(value instanceof Password);
    assert.equal(value.clear, 'secret');
    assert.equal(JSON.stringify({ value }).includes('secret'), false);
  });

  test('hostile keys stay data', () => {
    const value = convert('{"__proto__":{"polluted":1},"":2}', 'JSON');
    assert.equal(JSON.stringify(value), '{"__proto__":{"polluted":1},"":2}');
    assert.equal(({} as { polluted?: number }).polluted, undefined);
  });

  test('vectors, tags and bytes', () => {
    assert.equal(valueText(convert('1,2,3', 'VEC3'), 'VEC3'), '1.0,2.0,3.0');
    assert.throws(() => convert('1,2', 'VEC3'), PlatformError);
    assert.deepEqual(convert('V:a;W:b', 'TAGS'), [
      { vocabulary: 'V', vocabularyTerm: 'a' },
      { vocabulary: 'W', vocabularyTerm: 'b' },
    ]);
    assert.deepEqual(convert('AQID', 'BLOB'), Uint8Array.from([1, 2, 3]));
  });
});

test('lists of base types', () => {
  assert.equal(propertyBaseTypes.length, 31);
  assert.equal(fieldBaseTypes.length, 37);
});

test('defaults', () => {
  const expected: [BaseType, string][] = [
    ['STRING', ''],
    ['NUMBER', '0.0'],
    ['INTEGER', '0'],
    ['BOOLEAN', 'false'],
    ['JSON', '{}'],
    ['INFOTABLE', '{"rows":[],"dataShape":{"fieldDefinitions":{}}}'],
    ['LOCATION', '0.0,0.0,0.0'],
    ['VARIANT', ''],
    ['TAGS', ''],
    ['THINGNAME', ''],
  ];
  for (const [baseType, text] of expected) {
    assert.equal(valueText(defaultValue(baseType), baseType), text, baseType);
  }
  assert.ok(Math.abs((defaultValue('DATETIME') as Date).getTime() - Date.now()) < 60_000);
  assert.equal((defaultValue('PASSWORD') as Password).clear, '');
});

test('doubles as Java prints them', () => {
  const expected: [number, string][] = [
    [3, '3.0'],
    [0.1, '0.1'],
    [1e7, '1.0E7'],
    [12345678.9, '1.23456789E7'],
    [0.0001, '1.0E-4'],
    [-2, '-2.0'],
    [0, '0.0'],
  ];
  for (const [value, text] of expected) {
    assert.equal(javaDoubleText(value), text);
  }
});
