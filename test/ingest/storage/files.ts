import { once } from 'node:events';
import { PassThrough } from 'node:stream';
import avro from 'avsc';

/** What IoT Hub documents for routed messages in Avro, and what its files hold. */
export const ROUTED_SCHEMA = {
  type: 'record',
  name: 'Message',
  namespace: 'Microsoft.Azure.Devices',
  fields: [
    { name: 'EnqueuedTimeUtc', type: 'string' },
    { name: 'Properties', type: { type: 'map', values: 'string' } },
    { name: 'SystemProperties', type: { type: 'map', values: 'string' } },
    { name: 'Body', type: ['null', 'bytes'] },
  ],
};

/** What Event Hubs documents for Capture. */
export const CAPTURE_SCHEMA = {
  type: 'record',
  name: 'EventData',
  namespace: 'Microsoft.ServiceBus.Messaging',
  fields: [
    { name: 'SequenceNumber', type: 'long' },
    { name: 'Offset', type: 'string' },
    { name: 'EnqueuedTimeUtc', type: 'string' },
    { name: 'SystemProperties', type: { type: 'map', values: ['long', 'double', 'string', 'bytes'] } },
    { name: 'Properties', type: { type: 'map', values: ['long', 'double', 'string', 'bytes', 'null'] } },
    { name: 'Body', type: ['null', 'bytes'] },
  ],
};

/** An Avro file, written by a real writer. */
export async function avroFile(
  schema: unknown,
  records: readonly unknown[],
  options: { codec?: 'null' | 'deflate'; blockSize?: number } = {},
): Promise<Buffer> {
  const type = avro.Type.forSchema(schema as avro.Schema, { wrapUnions: true });
  const encoder = new avro.streams.BlockEncoder(type, {
    codec: options.codec ?? 'null',
    writeHeader: 'always' as never,
    ...(options.blockSize === undefined ? {} : { blockSize: options.blockSize }),
  });
  const chunks: Buffer[] = [];
  const out = encoder.pipe(new PassThrough());
  out.on('data', (chunk: Buffer) => chunks.push(chunk));
  for (const record of records) if (!encoder.write(record)) await once(encoder, 'drain');
  encoder.end();
  await once(out, 'end');
  return Buffer.concat(chunks);
}

export interface Sample {
  readonly device: string;
  readonly number: number;
  readonly body?: Buffer;
}

export const ENQUEUED_MS = Date.parse('2026-03-01T10:00:00.685Z');

export function routedRecord({ device, number, body }: Sample) {
  const time = new Date(ENQUEUED_MS + number * 1_000).toISOString().replace('Z', '0000Z');
  return {
    EnqueuedTimeUtc: time,
    Properties: { level: 'normal' },
    SystemProperties: {
      connectionDeviceId: device,
      connectionAuthMethod: '{"scope":"device","type":"sas","issuer":"iothub","acceptingIpFilterRule":null}',
      connectionDeviceGenerationId: '636930642531278483',
      contentType: 'application/json',
      contentEncoding: 'utf-8',
      enqueuedTime: time,
    },
    Body: body ?? Buffer.from(JSON.stringify({ temperature: number })),
  };
}

/** A line as IoT Hub writes it: the body as JSON, because content type and encoding say so. */
export function routedLine(sample: Sample): string {
  const { Body, ...record } = routedRecord(sample);
  return `${JSON.stringify(record).slice(0, -1)},"Body":${Body.toString('utf8')}}`;
}

/** A line whose body IoT Hub did not know to be JSON. */
export function base64Line(sample: Sample): string {
  const record = routedRecord(sample);
  const { contentType: _, contentEncoding: __, ...system } = record.SystemProperties;
  return JSON.stringify({ ...record, SystemProperties: system, Body: record.Body.toString('base64') });
}

export function captureRecord({ device, number, body }: Sample) {
  return {
    SequenceNumber: 500 + number,
    Offset: String(1_000_000 + number),
    EnqueuedTimeUtc: '3/1/2026 10:00:00 AM',
    SystemProperties: {
      'iothub-connection-device-id': { string: device },
      'iothub-enqueuedtime': { long: ENQUEUED_MS + number * 1_000 },
      'x-opt-sequence-number': { long: 500 + number },
      'content-type': { string: 'application/json' },
    },
    Properties: { level: { string: 'normal' }, count: { long: 3 }, none: null },
    Body: { bytes: body ?? Buffer.from(JSON.stringify({ temperature: number })) },
  };
}

/** The bytes in pieces of random sizes, as a network gives them. */
export async function* pieces(bytes: Buffer, size = 0): AsyncGenerator<Buffer> {
  for (let at = 0; at < bytes.length; ) {
    const length = size || 1 + Math.floor(Math.random() * 50);
    yield bytes.subarray(at, at + length);
    at += length;
  }
}
