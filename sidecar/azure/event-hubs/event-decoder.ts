import rhea from 'rhea';
import { AmqpReader, UNKNOWN } from './amqp-reader.ts';
import { InternedStrings } from './interned-strings.ts';
import { type EventContent, type ReceivedEvents, toBuffer, toReceivedMessage } from './received-message.ts';

/** The fields of the properties section in order (AMQP 1.0, part 3.2.4), by the names of the SDK. */
const PROPERTY_NAMES = [
  'messageId',
  'userId',
  'to',
  'subject',
  'replyTo',
  'correlationId',
  'contentType',
  'contentEncoding',
  'absoluteExpiryTime',
  'creationTime',
  'groupId',
  'groupSequence',
  'replyToGroupId',
] as const;

/** The message of rhea's decoder: properties by names with underscores, the body as a section or a value. */
interface RheaMessage extends Record<string, unknown> {
  readonly body?: unknown;
  readonly message_annotations?: Readonly<Record<string, unknown>>;
  readonly application_properties?: Readonly<Record<string, unknown>>;
}

/**
 * Decodes the AMQP messages of Event Hubs directly into received messages, with the names and values that the SDK gives its events. Encodings
 * that IoT Hub does not send go through rhea's decoder. test/azure/event-hubs/event-decoder.test.ts compares the two ways.
 */
export class EventDecoder {
  readonly #names = new InternedStrings();

  /** The messages of a batch of transfers, as bytes. What is no message of a partition has no sequence number and is counted. */
  decode(payloads: readonly (Buffer | undefined)[], partitionId: string): ReceivedEvents {
    const messages = [];
    for (const payload of payloads) {
      const content = payload && this.#content(payload);
      if (typeof content?.sequenceNumber === 'number') messages.push(toReceivedMessage(content, partitionId));
    }
    return { messages, broken: payloads.length - messages.length };
  }

  #content(payload: Buffer): EventContent | undefined {
    try {
      return readContent(payload, new AmqpReader(payload, this.#names, 0, true));
    } catch {
      return decodedByRhea(payload);
    }
  }
}

/** The annotations of Event Hubs. They are members of an event, and no system properties. */
class Position {
  sequenceNumber: unknown;
  offset: unknown;
  enqueuedTime: unknown;
  partitionKey: unknown;

  takes(key: string, value: unknown): boolean {
    switch (key) {
      case 'x-opt-sequence-number':
        this.sequenceNumber = value;
        return true;
      case 'x-opt-offset':
        this.offset = value;
        return true;
      case 'x-opt-enqueued-time':
        this.enqueuedTime = value;
        return true;
      case 'x-opt-partition-key':
        this.partitionKey = value;
        return true;
      default:
        return false;
    }
  }
}

function readContent(payload: Buffer, reader: AmqpReader): EventContent {
  const position = new Position();
  const system: Record<string, unknown> = {};
  let properties: Record<string, unknown> | undefined;
  let body: Buffer | undefined;
  while (reader.at < payload.length) {
    // A section is described by a small ulong: 0x00 0x53 <code>.
    if (payload[reader.at] !== 0x00 || payload[reader.at + 1] !== 0x53) throw UNKNOWN;
    const section = payload[reader.at + 2];
    reader.at += 3;
    switch (section) {
      // The header and the delivery annotations have nothing that a message keeps.
      case 0x70:
      case 0x71:
        reader.skip();
        break;
      case 0x72:
        reader.map(system, position);
        break;
      case 0x73:
        addProperties(system, reader.list(PROPERTY_NAMES.length));
        break;
      case 0x74:
        properties = reader.map();
        break;
      case 0x75:
        if (body !== undefined) throw UNKNOWN;
        body = reader.binary();
        break;
      default:
        throw UNKNOWN;
    }
  }
  return contentOf(position, system, properties, body ?? Buffer.alloc(0));
}

/** Null fields are left out. No iterator: this runs for every message. */
function addProperties(system: Record<string, unknown>, values: readonly unknown[]): void {
  for (let index = 0; index < values.length; index += 1) {
    if (values[index] !== null) system[PROPERTY_NAMES[index] as string] = values[index];
  }
}

/** Undefined for bytes that are no AMQP message. */
function decodedByRhea(payload: Buffer): EventContent | undefined {
  let message: RheaMessage;
  try {
    message = rhea.message.decode(payload) as unknown as RheaMessage;
  } catch {
    return undefined;
  }
  const position = new Position();
  const system: Record<string, unknown> = {};
  for (const [key, value] of Object.entries(message.message_annotations ?? {})) {
    const plain = withoutDates(value);
    if (!position.takes(key, plain)) system[key] = plain;
  }
  for (const name of PROPERTY_NAMES) {
    const value = message[name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`)];
    if (value !== undefined && value !== null) system[name] = withoutDates(value);
  }
  const properties = withoutDates(message.application_properties) as Record<string, unknown> | undefined;
  return contentOf(position, system, properties, toBuffer(bodyOf(message.body)));
}

/** A section has its content beside its type code; a value section is the value itself. */
function bodyOf(body: unknown): unknown {
  const isSection = typeof (body as { typecode?: unknown } | undefined)?.typecode === 'number';
  return isSection ? (body as { content?: unknown }).content : body;
}

function contentOf(
  { sequenceNumber, offset, enqueuedTime, partitionKey }: Position,
  systemProperties: Record<string, unknown>,
  properties: Record<string, unknown> | undefined,
  body: Buffer,
): EventContent {
  return {
    body,
    sequenceNumber: sequenceNumber as number,
    offset: offset as string,
    enqueuedTimeMs: Number(enqueuedTime),
    partitionKey: partitionKey as string | null | undefined,
    systemProperties,
    properties,
  };
}

/** Time stamps as numbers, at any depth. */
function withoutDates(value: unknown): unknown {
  if (value instanceof Date) return value.getTime();
  if (Array.isArray(value)) return value.map(withoutDates);
  if (typeof value !== 'object' || value === null || Buffer.isBuffer(value)) return value;
  return Object.fromEntries(Object.entries(value).map(([key, member]) => [key, withoutDates(member)]));
}
