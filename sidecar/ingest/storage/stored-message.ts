import { isUtf8 } from 'node:buffer';
import { toReceivedMessage } from '../../azure/event-hubs/received-message.ts';
import { utcTimeMs } from '../../translate/coerce/date-time.ts';
import type { ReceivedMessage } from '../../translate/types.ts';
import { objectMembers } from './json-lines.ts';
import { malformed } from './malformed.ts';

/** Where a message was found. */
export interface StoredPlace {
  /** `<container>/<blob>`. */
  readonly file: string;
  /** The partition that the name of the file tells; '' when it does not. */
  readonly partition: string;
  /** The number of the record in the file, the first being 0. */
  readonly index: number;
}

type Properties = Readonly<Record<string, unknown>>;

/** System properties of routed messages by their names on the wire; others keep their names. */
const WIRE_NAMES: Readonly<Record<string, string>> = {
  connectionDeviceId: 'iothub-connection-device-id',
  connectionModuleId: 'iothub-connection-module-id',
  connectionAuthMethod: 'iothub-connection-auth-method',
  connectionDeviceGenerationId: 'iothub-connection-auth-generation-id',
  enqueuedTime: 'iothub-enqueuedtime',
  messageSource: 'iothub-message-source',
  interfaceId: 'iothub-interface-id',
  dataSchema: 'dt-dataschema',
  subject: 'dt-subject',
  'content-type': 'contentType',
  'content-encoding': 'contentEncoding',
  'message-id': 'messageId',
  'correlation-id': 'correlationId',
  'user-id': 'userId',
};

/** What `iothub-message-schema` says of the source where the source itself is not told. */
const SOURCE_OF_SCHEMA: Readonly<Record<string, string>> = {
  twinChangeNotification: 'twinChangeEvents',
  deviceLifecycleNotification: 'deviceLifecycleEvents',
  moduleLifecycleNotification: 'deviceLifecycleEvents',
  deviceConnectionStateNotification: 'deviceConnectionStateEvents',
  moduleConnectionStateNotification: 'deviceConnectionStateEvents',
  deviceJobLifecycleNotification: 'deviceJobLifecycleEvents',
  digitalTwinChangeNotification: 'digitalTwinChangeEvents',
};

/**
 * A record of an Avro file: a message that IoT Hub routed (EnqueuedTimeUtc, Properties, SystemProperties, Body) or an event that Event
 * Hubs Capture wrote (those and SequenceNumber, Offset). Throws FILE_MALFORMED for anything else.
 */
export function messageOfRecord(record: unknown, place: StoredPlace): ReceivedMessage {
  const { Body, SystemProperties, Properties, EnqueuedTimeUtc, SequenceNumber, Offset } = objectOf(record);
  if (Body !== null && !Buffer.isBuffer(Body)) throw malformed('has records without a body of bytes');
  const system = wireNames(objectOf(SystemProperties));
  return toMessage(place, {
    body: Body ?? Buffer.alloc(0),
    system,
    properties: objectOf(Properties),
    enqueuedTime: EnqueuedTimeUtc,
    sequenceNumber: Number.isSafeInteger(SequenceNumber) ? (SequenceNumber as number) : undefined,
    offset: typeof Offset === 'string' ? Offset : undefined,
  });
}

/** A line of a file that IoT Hub routed as JSON. Throws FILE_MALFORMED. */
export function messageOfLine(line: string, place: StoredPlace): ReceivedMessage {
  const members = objectMembers(line);
  if (!members) throw malformed('has a line that is no JSON object');
  const member = (name: string): unknown => JSON.parse(members.get(name) ?? 'null');
  const body = members.get('Body');
  if (body === undefined) throw malformed('has a line that is no message of IoT Hub: it has no Body');
  const system = wireNames(objectOf(member('SystemProperties')));
  const { bytes, isPlain } = bodyOfLine(body, system);
  return toMessage(place, {
    body: bytes,
    // The text was written into a file in UTF-8, whatever the device sent.
    system: isPlain ? { ...system, ...UTF8_JSON } : system,
    properties: objectOf(member('Properties')),
    enqueuedTime: member('EnqueuedTimeUtc'),
    sequenceNumber: undefined,
    offset: undefined,
  });
}

const UTF8_JSON = { contentType: 'application/json', contentEncoding: 'utf-8' };
const JSON_TYPE = /^application\/json\s*(;|$)/i;
const UTF = /\butf-?(8|16|32)/i;

/**
 * IoT Hub writes the body as JSON when content type and encoding say that it is JSON, and else in base64. A JSON body that is a string
 * itself looks like base64 text, so what the string holds decides.
 */
function bodyOfLine(text: string, system: Properties): { bytes: Buffer; isPlain: boolean } {
  if (!text.startsWith('"'))
    return { bytes: Buffer.from(text === 'null' ? '' : text), isPlain: text !== 'null' };
  const content = JSON.parse(text) as string;
  const isBase64 = content.length % 4 === 0 && /^[A-Za-z0-9+/]*={0,2}$/.test(content);
  const decoded = Buffer.from(content, 'base64');
  if (!isBase64) return { bytes: Buffer.from(text), isPlain: true };
  const { contentType = '', contentEncoding = '' } = system;
  const saysJson = JSON_TYPE.test(String(contentType)) && UTF.test(`${contentEncoding} ${contentType}`);
  if (!saysJson || (isUtf8(decoded) && /^\s*[[{]/.test(decoded.toString('utf8'))))
    return { bytes: decoded, isPlain: false };
  return { bytes: Buffer.from(text), isPlain: true };
}

interface Parts {
  readonly body: Buffer;
  readonly system: Properties;
  readonly properties: Properties;
  readonly enqueuedTime: unknown;
  readonly sequenceNumber: number | undefined;
  readonly offset: string | undefined;
}

function toMessage(place: StoredPlace, parts: Parts): ReceivedMessage {
  const { body, properties, sequenceNumber, offset } = parts;
  const { file, partition, index } = place;
  const system: Record<string, unknown> = { ...parts.system, 'stored-in': `${file}#${index}` };
  const enqueuedMs = timeOf(system['iothub-enqueuedtime']) ?? timeOf(parts.enqueuedTime) ?? 0;
  system['iothub-enqueuedtime'] = enqueuedMs;
  const source = SOURCE_OF_SCHEMA[String(properties['iothub-message-schema'])];
  if (system['iothub-message-source'] === undefined && source !== undefined)
    system['iothub-message-source'] = source;
  const event = {
    body,
    sequenceNumber: sequenceNumber ?? index,
    offset: offset ?? String(index),
    enqueuedTimeMs: enqueuedMs,
    partitionKey: text(system['x-opt-partition-key']) ?? null,
    properties,
    systemProperties: system,
  };
  return toReceivedMessage(event, partition);
}

function wireNames(properties: Properties): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(properties).map(([name, value]) => [
      Object.hasOwn(WIRE_NAMES, name) ? (WIRE_NAMES[name] as string) : name,
      value,
    ]),
  );
}

function objectOf(value: unknown): Properties {
  return typeof value === 'object' && value !== null && !Array.isArray(value) && !Buffer.isBuffer(value)
    ? (value as Properties)
    : {};
}

function text(value: unknown): string | undefined {
  return typeof value === 'string' && value !== '' ? value : undefined;
}

/** ISO 8601, epoch milliseconds, or Capture's `3/28/2026 10:00:00 AM`, which is UTC. */
function timeOf(value: unknown): number | undefined {
  if (typeof value === 'number') return Number.isFinite(value) ? value : undefined;
  if (typeof value !== 'string') return undefined;
  const american = /^(\d{1,2})\/(\d{1,2})\/(\d{4}) (\d{1,2}):(\d{2}):(\d{2})(?: ([AP])M)?$/.exec(value);
  if (!american) return utcTimeMs(value);
  const [, month, day, year, hour, minute, second, half] = american;
  const hours = half === undefined ? Number(hour) : (Number(hour) % 12) + (half === 'P' ? 12 : 0);
  return numberOf(
    Date.UTC(Number(year), Number(month) - 1, Number(day), hours, Number(minute), Number(second)),
  );
}

function numberOf(timeMs: number): number | undefined {
  return Number.isNaN(timeMs) ? undefined : timeMs;
}
