/**
 * Writes AMQP 1.0 values into a growing buffer. Events are encoded once, when they are stored, and go to every receiver
 * as they are; the general encoder of an AMQP library is several times slower.
 */
const NULL = 0x40;

export class AmqpWriter {
  #buffer = Buffer.allocUnsafe(1024);
  #length = 0;

  /** Starts anew; what bytes() returned before stays valid. */
  reset(): void {
    this.#length = 0;
  }

  /** A copy of what was written since the last reset. */
  bytes(): Buffer {
    return Buffer.from(this.#buffer.subarray(0, this.#length));
  }

  null(): void {
    this.#byte(NULL);
  }

  /** Descriptor of a described type, for codes below 256. */
  descriptor(code: number): void {
    this.#ensure(3);
    this.#buffer[this.#length++] = 0x00;
    this.#buffer[this.#length++] = 0x53;
    this.#buffer[this.#length++] = code;
  }

  string(value: string): void {
    this.#text(value, 0xa1, 0xb1);
  }

  /** ASCII by the specification. */
  symbol(value: string): void {
    this.#text(value, 0xa3, 0xb3);
  }

  binary(value: Uint8Array): void {
    const length = value.length;
    this.#ensure(length + 5);
    if (length < 256) {
      this.#buffer[this.#length++] = 0xa0;
      this.#buffer[this.#length++] = length;
    } else {
      this.#buffer[this.#length++] = 0xb0;
      this.#length = this.#buffer.writeUInt32BE(length, this.#length);
    }
    this.#buffer.set(value, this.#length);
    this.#length += length;
  }

  long(value: number | bigint): void {
    this.#ensure(9);
    this.#buffer[this.#length++] = 0x81;
    this.#length = this.#buffer.writeBigInt64BE(BigInt(value), this.#length);
  }

  /** ms since 1970. */
  timestamp(value: number): void {
    this.#ensure(9);
    this.#buffer[this.#length++] = 0x83;
    this.#length = this.#buffer.writeBigInt64BE(BigInt(Math.trunc(value)), this.#length);
  }

  raw(bytes: Uint8Array): void {
    this.#ensure(bytes.length);
    this.#buffer.set(bytes, this.#length);
    this.#length += bytes.length;
  }

  /** Opens a map; returns the mark that endCompound needs. */
  map(): number {
    return this.#compound(0xd1);
  }

  list(): number {
    return this.#compound(0xd0);
  }

  /** @param count number of values inside: for a map keys and values together */
  endCompound(mark: number, count: number): void {
    // The size field counts everything after itself, the count field included.
    this.#buffer.writeUInt32BE(this.#length - mark - 4, mark);
    this.#buffer.writeUInt32BE(count, mark + 4);
  }

  #compound(code: number): number {
    this.#ensure(9);
    this.#buffer[this.#length++] = code;
    const mark = this.#length;
    this.#length += 8;
    return mark;
  }

  #text(value: string, short: number, long: number): void {
    const worst = value.length * 3;
    this.#ensure(worst + 5);
    // One byte of length is enough for sure when the worst case fits.
    const start = this.#length + (worst < 256 ? 2 : 5);
    const length = this.#buffer.write(value, start, 'utf8');
    if (worst < 256) {
      this.#buffer[this.#length] = short;
      this.#buffer[this.#length + 1] = length;
    } else {
      this.#buffer[this.#length] = long;
      this.#buffer.writeUInt32BE(length, this.#length + 1);
    }
    this.#length = start + length;
  }

  #byte(value: number): void {
    this.#ensure(1);
    this.#buffer[this.#length++] = value;
  }

  #ensure(more: number): void {
    if (this.#length + more <= this.#buffer.length) return;
    const larger = Buffer.allocUnsafe(Math.max(this.#buffer.length * 2, this.#length + more));
    this.#buffer.copy(larger, 0, 0, this.#length);
    this.#buffer = larger;
  }
}
