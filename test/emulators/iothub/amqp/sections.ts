/**
 * The sections of an encoded AMQP message, found without decoding what is in them: a producer's event goes into the log
 * with its properties and its body byte for byte.
 */
export interface Section {
  /** Descriptor code: 0x70 header ... 0x75 data, 0x78 footer. */
  code: number;
  /** Where the section begins, and where its value begins and ends. */
  start: number;
  valueStart: number;
  end: number;
}

/** Message format of a batch: each data section is a whole message. */
export const BATCH_FORMAT = 0x80013700;
const DATA = 0x75;

/** Throws RangeError for bytes that are no AMQP message. */
export function sectionsOf(message: Buffer): Section[] {
  const sections: Section[] = [];
  let position = 0;
  while (position < message.length) {
    const start = position;
    if (message[position] !== 0x00) throw new RangeError('A section must be a described type');
    const descriptor = message[position + 1];
    let code: number;
    if (descriptor === 0x53) {
      code = message.readUInt8(position + 2);
      position += 3;
    } else if (descriptor === 0x80) {
      code = Number(message.readBigUInt64BE(position + 2));
      position += 10;
    } else {
      throw new RangeError('A section is described by a number');
    }
    const valueStart = position;
    position = endOfValue(message, position);
    if (position > message.length) throw new RangeError('The message is cut off');
    sections.push({ code, start, valueStart, end: position });
  }
  return sections;
}

/** The messages in a batch. */
export function messagesOfBatch(batch: Buffer): Buffer[] {
  return sectionsOf(batch)
    .filter(({ code }) => code === DATA)
    .map(({ valueStart, end }) => batch.subarray(valueStart + (batch[valueStart] === 0xa0 ? 2 : 5), end));
}

/** The entries of an encoded map whose keys are symbols or texts: the name, and key and value as they stand. */
export function mapEntriesOf(buffer: Buffer, at: number): { key: string; bytes: Buffer }[] {
  const code = buffer.readUInt8(at);
  if (code !== 0xc1 && code !== 0xd1) throw new RangeError('The annotations are no map');
  const short = code === 0xc1;
  const values = short ? buffer.readUInt8(at + 2) : buffer.readUInt32BE(at + 5);
  const entries: { key: string; bytes: Buffer }[] = [];
  let position = at + (short ? 3 : 9);
  for (let index = 0; index < values; index += 2) {
    const start = position;
    const valueStart = endOfValue(buffer, start);
    position = endOfValue(buffer, valueStart);
    // 0xa1 and 0xa3 have one byte of length, 0xb1 and 0xb3 four. Numbers, which AMQP reserves as keys, have no name.
    const header = { 10: 2, 11: 5 }[buffer.readUInt8(start) >> 4];
    const key = header === undefined ? '' : buffer.toString('utf8', start + header, valueStart);
    entries.push({ key, bytes: buffer.subarray(start, position) });
  }
  return entries;
}

function endOfValue(buffer: Buffer, at: number): number {
  const code = buffer.readUInt8(at);
  // A described value: the descriptor, then the value itself.
  if (code === 0x00) return endOfValue(buffer, endOfValue(buffer, at + 1));
  switch (code >> 4) {
    case 0x4:
      return at + 1;
    case 0x5:
      return at + 2;
    case 0x6:
      return at + 3;
    case 0x7:
      return at + 5;
    case 0x8:
      return at + 9;
    case 0x9:
      return at + 17;
    case 0xa:
    case 0xc:
    case 0xe:
      return at + 2 + buffer.readUInt8(at + 1);
    case 0xb:
    case 0xd:
    case 0xf:
      return at + 5 + buffer.readUInt32BE(at + 1);
    default:
      throw new RangeError(`Unknown type 0x${code.toString(16)}`);
  }
}
