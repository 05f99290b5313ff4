import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import avro from 'avsc';
import fc from 'fast-check';
import { ConnectorError } from '../../../sidecar/errors/connector-error.ts';
import { readAvroFile } from '../../../sidecar/ingest/storage/avro-file.ts';
import { avroFile, CAPTURE_SCHEMA, captureRecord, pieces, ROUTED_SCHEMA, routedRecord } from './files.ts';

async function read(bytes: Buffer, size?: number): Promise<{ records: unknown[]; error?: ConnectorError }> {
  const records: unknown[] = [];
  try {
    for await (const record of readAvroFile(pieces(bytes, size))) records.push(record);
    return { records };
  } catch (error) {
    assert.ok(error instanceof ConnectorError, `${error}`);
    return { records, error };
  }
}

const samples = Array.from({ length: 40 }, (_, number) => ({ device: `dev-${number % 3}`, number }));

describe('Avro files', () => {
  for (const codec of ['null', 'deflate'] as const) {
    test(`of IoT Hub with codec ${codec} are read record by record, however they are cut`, async () => {
      const written = samples.map(routedRecord);
      const bytes = await avroFile(
        ROUTED_SCHEMA,
        written.map((r) => ({ ...r, Body: { bytes: r.Body } })),
        {
          codec,
          blockSize: 900,
        },
      );
      for (const size of [undefined, 1, 7, 1_000_000])
        assert.deepEqual(await read(bytes, size), { records: written });
    });
  }

  test('of Event Hubs Capture are read', async () => {
    const bytes = await avroFile(CAPTURE_SCHEMA, samples.map(captureRecord));
    const { records, error } = await read(bytes);
    assert.equal(error, undefined);
    assert.deepEqual(records[5], {
      SequenceNumber: 505,
      Offset: '1000005',
      EnqueuedTimeUtc: '3/1/2026 10:00:00 AM',
      SystemProperties: {
        'iothub-connection-device-id': 'dev-2',
        'iothub-enqueuedtime': Date.parse('2026-03-01T10:00:05.685Z'),
        'x-opt-sequence-number': 505,
        'content-type': 'application/json',
      },
      Properties: { level: 'normal', count: 3, none: null },
      Body: Buffer.from('{"temperature":5}'),
    });
  });

  test('without records are empty', async () => {
    assert.deepEqual(await read(await avroFile(ROUTED_SCHEMA, [])), { records: [] });
  });

  test('hold numbers to the last digit, and keys that are no code', async () => {
    const schema = {
      type: 'record',
      name: 'All',
      fields: [
        { name: 'long', type: 'long' },
        { name: 'map', type: { type: 'map', values: 'string' } },
        { name: 'list', type: { type: 'array', items: ['null', 'double', 'float'] } },
        { name: 'kind', type: { type: 'enum', name: 'Kind', symbols: ['A', 'B'] } },
        { name: 'hash', type: { type: 'fixed', name: 'Hash', size: 4 } },
        { name: 'flag', type: 'boolean' },
        { name: 'when', type: { type: 'long', logicalType: 'timestamp-millis' } },
        { name: 'next', type: ['null', 'All'] },
      ],
    };
    const hash = Buffer.from([1, 2, 3, 4]);
    const leaf = { long: -5, map: {}, list: [], kind: 'A', hash, flag: false, when: 7, next: null };
    const map = JSON.parse('{"__proto__":"x","constructor":"y"}');
    const value = {
      ...leaf,
      long: 9007199254740990,
      map,
      list: [null, { double: 0.1 }, { float: 0.5 }],
      kind: 'B',
      next: { All: leaf },
    };
    // Keys such as __proto__ the writer cannot write: the same bytes with another name of the same length.
    const written = { ...value, map: { ___proto_: 'x', constructor: 'y' } };
    const bytes = await avroFile(schema, [written]);
    bytes.write('__proto__', bytes.indexOf('___proto_'), 'latin1');
    const { records, error } = await read(bytes);
    assert.equal(error, undefined);
    const [record] = records as [Record<string, unknown>];
    assert.deepEqual(Object.keys(record['map'] as object).sort(), ['__proto__', 'constructor']);
    assert.deepEqual(record, { ...value, list: [null, 0.1, 0.5], next: leaf });
    assert.equal(Object.getPrototypeOf(record['map']), Object.prototype);
  });

  test('give 64-bit numbers that a double cannot hold as BigInt', async () => {
    const Long = avro.types.LongType.__with({
      fromBuffer: (b: Buffer) => b.readBigInt64LE(),
      toBuffer: (n: bigint) => {
        const b = Buffer.alloc(8);
        b.writeBigInt64LE(n);
        return b;
      },
      fromJSON: BigInt,
      toJSON: Number,
      isValid: (n: unknown) => typeof n === 'bigint',
      compare: (a: bigint, b: bigint) => (a < b ? -1 : a > b ? 1 : 0),
    } as never);
    const type = avro.Type.forSchema({ type: 'array', items: 'long' }, { registry: { long: Long } as never });
    const values = [0n, -1n, 2n ** 53n, -(2n ** 53n), 2n ** 63n - 1n, -(2n ** 63n), 127n, -128n];
    const body = type.toBuffer(values);
    const file = await avroFile({ type: 'array', items: 'long' }, [[]]);
    // The block `1 record, 1 byte` at the end becomes one of the numbers.
    const header = file.subarray(0, file.length - 1 - 1 - 1 - 16);
    const block = Buffer.concat([Buffer.from([2, body.length * 2]), body, file.subarray(-16)]);
    const { records, error } = await read(Buffer.concat([header, block]));
    assert.equal(error, undefined);
    const expected = values.map((n) => (Number.isSafeInteger(Number(n)) ? Number(n) : n));
    assert.deepEqual(records, [expected]);
  });

  test('that break off give the records before the break', async () => {
    const bytes = await avroFile(
      ROUTED_SCHEMA,
      samples.map(routedRecord).map((r) => ({ ...r, Body: { bytes: r.Body } })),
    );
    const { records, error } = await read(bytes.subarray(0, bytes.length - 300));
    assert.equal(error?.code, 'FILE_MALFORMED');
    assert.match(error?.message ?? '', /ends in the middle/);
    assert.deepEqual(records, samples.slice(0, records.length).map(routedRecord));
    assert.ok(records.length > 30);
  });

  test('with a damaged block say so', async () => {
    const bytes = await avroFile(
      ROUTED_SCHEMA,
      samples.map(routedRecord).map((r) => ({ ...r, Body: { bytes: r.Body } })),
    );
    bytes[bytes.length - 3] = (bytes[bytes.length - 3] ?? 0) ^ 0xff;
    const { records, error } = await read(bytes);
    assert.equal(error?.code, 'FILE_MALFORMED');
    assert.equal(records.length, 40);
  });

  test('of absurd sizes are refused without reading or counting through them', async () => {
    const empty = await avroFile({ type: 'array', items: 'null' }, [[]]);
    const header = empty.subarray(0, empty.length - 3 - 16);
    const huge = [0xfe, 0xff, 0xff, 0xff, 0xff, 0xff, 0x1f];
    for (const block of [
      [2, 20, ...huge, 0, 0, 0],
      [...huge, 2, 0],
      [2, ...huge, 0],
      [1, 1, 1],
    ]) {
      const { error } = await read(Buffer.concat([header, Buffer.from(block), empty.subarray(-16)]));
      assert.equal(error?.code, 'FILE_MALFORMED', `${block}`);
    }
  });

  test('may be any bytes: records or FILE_MALFORMED, nothing else', async () => {
    const good = await avroFile(CAPTURE_SCHEMA, samples.slice(0, 3).map(captureRecord));
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.tuple(fc.nat(good.length - 1), fc.nat(255)), { minLength: 1, maxLength: 20 }),
        async (changes) => {
          const bytes = Buffer.from(good);
          for (const [at, value] of changes) bytes[at] = value;
          const { error } = await read(bytes, 64);
          assert.ok(error === undefined || error.code === 'FILE_MALFORMED');
        },
      ),
      { numRuns: 300 },
    );
    await fc.assert(
      fc.asyncProperty(fc.uint8Array({ maxLength: 200 }), async (bytes) => {
        const { error } = await read(Buffer.concat([Buffer.from('Obj\u0001'), bytes]), 16);
        assert.equal(error?.code, 'FILE_MALFORMED');
      }),
      { numRuns: 300 },
    );
  });
});
