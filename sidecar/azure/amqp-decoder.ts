import rhea from 'rhea';

interface Codec {
  decode(buffer: Buffer): object;
  data_section(data: Buffer): object;
}

const FAST = Symbol.for('azure-iot-sidecar.fast-decoder');

/** Thrown inside for whatever the short way does not know; the library's own decoder then takes the whole message. */
const UNKNOWN = Symbol('unknown encoding');

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

const MAX_HIGH_WORD = 2_097_153;

/**
 * Decodes AMQP messages straight into the objects that rhea's decoder makes, without its intermediate objects for every value: most of
 * the CPU time of receiving goes there (docs/decisions/003). `rhea.message.decode` is the library's public codec and the one place that
 * incoming messages pass; replacing it reaches the copy that @azure/event-hubs uses. Encodings that IoT Hub does not send (described
 * values, lists and maps in annotations, several body sections) go to the original, as does anything malformed, so that results and
 * errors are the library's own. test/azure/amqp-decoder.test.ts compares the two on generated messages.
 */
export function installFastDecoder(): void {
  const codec = rhea.message as unknown as Codec & { [FAST]?: true };
  if (codec[FAST]) return;
  const original = codec.decode.bind(codec);
  codec.decode = createDecoder(original, codec.data_section);
  Object.defineProperty(codec, FAST, { value: true });
}

/** The decoder by itself: gives what `original` would give. */
export function createDecoder(
  original: (buffer: Buffer) => object,
  dataSection: (data: Buffer) => object,
): (buffer: Buffer) => object {
  const prototype = Object.getPrototypeOf(original(Buffer.alloc(0))) as object;
  return (buffer) => {
    try {
      const message = new Reader(buffer).readMessage(
        Object.create(prototype) as Record<string, unknown>,
        dataSection,
      );
      return message;
    } catch {
      return original(buffer);
    }
  };
}

/** Methods of Node's Buffer that its types leave out: `toString` without the check of its arguments, which costs as much as the copy. */
interface SlicingBuffer extends Buffer {
  utf8Slice(start: number, end: number): string;
  asciiSlice(start: number, end: number): string;
}

class Reader {
  readonly #buffer: SlicingBuffer;
  #at = 0;

  constructor(buffer: Buffer) {
    this.#buffer = buffer as SlicingBuffer;
  }

  readMessage(
    message: Record<string, unknown>,
    dataSection: (data: Buffer) => object,
  ): Record<string, unknown> {
    const buffer = this.#buffer;
    while (this.#at < buffer.length) {
      // A section is described by a small ulong: 0x00 0x53 <code>.
      if (buffer[this.#at] !== 0x00 || buffer[this.#at + 1] !== 0x53) throw UNKNOWN;
      const section = buffer[this.#at + 2];
      this.#at += 3;
      switch (section) {
        case 0x70:
          this.#fields(message, HEADER_FIELDS);
          break;
        case 0x71:
          message.delivery_annotations = this.#map();
          break;
        case 0x72:
          message.message_annotations = this.#map();
          break;
        case 0x73:
          this.#fields(message, PROPERTY_FIELDS);
          break;
        case 0x74:
          message.application_properties = this.#map();
          break;
        case 0x75:
          if (message.body !== undefined) throw UNKNOWN;
          message.body = dataSection(this.#binary());
          break;
        default:
          throw UNKNOWN;
      }
    }
    return message;
  }

  #map(): Record<string, unknown> {
    const code = this.#byte();
    let size: number;
    let count: number;
    const start = this.#at;
    if (code === 0xc1) {
      size = this.#byte() + 1;
      count = this.#byte();
    } else if (code === 0xd1) {
      size = this.#uint32() + 4;
      count = this.#uint32();
    } else throw UNKNOWN;
    const map: Record<string, unknown> = {};
    for (let pair = 0; pair + 1 < count; pair += 2) {
      const key = this.#value();
      // rhea makes a property of whatever the key is; a key such as __proto__ is left to it as well.
      if (typeof key !== 'string' || key === '__proto__') throw UNKNOWN;
      map[key] = this.#value();
    }
    if (count % 2 !== 0 || this.#at !== start + size) throw UNKNOWN;
    return map;
  }

  /** A composite: a list of fields, of which the last may be missing. */
  #fields(message: Record<string, unknown>, names: readonly string[]): void {
    const code = this.#byte();
    if (code === 0x45) return;
    let size: number;
    let count: number;
    const start = this.#at;
    if (code === 0xc0) {
      size = this.#byte() + 1;
      count = this.#byte();
    } else if (code === 0xd0) {
      size = this.#uint32() + 4;
      count = this.#uint32();
    } else throw UNKNOWN;
    if (count > names.length) throw UNKNOWN;
    for (let index = 0; index < count; index += 1) {
      const value = this.#value();
      if (value !== null) message[names[index] as string] = value;
    }
    if (this.#at !== start + size) throw UNKNOWN;
  }

  #binary(): Buffer {
    const code = this.#byte();
    if (code === 0xa0) return this.#slice(this.#byte());
    if (code === 0xb0) return this.#slice(this.#uint32());
    throw UNKNOWN;
  }

  #value(): unknown {
    const buffer = this.#buffer;
    const code = this.#byte();
    switch (code) {
      case 0xa1:
        return this.#text(this.#byte());
      case 0xa3:
        return this.#symbol(this.#byte());
      case 0xb1:
        return this.#text(this.#uint32());
      case 0xb3:
        return this.#symbol(this.#uint32());
      case 0x40:
        return null;
      case 0x41:
        return true;
      case 0x42:
        return false;
      case 0x43:
      case 0x44:
        return 0;
      case 0x50:
      case 0x52:
      case 0x53:
        return this.#byte();
      case 0x51:
      case 0x54:
      case 0x55:
        return (this.#byte() << 24) >> 24;
      case 0x60:
        this.#advance(2);
        return buffer.readUInt16BE(this.#at - 2);
      case 0x61:
        this.#advance(2);
        return buffer.readInt16BE(this.#at - 2);
      case 0x70:
        return this.#uint32();
      case 0x71:
        this.#advance(4);
        return buffer.readInt32BE(this.#at - 4);
      case 0x72:
        this.#advance(4);
        return buffer.readFloatBE(this.#at - 4);
      case 0x82:
        this.#advance(8);
        return buffer.readDoubleBE(this.#at - 8);
      case 0x80:
        return this.#ulong();
      case 0x81:
        return this.#long();
      case 0x83:
        return new Date(this.#long());
      case 0xa0:
        return this.#slice(this.#byte());
      case 0xb0:
        return this.#slice(this.#uint32());
      case 0x98:
        return this.#slice(16);
      default:
        throw UNKNOWN;
    }
  }

  /** Beyond 2^53 rhea gives bytes instead of a number; that is left to it. */
  #long(): number {
    this.#advance(8);
    const high = this.#buffer.readInt32BE(this.#at - 8);
    if (high >= MAX_HIGH_WORD || high <= -MAX_HIGH_WORD) throw UNKNOWN;
    return high * 4_294_967_296 + this.#buffer.readUInt32BE(this.#at - 4);
  }

  #ulong(): number {
    this.#advance(8);
    const high = this.#buffer.readUInt32BE(this.#at - 8);
    if (high >= MAX_HIGH_WORD) throw UNKNOWN;
    return high * 4_294_967_296 + this.#buffer.readUInt32BE(this.#at - 4);
  }

  #text(length: number): string {
    const start = this.#at;
    this.#advance(length);
    return this.#buffer.utf8Slice(start, this.#at);
  }

  #symbol(length: number): string {
    const start = this.#at;
    this.#advance(length);
    return this.#buffer.asciiSlice(start, this.#at);
  }

  #slice(length: number): Buffer {
    const start = this.#at;
    this.#advance(length);
    return this.#buffer.subarray(start, this.#at);
  }

  #byte(): number {
    const value = this.#buffer[this.#at];
    if (value === undefined) throw UNKNOWN;
    this.#at += 1;
    return value;
  }

  #uint32(): number {
    this.#advance(4);
    return this.#buffer.readUInt32BE(this.#at - 4);
  }

  #advance(bytes: number): void {
    this.#at += bytes;
    if (this.#at > this.#buffer.length) throw UNKNOWN;
  }
}
