import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, before, describe, test } from 'node:test';
import common from 'azure-iot-common';
import type { Client, Twin } from 'azure-iot-device';
import type { Row } from '../../scripts/local/platform.ts';
import { PLANT, PUMP, SKID_ID } from '../models/plant-models.ts';
import { eventually, Factory, HUB_THING } from './factory.ts';

const TEMPLATE = 'example.plant.Skid.2_TT';

function bare(section: unknown): Row {
  return Object.fromEntries(Object.entries((section ?? {}) as Row).filter(([name]) => !name.startsWith('$')));
}

function report(twin: Twin, patch: Row): Promise<void> {
  return new Promise((resolve, reject) => {
    twin.properties.reported.update(patch, (error: Error | undefined) => (error ? reject(error) : resolve()));
  });
}

/** One message of a device, of a component where it is named. */
function send(client: Client, body: Row, component?: string): Promise<unknown> {
  const message = new common.Message(JSON.stringify(body));
  message.contentType = 'application/json';
  message.contentEncoding = 'utf-8';
  if (component !== undefined) message.properties.add('$.sub', component);
  return client.sendEvent(message);
}

/** The rows of an INFOTABLE value. */
function rowsOf(value: unknown): Row[] {
  return ((value as { rows?: Row[] } | undefined)?.rows ?? []) as Row[];
}

describe('things made of device models', () => {
  const factory = new Factory({ builtInSources: ['twinChangeEvents', 'deviceLifecycleEvents'] });
  let directory = '';

  /** Makes a package by the service, and imports it as an administrator does. */
  async function install(models: unknown, choices: Row = {}): Promise<Row> {
    const made = await factory.hub<Row>('BuildModelPackage', {
      models: Array.isArray(models) ? { array: models } : models,
      repository: 'SystemRepository',
      path: '/models.zip',
      ...choices,
    });
    const content = await factory.call<string>('SystemRepository', 'LoadBinary', { path: '/models.zip' });
    const file = path.join(directory, 'models.zip');
    await writeFile(file, Buffer.from(content, 'base64'));
    await factory.system.platform.importExtension(file);
    for (const template of String(made['templates']).split(', '))
      await factory.hub('GrantPermissions', { template });
    return made;
  }

  async function device(deviceId: string, modelId?: string): Promise<{ client: Client; twin: Twin }> {
    await factory.hub('CreateDevice', { deviceId });
    const client = await factory.connect(deviceId, 'mqtt', modelId === undefined ? {} : { modelId });
    const twin = await client.getTwin();
    twin.on('properties.desired', () => undefined);
    return { client, twin };
  }

  before(async () => {
    directory = await mkdtemp(path.join(tmpdir(), 'azure-iot-models-'));
    await factory.start();
    const made = await install(PLANT);
    assert.equal(made['templates'], TEMPLATE);
    assert.equal(made['notes'], '');
  });
  after(async () => {
    await factory.stop();
    await rm(directory, { recursive: true, force: true });
  });

  test('an import gives a device the template of its model; telemetry is typed', async () => {
    const { client, twin } = await device('skid-1', SKID_ID);
    await factory.hub('StartImport', { deviceIds: { array: ['skid-1'] } });
    await eventually(async () => assert.equal((await factory.read('skid-1'))['modelId'], SKID_ID));
    assert.equal((await factory.read('skid-1'))['thingTemplate'], TEMPLATE);
    await send(client, {
      pressure: 4.5,
      position: { x: 2, label: 'north' },
      samples: [1, 2.5],
      place: { type: 'Point', coordinates: [8.5, 47.25, 400] },
    });
    await send(client, { temperature: 61.5 }, 'inlet');
    await eventually(async () => {
      const values = await factory.read('skid-1');
      assert.equal(values['pressure'], 4.5);
      assert.equal(values['inlet_temperature'], 61.5);
      assert.deepEqual(rowsOf(values['position']), [{ x: 2, label: 'north' }]);
      assert.deepEqual(rowsOf(values['samples']), [{ value: 1 }, { value: 2.5 }]);
      assert.deepEqual(values['place'], { latitude: 47.25, longitude: 8.5, elevation: 400 });
    });
    await report(twin, { serial: 'S-17', inlet: { __t: 'c', strokes: 12345678901 } });
    await eventually(async () => {
      const values = await factory.read('skid-1');
      assert.equal(values['serial'], 'S-17');
      assert.equal(values['inlet_strokes'], 12345678901);
    });
  });

  test('a command is a service with typed parameters and a typed result', async () => {
    const { client } = await device('skid-2', SKID_ID);
    await factory.hub('CreateDevice', { deviceId: 'skid-2', createIdentity: false, createThing: true });
    assert.equal((await factory.read('skid-2'))['thingTemplate'], TEMPLATE);
    const asked: Record<string, unknown> = {};
    const answer = (method: string, payload: unknown) =>
      client.onDeviceMethod(method, (request, response) => {
        asked[method] = request.payload;
        response.send(200, payload, () => undefined);
      });
    answer('inlet*stroke', { count: 3, mean: 0.5, ended: '2026-03-01T10:00:00Z' });
    answer('blend', true);
    answer('reset', null);
    const since = Date.UTC(2026, 0, 31);
    // The SDK does not say when it listens.
    const table = await eventually(() => factory.system.platform.invoke('skid-2', 'inlet_stroke', { since }));
    assert.deepEqual(rowsOf(table), [{ count: 3, mean: 0.5, ended: Date.UTC(2026, 2, 1, 10) }]);
    assert.equal(asked['inlet*stroke'], '2026-01-31T00:00:00.000Z');
    const parts = {
      dataShape: {
        fieldDefinitions: { value: { name: 'value', baseType: 'INTEGER', ordinal: 0, aspects: {} } },
      },
      rows: [{ value: 7 }, { value: 9 }],
    };
    assert.equal(await factory.call('skid-2', 'blend', { default_: 'base', parts, start: since }), true);
    assert.deepEqual(asked['blend'], {
      default: 'base',
      parts: [7, 9],
      start: '2026-01-31T00:00:00.000Z',
    });
    await factory.call('skid-2', 'reset');
    assert.ok('reset' in asked);
    await assert.rejects(factory.call('skid-2', 'inlet_stroke'), /REQUEST_INVALID: since is required\./);
    client.onDeviceMethod('outlet*stroke', (_request, response) => {
      response.send(409, { reason: 'jammed' }, () => undefined);
    });
    const refused = await eventually(async () => {
      const thrown = await factory.call('skid-2', 'outlet_stroke', { since }).then(
        () => undefined,
        (error: Error) => error,
      );
      assert.doesNotMatch(String(thrown?.message), /DEVICE_OFFLINE/);
      return thrown;
    });
    assert.match(String(refused?.message), /COMMAND_REFUSED: .*outlet\*stroke.*409.*jammed/);
  });

  test('a writable property reaches the desired properties of the device, once, and what comes back is no loop', async () => {
    const { twin } = await device('skid-3', SKID_ID);
    await factory.hub('CreateDevice', { deviceId: 'skid-3', createIdentity: false, createThing: true });
    const desired = () => bare(twin.properties.desired);
    await factory.system.platform.setProperties('skid-3', { mode: 2 });
    await eventually(async () => assert.equal(desired()['mode'], 2));
    await factory.system.platform.setProperties('skid-3', { inlet_opening: 40 });
    await eventually(async () => assert.deepEqual(desired()['inlet'], { __t: 'c', opening: 40 }));
    await report(twin, {
      mode: { value: 2, ac: 200, av: 2, ad: 'done' },
      inlet: { __t: 'c', opening: { value: 38, ac: 202, av: 3 } },
    });
    await eventually(async () => {
      const values = await factory.read('skid-3');
      assert.equal(values['mode_reported'], 2);
      assert.equal(values['inlet_opening_reported'], 38);
    });
    // Somebody else sets them in the hub: the Thing follows.
    await factory.call('skid-3', 'UpdateTwin', { desired: { mode: 1, limits: { low: 1, high: 9 } } });
    await eventually(async () => {
      const values = await factory.read('skid-3');
      assert.equal(values['mode'], 1);
      assert.deepEqual(rowsOf(values['limits']), [{ low: 1, high: 9 }]);
    });
    const version = async () => {
      const { properties } = await factory.call<{ properties: { desired: Row } }>('skid-3', 'GetTwin');
      return Number(properties.desired['$version']);
    };
    const before = await version();
    // Behind what the Thing has received, if anything was sent back.
    await factory.system.platform.setProperties('skid-3', { mode: 2 });
    await eventually(async () => assert.equal(desired()['mode'], 2));
    assert.equal(await version(), before + 1);
  });

  test('telemetry that is an event fires one', async () => {
    const { client } = await device('skid-4', SKID_ID);
    await factory.hub('CreateDevice', { deviceId: 'skid-4', createIdentity: false, createThing: true });
    await factory.listen('skid-4', 'overloadEvent', ['ampere', 'reason', 'time']);
    await send(client, { overload: { ampere: 21.5, reason: 'stuck' } });
    const [heard] = await eventually(async () => {
      const all = await factory.heard('skid-4', 'overloadEvent');
      assert.equal(all.length, 1);
      return all;
    });
    assert.equal(heard?.['ampere'], 21.5);
    assert.equal(heard?.['reason'], 'stuck');
    assert.ok(heard?.['time']);
  });

  test('a model in the short form does the same; values go by message and by method', async () => {
    const made = await install(PUMP, { packageName: 'FactoryPumps' });
    assert.equal(made['templates'], 'Factory.Pump_TT');
    const { client } = await device('pump-1');
    await factory.hub('CreateDevice', {
      deviceId: 'pump-1',
      createIdentity: false,
      createThing: true,
      modelId: 'Factory.Pump',
    });
    assert.equal((await factory.read('pump-1'))['thingTemplate'], 'Factory.Pump_TT');
    const next = factory.inbox(client);
    await factory.system.platform.setProperties('pump-1', { setpoint: 7.5 });
    assert.deepEqual(JSON.parse((await next()).getData().toString()), { setpoint: 7.5 });
    // A device that says its setpoint under the same name starts no loop.
    await send(client, { setpoint: 7.25, spectrum: [{ frequency: 50, level: 0.5 }] });
    await eventually(async () => {
      const values = await factory.read('pump-1');
      assert.equal(values['setpoint_reported'], 7.25);
      assert.equal(values['setpoint'], 7.5);
      assert.deepEqual(rowsOf(values['spectrum']), [{ frequency: 50, level: 0.5 }]);
    });
    const speeds: unknown[] = [];
    client.onDeviceMethod('speed', (request, response) => {
      speeds.push(request.payload);
      response.send(200, null, () => undefined);
    });
    client.onDeviceMethod('Prime', (request, response) => {
      response.send(200, `primed ${(request.payload as Row)['seconds']} s`, () => undefined);
    });
    assert.equal(await eventually(() => factory.call('pump-1', 'prime', { seconds: 3 })), 'primed 3 s');
    await factory.system.platform.setProperties('pump-1', { speed: 1450 });
    await eventually(async () => assert.deepEqual(speeds, [1450]));
    await factory.system.platform.setProperties('pump-1', { setpoint: 8 });
    assert.deepEqual(JSON.parse((await next()).getData().toString()), { setpoint: 8 });
  });

  test('names that every object of a script has are ordinary names; an error has a part of a long answer', async () => {
    const names = { model: 'Factory.Names', properties: { constructor: { type: 'string', writable: true } } };
    await install(
      { ...names, commands: { count: { result: 'integer' }, refuse: {} } },
      { packageName: 'FactoryNames' },
    );
    const { client, twin } = await device('names-1');
    await factory.hub('CreateDevice', {
      deviceId: 'names-1',
      createIdentity: false,
      createThing: true,
      modelId: 'Factory.Names',
    });
    await factory.system.platform.setProperties('names-1', { constructor: 'ACME' });
    await eventually(async () => {
      const { desired } = (await client.getTwin()).properties;
      assert.deepEqual(bare(desired)['constructor'], 'ACME');
    });
    await report(twin, { constructor: 'ACME Ltd' });
    await eventually(async () =>
      assert.equal((await factory.read('names-1'))['constructor_reported'], 'ACME Ltd'),
    );
    const long = 'x'.repeat(10_000);
    client.onDeviceMethod('count', (_, response) => void response.send(200, long, () => undefined));
    client.onDeviceMethod('refuse', (_, response) => void response.send(400, long, () => undefined));
    for (const [command, code] of [
      ['count', 'MODEL_MISMATCH'],
      ['refuse', 'COMMAND_REFUSED'],
    ] as const)
      await eventually(async () => {
        const refused = await factory.call('names-1', command, {}).then(
          () => undefined,
          (thrown: Error) => thrown,
        );
        assert.match(String(refused?.message), new RegExp(`${code}: `));
        assert.doesNotMatch(String(refused?.message), /x{501}/);
      });
  });

  test('a device that sends before it has a Thing gets the template of its model', async () => {
    await factory.system.platform.setProperties(HUB_THING, { unknownThing: 'create' });
    const { client } = await device('skid-5', SKID_ID);
    await eventually(async () => {
      await send(client, { pressure: 3 });
      assert.equal((await factory.read('skid-5'))['thingTemplate'], TEMPLATE);
    });
  });
});
