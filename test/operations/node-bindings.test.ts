import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { after, before, describe, test } from 'node:test';
import { OPC_SERVER, OpcPublisher } from '../../scripts/local/factory/opc-publisher.ts';
import type { Row } from '../../scripts/local/platform.ts';
import { registerDevices } from '../../scripts/local/registry.ts';
import { eventually, Factory, HUB_THING } from './factory.ts';

const EDGE = 'bind-edge';
const MODULE = 'opcpublisher';
const SPEED = 'ns=2;s=Line1.Filler.Speed';
const BOTTLES = 'ns=2;s=Line1.Filler.Bottles';
const TORQUE = 'ns=2;s=Line1.Capper.Torque';
const RUNNING = 'ns=2;s=Line1.Running';
const STREAM = 'AzureIoT.DeviceValues';

/** Nodes of an OPC UA server bound to properties, through an Edge module on Microsoft's client. */
describe('bindings of nodes', () => {
  const factory = new Factory({ hubSettings: { unknownProperty: 'create' } });
  const publisher = new OpcPublisher(EDGE, MODULE);
  const { system } = factory;
  let ca = '';
  let moduleKey = '';

  before(async () => {
    await factory.start();
    const { platform, cloud } = system;
    await registerDevices(cloud.iotHubConnectionString, [EDGE], { iotEdge: true });
    await factory.hub('CreateModule', { deviceId: EDGE, moduleId: MODULE });
    await platform.createThing(EDGE, 'AzureIoT.EdgeDevice_TT');
    await platform.invokeOn('Resources', 'EntityServices', 'AddShapeToThing', {
      name: EDGE,
      thingShapeName: 'AzureIoT.OpcPublisher_TS',
    });
    await platform.invoke(EDGE, 'RestartThing');
    await platform.setProperties(EDGE, { hubThing: HUB_THING, publisherModuleId: MODULE });
    ca = await readFile(cloud.caFile, 'utf8');
    const keys = await factory.hub<{ connectionString: string }>('GetDeviceKeys', {
      deviceId: EDGE,
      moduleId: MODULE,
    });
    moduleKey = keys.connectionString;
    await publisher.open(moduleKey, ca);
  });
  after(async () => {
    await publisher.close();
    await factory.stop();
  });

  const rows = async (service: string, parameters: Row = {}) =>
    (await factory.call<{ rows: Row[] }>(EDGE, service, parameters)).rows;
  const table = (list: readonly Row[]) => ({
    dataShape: {
      fieldDefinitions: Object.fromEntries(
        Object.entries({
          nodeId: 'STRING',
          property: 'STRING',
          isWritable: 'BOOLEAN',
          thing: 'THINGNAME',
        }).map(([name, baseType], ordinal) => [
          name,
          { name, baseType, description: '', ordinal, aspects: {} },
        ]),
      ),
    },
    rows: list,
  });
  const bind = (thing: string, nodes: readonly Row[], parameters: Row = {}) =>
    rows('BindNodes', { endpointUrl: OPC_SERVER, thing, nodes: table(nodes), ...parameters });
  const unbind = (thing: string, properties: readonly string[], parameters: Row = {}) =>
    rows('UnbindNodes', {
      bindings: table(properties.map((property) => ({ thing, property }))),
      ...parameters,
    });
  const definition = async (thing: string, name: string) =>
    ((await factory.call<{ rows: Row[] }>(thing, 'GetPropertyDefinitions')).rows ?? []).find(
      (row) => row.name === name,
    );
  /** Lets the publisher send until the Thing shows what is expected. */
  const shown = (thing: string, expected: Row) =>
    eventually(async () => {
      await publisher.tick();
      const values = await factory.read(thing);
      for (const [name, value] of Object.entries(expected)) assert.equal(values[name], value, name);
    });
  const configured = async (writer: Row = {}) =>
    (await rows('GetConfiguredNodes', { endpointUrl: OPC_SERVER, ...writer }).catch(() => [])).map(
      ({ id, fieldId }) => [id, fieldId],
    );

  test('nodes are found in a subtree by name, class and type, within bounds', async () => {
    const find = async (parameters: Row) =>
      (await rows('FindNodes', { endpointUrl: OPC_SERVER, ...parameters })).map(({ nodeId }) => nodeId);
    assert.deepEqual((await find({})).sort(), [TORQUE, BOTTLES, SPEED, RUNNING].sort());
    assert.deepEqual(await find({ name: 'S*D' }), [SPEED]);
    assert.deepEqual(await find({ name: 'ottle' }), [BOTTLES]);
    assert.deepEqual(await find({ dataType: 'Boolean' }), [RUNNING]);
    assert.deepEqual(await find({ nodeClass: 'Object', nodeId: 'ns=2;s=Line1' }), ['ns=2;s=Line1.Filler']);
    const [speed] = await rows('FindNodes', { endpointUrl: OPC_SERVER, name: 'Speed' });
    assert.deepEqual([speed?.path, speed?.dataType, speed?.isComplete], ['Line 1/Filler', 'Double', true]);
    const cut = await rows('FindNodes', { endpointUrl: OPC_SERVER, maxNodes: 2 });
    assert.deepEqual([cut.length, cut[0]?.isComplete], [2, false]);
    await assert.rejects(
      rows('FindNodes', { endpointUrl: OPC_SERVER, name: 'Speed', maxDepth: 1 }),
      /REQUEST_INVALID: The part of the tree that was searched has no such node/,
    );
    await assert.rejects(
      rows('FindNodes', { endpointUrl: OPC_SERVER, nodeId: 'ns=2;s=Gone' }),
      /MODULE_FAILED: Browsing ns=2;s=Gone .*BadNodeIdUnknown/,
    );
  });

  test('one call makes the Thing, typed properties with units, publishing, mapping and history', async () => {
    const bound = await bind(
      'Filler',
      [{ nodeId: SPEED }, { nodeId: BOTTLES }, { nodeId: 'ns=2;s=Gone' }, { nodeId: 'ns=2;s=Line1' }],
      {
        createThing: true,
        project: 'AzureIoT.Connector',
        writerGroup: 'line-1',
        publishingIntervalMs: 1_000,
        samplingIntervalMs: 500,
        heartbeatSeconds: 30,
        logged: true,
        valueStream: STREAM,
      },
    );
    assert.deepEqual(
      bound.map(({ property, state, baseType, units, minimum, maximum }) => [
        property,
        state,
        baseType,
        units,
        minimum,
        maximum,
      ]),
      [
        ['Speed', 'published', 'NUMBER', 'r/min', 0, 300],
        ['Bottles', 'published', 'INTEGER', '', undefined, undefined],
        ['', 'failed', '', '', undefined, undefined],
        ['', 'failed', '', '', undefined, undefined],
      ],
    );
    assert.match(String(bound[2]?.message), /BadNodeIdUnknown/);
    assert.match(String(bound[3]?.message), /is Object; expected a Variable/);
    const speed = await definition('Filler', 'Speed');
    assert.deepEqual([speed?.baseType, speed?.isLogged], ['NUMBER', true]);
    assert.match(String(speed?.description), /Range: 0 to 300/);
    const [node] = await rows('GetConfiguredNodes', {
      endpointUrl: OPC_SERVER,
      writerGroup: 'line-1',
      publishingIntervalMs: 1_000,
    });
    assert.deepEqual(
      [node?.fieldId, node?.samplingIntervalMs, node?.heartbeatSeconds],
      ['twx:Filler/Speed', 500, 30],
    );
    await shown('Filler', { Speed: 120 });
    const history = await system.platform.history('Filler', 100);
    assert.ok(history.some(({ Speed }) => Speed === 120));
    // The device of the module has no property for the field: the values go to the bound Thing alone.
    assert.ok(!Object.keys(await factory.read(EDGE)).some((name) => name.includes('Speed')));
  });

  test('a second call changes nothing, and settings that changed move the nodes to another writer', async () => {
    const writer = { writerGroup: 'line-1', publishingIntervalMs: 1_000 };
    const again = await bind('Filler', [{ nodeId: SPEED }], writer);
    assert.deepEqual([again[0]?.property, again[0]?.state], ['Speed', 'published']);
    assert.equal((await configured(writer)).length, 2);
    await bind('Filler', [{ nodeId: SPEED }, { nodeId: BOTTLES }], { writerGroup: 'line-2' });
    assert.deepEqual(await configured(writer), []);
    assert.equal((await configured({ writerGroup: 'line-2' })).length, 2);
    assert.equal((await rows('ListBindings', { thing: 'Filler' })).length, 2);
  });

  test('names that are taken, base types that do not fit and other refusals concern one node', async () => {
    const { platform } = system;
    await platform.addProperty('Filler', 'Torque', 'BOOLEAN');
    await platform.addProperty('Filler', 'Text', 'STRING');
    const bound = await bind('Filler', [{ nodeId: TORQUE }, { nodeId: RUNNING, property: 'Text' }], {
      writerGroup: 'line-2',
    });
    assert.deepEqual(
      bound.map(({ property, state }) => [property, state]),
      [
        ['Torque_2', 'published'],
        ['Text', 'published'],
      ],
    );
    const refused = await bind('Filler', [
      { nodeId: TORQUE, property: 'Torque' },
      { nodeId: RUNNING, property: 'Speed' },
    ]);
    assert.match(String(refused[0]?.message), /Torque has the base type BOOLEAN; the node needs NUMBER/);
    assert.match(String(refused[1]?.message), /The property Speed is bound to ns=2;s=Line1\.Filler\.Speed/);
    await assert.rejects(bind('Nowhere', [{ nodeId: SPEED }]), /There is no Thing Nowhere.* Set createThing/);
    await assert.rejects(
      bind('Filler', [{ nodeId: SPEED }, { nodeId: SPEED }]),
      /REQUEST_INVALID: nodes names .* twice/,
    );
    await assert.rejects(bind('Filler', []), /REQUEST_INVALID: nodes is empty/);
    assert.equal(
      (await configured({ writerGroup: 'line-2' })).length,
      4,
      'what was refused has moved nothing',
    );
    await shown('Filler', { Text: 'true' });
  });

  test('a property that is set is written to its node, and no value of the node comes back to it', async () => {
    await bind(
      'Drive',
      [
        { nodeId: SPEED, property: 'setpoint' },
        { nodeId: BOTTLES, property: 'count' },
      ],
      {
        createThing: true,
        isWritable: true,
      },
    );
    const [count] = (await rows('ListBindings', { thing: 'Drive' })).filter(
      ({ property }) => property === 'count',
    );
    assert.equal(count?.isWritable, false, 'the server does not allow it');
    await factory.listen('Drive', 'NodeWriteFailed', ['property', 'code', 'message']);
    await system.platform.setProperties('Drive', { setpoint: 180 });
    await eventually(async () => assert.equal(publisher.valueOf(SPEED), 180));
    await shown('Drive', { setpoint_reported: 180 });
    // Another client of the server changes it: the property shows that, and what was set is not written again.
    publisher.setValue(SPEED, 90);
    await shown('Drive', { setpoint_reported: 90, setpoint: 180 });
    assert.equal(publisher.valueOf(SPEED), 90);
    await system.platform.setProperties('Drive', { setpoint: 999 });
    await eventually(async () => {
      const [failure] = await factory.heard('Drive', 'NodeWriteFailed');
      assert.match(
        String(failure?.message),
        /REQUEST_INVALID: The value 999 is outside the range of the node; expected 0 to 300/,
      );
    });
    assert.equal(publisher.valueOf(SPEED), 90);
    // The last of several values wins.
    for (const setpoint of [100, 110, 120]) await system.platform.setProperties('Drive', { setpoint });
    await eventually(async () => assert.equal(publisher.valueOf(SPEED), 120));
  });

  test('the table shows state, last value and what the server says', async () => {
    await shown('Drive', { setpoint_reported: 120 });
    const [row] = (await rows('ListBindings', { thing: 'Drive' })).filter(
      ({ property }) => property === 'setpoint',
    );
    assert.deepEqual(
      [row?.state, row?.value, row?.quality, row?.serverStatus, row?.units, row?.isWritable],
      ['published', '120', 'GOOD', 'Good', 'r/min', true],
    );
    assert.ok(Number(row?.time) > 0);
    const listed = await factory.call<{ rows: Row[] }>('AzureIoT.MashupServices', 'ListBindings', {
      thing: EDGE,
    });
    assert.ok(listed.rows.some(({ thing, property }) => thing === 'Drive' && property === 'setpoint'));
    await factory.call(EDGE, 'UnpublishAllNodes', { endpointUrl: OPC_SERVER });
    const states = (await rows('ListBindings', { thing: 'Drive' })).map(({ state }) => state);
    assert.deepEqual(states, ['notPublished', 'notPublished']);
  });

  test('a folder with more nodes than one answer has is searched page by page, and bound in parts', async () => {
    publisher.addCounters(250);
    const counters = await rows('FindNodes', { endpointUrl: OPC_SERVER, name: 'Counter *', maxNodes: 300 });
    assert.deepEqual([counters.length, counters[249]?.isComplete], [250, true]);
    const nodes = counters.map(({ nodeId }) => ({ nodeId }));
    await assert.rejects(bind('Drive', nodes), /REQUEST_INVALID: nodes has 250 rows; expected at most 50/);
    const bound = await bind('Counters', nodes.slice(0, 50), { createThing: true, writerGroup: 'counters' });
    assert.ok(bound.every(({ state, baseType }) => state === 'published' && baseType === 'LONG'));
    await shown('Counters', { Counter_1: 1, Counter_50: 50 });
    const removed = await unbind(
      'Counters',
      bound.map(({ property }) => String(property)),
      { removeProperties: true },
    );
    assert.ok(removed.every(({ state }) => state === 'unbound'));
    assert.deepEqual(await configured({ writerGroup: 'counters' }), []);
  });

  test('while OPC Publisher is away nothing is half done without a word, and the next call finishes it', async () => {
    await publisher.close();
    await assert.rejects(bind('Drive', [{ nodeId: SPEED, property: 'setpoint' }]), /DEVICE_OFFLINE/);
    const refused = await unbind('Drive', ['setpoint']);
    assert.deepEqual([refused[0]?.state, refused[0]?.code], ['failed', 'DEVICE_OFFLINE']);
    const [away] = await rows('ListBindings', { thing: 'Drive' });
    assert.deepEqual([away?.state, away?.code], ['unknown', 'DEVICE_OFFLINE']);
    await publisher.open(moduleKey, ca);
    await eventually(async () => {
      const bound = await bind('Drive', [{ nodeId: SPEED, property: 'setpoint', isWritable: true }]);
      assert.equal(bound[0]?.state, 'published');
    });
    await shown('Drive', { setpoint_reported: 120 });
  });

  test('the module signs in at the server as the Thing says', async () => {
    const { platform } = system;
    await platform.setProperties(EDGE, { serverUserName: 'plc', serverPassword: 'secret' });
    const [bound] = await bind('Secured', [{ nodeId: RUNNING }], {
      createThing: true,
      writerGroup: 'secured',
    });
    assert.equal(bound?.state, 'published');
    const endpoints = await rows('GetConfiguredEndpoints');
    const { detail } = endpoints.find(({ writerGroup }) => writerGroup === 'secured') as { detail: Row };
    assert.deepEqual([detail.opcAuthenticationUsername, detail.opcAuthenticationPassword], ['plc', 'secret']);
    // Without the user of its binding a node could not be unpublished.
    const [drive] = await rows('ListBindings', { thing: 'Drive' });
    assert.match(`${drive?.code}: ${drive?.message}`, /REQUEST_INVALID: .* is published with the user ""/);
    assert.equal((await unbind('Secured', ['Running']))[0]?.state, 'unbound');
    await platform.setProperties(EDGE, { serverUserName: '' });
  });

  test('unbinding undoes just that: nodes of others stay, properties only if asked', async () => {
    const other = {
      dataShape: {
        fieldDefinitions: {
          id: { name: 'id', baseType: 'STRING', description: '', ordinal: 0, aspects: {} },
        },
      },
      rows: [{ id: SPEED }],
    };
    await factory.call(EDGE, 'PublishNodes', { endpointUrl: OPC_SERVER, nodes: other });
    const kept = await unbind('Drive', ['setpoint', 'unknown']);
    assert.deepEqual(
      kept.map(({ state, nodeId }) => [state, nodeId]),
      [
        ['unbound', SPEED],
        ['notBound', ''],
      ],
    );
    assert.deepEqual(await configured(), [[SPEED, undefined]]);
    assert.ok(await definition('Drive', 'setpoint_reported'));
    await system.platform.setProperties('Drive', { setpoint: 33 });
    const removed = await unbind('Filler', ['Speed', 'Text', 'Torque_2', 'Bottles'], {
      removeProperties: true,
    });
    assert.deepEqual(
      removed.map(({ state, removedProperties }) => [state, removedProperties ?? '']),
      [
        ['unbound', 'Speed'],
        ['unbound', ''],
        ['unbound', 'Torque_2'],
        ['unbound', 'Bottles'],
      ],
    );
    assert.equal(await definition('Filler', 'Speed'), undefined);
    assert.ok(await definition('Filler', 'Text'), 'the binding has not added it');
    assert.deepEqual(await configured({ writerGroup: 'line-2' }), []);
    assert.equal(publisher.valueOf(SPEED), 120, 'what is no longer bound is not written');
  });
});
