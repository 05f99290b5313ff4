import { EndsEarly, MAX_RECORD_BYTES, malformed } from './malformed.ts';

/** Bytes that arrive in chunks, read value by value. Holds one chunk and what one value needs. */
export class ByteStream {
  readonly #chunks: AsyncIterator<Uint8Array>;
  #bytes: Buffer = Buffer.alloc(0);
  #ended = false;

  constructor(chunks: AsyncIterable<Uint8Array>) {
    this.#chunks = chunks[Symbol.asyncIterator]();
  }

  /**
   * Reads one value. `read` is given all bytes at hand and says how many it used; when they do not suffice it throws EndsEarly and is
   * called again with more.
   */
  async value<T>(read: (bytes: Buffer) => { value: T; used: number }): Promise<T> {
    for (;;) {
      try {
        const { value, used } = read(this.#bytes);
        this.#bytes = this.#bytes.subarray(used);
        return value;
      } catch (error) {
        if (!(error instanceof EndsEarly)) throw error;
        if (this.#bytes.length > MAX_RECORD_BYTES)
          throw malformed(`has a record of more than ${MAX_RECORD_BYTES} bytes`);
        if (!(await this.#more())) throw error;
      }
    }
  }

  /** The next `count` bytes in pieces. Throws EndsEarly when there are fewer. */
  async *take(count: number): AsyncGenerator<Buffer> {
    let left = count;
    while (left > 0) {
      if (this.#bytes.length === 0 && !(await this.#more())) throw new EndsEarly();
      const piece = this.#bytes.subarray(0, left);
      this.#bytes = this.#bytes.subarray(piece.length);
      left -= piece.length;
      if (piece.length > 0) yield piece;
    }
  }

  /** Whether nothing follows. */
  async atEnd(): Promise<boolean> {
    while (this.#bytes.length === 0) if (!(await this.#more())) return true;
    return false;
  }

  /** Ends the source early. Idempotent. */
  async close(): Promise<void> {
    this.#ended = true;
    this.#bytes = Buffer.alloc(0);
    await this.#chunks.return?.();
  }

  async #more(): Promise<boolean> {
    if (this.#ended) return false;
    const { done, value } = await this.#chunks.next();
    if (done) {
      this.#ended = true;
      return false;
    }
    const chunk = Buffer.from(value.buffer, value.byteOffset, value.byteLength);
    this.#bytes = this.#bytes.length === 0 ? chunk : Buffer.concat([this.#bytes, chunk]);
    return true;
  }
}
