import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { Models } from '../../sidecar/models/models.ts';
import { Built } from './built.ts';
import { PLANT, VALVE } from './plant-models.ts';

function dtdl(contents: unknown, more: Record<string, unknown> = {}): Record<string, unknown> {
  return {
    '@context': 'dtmi:dtdl:context;3',
    '@id': 'dtmi:example:Thing;1',
    '@type': 'Interface',
    contents,
    ...more,
  };
}

/** What is said of a model that is refused. */
function refusal(...documents: unknown[]): string {
  try {
    new Models([{ name: 'model.json', content: documents }]);
  } catch (thrown) {
    assert.equal((thrown as { code?: string }).code, 'MODEL_INVALID');
    return String((thrown as Error).message);
  }
  assert.fail('The model was taken.');
}

function baseTypes(contents: readonly Record<string, unknown>[], more: Record<string, unknown> = {}) {
  const built = new Built([dtdl(contents, more)]);
  return Object.fromEntries(
    built.shape('example.Thing.1_TS').properties.map(({ name, baseType }) => [name, baseType]),
  );
}

describe('DTDL', () => {
  test('has a base type for each of its schemas', () => {
    const words = {
      boolean: 'BOOLEAN',
      date: 'DATETIME',
      dateTime: 'DATETIME',
      double: 'NUMBER',
      duration: 'STRING',
      float: 'NUMBER',
      integer: 'INTEGER',
      long: 'LONG',
      string: 'STRING',
      time: 'STRING',
      point: 'LOCATION',
      polygon: 'JSON',
      geopoint: 'LOCATION',
      vector: 'INFOTABLE',
      'dtmi:dtdl:instance:Schema:double;3': 'NUMBER',
    };
    const contents = Object.keys(words).map((schema, i) => ({ '@type': 'Telemetry', name: `t${i}`, schema }));
    assert.deepEqual(Object.values(baseTypes(contents)), Object.values(words));
    const complex = [
      { '@type': 'Map', mapKey: { name: 'k', schema: 'string' }, mapValue: { name: 'v', schema: 'integer' } },
      { '@type': 'Enum', valueSchema: 'string', enumValues: [{ name: 'a', enumValue: 'A' }] },
      { '@type': 'Object', fields: [] },
      { '@type': 'Array', elementSchema: { '@type': 'Array', elementSchema: 'double' } },
      { '@type': 'Array', elementSchema: { '@type': 'Object', fields: [{ name: 'x', schema: 'double' }] } },
    ].map((schema, i) => ({ '@type': 'Property', name: `p${i}`, schema }));
    assert.deepEqual(Object.values(baseTypes(complex)), ['JSON', 'STRING', 'JSON', 'JSON', 'INFOTABLE']);
  });

  test('nested objects have Data Shapes of their own', () => {
    const inner = { '@type': 'Object', fields: [{ name: 'bar', schema: 'double' }] };
    const built = new Built([
      dtdl([
        {
          '@type': 'Telemetry',
          name: 'state',
          schema: { '@type': 'Object', fields: [{ name: 'inner', schema: inner }] },
        },
      ]),
    ]);
    const [field] = built.dataShape('example.Thing.1.state_DS').fields;
    assert.deepEqual([field?.baseType, field?.dataShape], ['INFOTABLE', 'example.Thing.1.state.inner_DS']);
    assert.equal(built.dataShape('example.Thing.1.state.inner_DS').fields[0]?.name, 'bar');
  });

  test('texts in several languages, types by DTMI and members of extensions are read', () => {
    const built = new Built([
      dtdl(
        {
          '@type': ['dtmi:dtdl:class:Telemetry;3', 'Temperature'],
          name: 'heat',
          displayName: { de: 'Hitze', en: 'Heat' },
          schema: 'double',
          unit: 'dtmi:standard:unit:degreeFahrenheit;3',
          decimalPlaces: 2,
        },
        { displayName: { fr: 'Chose' } },
      ),
    ]);
    const { properties, description } = built.shape('example.Thing.1_TS');
    assert.equal(properties[0]?.friendlyName, 'Heat');
    assert.equal(properties[0]?.units, '°F');
    assert.match(description, /^Chose\./);
  });

  test('components and bases may stand within an interface; versions may be missing or have two parts', () => {
    const part = {
      '@id': 'dtmi:example:Part;1.2',
      '@type': 'Interface',
      contents: [{ '@type': 'Telemetry', name: 'x', schema: 'double' }],
    };
    const base = {
      '@id': 'dtmi:example:Base',
      '@type': 'Interface',
      contents: [{ '@type': 'Property', name: 'y', schema: 'string' }],
    };
    const built = new Built([
      dtdl([{ '@type': 'Component', name: 'left', schema: part }], {
        extends: [base],
        '@id': 'dtmi:example:Whole;1',
      }),
    ]);
    assert.deepEqual(built.template('example.Whole.1_TT').implementedShapes, [
      'AzureIoT.Model_TS',
      'example.Base_TS',
      'example.Whole.1_TS',
      'example.Whole.1.left_TS',
    ]);
    assert.equal(built.shape('example.Whole.1.left_TS').properties[0]?.name, 'left_x');
  });

  test('a nullable request is no required parameter', () => {
    const built = new Built([
      dtdl([
        { '@type': 'Command', name: 'a', request: { name: 'n', schema: 'integer', nullable: true } },
        { '@type': 'Command', name: 'b', request: { name: 'n', schema: 'integer' } },
      ]),
    ]);
    const { services } = built.shape('example.Thing.1_TS');
    assert.deepEqual(
      services.map(({ parameters }) => parameters[0]?.isRequired),
      [undefined, true],
    );
  });

  test('what has no counterpart is left out with a note', () => {
    const inner = dtdl([{ '@type': 'Component', name: 'deep', schema: 'dtmi:example:plant:Valve;1' }], {
      '@id': 'dtmi:example:Middle;1',
    });
    const outer = dtdl(
      [
        { '@type': 'Relationship', name: 'feeds' },
        { '@type': 'Component', name: 'middle', schema: 'dtmi:example:Middle;1' },
      ],
      { '@id': 'dtmi:example:Outer;1' },
    );
    const { notes } = new Built([outer, inner, VALVE]);
    assert.equal(notes.length, 2);
    assert.match(notes.join(' '), /The relationship feeds .* left out/);
    assert.match(notes.join(' '), /component middle .* dtmi:example:plant:Valve;1 is left out/);
  });

  test('a model that cannot be used is refused with each reason and its place', () => {
    const telemetry = (more: Record<string, unknown>) => dtdl([{ '@type': 'Telemetry', name: 't', ...more }]);
    const cases: readonly (readonly [RegExp, ...unknown[]])[] = [
      [/There is no interface; expected at least one/],
      [
        /version 1 of DTDL; expected dtmi:dtdl:context;2 or/,
        { ...telemetry({ schema: 'double' }), '@context': 'dtmi:dtdl:context;1' },
      ],
      [/@context is null/, { ...telemetry({ schema: 'double' }), '@context': undefined }],
      [/@id is "Thing"; expected a DTMI/, { ...telemetry({ schema: 'double' }), '@id': 'Thing' }],
      [
        /has the type Telemetry; expected Interface/,
        { ...telemetry({ schema: 'double' }), '@type': 'Telemetry' },
      ],
      [/dtmi:example:Thing;1 t: The schema is missing; expected boolean/, telemetry({})],
      [/The schema is number, which is no schema of DTDL/, telemetry({ schema: 'number' })],
      [
        /The schema is dtmi:example:S;1, which no document defines/,
        telemetry({ schema: 'dtmi:example:S;1' }),
      ],
      [
        /The name is "1st"; expected letters/,
        dtdl([{ '@type': 'Telemetry', name: '1st', schema: 'double' }]),
      ],
      [/The name is missing/, dtdl([{ '@type': 'Command' }])],
      [/@type is "Gauge"; expected Telemetry/, dtdl([{ '@type': 'Gauge', name: 'g' }])],
      [
        /Two contents have the name t/,
        dtdl([1, 2].map(() => ({ '@type': 'Telemetry', name: 't', schema: 'double' }))),
      ],
      [
        /valueSchema of the Enum is double; expected integer or string/,
        telemetry({ schema: { '@type': 'Enum', valueSchema: 'double' } }),
      ],
      [
        /enumValue of a is "x"; expected type integer/,
        telemetry({
          schema: { '@type': 'Enum', valueSchema: 'integer', enumValues: [{ name: 'a', enumValue: 'x' }] },
        }),
      ],
      [
        /It refers to dtmi:example:plant:Valve;1, which is in no document/,
        ...PLANT.filter((item) => item !== VALVE),
      ],
      [/It extends itself/, dtdl([], { extends: 'dtmi:example:Thing;1' })],
      [
        /is defined in model.json\/0, too, and otherwise/,
        telemetry({ schema: 'double' }),
        telemetry({ schema: 'string' }),
      ],
      [
        /more than 16 levels or refers to itself/,
        dtdl([{ '@type': 'Telemetry', name: 't', schema: 'dtmi:example:Loop;1' }], {
          schemas: [{ '@id': 'dtmi:example:Loop;1', '@type': 'Array', elementSchema: 'dtmi:example:Loop;1' }],
        }),
      ],
    ];
    for (const [expected, ...documents] of cases) assert.match(refusal(...documents), expected);
  });

  test('two bases with the same name, and a name that a component makes twice, are refused', () => {
    const base = (id: string) =>
      dtdl([{ '@type': 'Telemetry', name: 'same', schema: 'double' }], { '@id': `dtmi:example:${id};1` });
    const both = dtdl([], { extends: ['dtmi:example:A;1', 'dtmi:example:B;1'] });
    assert.match(refusal(base('A'), base('B'), both), /dtmi:example:A;1 and dtmi:example:B;1 both have same/);
    const clash = dtdl([
      { '@type': 'Telemetry', name: 'inlet_temperature', schema: 'double' },
      { '@type': 'Component', name: 'inlet', schema: 'dtmi:example:plant:Valve;1' },
    ]);
    assert.throws(() => new Built([clash, VALVE]), /both have the member inlet_temperature/);
  });

  test('references that multiply at each level are counted, or read once', () => {
    const ids = [...Array(12).keys()];
    const schemas = ids.map((i) => ({
      '@id': `dtmi:example:S${i};1`,
      '@type': 'Array',
      elementSchema: {
        '@type': 'Object',
        fields: ['a', 'b', 'c', 'd', 'e', 'f', 'g', 'h'].map((name) => ({
          name,
          schema: i > 5 ? `dtmi:example:S${i - 6};1` : 'double',
        })),
      },
    }));
    const many = ids.map((i) => ({ '@type': 'Telemetry', name: `t${i}`, schema: 'dtmi:example:S11;1' }));
    const wide = [...Array(1_000).keys()].flatMap((n) =>
      many.map((item) => ({ ...item, name: `${item.name}_${n}` })),
    );
    assert.match(refusal(dtdl(wide, { schemas })), /more than 50000 schemas/);
    const layer = (i: number) => ['A', 'B'].map((letter) => `dtmi:example:${letter}${i};1`);
    const diamond = [...Array(60).keys()].flatMap((i) =>
      layer(i).map((id) => dtdl([], { '@id': id, ...(i > 0 ? { extends: layer(i - 1) } : {}) })),
    );
    assert.equal(new Models([{ name: 'm', content: diamond }]).lineage('dtmi:example:A59;1').length, 119);
  });

  test('a document of many levels is refused, and a problem quotes a part of a long text', () => {
    let schema: unknown = 'double';
    for (let level = 0; level < 20_000; level++) schema = { '@type': 'Array', elementSchema: schema };
    assert.match(refusal(dtdl([{ '@type': 'Telemetry', name: 't', schema }])), /more than 200 levels/);
    const long = refusal(dtdl([{ '@type': 'Telemetry', name: `!${'x'.repeat(100_000)}`, schema: 'double' }]));
    assert.match(long, /The name is "!x+\.\.\.$/);
    assert.ok(long.length < 1_000);
  });

  test('a request and a response of the same name have Data Shapes of their own', () => {
    const payload = (field: string) => ({
      name: 'value',
      schema: { '@type': 'Object', fields: [{ name: field, schema: 'double' }] },
    });
    const built = new Built([
      dtdl([{ '@type': 'Command', name: 'c', request: payload('x'), response: payload('y') }]),
    ]);
    const [service] = built.shape('example.Thing.1_TS').services;
    const shape = built.dataShape(String(service?.result.dataShape));
    assert.deepEqual(
      shape.fields.map(({ name }) => name),
      ['y'],
    );
    assert.match(String(service?.script), /requestType: .*"fields":\{"x"/);
  });
});
