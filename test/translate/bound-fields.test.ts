import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { boundField, moduleSource } from '../../sidecar/translate/bound-fields.ts';
import type { BaseType } from '../../sidecar/translate/types.ts';
import { codes, directory, message, type NamedDefinition, row, thing, translate } from './support.ts';

const TIME = '2024-05-01T10:00:00Z';
const SOURCE = moduleSource('edge', 'publisher');
const from = { deviceId: 'edge', moduleId: 'publisher', enqueuedTimeMs: Date.parse(TIME) };

function bound(
  name: string,
  properties: Readonly<Record<string, BaseType>>,
  bindings: readonly string[] = Object.keys(properties),
  source = SOURCE,
): NamedDefinition {
  return { ...thing(name, properties), bindings: new Map(bindings.map((property) => [property, source])) };
}
const dataSet = (values: Readonly<Record<string, unknown>>) => ({
  MessageType: 'ua-data',
  MessageId: '1',
  Messages: [
    {
      DataSetWriterName: 'w',
      Payload: Object.fromEntries(
        Object.entries(values).map(([name, Value]) => [name, { Value, SourceTimestamp: TIME }]),
      ),
    },
  ],
});

describe('values of bound nodes', () => {
  test('go to their Things, other fields of the same message to that of the device', () => {
    const body = dataSet({ 'twx:Pump/speed': 12, Level: 3, 'twx:Oven/temperature': 80, 'twx:Pump/flow': 4 });
    const things = directory(
      bound('Pump', { speed: 'NUMBER', flow: 'NUMBER' }),
      bound('Oven', { temperature: 'INTEGER' }),
      thing('edge', { publisher_Level: 'NUMBER' }),
    );
    const { updates, refusals, ignored } = translate({}, message(body, from), things);
    assert.deepEqual([refusals, ignored], [[], []]);
    assert.deepEqual(
      updates.map((update) => [update.thing, row(update), update.timeMs]),
      [
        ['Pump', { speed: 12, flow: 4 }, Date.parse(TIME)],
        ['Oven', { temperature: 80 }, Date.parse(TIME)],
        ['edge', { publisher_Level: 3 }, Date.parse(TIME)],
      ],
    );
  });

  test('come in each form of OPC Publisher, with time and quality', () => {
    const field = boundField('Pump', 'speed');
    const value = { Value: 5, SourceTimestamp: TIME, StatusCode: 'Bad' };
    for (const body of [
      dataSet({ [field]: 5 }),
      { NodeId: 'ns=2;s=Speed', DisplayName: field, EndpointUrl: 'opc.tcp://plc', Value: value },
      { [field]: value },
      { [field]: 5 },
    ]) {
      const { updates } = translate({}, message(body, from), directory(bound('Pump', { speed: 'NUMBER' })));
      assert.deepEqual(
        updates.map((update) => [update.thing, row(update)]),
        [['Pump', { speed: 5 }]],
        JSON.stringify(body),
      );
    }
  });

  test('stand beside the property that is written to the node', () => {
    const things = directory(bound('Pump', { speed: 'NUMBER', speed_reported: 'NUMBER' }, ['speed']));
    const { updates } = translate({}, message(dataSet({ 'twx:Pump/speed': 1 }), from), things);
    assert.deepEqual(updates.map(row), [{ speed_reported: 1 }]);
  });

  test('are not taken from a module to which the Thing does not bind the property', () => {
    const body = dataSet({ 'twx:Pump/speed': 1 });
    const pump = bound('Pump', { speed: 'NUMBER', flow: 'NUMBER' }, ['speed']);
    for (const [origin, sent] of [
      [{ ...from, moduleId: 'other' }, body],
      [{ ...from, deviceId: 'other' }, body],
      [from, dataSet({ 'twx:Pump/flow': 1 })],
    ] as const) {
      const { updates, ignored, creations } = translate(
        { unknownProperty: 'create', unknownThing: 'create' },
        message(sent, origin),
        directory(pump, thing('edge', {}), thing('other', {})),
      );
      assert.deepEqual([updates, codes(ignored), creations], [[], ['PROPERTY_UNKNOWN'], []]);
    }
    // A device without a module has ordinary keys.
    const plain = translate(
      {},
      message({ 'twx:Pump/speed': 1 }, { deviceId: 'edge' }),
      directory(pump, thing('edge', {})),
    );
    assert.deepEqual([plain.updates, plain.ignored[0]?.thing], [[], 'edge']);
  });

  test('never create a Thing, and are kept as a dead letter while it is missing', () => {
    const body = message(dataSet({ 'twx:Gone/speed': 1 }), from);
    const things = directory(thing('edge', {}));
    const { refusals, creations } = translate({ unknownThing: 'create' }, body, things);
    assert.deepEqual([codes(refusals), creations], [['THING_UNKNOWN'], []]);
    assert.deepEqual(codes(translate({ unknownThing: 'ignore' }, body, things).ignored), ['THING_UNKNOWN']);
  });

  test('are found in rules that only change the target; names that are no target are ordinary', () => {
    const settings = { mappings: { version: 1, rules: [{ name: 'line', thing: 'Line', prefix: '' }] } };
    const body = dataSet({ 'twx:Pump/speed': 1, 'twx:odd': 2, 'twx:/x': 3 });
    const things = directory(
      bound('Pump', { speed: 'NUMBER' }),
      thing('Line', { twx_odd: 'NUMBER', twx__x: 'NUMBER' }),
    );
    const { updates } = translate(settings, message(body, from), things);
    assert.deepEqual(
      updates.map((update) => [update.thing, row(update)]),
      [
        ['Pump', { speed: 1 }],
        ['Line', { twx_odd: 2, twx__x: 3 }],
      ],
    );
  });
});
