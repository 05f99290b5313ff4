import type { ReceivedEventData } from '@azure/event-hubs';
import { utcTimeMs } from '../../translate/coerce/date-time.ts';
import type { ReceivedMessage } from '../../translate/types.ts';

/**
 * The members of the SDK's event that a message is made of. `body` holds the bytes of the AMQP data section. `systemProperties` has IoT
 * Hub's message annotations (`iothub-connection-device-id`, `iothub-message-source`, `iothub-enqueuedtime` in ms since 1970, `dt-subject`,
 * ...) and the AMQP message properties in camel case (`contentType`, `messageId`, ...). `properties` has the application properties.
 */
export interface EventContent extends Pick<ReceivedEventData, 'sequenceNumber' | 'offset'> {
  readonly body: Buffer;
  /** The SDK makes a date of it. */
  readonly enqueuedTimeMs: number;
  readonly partitionKey?: string | null | undefined;
  readonly properties?: Readonly<Record<string, unknown>> | undefined;
  readonly systemProperties?: Readonly<Record<string, unknown>>;
}

/** What a reader passes on: messages in order, and how many transfers between them were no messages. */
export interface ReceivedEvents {
  readonly messages: readonly ReceivedMessage[];
  readonly broken: number;
}

const NO_PROPERTIES: Readonly<Record<string, unknown>> = Object.freeze({});

/** Reads the annotations of IoT Hub on one event into the members of a message. The body is not parsed. */
export function toReceivedMessage(event: EventContent, partitionId: string): ReceivedMessage {
  const system = event.systemProperties ?? NO_PROPERTIES;
  return {
    body: event.body,
    contentType: text(system.contentType),
    contentEncoding: text(system.contentEncoding),
    systemProperties: system,
    applicationProperties: event.properties ?? NO_PROPERTIES,
    // A message that no device sent (a test of a route, a producer on the endpoint) has only its partition key.
    deviceId: text(system['iothub-connection-device-id']) ?? event.partitionKey ?? '',
    moduleId: text(system['iothub-connection-module-id']),
    source: text(system['iothub-message-source']) ?? 'Telemetry',
    enqueuedTimeMs: enqueuedTimeMs(system['iothub-enqueuedtime'], event),
    creationTimeMs: creationTimeMs(
      event.properties?.['iothub-creation-time-utc'] ?? system['iothub-creation-time-utc'],
    ),
    sequenceNumber: event.sequenceNumber,
    offset: event.offset,
    partitionId,
    messageId: text(system.messageId),
    correlationId: text(system.correlationId),
    interfaceId: text(system['iothub-interface-id'] ?? system['dt-dataschema']),
    componentName: text(system['dt-subject']),
  };
}

/** What the receiver of the SDK passes on. A transfer that is not one AMQP message (a batch envelope) has no annotations, so it has no position. */
export function toReceivedEvents(events: readonly ReceivedEventData[], partitionId: string): ReceivedEvents {
  const messages = events
    .filter(({ sequenceNumber }) => typeof sequenceNumber === 'number')
    .map((event) => {
      const enqueuedTimeMs = event.enqueuedTimeUtc.getTime();
      return toReceivedMessage({ ...event, body: toBuffer(event.body), enqueuedTimeMs }, partitionId);
    });
  return { messages, broken: events.length - messages.length };
}

/** The bytes of an AMQP body: one data section, several data sections, or a value or sequence section. */
export function toBuffer(body: unknown): Buffer {
  if (Buffer.isBuffer(body)) return body;
  if (body === undefined || body === null) return Buffer.alloc(0);
  if (typeof body === 'string') return Buffer.from(body);
  if (body instanceof Uint8Array) return Buffer.from(body.buffer, body.byteOffset, body.byteLength);
  if (Array.isArray(body) && body.every((part) => part instanceof Uint8Array)) return Buffer.concat(body);
  return Buffer.from(JSON.stringify(body) ?? '');
}

function text(value: unknown): string | undefined {
  if (typeof value === 'string') return value === '' ? undefined : value;
  return value === undefined || value === null ? undefined : String(value);
}

function enqueuedTimeMs(annotation: unknown, event: EventContent): number {
  if (typeof annotation === 'number' && Number.isFinite(annotation)) return annotation;
  return event.enqueuedTimeMs;
}

/** `iothub-creation-time-utc` is ISO 8601 text, or a time stamp where the protocol has one. A text that is no time is as good as none. */
function creationTimeMs(value: unknown): number | undefined {
  if (typeof value === 'number') return Number.isFinite(value) ? value : undefined;
  if (value instanceof Date) return value.getTime();
  return typeof value === 'string' ? utcTimeMs(value) : undefined;
}
