import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import type { ModuleClient } from 'azure-iot-device';
import type { Row } from '../../scripts/local/platform.ts';
import { registerDevices } from '../../scripts/local/registry.ts';
import { parseExact } from '../../sidecar/lib/exact-json.ts';
import { Factory, HUB_THING } from './factory.ts';

const EDGE = 'opc-edge';
const SERVER = 'opc.tcp://plc:4840';

interface Entry extends Row {
  readonly EndpointUrl: string;
  readonly DataSetWriterGroup?: string;
  OpcNodes: Row[];
}

/**
 * OPC Publisher 2.9 as its documentation and its PublishedNodesJsonServices describe it: the configuration API (V1) and the twin API (V2). Nodes
 * come in Pascal or camel case, and go out in camel case.
 */
class Publisher {
  entries: Entry[] = [];
  readonly values = new Map<string, unknown>([['ns=2;s=Speed', 12.5]]);
  readonly asked: { readonly method: string; readonly payload: Row }[] = [];
  /** What another version of the module might answer, in place of its true answers. */
  strange: { readonly answer: unknown } | undefined;

  attach(module: ModuleClient): void {
    const answer = (method: string, work: (payload: never) => unknown) =>
      module.onMethod(method, (request, response) => {
        const payload = request?.payload as Row;
        this.asked.push({ method, payload });
        try {
          void response?.send(200, this.strange ? this.strange.answer : (work(payload as never) ?? {}));
        } catch (error) {
          void response?.send(404, { title: 'ResourceNotFound', detail: (error as Error).message });
        }
      });
    answer('AddOrUpdateEndpoints_V1', (entries: Entry[]) => {
      for (const { OpcNodes, ...entry } of entries) {
        const nodes = OpcNodes.map(camelCase);
        if (nodes.length === 0) this.entries.splice(this.entries.indexOf(this.#require(entry)), 1);
        else if (this.#find(entry)) this.#require(entry).OpcNodes = nodes;
        else this.entries.push({ ...entry, OpcNodes: nodes } as Entry);
      }
    });
    answer('UnpublishAllNodes_V1', (entry: Partial<Entry>) => {
      // With an endpoint it would drop all other groups: nobody should call it so.
      if (entry.EndpointUrl !== undefined) throw new Error('Unexpected');
      this.entries = [];
    });
    answer('GetConfiguredEndpoints_V1', () => ({
      endpoints: this.entries.map((entry) => ({
        endpointUrl: entry.EndpointUrl,
        dataSetWriterGroup: entry.DataSetWriterGroup,
        dataSetPublishingIntervalTimespan: '00:00:05',
        useSecurity: entry['UseSecurity'],
      })),
    }));
    answer('GetConfiguredNodesOnEndpoint_V1', (entry: Row) => ({ opcNodes: this.#require(entry).OpcNodes }));
    answer('GetDiagnosticInfo_V1', () => [
      {
        endpoints: [{ endpointUrl: SERVER, dataSetWriterGroup: 'Line1' }],
        opcEndpointConnected: true,
        monitoredOpcNodesSucceededCount: 5,
        monitoredOpcNodesFailedCount: 1,
        ingressValueChanges: 103,
        sentMessagesPerSec: 2.6,
        estimatedIoTChunksPerDay: 13526.8,
      },
    ]);
    answer('Browse_V2', () => ({
      node: { nodeId: 'i=85' },
      references: [
        {
          target: { nodeId: 'ns=2;s=Speed', displayName: 'Speed', nodeClass: 'Variable', dataType: 'Double' },
        },
      ],
      continuationToken: 'more',
    }));
    answer('BrowseNext_V2', () => ({
      references: [
        { target: { nodeId: 'ns=2;s=Pump', displayName: 'Pump', nodeClass: 'Object', children: true } },
      ],
    }));
    answer('ValueRead_V2', ({ request }: { request: { nodeId: string } }) =>
      this.values.has(request.nodeId)
        ? {
            value: this.values.get(request.nodeId),
            dataType: 'Double',
            sourceTimestamp: '2026-01-31T12:00:00Z',
            serverTimestamp: '2026-01-31T12:00:01Z',
          }
        : {
            errorInfo: {
              statusCode: 0x80340000,
              symbolicId: 'BadNodeIdUnknown',
              errorMessage: 'No such node',
            },
          },
    );
    answer('ValueWrite_V2', ({ request }: { request: { nodeId: string; value: unknown } }) => {
      this.values.set(request.nodeId, request.value);
    });
  }

  /** Some of what tells writers apart. */
  #find(entry: Row): Entry | undefined {
    return this.entries.find((known) =>
      [
        'EndpointUrl',
        'DataSetWriterGroup',
        'DataSetWriterId',
        'UseSecurity',
        'OpcAuthenticationUsername',
      ].every((name) => known[name] === entry[name]),
    );
  }

  #require(entry: Row): Entry {
    const known = this.#find(entry);
    if (!known) throw new Error(`Endpoint not found: ${entry['EndpointUrl']}`);
    return known;
  }
}

function isObject(value: unknown): boolean {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function camelCase(node: Row): Row {
  return Object.fromEntries(
    Object.entries(node).map(([name, value]) => [`${name.charAt(0).toLowerCase()}${name.slice(1)}`, value]),
  );
}

describe('OPC Publisher', () => {
  const factory = new Factory();
  const publisher = new Publisher();
  before(async () => {
    await factory.start();
    const { platform, cloud } = factory.system;
    await registerDevices(cloud.iotHubConnectionString, [EDGE], { iotEdge: true });
    await factory.hub('CreateModule', { deviceId: EDGE, moduleId: 'OPC_Publisher' });
    await platform.createThing(EDGE, 'AzureIoT.EdgeDevice_TT');
    await platform.invokeOn('Resources', 'EntityServices', 'AddShapeToThing', {
      name: EDGE,
      thingShapeName: 'AzureIoT.OpcPublisher_TS',
    });
    await platform.invoke(EDGE, 'RestartThing');
    await platform.setProperties(EDGE, { hubThing: HUB_THING, publisherModuleId: 'OPC_Publisher' });
    publisher.attach(await factory.connectModule(EDGE, 'OPC_Publisher'));
  });
  after(() => factory.stop());

  const rows = async (service: string, parameters: Row = {}) =>
    (await factory.call<{ rows: Row[] }>(EDGE, service, parameters)).rows;
  const nodes = (list: Row[]) => ({
    dataShape: {
      fieldDefinitions: Object.fromEntries(
        Object.entries({
          id: 'STRING',
          displayName: 'STRING',
          samplingIntervalMs: 'INTEGER',
          heartbeatSeconds: 'NUMBER',
        }).map(([name, baseType], ordinal) => [
          name,
          { name, baseType, description: '', ordinal, aspects: {} },
        ]),
      ),
    },
    rows: list,
  });
  const writer = { endpointUrl: SERVER, writerGroup: 'Line1' };
  const secured = { ...writer, useSecurity: true, userName: 'operator', password: 'secret' };
  const other = { endpointUrl: SERVER, writerGroup: 'Line2', writerId: 'slow' };
  const published = async (parameters: Row) =>
    (await rows('GetConfiguredNodes', parameters)).map(({ id, displayName, samplingIntervalMs }) => [
      id,
      displayName,
      samplingIntervalMs,
    ]);

  test('publishes nodes in the shape of the module', async () => {
    await factory.call(EDGE, 'PublishNodes', {
      ...secured,
      publishingIntervalMs: 5_000,
      options: { DataSetKeyFrameCount: 10 },
      nodes: nodes([
        { id: 'ns=2;s=Speed', displayName: 'speed', samplingIntervalMs: 1_000, heartbeatSeconds: 90.5 },
        { id: 'ns=2;s=Level' },
      ]),
    });
    const entry = {
      EndpointUrl: SERVER,
      DataSetWriterGroup: 'Line1',
      DataSetPublishingInterval: 5_000,
      UseSecurity: true,
      OpcAuthenticationMode: 'UsernamePassword',
      OpcAuthenticationUsername: 'operator',
      OpcAuthenticationPassword: 'secret',
      DataSetKeyFrameCount: 10,
    };
    assert.deepEqual(publisher.asked.slice(-2), [
      { method: 'GetConfiguredNodesOnEndpoint_V1', payload: entry },
      {
        method: 'AddOrUpdateEndpoints_V1',
        payload: [
          {
            ...entry,
            OpcNodes: [
              {
                Id: 'ns=2;s=Speed',
                DisplayName: 'speed',
                OpcSamplingInterval: 1_000,
                HeartbeatIntervalTimespan: '00:01:30.500',
              },
              { Id: 'ns=2;s=Level' },
            ],
          },
        ],
      },
    ]);
    await assert.rejects(
      factory.call(EDGE, 'PublishNodes', { ...secured, nodes: nodes([]) }),
      /REQUEST_INVALID: nodes is empty/,
    );
  });

  test('shows what is configured', async () => {
    const [endpoint] = await rows('GetConfiguredEndpoints');
    assert.deepEqual(
      [endpoint?.endpointUrl, endpoint?.writerGroup, endpoint?.publishingIntervalMs, endpoint?.useSecurity],
      [SERVER, 'Line1', 5_000, true],
    );
    const configured = await rows('GetConfiguredNodes', secured);
    assert.deepEqual(
      configured.map(({ id, displayName, samplingIntervalMs, heartbeatSeconds }) => [
        id,
        displayName,
        samplingIntervalMs,
        heartbeatSeconds,
      ]),
      [
        ['ns=2;s=Speed', 'speed', 1_000, 90.5],
        ['ns=2;s=Level', undefined, undefined, undefined],
      ],
    );
    const [group] = await rows('GetDiagnosticInfo');
    assert.deepEqual(
      [group?.endpointUrl, group?.isConnected, group?.nodesFailed, group?.messagesPerSecond],
      [SERVER, true, 1, 2.6],
    );
  });

  test('what is published stays: of the writer, and of all others', async () => {
    await factory.call(EDGE, 'PublishNodes', { ...other, nodes: nodes([{ id: 'ns=3;s=A' }]) });
    await factory.call(EDGE, 'PublishNodes', {
      ...secured,
      nodes: nodes([{ id: 'ns=2;s=Flow' }, { id: 'ns=2;s=Speed', samplingIntervalMs: 250 }]),
    });
    assert.deepEqual(await published(secured), [
      ['ns=2;s=Level', undefined, undefined],
      ['ns=2;s=Flow', undefined, undefined],
      ['ns=2;s=Speed', undefined, 250],
    ]);
    assert.deepEqual(await published(other), [['ns=3;s=A', undefined, undefined]]);
    // What the module knows of a node beyond what a row has is kept.
    const [entry] = publisher.entries.filter(({ DataSetWriterGroup }) => DataSetWriterGroup === 'Line2');
    Object.assign(entry?.OpcNodes[0] ?? {}, { queueSize: 7, deadbandType: 'Percent' });
    await factory.call(EDGE, 'PublishNodes', { ...other, nodes: nodes([{ id: 'ns=3;s=B' }]) });
    assert.deepEqual(entry?.OpcNodes, [
      { id: 'ns=3;s=A', queueSize: 7, deadbandType: 'Percent' },
      { id: 'ns=3;s=B' },
    ]);
    // Calls at the same time see what the others have done.
    const fast = { endpointUrl: SERVER, writerGroup: 'Line3' };
    const ids = ['ns=4;s=A', 'ns=4;s=B', 'ns=4;s=C'];
    await Promise.all(
      ids.map((id) => factory.call(EDGE, 'PublishNodes', { ...fast, nodes: nodes([{ id }]) })),
    );
    assert.deepEqual((await published(fast)).map(([id]) => id).sort(), ids);
    await factory.call(EDGE, 'UnpublishAllNodes', fast);
  });

  test('unpublishes some nodes, a writer, or everything, but never everything by mistake', async () => {
    await factory.call(EDGE, 'UnpublishNodes', {
      ...secured,
      nodes: nodes([{ id: 'ns=2;s=Level' }, { id: 'ns=2;s=Speed' }]),
    });
    assert.deepEqual(await published(secured), [['ns=2;s=Flow', undefined, undefined]]);
    await assert.rejects(
      factory.call(EDGE, 'UnpublishNodes', { ...secured, nodes: nodes([{ id: 'ns=2;s=Gone' }]) }),
      /MODULE_FAILED: OPC_Publisher of opc-edge has no node ns=2;s=Gone/,
    );
    await assert.rejects(
      factory.call(EDGE, 'UnpublishNodes', { ...secured, nodes: nodes([]) }),
      /REQUEST_INVALID: nodes is empty/,
    );
    await assert.rejects(factory.call(EDGE, 'UnpublishAllNodes'), /REQUEST_INVALID: Give endpointUrl/);
    await factory.call(EDGE, 'UnpublishNodes', { ...secured, nodes: nodes([{ id: 'ns=2;s=Flow' }]) });
    await assert.rejects(
      rows('GetConfiguredNodes', secured),
      /MODULE_FAILED: .*status 404: Endpoint not found/,
    );
    assert.equal((await published(other)).length, 2, 'the other writer has all its nodes');
    await factory.call(EDGE, 'UnpublishAllNodes', other);
    assert.deepEqual(publisher.entries, []);
    await assert.rejects(
      factory.call(EDGE, 'UnpublishAllNodes', other),
      /MODULE_FAILED: .*status 404: Endpoint not found: opc\.tcp:\/\/plc:4840/,
    );
    await factory.call(EDGE, 'PublishNodes', { ...writer, nodes: nodes([{ id: 'ns=2;s=Speed' }]) });
    await factory.call(EDGE, 'UnpublishAllNodes', { wholeConfiguration: true });
    assert.deepEqual(publisher.entries, []);
  });

  test('an answer of an unknown form is no empty one: it is refused, and nothing is written', async () => {
    const writer = { endpointUrl: SERVER, writerGroup: 'Strange' };
    await factory.call(EDGE, 'PublishNodes', { ...writer, nodes: nodes([{ id: 'ns=2;s=Kept' }]) });
    const before = JSON.stringify(publisher.entries);
    const readers: [string, Row, (answer: unknown) => boolean][] = [
      ['PublishNodes', { ...writer, nodes: nodes([{ id: 'ns=2;s=New' }]) }, () => false],
      ['UnpublishNodes', { ...writer, nodes: nodes([{ id: 'ns=2;s=Kept' }]) }, () => false],
      ['GetConfiguredNodes', writer, () => false],
      ['GetConfiguredEndpoints', {}, () => false],
      ['GetDiagnosticInfo', {}, Array.isArray],
      // A server may know of no references, and of no value.
      ['Browse', { endpointUrl: SERVER }, isObject],
      ['ReadValue', { endpointUrl: SERVER, nodeId: 'i=1' }, isObject],
    ];
    const answers = [
      { OpcNodes: [] },
      { opcNodes: {} },
      { opcNodes: [{}] },
      { opcNodes: [1] },
      [],
      null,
      'ok',
      {},
      7,
      false,
    ];
    const since = publisher.asked.length;
    for (const answer of answers) {
      publisher.strange = { answer };
      for (const [service, parameters, isKnown] of readers)
        if (!isKnown(answer))
          await assert.rejects(
            factory.call(EDGE, service, parameters),
            /DEVICE_RESPONSE_INVALID: OPC_Publisher of opc-edge answered \w+ in an unknown form/,
            `${service} ${JSON.stringify(answer)}`,
          );
    }
    publisher.strange = undefined;
    const methods = new Set(publisher.asked.slice(since).map(({ method }) => method));
    assert.ok(!methods.has('AddOrUpdateEndpoints_V1') && methods.size >= 5, [...methods].join());
    assert.equal(JSON.stringify(publisher.entries), before);
    await factory.call(EDGE, 'UnpublishAllNodes', writer);
  });

  test('browses page by page', async () => {
    const [first] = await rows('Browse', { endpointUrl: SERVER, nodeId: 'i=85', securityMode: 'None' });
    assert.deepEqual(
      [first?.nodeId, first?.nodeClass, first?.continuationToken],
      ['ns=2;s=Speed', 'Variable', 'more'],
    );
    assert.deepEqual(publisher.asked.at(-1)?.payload, {
      connection: { endpoint: { url: SERVER, securityMode: 'None' } },
      request: { nodeId: 'i=85', direction: 'Forward', maxReferencesToReturn: 100, targetNodesOnly: true },
    });
    const [last] = await rows('Browse', { endpointUrl: SERVER, continuationToken: 'more' });
    assert.deepEqual([last?.nodeId, last?.hasChildren, last?.continuationToken], ['ns=2;s=Pump', true, '']);
  });

  test('reads and writes values; what the server refuses is an error with its code', async () => {
    const connection = { endpointUrl: SERVER, userName: 'operator', password: 'secret' };
    const read = await factory.call(EDGE, 'ReadValue', { ...connection, nodeId: 'ns=2;s=Speed' });
    assert.deepEqual(read, {
      valueText: '12.5',
      dataType: 'Double',
      sourceTime: Date.parse('2026-01-31T12:00:00Z'),
      serverTime: Date.parse('2026-01-31T12:00:01Z'),
    });
    const sent = (publisher.asked.at(-1)?.payload.connection ?? {}) as Row;
    assert.deepEqual(sent.user, {
      type: 'UserName',
      value: { user: 'operator', password: 'secret' },
    });
    for (const [value, expected] of [
      ['42', 42],
      ['[1, 2]', [1, 2]],
      ['"7"', '7'],
      ['slow', 'slow'],
    ] as const) {
      await factory.call(EDGE, 'WriteValue', { ...connection, nodeId: 'ns=2;s=Speed', value });
      assert.deepEqual(publisher.values.get('ns=2;s=Speed'), expected);
      const again = await factory.call(EDGE, 'ReadValue', { ...connection, nodeId: 'ns=2;s=Speed' });
      assert.deepEqual(again.value, Array.isArray(expected) ? { array: expected } : undefined);
      assert.equal(again.valueText, typeof expected === 'string' ? expected : JSON.stringify(expected));
    }
    await assert.rejects(
      factory.call(EDGE, 'ReadValue', { ...connection, nodeId: 'ns=2;s=Gone' }),
      /MODULE_FAILED: Reading ns=2;s=Gone of opc\.tcp:\/\/plc:4840: BadNodeIdUnknown: No such node/,
    );
    await assert.rejects(factory.call(EDGE, 'ReadValue', connection), /REQUEST_INVALID: nodeId is required/);
  });

  test('the text of a value that was read has all digits, and no quotes around a text', async () => {
    for (const [json, expected] of [
      ['18446744073709551615', '18446744073709551615'],
      ['-9007199254740993', '-9007199254740993'],
      ['1.10', '1.10'],
      ['0.12345678901234567891', '0.12345678901234567891'],
      ['[9007199254740993,"a"]', '[9007199254740993,"a"]'],
      ['{"serial":12345678901234567890}', '{"serial":12345678901234567890}'],
      ['"Pump 7"', 'Pump 7'],
      [String.raw`"a \"quoted\"\nline"`, 'a "quoted"\nline'],
      ['"12345678901234567890"', '12345678901234567890'],
      ['""', ''],
      ['true', 'true'],
      ['null', 'null'],
    ] as const) {
      publisher.values.set('ns=2;s=Any', parseExact(json));
      const { valueText } = await factory.call(EDGE, 'ReadValue', {
        endpointUrl: SERVER,
        nodeId: 'ns=2;s=Any',
      });
      assert.equal(valueText, expected, json);
    }
  });

  test('a module that does not exist is an error of its own', async () => {
    await factory.system.platform.setProperties(EDGE, { publisherModuleId: 'other' });
    await assert.rejects(factory.call(EDGE, 'GetDiagnosticInfo'), /DEVICE_NOT_FOUND/);
    await factory.system.platform.setProperties(EDGE, { publisherModuleId: 'OPC_Publisher' });
  });
});
