import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { ConnectorError } from '../../../sidecar/errors/connector-error.ts';
import {
  partitionOf,
  readStoredFile,
  type StoredRecord,
} from '../../../sidecar/ingest/storage/stored-file.ts';
import {
  avroFile,
  base64Line,
  CAPTURE_SCHEMA,
  captureRecord,
  ENQUEUED_MS,
  pieces,
  ROUTED_SCHEMA,
  routedLine,
  routedRecord,
} from './files.ts';

const FILE = 'routed/my-hub/03/2026/03/01/10/00';

async function read(content: Buffer | string, file = FILE) {
  const records: StoredRecord[] = [];
  try {
    for await (const record of readStoredFile(pieces(Buffer.from(content)), file)) records.push(record);
    return { records };
  } catch (error) {
    assert.ok(error instanceof ConnectorError, `${error}`);
    return { records, error };
  }
}

async function messages(content: Buffer | string) {
  const { records, error } = await read(content);
  assert.equal(error, undefined);
  return records.map((record) => ('message' in record ? record.message : assert.fail(record.flaw)));
}

describe('files in storage', () => {
  test('that IoT Hub routed as Avro hold messages as the stream gives them', async () => {
    const records = [1, 2].map((number) => {
      const record = routedRecord({ device: 'dev-1', number });
      return { ...record, Body: { bytes: record.Body } };
    });
    const [first, second] = await messages(await avroFile(ROUTED_SCHEMA, records));
    assert.equal(second?.enqueuedTimeMs, ENQUEUED_MS + 2_000);
    assert.deepEqual(
      { ...first, body: Buffer.from(first?.body ?? []).toString() },
      {
        body: '{"temperature":1}',
        contentType: 'application/json',
        contentEncoding: 'utf-8',
        systemProperties: {
          'iothub-connection-device-id': 'dev-1',
          'iothub-connection-auth-method':
            '{"scope":"device","type":"sas","issuer":"iothub","acceptingIpFilterRule":null}',
          'iothub-connection-auth-generation-id': '636930642531278483',
          'iothub-enqueuedtime': ENQUEUED_MS + 1_000,
          contentType: 'application/json',
          contentEncoding: 'utf-8',
          'stored-in': `${FILE}#0`,
        },
        applicationProperties: { level: 'normal' },
        deviceId: 'dev-1',
        moduleId: undefined,
        source: 'Telemetry',
        enqueuedTimeMs: ENQUEUED_MS + 1_000,
        creationTimeMs: undefined,
        sequenceNumber: 0,
        offset: '0',
        partitionId: '03',
        messageId: undefined,
        correlationId: undefined,
        interfaceId: undefined,
        componentName: undefined,
      },
    );
  });

  test('that Event Hubs Capture wrote keep sequence number, offset and time', async () => {
    const [message] = await messages(
      await avroFile(CAPTURE_SCHEMA, [captureRecord({ device: 'd', number: 7 })]),
    );
    assert.deepEqual(
      [
        message?.deviceId,
        message?.sequenceNumber,
        message?.offset,
        message?.enqueuedTimeMs,
        message?.contentType,
      ],
      ['d', 507, '1000007', ENQUEUED_MS + 7_000, 'application/json'],
    );
    assert.deepEqual(message?.applicationProperties, { level: 'normal', count: 3, none: null });
    const bare = { ...captureRecord({ device: 'd', number: 1 }), SystemProperties: {} };
    const times = [];
    for (const time of [
      '3/1/2026 10:00:00 AM',
      '12/31/2025 12:30:05 AM',
      '1/2/2026 11:59:59 PM',
      'nonsense',
    ]) {
      const [captured] = await messages(await avroFile(CAPTURE_SCHEMA, [{ ...bare, EnqueuedTimeUtc: time }]));
      times.push(new Date(captured?.enqueuedTimeMs ?? 0).toISOString());
    }
    assert.deepEqual(times, [
      '2026-03-01T10:00:00.000Z',
      '2025-12-31T00:30:05.000Z',
      '2026-01-02T23:59:59.000Z',
      '1970-01-01T00:00:00.000Z',
    ]);
  });

  test('that IoT Hub routed as JSON hold bodies to the last digit, plain or in base64', async () => {
    const exact = '{"id":12345678901234567890, "list":[1.10,{"a":"},]\\""}], "Body":"x"}';
    const lines = [
      routedLine({ device: 'a', number: 1 }),
      base64Line({ device: 'b', number: 2 }),
      '',
      routedLine({ device: 'c', number: 3, body: Buffer.from(exact) }),
    ];
    const found = await messages(`\ufeff${lines.join('\r\n')}`);
    assert.deepEqual(
      found.map(({ deviceId, body }) => [deviceId, Buffer.from(body).toString()]),
      [
        ['a', '{"temperature":1}'],
        ['b', '{"temperature":2}'],
        ['c', exact],
      ],
    );
    assert.deepEqual(
      found.map(({ contentType, sequenceNumber }) => [contentType, sequenceNumber]),
      [
        ['application/json', 0],
        [undefined, 1],
        ['application/json', 2],
      ],
    );
  });

  test('tell a body that is a JSON string from one in base64', async () => {
    const line = (body: string, system: Record<string, string>) =>
      `{"EnqueuedTimeUtc":"2026-03-01T10:00:00Z","Properties":{},"SystemProperties":${JSON.stringify({ connectionDeviceId: 'd', ...system })},"Body":${body}}\n`;
    const json = { contentType: 'application/json', contentEncoding: 'utf-16' };
    const base64 = JSON.stringify(Buffer.from('{"a":1}').toString('base64'));
    const found = await messages(
      line('"hello world"', json) +
        line('"abcd"', json) +
        line(base64, json) +
        line('"abcd"', {}) +
        line('null', {}),
    );
    assert.deepEqual(
      found.map(({ body }) => Buffer.from(body).toString('latin1')),
      ['"hello world"', '"abcd"', '{"a":1}', Buffer.from('abcd', 'base64').toString('latin1'), ''],
    );
    assert.equal(found[0]?.contentEncoding, 'utf-8', 'whatever the device sent, the file is UTF-8');
  });

  test('tell the source of what the hub itself says', async () => {
    const record = routedRecord({ device: 'd', number: 1 });
    const lines = [
      'twinChangeNotification',
      'moduleLifecycleNotification',
      'deviceConnectionStateNotification',
    ].map((schema) =>
      JSON.stringify({ ...record, Properties: { 'iothub-message-schema': schema, opType: 'x' }, Body: {} }),
    );
    assert.deepEqual(
      (await messages(lines.join('\n'))).map(({ source }) => source),
      ['twinChangeEvents', 'deviceLifecycleEvents', 'deviceConnectionStateEvents'],
    );
  });

  test('with lines that are no messages go on behind them', async () => {
    const good = (number: number) => routedLine({ device: 'd', number });
    const { records, error } = await read(`${good(1)}\nnonsense\n{"a":1}\n{"broken\n${good(2)}\n`);
    assert.equal(error, undefined);
    assert.deepEqual(
      records.map((record) => ('message' in record ? record.message.deviceId : 'flaw')),
      ['d', 'flaw', 'flaw', 'flaw', 'd'],
    );
    assert.deepEqual(
      records.map(({ index }) => index),
      [0, 1, 2, 3, 4],
    );
  });

  test('whose last line breaks off are not finished: the line may come yet', async () => {
    const good = routedLine({ device: 'd', number: 1 });
    const { records, error } = await read(`${good}\n${good.slice(0, 60)}`);
    assert.deepEqual([records.length, error?.code], [1, 'FILE_MALFORMED']);
  });

  test('of other kinds are refused whole', async () => {
    for (const content of ['nonsense', '<xml/>', '{"a":1}\n', Buffer.from([0xff, 0xfe, 0, 1, 2, 3]), '[]']) {
      const { records, error } = await read(content);
      assert.deepEqual([records.length, error?.code], [0, 'FILE_MALFORMED'], `${content}`);
    }
    const other = await avroFile({ type: 'record', name: 'X', fields: [{ name: 'a', type: 'string' }] }, [
      { a: 'b' },
    ]);
    assert.equal((await read(other)).error?.code, 'FILE_MALFORMED');
  });

  test('that are empty hold nothing', async () => {
    assert.deepEqual(await read(''), { records: [] });
  });

  test('tell their partition where the name has it', () => {
    assert.equal(partitionOf('c/hub/03/2026/03/01/10/00'), '03');
    assert.equal(partitionOf('c/ns/hub/1/2026/03/01/10/00/05.avro'), '1');
    assert.equal(partitionOf('c/some/file.json'), '');
  });

  test('may be any text: records or FILE_MALFORMED, nothing else', async () => {
    const good = routedLine({ device: 'd', number: 1 });
    const text = fc.array(
      fc.oneof(fc.constant(good), fc.json(), fc.string(), fc.constant(good.slice(0, 40))),
    );
    await fc.assert(
      fc.asyncProperty(text, async (lines) => {
        const { error } = await read(lines.join('\n'));
        assert.ok(error === undefined || error.code === 'FILE_MALFORMED');
      }),
      { numRuns: 300 },
    );
  });
});
