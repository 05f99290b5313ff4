import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { inspect } from 'node:util';
import { coerceValue } from '../../../sidecar/translate/coerce/base-types.ts';
import type { CoerceContext } from '../../../sidecar/translate/coerce/context.ts';
import { NO_CONTEXT } from '../../../sidecar/translate/coerce/context.ts';
import { Wrong } from '../../../sidecar/translate/coerce/wrong.ts';
import type { BaseType, PropertyDefinition, RefusalCode } from '../../../sidecar/translate/types.ts';

const refused = (code: RefusalCode) => ({ refused: code });

function coerce(value: unknown, baseType: BaseType, context: CoerceContext = NO_CONTEXT): unknown {
  const result = coerceValue(value, { baseType }, context);
  if (!(result instanceof Wrong)) return result;
  assert.match(result.reason, /\S/);
  return refused(result.code);
}

function table(baseType: BaseType, rows: readonly (readonly [value: unknown, result: unknown])[]): void {
  describe(baseType, () => {
    for (const [value, result] of rows) {
      const name = inspect(value, { breakLength: Number.POSITIVE_INFINITY }).slice(0, 80);
      test(`${name} becomes ${JSON.stringify(result)?.slice(0, 80)}`, () => {
        assert.deepEqual(coerce(value, baseType), result);
      });
    }
  });
}

const TYPE = refused('VALUE_WRONG_TYPE');
const RANGE = refused('VALUE_OUT_OF_RANGE');

table('NUMBER', [
  [10, 10],
  [-0.5, -0.5],
  ['24.39', 24.39],
  [' 7 ', 7],
  ['1e3', 1000],
  ['.5', 0.5],
  ['5.', 5],
  [true, 1],
  [false, 0],
  [12n, 12],
  [2n ** 60n, 2 ** 60],
  [10n ** 400n, RANGE],
  [new Date(5), 5],
  [Number.POSITIVE_INFINITY, RANGE],
  [Number.NaN, TYPE],
  ['1e400', RANGE],
  ['NaN', TYPE],
  ['Infinity', TYPE],
  ['0x10', TYPE],
  ['', TYPE],
  ['abc', TYPE],
  ['1,5', TYPE],
  ['9'.repeat(401), TYPE],
  [{}, TYPE],
  [[1], TYPE],
]);

table('INTEGER', [
  [12, 12],
  [-0, 0],
  ['12', 12],
  ['12.0', 12],
  [true, 1],
  [2147483647, 2147483647],
  [-2147483648, -2147483648],
  [2147483648, RANGE],
  [-2147483649, RANGE],
  [5n, 5],
  [2n ** 40n, RANGE],
  [12.7, TYPE],
  ['12.5', TYPE],
  ['NaN', TYPE],
  ['', TYPE],
  [Number.NaN, TYPE],
]);

table('LONG', [
  [1700000000000, 1700000000000],
  [9007199254740991, 9007199254740991],
  ['9007199254740991', 9007199254740991],
  [9007199254740991n, 9007199254740991],
  [9007199254740992, RANGE],
  [9007199254740993n, RANGE],
  [1e300, RANGE],
  [0.1, TYPE],
]);

table('BOOLEAN', [
  [true, true],
  [false, false],
  ['true', true],
  ['TRUE', true],
  ['False', false],
  [1, true],
  [0, false],
  [-2.5, true],
  ['1', true],
  ['0', false],
  ['0.0', false],
  ['17', true],
  [3n, true],
  [0n, false],
  ['yes', TYPE],
  ['maybe', TYPE],
  ['', TYPE],
  [Number.NaN, TYPE],
  [{}, TYPE],
]);

const DAY = 86_400_000;
table('DATETIME', [
  [1700000000000, 1700000000000],
  ['1700000000000', 1700000000000],
  ['1700000000', 1700000000],
  ['2024', 2024],
  ['-1000', -1000],
  [1.7e12, 1700000000000],
  [1700000000000.9, 1700000000000],
  [new Date(7), 7],
  [1700000000000n, 1700000000000],
  ['2024-01-02T03:04:05.678Z', 1704164645678],
  ['2024-01-02T03:04:05Z', 1704164645000],
  ['2024-01-02T03:04:05+02:00', 1704157445000],
  ['2024-01-02T03:04:05+0200', 1704157445000],
  ['2024-01-02T03:04:05-02:00:30', 1704164645000 + 7_230_000],
  ['2024-01-02T03:04:05+00:00:00.500', 1704164644500],
  ['2024-01-02T03:04:05.6789012Z', 1704164645678],
  ['2024-01-02T03:04:05.9999999999Z', 1704164645999],
  ['2024-01-02T03:04:05,5', 1704164645500],
  ['2024-01-02', 1704153600000],
  ['2024-01', 1704067200000],
  ['2024-060', 1704067200000 + 59 * DAY],
  ['2024-366', 1704067200000 + 365 * DAY],
  ['2023-366', TYPE],
  ['2024-W01', 1704067200000],
  ['2024-W01-3', 1704067200000 + 2 * DAY],
  ['2020-W53-7', Date.UTC(2021, 0, 3)],
  ['2024-W53', TYPE],
  ['2024-W01-8', TYPE],
  ['2024-01-02T', 1704153600000],
  ['2024-01-02T10', 1704153600000 + 36_000_000],
  ['2024-01-02T10.5', 1704153600000 + 37_800_000],
  ['2024-01-02T10:30', 1704153600000 + 37_800_000],
  ['2024-01-02T10:30.5', 1704153600000 + 37_830_000],
  ['2024-01-02TZ', 1704153600000],
  ['T10:30', 37_800_000],
  ['T10:30:00.250Z', 37_800_250],
  ['T10+01', 32_400_000],
  ['+2024-01-02', 1704153600000],
  ['0099-01-01', Date.parse('0099-01-01T00:00:00Z')],
  ['', null],
  ['T', TYPE],
  ['TZ', TYPE],
  ['2024-01-02 03:04:05', Date.UTC(2024, 0, 2, 3, 4, 5)],
  ['2024-01-02 03:04:05 +0200', Date.UTC(2024, 0, 2, 1, 4, 5)],
  ['2024-01-02t03:04:05z', Date.UTC(2024, 0, 2, 3, 4, 5)],
  ['2024/01/02 03:04:05', Date.UTC(2024, 0, 2, 3, 4, 5)],
  ['Tue, 02 Jan 2024 03:04:05 GMT', Date.UTC(2024, 0, 2, 3, 4, 5)],
  ['/Date(1704164645000+0100)/', 1704164645000],
  ['01/02/2024 03:04:05', TYPE],
  ['2024/1/2', TYPE],
  ['Tue, 31 Feb 2024 03:04:05 GMT', TYPE],
  ['2024-13-01', TYPE],
  ['2023-02-29', TYPE],
  ['2024-01-02T24:00', TYPE],
  ['2024-01-02T10:60', TYPE],
  ['2024-01-02T10:30:61Z', TYPE],
  ['2024-01-02T10:30+24:00', TYPE],
  ['yesterday', TYPE],
  ['999999999-01-01', RANGE],
  [8.65e15, RANGE],
  [Number.NaN, RANGE],
  [Number.POSITIVE_INFINITY, RANGE],
  [true, TYPE],
  [{}, TYPE],
]);

table('STRING', [
  ['text', 'text'],
  ['', ''],
  [12, '12'],
  [12.5, '12.5'],
  [true, 'true'],
  [2n ** 70n, '1180591620717411303424'],
  [{ a: 1 }, '{"a":1}'],
  [[1, 'x'], '[1,"x"]'],
  [new Date(0), '1970-01-01T00:00:00.000Z'],
  [new Uint8Array([1, 2, 3]), 'AQID'],
  [Number.POSITIVE_INFINITY, RANGE],
  [new Date(Number.NaN), TYPE],
  [{ a: { b: [Number.NaN] } }, RANGE],
]);

for (const baseType of ['TEXT', 'HTML'] as const) table(baseType, [['<b>', '<b>']]);
for (const baseType of ['THINGNAME', 'USERNAME', 'HYPERLINK', 'IMAGELINK', 'GUID', 'MASHUPNAME'] as const) {
  table(baseType, [
    ['name', 'name'],
    [5, '5'],
    [{ a: 1 }, TYPE],
    [['a'], TYPE],
  ]);
}

table('XML', [
  ['<a><b c="1"/></a>', '<a><b c="1"/></a>'],
  ['', ''],
  ['<a><b></a>', TYPE],
  ['no markup <', TYPE],
  ['<!DOCTYPE a [<!ENTITY x SYSTEM "file:///etc/passwd">]><a>&x;</a>', TYPE],
  [5, TYPE],
]);

for (const baseType of ['IMAGE', 'BLOB'] as const) {
  table(baseType, [
    ['AQID', 'AQID'],
    ['AQI=', 'AQI='],
    ['AQI', 'AQI='],
    ['-_8', '+/8='],
    ['AQ\nID\n', 'AQID'],
    ['data:image/png;base64,AQID', 'AQID'],
    ['', ''],
    [new Uint8Array([255]), '/w=='],
    ['A', TYPE],
    ['not base64!', TYPE],
    [5, TYPE],
  ]);
}

table('LOCATION', [
  [
    { elevation: 16, latitude: 12, longitude: 14 },
    { latitude: 12, longitude: 14, elevation: 16 },
  ],
  [
    { latitude: '12.5', longitude: 14 },
    { latitude: 12.5, longitude: 14, elevation: 0 },
  ],
  [
    { lat: 1, lon: 2, alt: 3 },
    { latitude: 1, longitude: 2, elevation: 3 },
  ],
  ['12.0,14.0,16', { latitude: 12, longitude: 14, elevation: 16 }],
  ['10, 20', { latitude: 10, longitude: 20, elevation: 0 }],
  ...['elevation', 'altitude', 'alt', 'elev', 'height', 'Altitude'].map((name): [unknown, unknown] => [
    { latitude: 47, longitude: 8, [name]: 430, source: 'SOURCE_REGISTRY' },
    { latitude: 47, longitude: 8, elevation: 430 },
  ]),
  ...['longitude', 'lon', 'lng', 'long', 'Lng'].map((name): [unknown, unknown] => [
    { Lat: 47, [name]: 8 },
    { latitude: 47, longitude: 8, elevation: 0 },
  ]),
  [
    { type: 'Point', coordinates: [8, 47, 430] },
    { latitude: 47, longitude: 8, elevation: 430 },
  ],
  [
    { type: 'Feature', properties: {}, geometry: { type: 'Point', coordinates: [8, 47] } },
    { latitude: 47, longitude: 8, elevation: 0 },
  ],
  [
    { latitude: 90, longitude: -180 },
    { latitude: 90, longitude: -180, elevation: 0 },
  ],
  [{ latitude: 95, longitude: 8 }, RANGE],
  [{ latitude: -90.1, longitude: 8 }, RANGE],
  [{ latitude: 47, longitude: 181 }, RANGE],
  ['95,8', RANGE],
  [{ type: 'Point', coordinates: [8, 95] }, RANGE],
  [{ type: 'Point', coordinates: [8] }, TYPE],
  [{ type: 'LineString', coordinates: [[8, 47]] }, TYPE],
  [{ latitude: null, longitude: 8 }, TYPE],
  [{ latitude: 12 }, TYPE],
  [{ latitude: true, longitude: 1 }, TYPE],
  ['10', TYPE],
  ['1,2,3,4', TYPE],
  ['a,b', TYPE],
  [[1, 2], TYPE],
  [{}, TYPE],
]);

table('JSON', [
  [{ a: [1, null, 'x'] }, { a: [1, null, 'x'] }],
  [[1, 2], { array: [1, 2] }],
  ['{"a":1}', { a: 1 }],
  [' [1,2]', { array: [1, 2] }],
  [
    { t: new Date(0), b: new Uint8Array([1]), n: [5n] },
    { t: '1970-01-01T00:00:00.000Z', b: 'AQ==', n: [5] },
  ],
  ['x', TYPE],
  ['5', TYPE],
  ['{"a":', TYPE],
  [5, TYPE],
  [true, TYPE],
  [{ a: Number.POSITIVE_INFINITY }, RANGE],
  [{ a: [2n ** 60n] }, refused('VALUE_INEXACT')],
  ['{"a":[9007199254740993]}', refused('VALUE_INEXACT')],
  ['{"a":[9007199254740991]}', { a: [9007199254740991] }],
  [`${'['.repeat(100_000)}${']'.repeat(100_000)}`, TYPE],
]);

table('QUERY', [[{ filters: { type: 'EQ' } }, { filters: { type: 'EQ' } }]]);

const TAG = [{ vocabulary: 'Voc', vocabularyTerm: 'Term' }];
table('TAGS', [
  ['Voc:Term', TAG],
  ['Voc:Term;', TAG],
  [['Voc:Term'], TAG],
  [TAG, TAG],
  ['', []],
  ['Term', TYPE],
  [[5], TYPE],
  [5, TYPE],
]);

table('VEC2', [
  ['1,2', '1,2'],
  [[1, 2.5], '1,2.5'],
  [{ x: 1, y: '2' }, '1,2'],
  [[1, 2, 3], TYPE],
  [{ x: 1 }, TYPE],
  [[1, true], TYPE],
  ['1', TYPE],
]);
table('VEC3', [[{ x: 1, y: 2, z: 3 }, '1,2,3']]);
table('VEC4', [[{ x: 1, y: 2, z: 3, w: 4 }, '1,2,3,4']]);

table('VARIANT', [
  [5, { value: 5, baseType: 'NUMBER' }],
  ['x', { value: 'x', baseType: 'STRING' }],
  [[1], { value: { array: [1] }, baseType: 'JSON' }],
]);

table('PASSWORD', [['secret', TYPE]]);

describe('digits that a double does not keep', () => {
  const asParsed: CoerceContext = { ...NO_CONTEXT, exact: false };

  test('are not guessed for STRING and JSON, but are for NUMBER', () => {
    assert.deepEqual(coerce(2 ** 60, 'STRING', asParsed), refused('VALUE_INEXACT'));
    assert.deepEqual(coerce({ a: [2 ** 60] }, 'JSON', asParsed), refused('VALUE_INEXACT'));
    assert.equal(coerce(2 ** 60, 'NUMBER', asParsed), 2 ** 60);
    assert.equal(coerce(0.1, 'STRING', asParsed), '0.1');
  });
});

describe('INFOTABLE', () => {
  const fields = new Map<string, PropertyDefinition>([
    ['when', { baseType: 'DATETIME' }],
    ['count', { baseType: 'INTEGER' }],
  ]);
  const context: CoerceContext = {
    exact: true,
    dataShape: (name) => (name === 'Sample_DS' ? fields : undefined),
  };
  const property: PropertyDefinition = { baseType: 'INFOTABLE', dataShape: 'Sample_DS' };

  test('cells are coerced by the Data Shape, null cells left out, definitions written', () => {
    const value = { rows: [{ when: '2024-01-02T03:04:05Z', count: '5' }, { count: null }] };
    assert.deepEqual(coerceValue(value, property, context), {
      dataShape: {
        fieldDefinitions: {
          when: { name: 'when', baseType: 'DATETIME', description: '', ordinal: 0, aspects: {} },
          count: { name: 'count', baseType: 'INTEGER', description: '', ordinal: 1, aspects: {} },
        },
      },
      rows: [{ when: 1704164645000, count: 5 }, {}],
    });
  });

  test('a column that the Data Shape lacks, or a bad cell, is refused with its place', () => {
    const column = coerceValue([{ other: 1 }], property, context);
    assert.ok(column instanceof Wrong);
    assert.match(column.reason, /row 0.*"other"/);
    const cell = coerceValue([{ count: 1 }, { count: 1.5 }], property, context);
    assert.ok(cell instanceof Wrong);
    assert.match(cell.reason, /row 1, field "count".*whole number/);
  });

  test("without a known Data Shape the value's own definitions count, else the rows", () => {
    const own = { dataShape: { fieldDefinitions: { a: { baseType: 'STRING' } } }, rows: [{ a: 5 }] };
    assert.deepEqual((coerce(own, 'INFOTABLE') as { rows: unknown }).rows, [{ a: '5' }]);
    assert.deepEqual(coerce([{ a: 5 }, { b: 'x' }], 'INFOTABLE'), {
      dataShape: {
        fieldDefinitions: {
          a: { name: 'a', baseType: 'NUMBER', description: '', ordinal: 0, aspects: {} },
          b: { name: 'b', baseType: 'STRING', description: '', ordinal: 1, aspects: {} },
        },
      },
      rows: [{ a: 5 }, { b: 'x' }],
    });
    assert.deepEqual(coerce({ dataShape: { fieldDefinitions: { a: {} } }, rows: [] }, 'INFOTABLE'), TYPE);
    assert.deepEqual(coerce({ rows: [1] }, 'INFOTABLE'), TYPE);
    assert.deepEqual(coerce('x', 'INFOTABLE'), TYPE);
  });
});

test('a base type that the table does not know is refused', () => {
  assert.deepEqual(coerce(1, 'HOLOGRAM' as BaseType), TYPE);
  assert.deepEqual(coerce(1, 'constructor' as BaseType), TYPE);
});
