import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { XMLParser, XMLValidator } from 'fast-xml-parser';
import { ENTITIES } from '../../extension/entities/index.ts';
import { compileInRhino } from '../../scripts/rhino-check.ts';
import { entityXml } from '../../sidecar/entities/entity-xml.ts';
import { TAKEN_NAMES } from '../../sidecar/models/names.ts';
import { Built } from './built.ts';
import { PLANT, PUMP } from './plant-models.ts';

const engine = await compileInRhino([]);

describe('the entities of a model', () => {
  const plant = new Built(PLANT);
  const pump = new Built([PUMP]);
  const skid = plant.shape('example.plant.Skid.2_TS');
  const named = <T extends { readonly name: string }>(list: readonly T[], name: string): T => {
    const found = list.find((item) => item.name === name);
    assert.ok(found, `${name} is missing among ${list.map((item) => item.name).join(', ')}`);
    return found;
  };

  test('a template implements the shapes of the bases, of the model and of its components', () => {
    assert.deepEqual(plant.template('example.plant.Skid.2_TT').implementedShapes, [
      'AzureIoT.Model_TS',
      'example.plant.Asset.1_TS',
      'example.plant.Skid.2_TS',
      'example.plant.Skid.2.inlet_TS',
      'example.plant.Skid.2.outlet_TS',
    ]);
    assert.deepEqual(
      plant.all.filter(({ kind }) => kind === 'ThingTemplate').map(({ name }) => name),
      ['example.plant.Skid.2_TT'],
    );
  });

  test('properties have base types, units, bounds and rights', () => {
    const opening = named(plant.shape('example.plant.Skid.2.inlet_TS').properties, 'inlet_opening');
    const { baseType, units, minimum, maximum, friendlyName, isPersistent } = opening;
    assert.deepEqual(
      { baseType, units, minimum, maximum, friendlyName, isPersistent },
      {
        baseType: 'INTEGER',
        units: '%',
        minimum: 0,
        maximum: 100,
        friendlyName: 'Opening',
        isPersistent: true,
      },
    );
    const asset = plant.shape('example.plant.Asset.1_TS');
    assert.equal(named(asset.properties, 'commissioned').baseType, 'DATETIME');
    const forbidden = (shape: typeof asset) =>
      shape.instancePermissions.filter(({ isForbidden }) => isForbidden).map(({ resource }) => resource);
    assert.deepEqual(forbidden(asset), ['serial', 'commissioned_reported']);
    assert.ok(forbidden(skid).includes('pressure'));
    assert.ok(!forbidden(skid).includes('mode'));
    assert.match(named(skid.properties, 'mode').description, /One of: 1 \(manual\), 2 \(Automatic\)\./);
    assert.equal(named(skid.properties, 'place').baseType, 'LOCATION');
    const flow = named(pump.shape('Factory.Pump_TS').properties, 'flow');
    assert.deepEqual([flow.units, flow.minimum, flow.maximum], ['l/s', 0, 12]);
    assert.equal(flow.isLogged, undefined);
    const logged = new Built([PUMP], { isLogged: true }).shape('Factory.Pump_TS');
    assert.equal(named(logged.properties, 'flow').isLogged, true);
  });

  test('objects and arrays have Data Shapes', () => {
    const fields = (name: string) =>
      plant.dataShape(name).fields.map((field) => [field.name, field.baseType] as const);
    assert.equal(named(skid.properties, 'position').dataShape, 'example.plant.Skid.2.position_DS');
    assert.deepEqual(fields('example.plant.Skid.2.position_DS'), [
      ['x', 'NUMBER'],
      ['label', 'STRING'],
    ]);
    assert.deepEqual(fields('example.plant.Skid.2.samples_DS'), [['value', 'NUMBER']]);
    assert.deepEqual(fields('example.plant.Skid.2.overloadEvent_DS'), [
      ['ampere', 'NUMBER'],
      ['reason', 'STRING'],
      ['time', 'DATETIME'],
    ]);
    assert.equal(named(skid.events, 'overloadEvent').dataShape, 'example.plant.Skid.2.overloadEvent_DS');
    const leak = named(pump.shape('Factory.Pump_TS').events, 'leakEvent');
    assert.deepEqual(
      pump.dataShape(leak.dataShape).fields.map(({ name }) => name),
      ['value', 'time'],
    );
  });

  test('commands are services whose parameters and results have types', () => {
    const blend = named(skid.services, 'blend');
    assert.deepEqual(
      blend.parameters.map(({ name, baseType }) => [name, baseType]),
      [
        ['default_', 'STRING'],
        ['parts', 'INFOTABLE'],
        ['start', 'DATETIME'],
      ],
    );
    assert.equal(blend.result.baseType, 'BOOLEAN');
    assert.equal(named(skid.services, 'reset').result.baseType, 'NOTHING');
    const stroke = named(plant.shape('example.plant.Skid.2.outlet_TS').services, 'outlet_stroke');
    assert.equal(stroke.result.dataShape, 'example.plant.Valve.1.stroke.summary_DS');
    assert.equal(stroke.parameters[0]?.isRequired, true);
    const callers = skid.instancePermissions.filter(({ resource }) => resource === 'blend');
    assert.deepEqual(
      callers.map(({ principal }) => principal),
      ['AzureIoT.Operators_UG', 'AzureIoT.Engineers_UG'],
    );
  });

  test('a writable property is sent as chosen: by the build, by property, by the model', () => {
    const channels = (built: Built) =>
      built
        .scripts()
        .flatMap(({ name, source }) => {
          const channel = /channel: "(\w+)"/.exec(source)?.[1];
          return channel === undefined ? [] : [`${name.split('.').at(-1)}=${channel}`];
        })
        .sort();
    assert.deepEqual(channels(pump), ['Write_mode=desired', 'Write_setpoint=message', 'Write_speed=method']);
    const chosen = new Built(PLANT, {
      sendAs: 'method',
      exceptions: { mode: 'message', 'inlet.opening': 'desired' },
    });
    assert.deepEqual(channels(chosen), [
      'Write_commissioned=method',
      'Write_inlet_opening=desired',
      'Write_limits=method',
      'Write_mode=message',
      'Write_outlet_opening=method',
    ]);
  });

  test('every script compiles in a real Rhino', {
    skip: engine.available ? false : engine.reason,
  }, async () => {
    const names = 'default delete in var me result answer value data row class'.split(' ');
    const awkward = {
      model: 'Awkward',
      telemetry: Object.fromEntries(
        names.map((name) => [name, { type: 'object', fields: { [name]: 'number' }, event: true }]),
      ),
      commands: {
        run: { parameters: Object.fromEntries(names.map((name) => [name, 'location'])), result: 'dateTime' },
      },
    };
    const separators = { model: 'Separators', commands: { c: { method: 'a\u2028b\u2029"c' } } };
    const sources = [plant, pump, new Built([awkward]), new Built([separators])].flatMap((built) =>
      built.scripts(),
    );
    assert.ok(sources.length > 20);
    const result = await compileInRhino(sources);
    assert.ok(result.available);
    assert.deepEqual(result.errors, []);
  });

  test('a name that Things have already gets an underscore, with a note', () => {
    const built = new Built([
      {
        model: 'Clash',
        telemetry: { name: 'string', deviceId: 'string', a_b: 'number' },
        commands: { GetTwin: {} },
      },
    ]);
    const shape = built.shape('Clash_TS');
    assert.deepEqual(
      shape.properties.map(({ name }) => name),
      ['name_', 'deviceId_', 'a_b'],
    );
    assert.equal(shape.services[0]?.name, 'GetTwin_');
    assert.match(String(shape.services[0]?.script), /method: "GetTwin"/);
    assert.equal(built.notes.length, 3);
  });

  test('names that the shapes of devices have are known to be taken', () => {
    const shapes = ENTITIES.filter(({ name }) =>
      ['Device_TS', 'Model_TS', 'EdgeDevice_TS', 'OpcPublisher_TS'].some(
        (ending) => name === `AzureIoT.${ending}`,
      ),
    );
    assert.equal(shapes.length, 4);
    for (const shape of shapes) {
      assert.ok(shape.kind === 'ThingShape');
      const members = [...shape.properties, ...shape.services, ...shape.events].map(({ name }) => name);
      assert.deepEqual(
        members.filter((name) => !TAKEN_NAMES.has(name)),
        [],
        shape.name,
      );
    }
  });

  test('texts of a model stay text in the files', () => {
    const forbidden = /[^\t\n\r\u0020-\uD7FF\uE000-\uFFFD\u{10000}-\u{10FFFF}]/gu;
    const texts = ['two\nlines\tof', '[[script 0]]', '\uFFFF0\uFFFF', 'a\u0001b\uD800c', `"><x y='&]]>`];
    for (const text of texts) {
      const built = new Built([
        {
          model: 'Hostile',
          title: text,
          description: text,
          telemetry: { x: { type: 'string', title: text, description: text, unit: text, values: [text] } },
          commands: { c: { title: text, description: text, method: text, result: 'string' } },
        },
      ]);
      const { properties } = built.shape('Hostile_TS');
      for (const entity of built.all) {
        const xml = entityXml(entity);
        assert.equal(XMLValidator.validate(xml), true, xml);
        assert.doesNotMatch(xml, forbidden);
        if (entity.kind !== 'ThingShape') continue;
        const parser = new XMLParser({ ignoreAttributes: false });
        const shape = parser.parse(xml).Entities.ThingShapes.ThingShape;
        const property = shape.PropertyDefinitions.PropertyDefinition;
        const expected = String(properties[0]?.friendlyName).replace(forbidden, '\uFFFD');
        assert.equal(property['@_aspect.friendlyName'], expected);
        assert.equal(property['@_aspect.units'], expected);
      }
    }
  });

  test('an event has its time, also when its object has a text of this name', () => {
    const fires = (type: string) => {
      const alarm = { type: 'object', fields: { code: 'integer', time: type }, event: true };
      const { subscriptions } = new Built([{ model: 'Alarms', telemetry: { alarm } }]).shape('Alarms_TS');
      return named(subscriptions, 'Fire_alarmEvent').script;
    };
    assert.match(fires('dateTime'), /data\["time"\] = row/);
    assert.match(fires('string'), /data\["code"\] = row/);
    assert.doesNotMatch(fires('string'), /data\["time"\] = row/);
  });

  test('what a device sends as x never goes to a writable property x_reported', () => {
    const writable = { type: 'number', writable: true };
    const members = (properties: Record<string, unknown>, telemetry: Record<string, unknown> = {}) =>
      new Built([{ model: 'M', telemetry, properties }]).shape('M_TS').properties.map(({ name }) => name);
    assert.deepEqual(members({ x_reported: writable, x: writable }), [
      'x_reported_',
      'x_reported__reported',
      'x',
      'x_reported',
    ]);
    assert.deepEqual(members({ x_reported: writable }, { x: 'number' }), [
      'x',
      'x_reported_',
      'x_reported__reported',
    ]);
    assert.deepEqual(members({}, { x_reported: 'number' }), ['x_reported']);
    const derived = () =>
      new Built([
        { model: 'Base', properties: { x_reported: writable } },
        { model: 'Derived', extends: ['Base'], telemetry: { x: 'number' } },
      ]);
    assert.throws(derived, /Derived_TS has the member x and Base_TS has x_reported/);
  });
});
