import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { type FieldDefinition, field, fieldsFromJson, InfoTable } from '../thingworx/infotable.ts';
import { type BaseType, PlatformError } from '../thingworx/values.ts';

function table(...baseTypes: BaseType[]): InfoTable {
  return new InfoTable(baseTypes.map((baseType, ordinal) => field(`f_${baseType}`, baseType, { ordinal })));
}

const namedVtq: FieldDefinition[] = [
  field('name', 'STRING', { ordinal: 0, aspects: { isPrimaryKey: true } }),
  field('time', 'DATETIME', { ordinal: 1 }),
  field('value', 'VARIANT', { ordinal: 2 }),
  field('quality', 'STRING', { ordinal: 3 }),
];

describe('whole tables', () => {
  test('empty', () => {
    assert.deepEqual(new InfoTable().toJSON(), { rows: [], dataShape: { fieldDefinitions: {} } });
  });

  test('one field, one row', () => {
    const one = new InfoTable([field('x', 'NUMBER')]);
    one.addRow({ x: 1.5 });
    assert.deepEqual(one.toJSON(), {
      rows: [{ x: 1.5 }],
      dataShape: {
        fieldDefinitions: { x: { name: 'x', aspects: {}, description: 'x', baseType: 'NUMBER', ordinal: 0 } },
      },
    });
    assert.deepEqual(one.toJSONLite(), { rows: [{ x: 1.5 }] });
  });

  test('without dataShape', () => {
    assert.throws(() => InfoTable.fromJSON({ rows: [] }), { message: 'JSONObject["dataShape"] not found.' });
    assert.deepEqual(InfoTable.fromJSON({ rows: [{ time: 5 }] }, { fields: namedVtq }).rows, [
      { time: new Date(5) },
    ]);
  });

  test('read and written again', () => {
    const json = {
      rows: [
        {
          t: { rows: [{ n: 1 }], dataShape: { fieldDefinitions: { n: { name: 'n', baseType: 'INTEGER' } } } },
        },
      ],
      dataShape: { fieldDefinitions: { t: { name: 't', baseType: 'INFOTABLE', ordinal: 4 } } },
    };
    const read = InfoTable.fromJSON(json);
    assert.ok(read.rows[0]?.t instanceof InfoTable);
    assert.deepEqual(InfoTable.fromJSON(read.toJSON()).toJSON(), read.toJSON());
  });

  test('an unknown base type is refused with its field', () => {
    assert.throws(() => fieldsFromJson({ x: { name: 'x' } }), {
      message: 'Invalid Base Type for field x [null]',
    });
    assert.throws(() => fieldsFromJson({ x: { baseType: 'FOO' } }), {
      message: 'Invalid Base Type for field x [FOO]',
    });
  });
});

describe('cells of every type', () => {
  const inner = new InfoTable([field('x', 'NUMBER')], [{ x: 1 }]);
  const cells: [BaseType, unknown, unknown][] = [
    ['STRING', 's', 's'],
    ['NUMBER', 3, 3],
    ['INTEGER', 3, 3],
    ['LONG', 1700000000000, 1700000000000],
    ['BOOLEAN', true, true],
    ['DATETIME', '2024-01-02T03:04:05.678Z', 1704164645678],
    ['JSON', { a: [1] }, { a: [1] }],
    [
      'LOCATION',
      { latitude: 1, longitude: 2, elevation: 3, units: 'WGS84' },
      { elevation: 3, latitude: 1, longitude: 2 },
    ],
    [
      'TAGS',
      'Voc:Term;Voc2:T2',
      [
        { vocabulary: 'Voc', vocabularyTerm: 'Term' },
        { vocabulary: 'Voc2', vocabularyTerm: 'T2' },
      ],
    ],
    ['VARIANT', 12.5, { value: 12.5, baseType: 'NUMBER' }],
    ['THINGNAME', 'T', 'T'],
    ['BLOB', 'AQID', 'AQID'],
    ['QUERY', { filters: { type: 'EQ' } }, { filters: { type: 'EQ' } }],
    ['INFOTABLE', inner, inner.toJSON()],
  ];
  for (const [baseType, input, output] of cells) {
    test(baseType, () => {
      const one = table(baseType);
      one.addRow({ [`f_${baseType}`]: input });
      assert.deepEqual(one.toJSONLite(), { rows: [{ [`f_${baseType}`]: output }] });
    });
  }

  test('unknown columns, null and absent cells', () => {
    const one = table('STRING', 'NUMBER');
    one.addRow({ other: 'zzz', f_STRING: null });
    assert.deepEqual(one.toJSONLite(), { rows: [{}] });
  });

  test('NaN cannot be written as JSON', () => {
    const one = table('NUMBER');
    one.addRow({ f_NUMBER: 'NaN' });
    assert.throws(() => one.toJSON(), { message: /JSON does not allow non-finite numbers/ });
  });
});

describe('bad cells', () => {
  const prefix = 'Unable To Convert To Value Collection: Unable To Convert From java.lang.String to';
  for (const [cell, baseType] of [
    ['abc', 'NUMBER'],
    ['', 'NUMBER'],
    ['2024-01-02 03:04:05', 'DATETIME'],
  ] as const) {
    test(`${JSON.stringify(cell)} as ${baseType}`, () => {
      const one = table(baseType);
      assert.throws(() => one.addRow({ [`f_${baseType}`]: cell }), {
        constructor: PlatformError,
        message: `${prefix} ${baseType}`,
      });
      assert.equal(one.rows.length, 0);
    });
  }

  test('empty text leaves a DATETIME unset', () => {
    const one = table('DATETIME');
    one.addRow({ f_DATETIME: '' });
    assert.deepEqual(one.rows, [{}]);
  });

  test('any text is a BOOLEAN', () => {
    const one = table('BOOLEAN');
    one.addRow({ f_BOOLEAN: 'maybe' });
    assert.deepEqual(one.rows, [{ f_BOOLEAN: false }]);
  });
});

describe('NamedVTQ rows', () => {
  const rows: [unknown, unknown][] = [
    [
      { name: 'p', value: 1.5, time: '2024-01-02T03:04:05.678Z' },
      { name: 'p', time: 1704164645678, value: { value: 1.5, baseType: 'NUMBER' } },
    ],
    [
      { name: 'q', value: { value: 5, baseType: 'INTEGER' }, time: 1700000000000, quality: 'GOOD' },
      { name: 'q', time: 1700000000000, value: { value: 5, baseType: 'INTEGER' }, quality: 'GOOD' },
    ],
    [
      { name: 'b', value: true },
      { name: 'b', value: { value: true, baseType: 'BOOLEAN' } },
    ],
    [
      { name: 'j', value: { value: { k: 1 }, baseType: 'JSON' } },
      { name: 'j', value: { value: { k: 1 }, baseType: 'JSON' } },
    ],
  ];
  for (const [input, output] of rows) {
    test(JSON.stringify(input), () => {
      const one = new InfoTable(namedVtq);
      one.addRow(input);
      assert.deepEqual(one.toJSONLite(), { rows: [output] });
    });
  }
});

describe('changing a table', () => {
  test('fields and clones', () => {
    const one = table('STRING');
    one.addRow({ f_STRING: 'a' });
    const copy = one.clone();
    one.addField(field('n', 'INTEGER', { ordinal: 1 }));
    one.removeField('f_STRING');
    assert.deepEqual(one.toJSONLite(), { rows: [{}] });
    assert.deepEqual(copy.toJSONLite(), { rows: [{ f_STRING: 'a' }] });
    assert.deepEqual([...one.fields.keys()], ['n']);
  });

  test('a row must be an object', () => {
    assert.throws(() => table('STRING').addRow('x'), PlatformError);
  });
});
