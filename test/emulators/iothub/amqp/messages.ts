/** Messages of devices and services between rhea's form and the hub's. */
import rhea, { type Message } from 'rhea';
import type { QueuedCommand } from '../commands.ts';
import type { CommandMessage, MessageProperties } from '../hub.ts';
import { HubError } from '../hub-error.ts';

/** Reads what a client sent: properties, application properties and the annotations that IoT Hub knows. */
export function propertiesOf(message: Message): MessageProperties {
  const properties: MessageProperties = { application: {} };
  const set = (name: keyof Omit<MessageProperties, 'application' | 'expiryTimeMs'>, value: unknown) => {
    const text = textOf(value);
    if (text !== undefined) properties[name] = text;
  };
  set('messageId', message.message_id);
  set('correlationId', message.correlation_id);
  set('userId', message.user_id);
  set('to', message.to);
  set('contentType', message.content_type);
  set('contentEncoding', message.content_encoding);
  const annotations = (message.message_annotations ?? {}) as Record<string, unknown>;
  set('interfaceId', annotations['iothub-interface-id']);
  set('componentName', annotations['dt-subject']);
  const expiry = message.absolute_expiry_time as Date | number | string | undefined;
  if (expiry !== undefined) {
    const time = new Date(expiry).getTime();
    if (!Number.isNaN(time)) properties.expiryTimeMs = time;
  }
  const application = (message.application_properties ?? {}) as Record<string, unknown>;
  for (const [name, value] of Object.entries(application)) {
    if (name === 'iothub-creation-time-utc') set('creationTimeUtc', value);
    else properties.application[name] = textOf(value) ?? '';
  }
  return properties;
}

/** The bytes of the body. Devices send data sections; text and other values are taken as text and JSON. */
export function bodyOf(message: Message): Buffer {
  const { body } = message as { body?: unknown };
  if (body === undefined || body === null) return Buffer.alloc(0);
  if (typeof body === 'string') return Buffer.from(body);
  const { typecode, content } = body as { typecode?: number; content?: unknown };
  if (typecode === 0x75) {
    const parts = (Array.isArray(content) ? content : [content]) as Buffer[];
    return parts.length === 1 ? (parts[0] as Buffer) : Buffer.concat(parts);
  }
  return Buffer.from(JSON.stringify(typecode === undefined ? body : content));
}

export function toCommand(message: Message): CommandMessage {
  const properties = propertiesOf(message);
  const { 'iothub-ack': ack, ...application } = properties.application;
  const known = (['none', 'positive', 'negative', 'full'] as const).find((mode) => mode === (ack ?? 'none'));
  if (!known)
    throw new HubError('ArgumentInvalid', `iothub-ack must be none, positive, negative or full, not ${ack}`);
  return { body: bodyOf(message), properties: { ...properties, application }, ack: known };
}

/** A cloud-to-device message as the device gets it. */
export function fromCommand(deviceId: string, command: QueuedCommand, deliveryCount: number): object {
  const { types, message } = rhea;
  const { properties } = command;
  return {
    delivery_count: deliveryCount,
    message_id: properties.messageId,
    correlation_id: properties.correlationId,
    ...(properties.userId === undefined ? {} : { user_id: Buffer.from(properties.userId) }),
    to: `/devices/${encodeURIComponent(deviceId)}/messages/deviceBound`,
    content_type: properties.contentType,
    content_encoding: properties.contentEncoding,
    ...(properties.expiryTimeMs === undefined ? {} : { absolute_expiry_time: properties.expiryTimeMs }),
    message_annotations: {
      'iothub-enqueuedtime': types.wrap_timestamp(command.enqueuedTimeMs),
      'iothub-sequencenumber': types.wrap_long(command.sequenceNumber),
      'x-opt-enqueued-time': types.wrap_timestamp(command.enqueuedTimeMs),
      'x-opt-sequence-number': types.wrap_long(command.sequenceNumber),
    },
    application_properties: { 'iothub-ack': command.ack, ...properties.application },
    body: message.data_section(Buffer.from(command.body)),
  };
}

/** The condition with which an AMQP client learns of a hub error. */
export function conditionOf(error: HubError): string {
  switch (error.errorName) {
    case 'DeviceNotFound':
    case 'ModuleNotFound':
      return 'amqp:not-found';
    case 'DeviceMaximumQueueDepthExceeded':
      return 'amqp:resource-limit-exceeded';
    case 'IotHubQuotaExceeded':
      return 'com.microsoft:quota-exceeded';
    case 'ThrottlingException':
      return 'com.microsoft:device-container-throttled';
    case 'MessageTooLarge':
      return 'amqp:link:message-size-exceeded';
    case 'PreconditionFailed':
      return 'com.microsoft:precondition-failed';
    case 'ArgumentInvalid':
    case 'ArgumentNull':
      return 'com.microsoft:argument-error';
    default:
      return error.status === 401 ? 'amqp:unauthorized-access' : 'amqp:internal-error';
  }
}

/** A uuid arrives as 16 bytes; everything else as it prints. */
export function textOf(value: unknown): string | undefined {
  if (value === undefined || value === null) return undefined;
  if (Buffer.isBuffer(value))
    return value.length === 16 ? rhea.uuid_to_string(value) : value.toString('utf8');
  return String(value);
}
