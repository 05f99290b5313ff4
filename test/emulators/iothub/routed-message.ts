/**
 * A message as routing sees it: the names that conditions use, and the record that goes into a storage container.
 * Names are those of the articles on the routing query syntax and on message formats (column Azure Storage).
 */
import avsc from 'avsc';
import type { HubNotification } from './hub.ts';
import { valueAtAnyCase } from './query/evaluate.ts';
import type { Path } from './query/syntax.ts';
import type { JsonObject } from './twin-document.ts';

export interface RoutedRecord {
  EnqueuedTimeUtc: string;
  Properties: Record<string, string>;
  SystemProperties: Record<string, string>;
  Body: Buffer;
}

/**
 * The member names are documented; name and namespace of the record are not, and readers do not look at them.
 */
const recordType = avsc.Type.forSchema(
  {
    type: 'record',
    name: 'Message',
    namespace: 'Microsoft.Azure.Devices',
    fields: [
      { name: 'EnqueuedTimeUtc', type: 'string' },
      { name: 'Properties', type: { type: 'map', values: 'string' } },
      { name: 'SystemProperties', type: { type: 'map', values: 'string' } },
      { name: 'Body', type: ['null', 'bytes'] },
    ],
  },
  { wrapUnions: true },
);

export function systemPropertiesOf(event: HubNotification, enqueuedTimeMs: number): Record<string, string> {
  const { properties } = event;
  const given: Record<string, string | undefined> = {
    connectionDeviceId: event.deviceId,
    connectionModuleId: event.moduleId,
    connectionAuthMethod: event.authMethod,
    connectionDeviceGenerationId: event.authGenerationId,
    contentType: properties.contentType,
    contentEncoding: properties.contentEncoding,
    messageId: properties.messageId,
    correlationId: properties.correlationId,
    userId: properties.userId,
    'dt-dataschema': event.modelId,
    'dt-subject': properties.componentName,
    'iothub-interface-id': properties.interfaceId,
    enqueuedTime: new Date(enqueuedTimeMs).toISOString(),
  };
  const system: Record<string, string> = {};
  for (const [name, value] of Object.entries(given)) if (value !== undefined) system[name] = value;
  return system;
}

export function recordOf(event: HubNotification, enqueuedTimeMs: number): RoutedRecord {
  const { properties } = event;
  return {
    EnqueuedTimeUtc: new Date(enqueuedTimeMs).toISOString(),
    Properties: {
      ...properties.application,
      ...(properties.creationTimeUtc === undefined
        ? {}
        : { 'iothub-creation-time-utc': properties.creationTimeUtc }),
    },
    SystemProperties: systemPropertiesOf(event, enqueuedTimeMs),
    Body: Buffer.from(event.body),
  };
}

/** An Avro object container file. */
export async function encodeAvro(
  type: avsc.Type,
  records: unknown[],
  codec: 'null' | 'deflate',
): Promise<Buffer> {
  const encoder = new avsc.streams.BlockEncoder(type, { codec });
  const chunks: Buffer[] = [];
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  encoder.on('data', (chunk: Buffer) => chunks.push(chunk));
  encoder.on('end', resolve);
  encoder.on('error', reject);
  for (const record of records) encoder.write(record);
  encoder.end();
  await promise;
  return Buffer.concat(chunks);
}

export function encodeRecords(records: RoutedRecord[], codec: 'null' | 'deflate'): Promise<Buffer> {
  // With wrapped unions avsc wants the branch named.
  return encodeAvro(
    recordType,
    records.map((record) => ({ ...record, Body: { bytes: record.Body } })),
    codec,
  );
}

/** One JSON object per line. A body that is not declared as JSON in a UTF encoding is written in base64. */
export function encodeJsonLines(records: RoutedRecord[]): Buffer {
  const lines = records.map(({ Body, ...facts }) => {
    const { contentType, contentEncoding } = facts.SystemProperties;
    const json = parseBody(Body, contentType, contentEncoding);
    return JSON.stringify({ ...facts, Body: json === undefined ? Body.toString('base64') : json });
  });
  return Buffer.from(`${lines.join('\n')}\n`);
}

/** The body when it is JSON in a declared UTF encoding; undefined otherwise. */
export function parseBody(
  body: Uint8Array,
  contentType: string | undefined,
  contentEncoding: string | undefined,
): unknown {
  if (!contentType || !/^application\/json\s*(;|$)/i.test(contentType)) return undefined;
  const charset = contentEncoding ?? /charset\s*=\s*"?([\w-]+)/i.exec(contentType)?.[1];
  const text = decode(body, charset?.toLowerCase());
  if (text === undefined) return undefined;
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return undefined;
  }
}

function decode(body: Uint8Array, charset: string | undefined): string | undefined {
  switch (charset) {
    case 'utf-8':
    case 'utf8':
      return new TextDecoder('utf-8').decode(body);
    case 'utf-16':
    case 'utf-16le':
      return new TextDecoder(body[0] === 0xfe && body[1] === 0xff ? 'utf-16be' : 'utf-16le').decode(body);
    case 'utf-32':
    case 'utf-32le':
      return decodeUtf32(body);
    default:
      return undefined;
  }
}

function decodeUtf32(body: Uint8Array): string {
  const view = new DataView(body.buffer, body.byteOffset, body.byteLength);
  const bigEndian = body.length >= 4 && view.getUint32(0) === 0xfeff;
  let text = '';
  for (let at = 0; at + 4 <= body.length; at += 4) {
    const code = view.getUint32(at, !bigEndian);
    if (code !== 0xfeff && code <= 0x10ffff) text += String.fromCodePoint(code);
  }
  return text;
}

/**
 * Gives values to the names of a routing condition: `$body.…`, `$twin.…`, other `$` names as system properties (then
 * as application properties), plain names as application properties. Names match in any case.
 */
export function routingResolver(
  event: HubNotification,
  enqueuedTimeMs: number,
  twin: () => JsonObject | undefined,
): (path: Path) => unknown {
  const { application, contentType, contentEncoding } = event.properties;
  let body: { value: unknown } | undefined;
  let system: Record<string, string> | undefined;
  return (path) => {
    const first = String(path[0]);
    const rest = path.slice(1);
    const lower = first.toLowerCase();
    if (lower === '$body') {
      body ??= { value: parseBody(event.body, contentType, contentEncoding) };
      // Whole bodies cannot be compared, parts of them can.
      return rest.length === 0 ? undefined : valueAtAnyCase(body.value, rest);
    }
    if (lower === '$twin') return rest.length === 0 ? undefined : valueAtAnyCase(twin(), rest);
    if (first.startsWith('$')) {
      system ??= systemPropertiesOf(event, enqueuedTimeMs);
      const value = valueAtAnyCase(system, [first.slice(1)]);
      if (value !== undefined) return value;
    }
    return valueAtAnyCase(application, [path.join('.')]) ?? valueAtAnyCase(application, path);
  };
}
