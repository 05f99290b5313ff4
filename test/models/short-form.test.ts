import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { Models } from '../../sidecar/models/models.ts';
import { Built } from './built.ts';
import { PUMP, VALVE, VALVE_ID } from './plant-models.ts';

function refusal(model: Record<string, unknown>): string {
  try {
    new Models([{ name: 'pump.json', content: model }]);
  } catch (thrown) {
    return String((thrown as Error).message);
  }
  assert.fail('The model was taken.');
}

describe('the short form of a model', () => {
  test('has components and bases, in DTDL or in the short form', () => {
    const built = new Built([
      PUMP,
      VALVE,
      { model: 'Factory.Station', extends: ['Factory.Pump'], components: { drain: VALVE_ID } },
    ]);
    assert.deepEqual(built.template('Factory.Station_TT').implementedShapes, [
      'AzureIoT.Model_TS',
      'Factory.Pump_TS',
      'Factory.Station_TS',
      'Factory.Station.drain_TS',
    ]);
  });

  test('may have the id of a model that devices announce', () => {
    const built = new Built([{ model: 'dtmi:example:Fan;3', telemetry: { speed: 'integer' } }]);
    assert.equal(built.shape('example.Fan.3_TS').properties[0]?.baseType, 'INTEGER');
  });

  test('what is wrong is named with its place and what is expected', () => {
    const cases: readonly (readonly [Record<string, unknown>, RegExp])[] = [
      [{}, /pump\.json: The member "model" is missing/],
      [{ model: 'has space' }, /pump\.json\/model: "has space" does not fit; expected is a DTMI/],
      [{ model: 'dtmi:bad;x' }, /dtmi:bad;x is no DTMI/],
      [
        { model: 'A', telemetri: {} },
        /pump\.json\/telemetri: There is no such member; expected is one of model, title/,
      ],
      [{ model: 'A', telemetry: { '1x': 'number' } }, /pump\.json\/telemetry\/1x/],
      [
        { model: 'A', telemetry: { x: 'double' } },
        /telemetry\/x: "double" does not fit; expected is a word \(boolean/,
      ],
      [{ model: 'A', telemetry: { x: { type: 'number', min: 1 } } }, /pump\.json\/telemetry\/x/],
      [{ model: 'A', properties: { x: { type: 'number', sendAs: 'mail' } } }, /properties\/x/],
      [
        { model: 'A', properties: { x: { type: 'number', fields: {} } } },
        /x has the type number and fields or items/,
      ],
      [
        { model: 'A', properties: { x: { type: 'number', values: [1] } } },
        /x has values and the type number/,
      ],
      [
        { model: 'A', properties: { x: { type: 'string', values: [1] } } },
        /x has the value 1; expected type string/,
      ],
      [{ model: 'A', telemetry: { x: 'number' }, commands: { x: {} } }, /The name x is used twice/],
      [{ model: 'A', extends: ['B'] }, /It refers to B, which is in no document/],
    ];
    for (const [model, expected] of cases) assert.match(refusal(model), expected);
  });

  test('models whose entities would have the same names are refused', () => {
    const x = { model: 'A', components: { b: 'C' } };
    const c = { model: 'C', telemetry: { z: 'number' } };
    assert.throws(
      () => new Built([x, { model: 'A.b', telemetry: { y: 'number' } }, c]),
      /Both b of A and A\.b get the Thing Shape A\.b_TS/,
    );
    assert.throws(
      () => new Built([{ model: 'dtmi:a:B;1.2' }, { model: 'dtmi:a:B' }, { model: 'a.B' }]),
      /Both dtmi:a:B and a\.B get the Thing Shape a\.B_TS/,
    );
  });

  test('members of components are counted for each component', () => {
    const numbers = [...Array(1_000).keys()];
    const part = { model: 'Part', telemetry: Object.fromEntries(numbers.map((i) => [`t${i}`, 'number'])) };
    const components = Object.fromEntries(numbers.map((i) => [`c${i}`, 'Part']));
    assert.throws(() => new Built([part, { model: 'Whole', components }]), /more than 50000 members/);
  });
});
