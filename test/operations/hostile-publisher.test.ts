import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import type { ModuleClient } from 'azure-iot-device';
import type { Row } from '../../scripts/local/platform.ts';
import { registerDevices } from '../../scripts/local/registry.ts';
import { ERRORS } from '../../sidecar/errors/catalogue.ts';
import { Factory, HUB_THING } from './factory.ts';

const EDGE = 'hostile-edge';
const MODULE = 'publisher';
const SERVER = 'opc.tcp://hostile:4840';
const METHODS = [
  'Browse_V2',
  'BrowseNext_V2',
  'ValueRead_V2',
  'NodeRead_V2',
  'GetConfiguredNodesOnEndpoint_V1',
  'AddOrUpdateEndpoints_V1',
];
/** What a method of a module may answer at most. */
const HUGE = 'x'.repeat(100_000);

type Answer = (method: string, request: Row) => unknown;

const variable = (nodeId: string, more: Row = {}) => ({
  nodeId,
  displayName: nodeId,
  nodeClass: 'Variable',
  dataType: 'Double',
  children: false,
  ...more,
});
const references = (...nodes: unknown[]) => nodes.map((target) => ({ target }));

/** A module in place of OPC Publisher that answers whatever it is told to, on Microsoft's client. */
class HostileModule {
  answer: Answer = () => ({});
  readonly asked: string[] = [];

  attach(client: ModuleClient): void {
    for (const method of METHODS)
      client.onMethod(method, (request, response) => {
        this.asked.push(method);
        const asked = (request?.payload as { request?: Row } | null)?.request ?? {};
        response?.send(200, this.answer(method, asked), () => undefined);
      });
  }
}

describe('an OPC Publisher that answers nonsense', () => {
  const factory = new Factory();
  const module = new HostileModule();
  before(async () => {
    await factory.start();
    const { platform, cloud } = factory.system;
    await registerDevices(cloud.iotHubConnectionString, [EDGE], { iotEdge: true });
    await factory.hub('CreateModule', { deviceId: EDGE, moduleId: MODULE });
    await platform.createThing(EDGE, 'AzureIoT.EdgeDevice_TT');
    await platform.invokeOn('Resources', 'EntityServices', 'AddShapeToThing', {
      name: EDGE,
      thingShapeName: 'AzureIoT.OpcPublisher_TS',
    });
    await platform.invoke(EDGE, 'RestartThing');
    await platform.setProperties(EDGE, { hubThing: HUB_THING, publisherModuleId: MODULE });
    module.attach(await factory.connectModule(EDGE, MODULE));
  });
  after(() => factory.stop());

  /** The rows of a service, or its error: one of the catalogue, of one line that a person can read. */
  async function outcome(service: string, parameters: Row): Promise<{ rows: Row[]; error: string }> {
    try {
      const { rows } = await factory.call<{ rows: Row[] }>(EDGE, service, {
        endpointUrl: SERVER,
        ...parameters,
      });
      assert.ok(JSON.stringify(rows).length < 1_000_000, `${service} gives ${JSON.stringify(rows).length}`);
      return { rows, error: '' };
    } catch (thrown) {
      const error = (thrown as Error).message;
      const code = /\b([A-Z]+(?:_[A-Z]+)+): /.exec(error)?.[1] ?? '';
      assert.ok(code in ERRORS && code !== 'INTERNAL', error.slice(0, 400));
      assert.doesNotMatch(error, /\[object |undefined|TypeError|RangeError|Maximum call stack/);
      assert.ok(error.length < 2_000, `${error.length} characters: ${error.slice(0, 200)}`);
      return { rows: [], error };
    }
  }

  const find = (parameters: Row = {}) => outcome('FindNodes', parameters);
  const bind = (nodeId: string) =>
    outcome('BindNodes', {
      thing: 'Hostile.Bound',
      createThing: true,
      nodes: {
        dataShape: {
          fieldDefinitions: { nodeId: { name: 'nodeId', baseType: 'STRING', ordinal: 0, aspects: {} } },
        },
        rows: [{ nodeId }],
      },
    });

  test('an answer of another form is refused or passed over, never taken for a node', async () => {
    const answers: unknown[] = [
      null,
      'text',
      7,
      [],
      [[]],
      { references: 'text' },
      { references: {} },
      { references: [1, null, 'text'] },
      { references: [{}] },
      { references: references(null, 1, 'text', []) },
      { references: references({ nodeId: {} }, { nodeId: 7 }, { nodeId: '' }, { nodeId: null }) },
      { references: [], continuationToken: {} },
      { errorInfo: 'text' },
      { errorInfo: { statusCode: 'text' } },
      { errorInfo: { statusCode: 2_147_483_648, symbolicId: {}, errorMessage: {} } },
      { errorInfo: { statusCode: 2_147_483_648, symbolicId: HUGE, errorMessage: '' } },
      { errorInfo: { statusCode: 2_147_483_648, symbolicId: 'Bad', errorMessage: HUGE } },
      { node: 'text' },
      { node: { nodeClass: HUGE } },
      { node: { nodeClass: {} } },
    ];
    for (const answer of answers) {
      module.answer = () => answer;
      const found = await find();
      assert.deepEqual(found.rows, [], JSON.stringify(answer).slice(0, 200));
      const bound = await bind('ns=2;s=Any');
      assert.ok(
        bound.error !== '' || bound.rows.every(({ state }) => state === 'failed'),
        JSON.stringify(answer).slice(0, 200),
      );
      for (const { message } of bound.rows) {
        assert.ok(String(message).length < 2_000, `${String(message).length} characters`);
        assert.doesNotMatch(String(message), /\[object /);
      }
    }
  });

  test('pages without an end, empty or the same again, end the search within its time', async () => {
    for (const nodes of [[], [variable('ns=2;s=Same')]]) {
      module.asked.length = 0;
      module.answer = () => ({ references: references(...nodes), continuationToken: 'next' });
      const { rows, error } = await find();
      if (nodes.length === 0) assert.match(error, /REQUEST_INVALID: The part of the tree|DEVICE_TIMEOUT: /);
      else assert.equal(rows[0]?.['isComplete'], false);
      assert.ok(module.asked.includes('BrowseNext_V2'));
    }
  });

  test('nodes that refer to each other, and to ever new ones, are read once and within bounds', async () => {
    module.answer = (_method, { nodeId }) => ({
      references: references(
        variable('ns=2;s=A', { children: true }),
        variable('ns=2;s=B', { children: true }),
        variable(String(nodeId), { children: true }),
      ),
    });
    const circle = await find();
    assert.deepEqual(
      circle.rows.map(({ nodeId }) => nodeId),
      ['ns=2;s=A', 'ns=2;s=B'],
    );
    module.answer = (_method, { nodeId }) => ({
      references: references(
        ...Array.from({ length: 5 }, (_, i) => variable(`${String(nodeId)}.${i}`, { children: true })),
      ),
    });
    const endless = await find({ maxDepth: 20, maxNodes: 200 });
    assert.equal(endless.rows.length, 200);
    assert.equal(endless.rows[0]?.['isComplete'], false);
  });

  test('huge names are cut, and a node whose id no service takes is passed over', async () => {
    module.answer = (_method, { nodeId }) => ({
      references: references(
        variable(`${String(nodeId)}.1`, {
          displayName: HUGE,
          dataType: HUGE,
          nodeClass: 'Variable',
          children: true,
        }),
        variable(`ns=2;s=${'y'.repeat(3_000)}`),
      ),
    });
    const { rows } = await find({ maxDepth: 10 });
    assert.equal(rows.length, 10);
    for (const { displayName, path, dataType, nodeId } of rows)
      for (const text of [displayName, path, dataType, nodeId])
        assert.ok(String(text).length <= 3_000, `${String(text).length} characters`);
  });

  test('names like members of objects are names', async () => {
    const names = [
      '__proto__',
      'constructor',
      'toString',
      'hasOwnProperty',
      'nodeBindings',
      '"; me.x(); "',
      '\u0000',
      '',
    ];
    module.answer = () => ({
      references: references(...names.map((name, i) => variable(`ns=2;i=${i}`, { displayName: name }))),
    });
    const { rows } = await find();
    assert.deepEqual(
      rows.map(({ nodeId }) => nodeId),
      names.map((_, i) => `ns=2;i=${i}`),
    );
    for (const [i, name] of [...names, HUGE].entries()) {
      module.answer = (method) =>
        method === 'GetConfiguredNodesOnEndpoint_V1'
          ? { opcNodes: [] }
          : { node: variable(`ns=2;i=${i}`, { displayName: name, dataType: name }), dataType: 'Double' };
      const [bound] = (await bind(`ns=2;i=${i}`)).rows;
      assert.ok(bound, name.slice(0, 20));
      assert.ok(String(bound['property']).length <= 255, `${String(bound['property']).length} characters`);
    }
  });

  test('the server that tells of fewer nodes than asked for says nothing of the others', async () => {
    module.answer = (method) => (method === 'NodeRead_V2' ? { results: [] } : { opcNodes: [] });
    const { rows } = await outcome('ListBindings', {});
    assert.ok(rows.length > 0);
    for (const { serverStatus, code } of rows)
      assert.deepEqual([serverStatus, code], ['', 'DEVICE_RESPONSE_INVALID']);
  });

  test('the sidecar has met no error of its own, and works on', async () => {
    const { state } = await factory.hub('GetStatus');
    assert.equal(state, 'running');
    module.answer = () => ({ references: references(variable('ns=2;s=Good')) });
    assert.deepEqual(
      (await find()).rows.map(({ nodeId }) => nodeId),
      ['ns=2;s=Good'],
    );
  });
});
