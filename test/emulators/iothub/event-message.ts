/**
 * How an event looks on the Event Hubs-compatible endpoint: an AMQP message of format 0 whose message annotations carry
 * the place in the log (x-opt-*) and what the hub itself says of the message (iothub-*, dt-*).
 *
 * Names are those of the article "Create and read IoT Hub messages" (system properties) and of the SDKs. Not known: in
 * which order the service writes the annotations, and whether it adds more of them for messages that it makes itself.
 */
import type { AmqpWriter } from './amqp/writer.ts';
import type { HubNotification, MessageProperties } from './hub.ts';

export interface Place {
  sequenceNumber: number;
  offset: number;
  enqueuedTimeMs: number;
}

/** Writes the section that says where in the log an event is, together with further annotations. */
export function encodeEvent(writer: AmqpWriter, event: HubNotification, place: Place): Buffer {
  const { properties } = event;
  writer.reset();
  writer.descriptor(0x72);
  const annotations = writer.map();
  let count = 0;
  const text = (name: string, value: string | undefined) => {
    if (value === undefined) return;
    writer.symbol(name);
    writer.string(value);
    count += 2;
  };
  text('iothub-connection-device-id', event.deviceId);
  text('iothub-connection-module-id', event.moduleId);
  text('iothub-connection-auth-method', event.authMethod);
  text('iothub-connection-auth-generation-id', event.authGenerationId);
  writer.symbol('iothub-enqueuedtime');
  writer.timestamp(event.enqueuedTimeMs ?? place.enqueuedTimeMs);
  text('iothub-message-source', event.source);
  text('iothub-interface-id', properties.interfaceId);
  text('dt-dataschema', event.modelId);
  text('dt-subject', properties.componentName);
  count += 2 + encodePlace(writer, place);
  writer.endCompound(annotations, count);
  encodeProperties(writer, properties);
  encodeApplication(writer, properties);
  writer.descriptor(0x75);
  writer.binary(event.body);
  return writer.bytes();
}

/** Writes the three x-opt-* annotations; returns how many values that were. */
export function encodePlace(writer: AmqpWriter, place: Place): number {
  writer.symbol('x-opt-sequence-number');
  writer.long(place.sequenceNumber);
  writer.symbol('x-opt-offset');
  writer.string(String(place.offset));
  writer.symbol('x-opt-enqueued-time');
  writer.timestamp(place.enqueuedTimeMs);
  return 6;
}

function encodeProperties(writer: AmqpWriter, properties: MessageProperties): void {
  const { messageId, userId, to, correlationId, contentType, contentEncoding, expiryTimeMs } = properties;
  const fields: (() => void)[] = [
    () => (messageId === undefined ? writer.null() : writer.string(messageId)),
    () => (userId === undefined ? writer.null() : writer.binary(Buffer.from(userId))),
    () => (to === undefined ? writer.null() : writer.string(to)),
    () => writer.null(),
    () => writer.null(),
    () => (correlationId === undefined ? writer.null() : writer.string(correlationId)),
    () => (contentType === undefined ? writer.null() : writer.symbol(contentType)),
    () => (contentEncoding === undefined ? writer.null() : writer.symbol(contentEncoding)),
    () => (expiryTimeMs === undefined ? writer.null() : writer.timestamp(expiryTimeMs)),
  ];
  const given = [
    messageId,
    userId,
    to,
    undefined,
    undefined,
    correlationId,
    contentType,
    contentEncoding,
    expiryTimeMs,
  ];
  // Trailing absent fields are left out.
  const length = given.findLastIndex((value) => value !== undefined) + 1;
  if (length === 0) return;
  writer.descriptor(0x73);
  const list = writer.list();
  for (const write of fields.slice(0, length)) write();
  writer.endCompound(list, length);
}

/**
 * The device SDKs send these two as application properties over AMQP; that their short forms of MQTT ($.ctime, $.on)
 * come out in the same place is assumed.
 */
function encodeApplication(writer: AmqpWriter, properties: MessageProperties): void {
  const entries = Object.entries(properties.application);
  if (properties.creationTimeUtc !== undefined) {
    entries.push(['iothub-creation-time-utc', properties.creationTimeUtc]);
  }
  if (properties.outputName !== undefined) entries.push(['iothub-outputname', properties.outputName]);
  if (entries.length === 0) return;
  writer.descriptor(0x74);
  const map = writer.map();
  for (const [name, value] of entries) {
    writer.string(name);
    writer.string(value);
  }
  writer.endCompound(map, entries.length * 2);
}

/** The delivery annotations of the receiver runtime metric, to be put before a stored message. */
export function encodeRuntimeMetric(writer: AmqpWriter, last: Place): Buffer {
  writer.reset();
  writer.descriptor(0x71);
  const map = writer.map();
  writer.symbol('last_enqueued_sequence_number');
  writer.long(last.sequenceNumber);
  writer.symbol('last_enqueued_offset');
  writer.string(String(last.offset));
  writer.symbol('last_enqueued_time_utc');
  writer.timestamp(last.enqueuedTimeMs);
  writer.symbol('runtime_info_retrieval_time_utc');
  writer.timestamp(Date.now());
  writer.endCompound(map, 8);
  return writer.bytes();
}
