import rhea from 'rhea';
import { AmqpReader, UNKNOWN } from './amqp-reader.ts';
import { InternedStrings } from './interned-strings.ts';

interface Codec {
  decode(buffer: Buffer): object;
  data_section(data: Buffer): object;
}

const FAST = Symbol.for('azure-iot-sidecar.fast-decoder');

/** The fields of the header section in order (AMQP 1.0, part 3.2.1), by rhea's names. */
const HEADER_FIELDS = ['durable', 'priority', 'ttl', 'first_acquirer', 'delivery_count'] as const;

/** The fields of the properties section in order (AMQP 1.0, part 3.2.4), by rhea's names. */
const PROPERTY_FIELDS = [
  'message_id',
  'user_id',
  'to',
  'subject',
  'reply_to',
  'correlation_id',
  'content_type',
  'content_encoding',
  'absolute_expiry_time',
  'creation_time',
  'group_id',
  'group_sequence',
  'reply_to_group_id',
] as const;

/**
 * Decodes AMQP messages directly into the objects that rhea's decoder returns, without its intermediate objects for every value. Those take
 * most of the CPU time of receiving (docs/decisions/003). `rhea.message.decode` is the public codec of the library, and every incoming
 * message passes it; replacing it affects the copy that @azure/event-hubs uses. Encodings that IoT Hub does not send (described values, lists
 * and maps in annotations, several body sections) and malformed messages go to the original decoder, so that results and errors are those
 * of the library. test/azure/event-hubs/amqp-decoder.test.ts compares the two on generated messages.
 */
export function installFastDecoder(): void {
  const codec = rhea.message as unknown as Codec & { [FAST]?: true };
  if (codec[FAST]) return;
  const original = codec.decode.bind(codec);
  codec.decode = createDecoder(original, codec.data_section);
  Object.defineProperty(codec, FAST, { value: true });
}

/** The decoder alone. Returns what `original` would return. */
export function createDecoder(
  original: (buffer: Buffer) => object,
  dataSection: (data: Buffer) => object,
): (buffer: Buffer) => object {
  const prototype = Object.getPrototypeOf(original(Buffer.alloc(0))) as object;
  const names = new InternedStrings();
  return (buffer) => {
    try {
      return readMessage(
        buffer,
        new AmqpReader(buffer, names),
        Object.create(prototype) as Record<string, unknown>,
        dataSection,
      );
    } catch {
      return original(buffer);
    }
  };
}

function readMessage(
  buffer: Buffer,
  reader: AmqpReader,
  message: Record<string, unknown>,
  dataSection: (data: Buffer) => object,
): Record<string, unknown> {
  while (reader.at < buffer.length) {
    // A section is described by a small ulong: 0x00 0x53 <code>.
    if (buffer[reader.at] !== 0x00 || buffer[reader.at + 1] !== 0x53) throw UNKNOWN;
    const section = buffer[reader.at + 2];
    reader.at += 3;
    switch (section) {
      case 0x70:
        setFields(message, HEADER_FIELDS, reader);
        break;
      case 0x71:
        message.delivery_annotations = reader.map();
        break;
      case 0x72:
        message.message_annotations = reader.map();
        break;
      case 0x73:
        setFields(message, PROPERTY_FIELDS, reader);
        break;
      case 0x74:
        message.application_properties = reader.map();
        break;
      case 0x75:
        if (message.body !== undefined) throw UNKNOWN;
        message.body = dataSection(reader.binary());
        break;
      default:
        throw UNKNOWN;
    }
  }
  return message;
}

/** Sets the fields of a composite section. Null fields are left out. */
function setFields(message: Record<string, unknown>, names: readonly string[], reader: AmqpReader): void {
  const values = reader.list(names.length);
  // No iterator: this runs for every message.
  for (let index = 0; index < values.length; index += 1) {
    if (values[index] !== null) message[names[index] as string] = values[index];
  }
}
