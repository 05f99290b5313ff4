import type { ReceivedEventData } from '@azure/event-hubs';
import { utcTimeMs } from '../../translate/coerce/date-time.ts';
import type { ReceivedMessage } from '../../translate/types.ts';

/**
 * The members of the SDK's event that a message is made of. `body` holds the bytes of the AMQP data section. `systemProperties` has IoT
 * Hub's message annotations (`iothub-connection-device-id`, `iothub-message-source`, `iothub-enqueuedtime` in ms since 1970, `dt-subject`,
 * ...) and the AMQP message properties in camel case (`contentType`, `messageId`, ...). `properties` has the application properties.
 */
export interface EventContent
  extends Pick<ReceivedEventData, 'sequenceNumber' | 'offset' | 'enqueuedTimeUtc'> {
  readonly body: Buffer;
  readonly partitionKey?: string | null;
  readonly properties?: Readonly<Record<string, unknown>>;
  readonly systemProperties?: Readonly<Record<string, unknown>>;
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

function text(value: unknown): string | undefined {
  if (typeof value === 'string') return value === '' ? undefined : value;
  return value === undefined || value === null ? undefined : String(value);
}

function enqueuedTimeMs(annotation: unknown, event: EventContent): number {
  if (typeof annotation === 'number' && Number.isFinite(annotation)) return annotation;
  return event.enqueuedTimeUtc.getTime();
}

/** `iothub-creation-time-utc` is ISO 8601 text, or a time stamp where the protocol has one. A text that is no time is as good as none. */
function creationTimeMs(value: unknown): number | undefined {
  if (typeof value === 'number') return Number.isFinite(value) ? value : undefined;
  if (value instanceof Date) return value.getTime();
  return typeof value === 'string' ? utcTimeMs(value) : undefined;
}
