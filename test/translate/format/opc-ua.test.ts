import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { gzipSync } from 'node:zlib';
import { statusCodeQuality, toQuality } from '../../../sidecar/translate/coerce/quality.ts';
import type { MappingRule } from '../../../sidecar/translate/mapping/schema.ts';
import { CREATE_ALL, TrialDirectory, tryMessage } from '../../../sidecar/translate/mapping/trial.ts';
import { compileTranslator } from '../../../sidecar/translate/translator.ts';
import type { ReceivedMessage, Translation } from '../../../sidecar/translate/types.ts';
import { codes, message, row } from '../support.ts';

async function read(
  body: unknown,
  over: Partial<ReceivedMessage> = {},
  rules?: readonly MappingRule[],
): Promise<Translation> {
  const mappings = rules === undefined ? undefined : { version: 1, rules };
  const translator = compileTranslator({ ...CREATE_ALL, mappings });
  return (await tryMessage(translator, message(body, over), new TrialDirectory())).translation;
}

async function rowsOf(
  body: unknown,
  over: Partial<ReceivedMessage> = {},
  rules?: readonly MappingRule[],
): Promise<unknown[]> {
  const { updates } = await read(body, over, rules);
  return updates.map((update) => [
    update.thing,
    new Date(update.timeMs).toISOString(),
    update.quality,
    row(update),
  ]);
}

const SAMPLE = {
  NodeId: 'nsu=http://microsoft.com/Opc/OpcPlc/;s=StepUp',
  EndpointUrl: 'opc.tcp://opcplc:50000/',
  ApplicationUri: 'urn:OpcPlc:opcplc',
  DisplayName: 'Step Up',
  Timestamp: '2022-03-18T12:52:42.137703Z',
  Value: {
    Value: 21713,
    SourceTimestamp: '2022-03-18T12:52:42.1327544Z',
    ServerTimestamp: '2022-03-18T12:52:43Z',
  },
  SequenceNumber: 120,
  ExtensionFields: { PublisherId: 'opc.tcp://opcplc:50000_D09D61EF', DataSetWriterId: '1000' },
};

const ENQUEUED = '2023-11-14T22:13:20.000Z';

describe('samples', () => {
  test('the name is the DisplayName, time and quality those of the value', async () => {
    assert.deepEqual(await rowsOf(SAMPLE), [
      ['dev-1', '2022-03-18T12:52:42.132Z', 'GOOD', { Step_Up: 21713 }],
    ]);
    assert.deepEqual(await rowsOf(SAMPLE, { moduleId: 'publisher' }), [
      ['dev-1', '2022-03-18T12:52:42.132Z', 'GOOD', { publisher_Step_Up: 21713 }],
    ]);
  });

  test('without DisplayName the identifier of the node', async () => {
    const names: [string, string][] = [
      ['nsu=http://microsoft.com/Opc/OpcPlc/;s=RandomUnsignedInt32', 'RandomUnsignedInt32'],
      ['ns=2;s=Pump;A', 'Pump_A'],
      ['ns=2;i=1001', 'i_1001'],
      ['http://test.org/UA/Data/#i=10845', 'i_10845'],
      ['i=2258', 'i_2258'],
      ['odd', 'odd'],
    ];
    for (const [NodeId, name] of names) {
      const { DisplayName: _, ...sample } = SAMPLE;
      assert.deepEqual(
        Object.keys(
          ((await rowsOf({ ...sample, NodeId })) as [string, string, string, object][])[0]?.[3] ?? {},
        ),
        [name],
      );
    }
  });

  test('an array of samples, among them a bad one with and one without value', async () => {
    const bad = {
      StatusCode: { Symbol: 'BadNoCommunication', Code: 2150694912 },
      SourceTimestamp: '2022-03-18T12:58:40Z',
    };
    const translation = await read([
      SAMPLE,
      { ...SAMPLE, DisplayName: 'b', Value: bad },
      { ...SAMPLE, DisplayName: 'c', Value: { ...bad, Value: 7 } },
      {
        ...SAMPLE,
        DisplayName: 'd',
        Value: { Value: 973, SourceTimestamp: '2020-11-30T07:21:31.2604024Z', StatusCode: 0, Status: 'Good' },
      },
    ]);
    assert.deepEqual(
      translation.updates.map((update) => [update.quality, row(update)]),
      [
        ['GOOD', { Step_Up: 21713 }],
        ['BAD', { c: 7 }],
        ['GOOD', { d: 973 }],
      ],
    );
    assert.deepEqual(codes(translation.ignored), ['NULL_VALUE']);
  });

  test('the forms of 2.5: no DisplayName, value and time side by side', async () => {
    const compact = {
      NodeId: 'ns=2;s=A',
      EndpointUrl: 'opc.tcp://x',
      Value: { Value: 1, SourceTimestamp: '2022-03-18T13:04:18Z' },
    };
    assert.deepEqual(await rowsOf(compact), [['dev-1', '2022-03-18T13:04:18.000Z', 'GOOD', { A: 1 }]]);
    const flat = {
      NodeId: 'ns=2;s=A',
      ApplicationUri: 'urn:x',
      DisplayName: 'A',
      Value: '5',
      SourceTimestamp: '2022-03-18T13:04:18Z',
    };
    assert.deepEqual(await rowsOf(flat), [['dev-1', '2022-03-18T13:04:18.000Z', 'GOOD', { A: '5' }]]);
  });

  test("without any time of its own a value has the message's", async () => {
    const { Timestamp: _, ...sample } = SAMPLE;
    assert.deepEqual(await rowsOf({ ...sample, Value: { Value: 1 } }), [
      ['dev-1', ENQUEUED, 'GOOD', { Step_Up: 1 }],
    ]);
    const nullTime = { ...sample, Value: { Value: 1, SourceTimestamp: '0001-01-01T00:00:00Z' } };
    assert.deepEqual(await rowsOf(nullTime), [['dev-1', ENQUEUED, 'GOOD', { Step_Up: 1 }]]);
  });
});

const NETWORK = {
  MessageId: '27',
  MessageType: 'ua-data',
  PublisherId: 'opc.tcp://opcplc:50000_70FB9F43',
  Messages: [
    {
      DataSetWriterId: 1,
      DataSetWriterName: '1000',
      SequenceNumber: 27,
      MetaDataVersion: { MajorVersion: 1, MinorVersion: 0 },
      MessageType: 'ua-deltaframe',
      Timestamp: '2022-03-18T12:55:21.3424136Z',
      Payload: {
        AlternatingBoolean: { Value: true, SourceTimestamp: '2022-03-18T12:55:20.9313098Z' },
        StepUp: { Value: 23305, SourceTimestamp: '2022-03-18T12:55:21.3313539Z' },
        RandomSignedInt32: { Value: 1076635612, SourceTimestamp: '2022-03-18T12:55:21.3314Z' },
        NoTime: { Value: 5 },
        BadFastUInt1: {
          StatusCode: { Symbol: 'BadNoCommunication', Code: 2150694912 },
          SourceTimestamp: '2022-03-18T12:55:20Z',
        },
      },
    },
  ],
};
const NETWORK_ROWS = [
  ['dev-1', '2022-03-18T12:55:20.931Z', 'GOOD', { AlternatingBoolean: true }],
  ['dev-1', '2022-03-18T12:55:21.331Z', 'GOOD', { StepUp: 23305, RandomSignedInt32: 1076635612 }],
  ['dev-1', '2022-03-18T12:55:21.342Z', 'GOOD', { NoTime: 5 }],
];

describe('PubSub', () => {
  test('network messages, alone, in an array, compressed, with one message instead of a list', async () => {
    assert.deepEqual(await rowsOf(NETWORK), NETWORK_ROWS);
    assert.deepEqual(await rowsOf([NETWORK, NETWORK]), [...NETWORK_ROWS, ...NETWORK_ROWS]);
    assert.deepEqual(
      await rowsOf(gzipSync(JSON.stringify(NETWORK)), { contentType: 'application/json+gzip' }),
      NETWORK_ROWS,
    );
    assert.deepEqual(await rowsOf({ ...NETWORK, Messages: NETWORK.Messages[0] }), NETWORK_ROWS);
  });

  test('metadata and keep-alive hold no values', async () => {
    const metadata = {
      MessageId: '0',
      MessageType: 'ua-metadata',
      PublisherId: 'p',
      DataSetWriterId: 1,
      MetaData: { Fields: [] },
    };
    const keepAlive = {
      MessageId: '64',
      MessageType: 'ua-data',
      Messages: [{ DataSetWriterId: 1, MessageType: 'ua-keepalive', Timestamp: '2023-03-18T12:55:21Z' }],
    };
    const translation = await read([metadata, keepAlive]);
    assert.deepEqual(translation.updates, []);
    assert.deepEqual(codes(translation.ignored), ['METADATA', 'NO_VALUES']);
    const mixed = await read([metadata, NETWORK]);
    assert.equal(mixed.updates.length, 3);
  });

  test('data set messages and data sets without the headers around them', async () => {
    const [dataSetMessage] = NETWORK.Messages;
    assert.deepEqual(await rowsOf(dataSetMessage), NETWORK_ROWS);
    assert.deepEqual(await rowsOf([dataSetMessage]), NETWORK_ROWS);
    const { MessageType: _, ...untyped } = dataSetMessage as object & { MessageType: string };
    assert.deepEqual(await rowsOf(untyped), NETWORK_ROWS);
    const payload = dataSetMessage?.Payload;
    const rows = await rowsOf(payload);
    assert.deepEqual(rows.slice(0, 2), NETWORK_ROWS.slice(0, 2));
    assert.deepEqual(rows[2], ['dev-1', ENQUEUED, 'GOOD', { NoTime: 5 }]);
    assert.deepEqual(await rowsOf({ ...NETWORK, Messages: [payload] }), rows);
    assert.deepEqual(await rowsOf({ a: 1, b: 'raw' }), [['dev-1', ENQUEUED, 'GOOD', { a: 1, b: 'raw' }]]);
  });

  test('reversible and compact encoding', async () => {
    const body = {
      ...NETWORK,
      Messages: [
        {
          DataSetWriterId: 'w',
          MessageType: 'ua-keyframe',
          Timestamp: '2021-06-21T12:38:55Z',
          Payload: {
            id: { Type: 'ByteString', Body: '88C2T817uUWMVNDclyOFnA==' },
            text: { Type: 'LocalizedText', Body: { Text: 'started', Locale: 'en-US' } },
            step: {
              Type: 'ExtensionObject',
              Body: { TypeId: 'i=183', Encoding: 'Json', Body: { Name: 'Step 1' } },
            },
            count: {
              Value: { Type: 'Int32', Body: 5 },
              StatusCode: { Type: 'StatusCode', Body: { Code: 0x40920000 } },
            },
            speed: { UaType: 11, Value: 1.5 },
            list: { Value: { Type: 6, Body: [1, 2], Dimensions: [2] } },
          },
        },
      ],
    };
    assert.deepEqual(await rowsOf(body), [
      [
        'dev-1',
        '2021-06-21T12:38:55.000Z',
        'GOOD',
        { id: '88C2T817uUWMVNDclyOFnA==', text: 'started', step: { Name: 'Step 1' } },
      ],
      ['dev-1', '2021-06-21T12:38:55.000Z', 'UNKNOWN', { count: 5 }],
      ['dev-1', '2021-06-21T12:38:55.000Z', 'GOOD', { speed: 1.5, list: { array: [1, 2] } }],
    ]);
  });

  test('events have their own time', async () => {
    const Payload = {
      EventId: '+6CQjN1e',
      Message: 'cycle started',
      Severity: 1,
      Time: '2021-06-21T12:38:55.5814078Z',
    };
    const body = { ...NETWORK, Messages: [{ DataSetWriterId: 'EVENTS', MessageType: 'ua-event', Payload }] };
    const [first] = (await rowsOf(body)) as [string, string][];
    assert.equal(first?.[1], '2021-06-21T12:38:55.581Z');
  });

  test('what is malformed within is refused alone', async () => {
    const translation = await read([NETWORK, 5, { ...NETWORK, Messages: [7] }]);
    assert.equal(translation.updates.length, 3);
    assert.deepEqual(codes(translation.refusals), ['BODY_NOT_OBJECT', 'BODY_NOT_OBJECT']);
  });

  test('ordinary messages are not taken for OPC UA', async () => {
    for (const body of [
      { NodeId: 'x', Value: 5 },
      { MessageType: 'alarm', Messages: [] },
      { Payload: { a: 1 } },
      { Value: 5, StatusCode: 3 },
      { a: { Value: 5 } },
      { MessageType: 'ua-data' },
    ]) {
      const { updates } = await read(body);
      assert.deepEqual(Object.keys(row(updates[0] as Translation['updates'][number])), Object.keys(body));
    }
  });
});

describe('with a mapping', () => {
  test('a rule without properties gives the Thing, from any part around the value', async () => {
    const rules: MappingRule[] = [{ thing: '{DataSetWriterName}-{^.PublisherId|safe}', prefix: '' }];
    const rows = (await rowsOf(NETWORK, { moduleId: 'publisher' }, rules)) as [
      string,
      string,
      string,
      object,
    ][];
    assert.deepEqual(
      rows.map(([thing]) => thing),
      Array(3).fill('1000-opc.tcp___opcplc_50000_70FB9F43'),
    );
    assert.deepEqual(
      rows.map((entry) => entry[3]),
      NETWORK_ROWS.map((entry) => entry[3]),
    );
    const samples = await rowsOf([SAMPLE], {}, [{ thing: '{ExtensionFields.DataSetWriterId}' }]);
    assert.deepEqual((samples[0] as unknown[])[0], '1000');
  });
});

test('status codes by severity and in every spelling', () => {
  const cases: [unknown, unknown][] = [
    [0, 'GOOD'],
    [0x00300000, 'GOOD'],
    [0x40000000, 'UNKNOWN'],
    [0x80000000, 'BAD'],
    [0xc0000000, 'BAD'],
    [-2147483648, 'BAD'],
    ['2150694912', 'BAD'],
    ['0x80310000', 'BAD'],
    ['Good', 'GOOD'],
    ['GoodClamped', 'GOOD'],
    ['UncertainInitialValue', 'UNKNOWN'],
    ['BadNodeIdUnknown', 'BAD'],
    ['Goodness', undefined],
    [{}, 'GOOD'],
    [{ Symbol: 'BadNoCommunication' }, 'BAD'],
    [{ Code: 0, Symbol: 'Good' }, 'GOOD'],
    [{ other: 1 }, undefined],
    [1.5, undefined],
    [2 ** 40, undefined],
    [null, undefined],
    ['', undefined],
  ];
  for (const [value, quality] of cases) assert.equal(toQuality(value), quality, JSON.stringify(value));
  assert.equal(statusCodeQuality(0xffffffff), 'BAD');
});
